"""The description of an exported policy, policy.json, as checked data: all that the control loop knows of training."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields

import numpy as np

from utils.fields import Checked, FieldError, is_number, is_whole, shown, within

COMMANDS = ("vx", "vy", "yaw_rate")  # m/s, m/s, rad/s
MOST_VALUES = 1_000_000  # of an observation
ORDER, NEWEST = "oldest first", "newest first"


@dataclass(frozen=True)
class Block:
    """A row of the observation vector: a quantity of this control step, or of `age` control steps before."""

    name: str
    age: int
    size: int
    low: float
    high: float


@dataclass(frozen=True)
class Manifest(Checked):
    """What a deployment needs. Fields have the names of the entries of policy.json, which docs/deploy.md explains.

    Joint values are in the order of `joint_order`. Units: m, s, rad, N m, m/s, rad/s.
    """

    env_id: str
    model: str
    joint_order: tuple[str, ...]
    default_pose_rad: tuple[float, ...]
    kp: tuple[float, ...] = within((), 0.0)
    kd: tuple[float, ...] = within((), 0.0)
    torque_limit_nm: tuple[float, ...] = within((), above=0.0)
    action_scale_rad: float = within(0.0, above=0.0)
    control_dt_s: float = within(0.0, high=1.0, above=0.0)
    gait_cycle_s: float = within(0.0, high=100.0, above=0.0)
    standing_command: float = within(0.0, 0.0)
    start_height_m: float = within(0.0, above=0.0)
    min_height_m: float = within(0.0, 0.0)
    max_tilt_rad: float = within(0.0, high=math.pi, above=0.0)
    feet: tuple[str, ...] = ()
    command_range: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    blocks: tuple[Block, ...] = ()
    """Rows of the observation vector in its order; the entry `observation`."""
    scales: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """Factor of the values of each row, one for all or one for each; from the entry `received`."""
    env_kwargs: Mapping | None = None
    """Arguments of the training environment; None in files of older versions."""

    def __post_init__(self):
        super().__post_init__()
        for name in ("default_pose_rad", "kp", "kd", "torque_limit_nm"):
            if len(getattr(self, name)) != len(self.joint_order):
                words = f"must have a value for each of the {len(self.joint_order)} joints of joint_order"
                raise FieldError(name, f"{words}, got {len(getattr(self, name))}")
        if len({*self.joint_order}) != len(self.joint_order):
            raise FieldError("joint_order", f"names a joint twice: {shown(self.joint_order)}")

    @property
    def rows(self) -> dict[str, int]:
        """Size of each row of one frame, by name, in the order of the current frame."""
        return {block.name: block.size for block in self.blocks if not block.age}

    @property
    def frames(self) -> int:
        """Number of control steps in the observation."""
        return 1 + max(block.age for block in self.blocks)

    @property
    def size(self) -> int:
        """Number of values of the observation."""
        return sum(block.size for block in self.blocks)


def manifest_of(content: Mapping) -> Manifest:
    """Returns the checked description in the content of a policy.json.

    Raises:
        ValueError: an entry that the control loop needs is missing or wrong; one sentence.
    """
    plain = [entry.name for entry in fields(Manifest) if entry.name not in ("blocks", "scales", "env_kwargs")]
    missing = [name for name in (*plain, "observation", "received") if name not in content]
    if missing:
        robot = content.get("env_id")
        raise ValueError(f"the description of {shown(robot)} has no {', '.join(missing)}, which the control loop needs")
    blocks = _blocks(content["observation"])
    _check_history(blocks, content.get("history"))
    ranges, scales = _ranges(content["command_range"]), _scales(content["received"], blocks)
    values = {name: content[name] for name in plain} | {"command_range": ranges, "blocks": blocks, "scales": scales}
    manifest, rate = Manifest(**values, env_kwargs=content.get("env_kwargs")), content.get("control_rate_hz")
    if rate is not None and not (is_number(rate) and abs(rate * manifest.control_dt_s - 1.0) < 1e-6):
        raise ValueError(f"control_rate_hz must be 1 / control_dt_s, got {shown(rate)} and {manifest.control_dt_s}")
    return manifest


def _blocks(rows):
    if not isinstance(rows, list) or not rows:
        raise ValueError(f"observation must be a list of rows, got {shown(rows)}")
    blocks = tuple(map(_block, rows))
    named = {(block.name, block.age) for block in blocks}
    if len(named) < len(blocks) or any((block.name, 0) not in named for block in blocks):
        raise ValueError("observation must have each row once, and the current value of each row with earlier values")
    if sum(block.size for block in blocks) > MOST_VALUES:
        raise ValueError(f"observation must have at most {MOST_VALUES:,} values")
    return blocks


def _block(row):
    known = isinstance(row, dict) and isinstance(row.get("name"), str) and is_whole(row.get("size"), 1)
    bounds = [row.get(end) for end in ("low", "high")] if known else []
    if not known or not all(bound is None or is_number(bound) for bound in bounds):
        raise ValueError(f"each row of observation must have a name, a size, and bounds that are numbers, got {shown(row)}")
    name, _, age = row["name"].partition("-")
    if age and not (age.isascii() and age.isdigit() and len(age) < 7 and int(age)):
        raise ValueError(f"a row of an earlier control step must be NAME-1, NAME-2, ..., got {shown(row['name'])}")
    low, high = (default if bound is None else bound for bound, default in zip(bounds, (-math.inf, math.inf)))
    return Block(name, int(age or 0), row["size"], float(low), float(high))


def _check_history(blocks, history):
    """Raises ValueError if the entry `history` contradicts the rows."""
    ages = [block.age for block in blocks]
    if history is None and max(ages) == 0:
        return
    known = {ORDER: ages == sorted(ages, reverse=True), NEWEST: ages == sorted(ages)}
    told = history if isinstance(history, dict) else {}
    if told.get("frames") != max(ages) + 1 or not known.get(str(told.get("order")), True):
        raise ValueError(
            f"history says {shown(history)}, but observation has {max(ages) + 1} frames in another order or number"
        )


def _ranges(given):
    ranges = {name: given.get(name) for name in COMMANDS} if isinstance(given, dict) else {}
    for value in ranges.values() or [None]:
        fits = isinstance(value, list) and len(value) == 2 and all(map(is_number, value))
        if not fits or value[0] > value[1]:
            raise ValueError(f"command_range must have a range [low, high] for {', '.join(COMMANDS)}, got {shown(given)}")
    return {name: tuple(map(float, value)) for name, value in ranges.items()}


def _scales(received, blocks):
    scales = {}
    for block in (block for block in blocks if not block.age):
        entry = received.get(block.name) if isinstance(received, dict) else None
        scale = entry.get("scale") if isinstance(entry, dict) else None
        if not isinstance(scale, list) or len(scale) not in (1, block.size) or not all(map(is_number, scale)):
            raise ValueError(f"received must give a scale for {block.name}, one number or {block.size}, got {shown(entry)}")
        scales[block.name] = tuple(map(float, scale))
    return scales


def per_value(manifest: Manifest, row: str) -> np.ndarray:
    """Returns the factor of each value of a row, (size,)."""
    return np.broadcast_to(np.array(manifest.scales[row]), manifest.rows[row])
