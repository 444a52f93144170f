"""Toy-v0: a point in the plane that must come to the middle, with dynamics that are drawn anew for every episode."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from gymnasium.spaces import Box

from envs.task import Transition
from envs.task_env import CLASS_DEFAULT, TaskEnv, TaskFace, TaskVectorEnv
from envs.wrappers.draws import BLOCK_STEPS, Kind
from utils.config import resolved
from utils.fields import Checked, whole_number, within
from utils.kernels import total
from utils.observation import ObservationTable, Row
from utils.perturbation import Perturbable, check_values
from utils.rendering.pictures import NO_PICTURES, Pictures, View, picture_options

FIELD = 10.0  # the point lives in [-FIELD, FIELD] on both axes
TARGET_RADIUS = 0.05
NOISE = 0.1  # standard deviation, per axis and step
LEGACY_PAY = 50.0
RENDER_MODES = ["rgb_array"]
SIDE = 240  # pixels of a picture by default
MARK = 4 / SIDE  # half the side of a square that marks a place, as a share of the picture's shorter side
NOMINAL_INERTIA = 1.0
SHAPES = {  # what the unit noise is multiplied with
    "l2": np.array([[1.0, 0.0], [0.0, 1.0]]),
    "ellipsoid": np.array([[1.0, 1.0], [0.0, 2.0]]),
    "l+": np.array([[2.0, 0.0], [0.0, 1.0]]),
}
_AXES = ("inertia_x", "inertia_y")
_KICKS = Kind("normal", np.full(2, NOISE))


@dataclass(frozen=True)
class ToyConfig(Checked):
    """How the inertia of an episode is drawn, and what is paid.

    Attributes:
        perturb_method: the shape that inertias are spread over.
        perturb_val: its size; 0 leaves the inertia at 1.
        legacy_reward: pay 50 - distance at every step. Arriving, which ends the pay, is then the worst thing to do; the
            reward is otherwise -distance, and whoever arrives sooner gets more.
    """

    perturb_method: Literal["l2", "ellipsoid", "l+"] = "l2"
    perturb_val: float = within(0.1, 0.0, 1e6, allowed="be a number up to 1e6, from 0 on")
    legacy_reward: bool = False


def draw_inertia(config: ToyConfig, generators: list[np.random.Generator]) -> np.ndarray:
    """Returns inertias (k, 2), one from each generator: 1 + perturb_val * M u, with M of SHAPES.

    u is spread evenly over the unit disc for "l2" and "ellipsoid", over the square [-1, 1]^2 for "l+".
    """
    draw = _in_square if config.perturb_method == "l+" else _in_disc
    unit_noise = np.array([draw(own) for own in generators]).reshape(-1, 2)
    return NOMINAL_INERTIA + config.perturb_val * unit_noise @ SHAPES[config.perturb_method].T


class Toy:
    """The points of n simulations: each step moves one by action * inertia + noise; walls stop it.

    It has what `TaskEnv` and `TaskVectorEnv` ask of a task, and no physics engine. Infos tell the inertia and the
    distance to the middle after every step, and whether the target is reached, which ends the episode.
    """

    config_class = ToyConfig
    observation = ObservationTable(Row("position", 2, -FIELD, FIELD, "1", "of the point; the target is the origin"))
    action_space = Box(-1.0, 1.0, (2,), np.float32)
    control_dt = 0.02  # s, of pictures only
    ranges: Mapping[str, Perturbable] = dict.fromkeys(
        _AXES, Perturbable(NOMINAL_INERTIA, 0.5, 1.5, 0.1, highest=10.0)
    )
    default_perturbation = "inertia_x"
    sim, failures, failure_count = None, (), 0

    def __init__(self, config: ToyConfig = ToyConfig(), num_envs: int = 1, num_threads: int = 1):
        self.num_envs, self.config = whole_number("num_envs", num_envs, 1), config
        self.age = np.zeros(num_envs, int)  # (n,) completed steps of the current episode
        self.position, self.inertia = np.zeros((num_envs, 2)), np.full((num_envs, 2), NOMINAL_INERTIA)
        self._held = np.full((num_envs, 2), np.nan)  # inertia that is not drawn
        self._generators = [np.random.default_rng() for _ in range(num_envs)]
        self._kicks = np.zeros((num_envs, BLOCK_STEPS, 2))
        self._used = np.full(num_envs, BLOCK_STEPS)

    def perturb(self, values: Mapping[str, np.ndarray], ids: np.ndarray) -> None:
        """Makes following resets of simulations `ids` (k,) use these inertias (k,) of one or both axes, not drawn ones.

        Raises:
            ValueError: a name is unknown (the nearest is named), or a value lies outside its bounds.
        """
        check_values(values, self.ranges)
        for name, value in values.items():
            self._held[ids, _AXES.index(name)] = value

    def start(self, ids: np.ndarray, generators: list[np.random.Generator], options: dict | None = None) -> np.ndarray:
        """Begins new episodes in simulations `ids`; returns everyone's observation (n, 2).

        Raises:
            ValueError: there are options, and there are none.
        """
        if options:
            raise ValueError(f"unknown reset options {sorted(options)}; there are none")
        # A stream for the episode, so that what comes after it does not hang on how long it was.
        streams = [np.random.default_rng(generator.integers(2**63)) for generator in generators]
        drawn = draw_inertia(self.config, streams)
        self.inertia[ids] = np.where(np.isnan(self._held[ids]), drawn, self._held[ids])
        self.position[ids] = [_start(own) for own in streams]
        self._used[ids], self.age[ids] = BLOCK_STEPS, 0
        for i, own in zip(ids, streams):
            self._generators[i] = own
        return self._observed()

    def step(self, action: np.ndarray, unseen: np.ndarray | None = None) -> Transition:
        """Moves the points by `action` (n, 2), clipped to [-1, 1]; `unseen` changes nothing here.

        Raises:
            ValueError: the action has another shape, or is not a number.
        """
        action = np.asarray(action, dtype=float)
        if action.shape != (self.num_envs, 2):
            raise ValueError(f"an action must have the shape {(self.num_envs, 2)}, got {action.shape}")
        if np.isnan(action).any():
            raise ValueError("an action must be a number, got NaN")
        moved = self.position + np.clip(action, -1.0, 1.0) * self.inertia + self._noise()
        self.position = np.clip(moved, -FIELD, FIELD)
        terms = {"distance": -self._distance()}
        if self.config.legacy_reward:
            terms["alive"] = np.full(self.num_envs, LEGACY_PAY)
        arrived = self._distance() < TARGET_RADIUS
        self.age += 1
        return Transition(self._observed(), total(terms.values()), terms, arrived, np.zeros(self.num_envs, bool))

    def measurements(self) -> dict[str, np.ndarray]:
        """Returns inertia, distance, whether the target is reached, and `physics_failed` (always False), (n,) each."""
        distance, failed = self._distance(), np.zeros(self.num_envs, bool)
        inertia = {name: self.inertia[:, axis].copy() for axis, name in enumerate(_AXES)}
        return inertia | {"distance": distance, "is_success": distance < TARGET_RADIUS, "physics_failed": failed}

    def _observed(self):
        return self.observation.pack({"position": self.position})

    def _distance(self):
        return np.hypot(*self.position.T)

    def _noise(self):
        due = np.flatnonzero(self._used == BLOCK_STEPS)
        if len(due):
            self._kicks[due] = _KICKS.block([self._generators[i] for i in due])
            self._used[due] = 0
        kicks = self._kicks[np.arange(self.num_envs), self._used]
        self._used += 1
        return kicks


class _ToyFace(TaskFace):
    """What both environments share: the toy has no threads, and is drawn without a camera."""

    task_class, default_episode_steps = Toy, 100

    def _open_camera(self, pictures):
        return Picture(self.task, pictures)


class ToyEnv(_ToyFace, TaskEnv):
    """One point. Arguments as in `TaskEnv`, without threads and cameras; fields of `ToyConfig` are keywords.

    Example: `ToyEnv(perturb_method="l+")`. A `perturb_spec` fixes or draws `inertia_x` and `inertia_y` instead of
    `perturb_method`.
    """

    metadata = TaskEnv.metadata | {"render_modes": RENDER_MODES}

    def __init__(
        self,
        config=None,
        render_mode=None,
        max_episode_steps=CLASS_DEFAULT,
        perturb_spec=None,
        task_kwargs=None,
        **changes,
    ):
        pictures, config = picture_options(changes), resolved(ToyConfig(), config, changes)
        super().__init__(config, render_mode, max_episode_steps, 1, perturb_spec, task_kwargs, **pictures)


class ToyVectorEnv(_ToyFace, TaskVectorEnv):
    """n points; point i of seed s is `ToyEnv` of seed s + i, bit for bit. Arguments as there."""

    metadata = TaskVectorEnv.metadata | {"render_modes": RENDER_MODES}

    def __init__(
        self,
        num_envs=1,
        config=None,
        render_mode=None,
        max_episode_steps=CLASS_DEFAULT,
        autoreset_mode="same_step",
        perturb_spec=None,
        task_kwargs=None,
        **changes,
    ):
        pictures, config = picture_options(changes), resolved(ToyConfig(), config, changes)
        super().__init__(
            num_envs, config, render_mode, max_episode_steps, 1, autoreset_mode, perturb_spec, task_kwargs, **pictures
        )


class Picture(View):
    """Draws a point as a red square and the target as a green one on a white field, x to the right and y up.

    Raises:
        ValueError: a camera or a render mode is wanted that a plane does not have.
    """

    modes, default_size = RENDER_MODES, (SIDE, SIDE)

    def __init__(self, toy: Toy, pictures: Pictures = NO_PICTURES):
        super().__init__(pictures)
        if pictures.camera_name is not None or pictures.camera_id is not None:
            raise ValueError("the toy is drawn without a camera: leave out camera_name and camera_id")
        self._toy = toy

    def close(self):
        """Has nothing to free."""

    def _drawn(self, index):
        height, width = self._size
        picture = np.full((height, width, 3), 255, np.uint8)
        reach = round(min(height, width) * MARK)
        for place, colour in ((np.zeros(2), (0, 160, 0)), (self._toy.position[index], (220, 0, 0))):
            column, row = (np.array([1, -1]) * place / FIELD + 1) * (np.array([width, height]) - 1) / 2
            rows, columns = (slice(max(0, round(at) - reach), round(at) + reach + 1) for at in (row, column))
            picture[rows, columns] = colour
        return picture


def _in_disc(generator):
    direction = generator.standard_normal(2)
    return direction / np.hypot(*direction) * np.sqrt(generator.random())


def _in_square(generator):
    return generator.uniform(-1.0, 1.0, 2)


def _start(generator):
    """Returns a place (2,) anywhere in the field, the target aside."""
    while True:
        place = generator.uniform(-FIELD, FIELD, 2)
        if np.hypot(*place) >= TARGET_RADIUS:
            return place
