"""A script of commands for a deployed policy, and the limits of what passes."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from deploy.manifest import COMMANDS, Manifest
from utils.config import nearest_name, updated
from utils.fields import Checked, FieldError, shown, within

SECONDS = 5.0  # of a segment of the default script
MOST_SECONDS = 3600.0
SETTLING = 1.0  # s at the start of a segment that errors and drift leave out


@dataclass(frozen=True)
class Limits(Checked):
    """Largest values with which a segment passes; no segment with a fall passes."""

    velocity_error: float = within(0.2, 0.0, unit="m/s")
    """Root mean square of the error of vx and of vy, each averaged over a gait cycle, m/s."""
    yaw_rate_error: float = within(0.25, 0.0, unit="rad/s")
    """Root mean square of the error of the yaw rate, averaged over a gait cycle, rad/s."""
    relative_error: float = within(0.75, 0.0)
    """Largest of these errors as a share of the commanded velocity, where this is smaller, but at least 0.05 m/s or rad/s.
    With 1 a robot that stands would pass."""
    drift: float = within(0.05, 0.0, unit="m/s")
    """Speed of the mean velocity over the ground while the command means standing, m/s; swaying does not count."""
    slip: float = within(0.25, 0.0, unit="m/s")
    """Mean speed of feet that stand on the ground, m/s."""
    saturation: float = within(0.05, 0.0, 1.0)
    """Share of torques that reach their limits within a control step."""


@dataclass(frozen=True)
class Segment(Checked):
    """A command for some time."""

    name: str
    seconds: float = within(SECONDS, high=MOST_SECONDS, above=0.0, unit="s")
    vx: float = within(0.0, -10.0, 10.0, unit="m/s")
    vy: float = within(0.0, -10.0, 10.0, unit="m/s")
    yaw_rate: float = within(0.0, -10.0, 10.0, unit="rad/s")

    @property
    def command(self) -> np.ndarray:
        """(3,) vx, vy, m/s, and yaw rate, rad/s."""
        return np.array([self.vx, self.vy, self.yaw_rate])


@dataclass(frozen=True)
class Script:
    """Segments, played one after the other, and limits."""

    segments: tuple[Segment, ...]
    limits: Limits = Limits()


def default_script(manifest: Manifest) -> Script:
    """Returns a script within the trained ranges: stand, walk to each side and turn at half of the range, and stand.

    Forward it walks at a quarter and at half of the range. Sides without a range are left out.
    """
    ends = {name: (low / 2, high / 2) for name, (low, high) in manifest.command_range.items()}
    sides = {
        "forward, slowly": {"vx": ends["vx"][1] / 2},
        "forward": {"vx": ends["vx"][1]},
        "backward": {"vx": ends["vx"][0]},
        "left": {"vy": ends["vy"][1]},
        "right": {"vy": ends["vy"][0]},
        "turn left": {"yaw_rate": ends["yaw_rate"][1]},
        "turn right": {"yaw_rate": ends["yaw_rate"][0]},
    }
    backward = ("backward", "right", "turn right")
    moves = [Segment(name, **at) for name, at in sides.items() if (-1 if name in backward else 1) * sum(at.values()) > 0.0]
    return Script((Segment("stand"), *moves, Segment("stand again")))


def script_of(content: Mapping, manifest: Manifest) -> Script:
    """Returns the script in a mapping with `segments`, a list of mappings, and optionally `limits`.

    Raises:
        ValueError: a key is unknown, a value is wrong, a command lies outside the trained range, or a segment is too short.
    """
    for key in content:
        if key not in ("segments", "limits"):
            raise ValueError(f"a script has no {key!r}{nearest_name(key, ('segments', 'limits'))}")
    given, limits = content.get("segments"), content.get("limits", {})
    if not isinstance(given, list) or not given or not all(isinstance(segment, dict) for segment in given):
        raise ValueError(f"segments must be a list of mappings such as {{name: forward, vx: 0.3}}, got {shown(given)}")
    if not isinstance(limits, dict):
        raise ValueError(f"limits must be a mapping, got {shown(limits)}")
    segments = tuple(updated(Segment(f"segment {i + 1}"), segment) for i, segment in enumerate(given))
    for segment in segments:
        _check_range(segment, manifest)
        _check_length(segment, manifest)
    return Script(segments, updated(Limits(), limits))


def _check_range(segment, manifest):
    for name in COMMANDS:
        low, high = manifest.command_range[name]
        if not min(low, 0.0) <= getattr(segment, name) <= max(high, 0.0):
            words = f"must lie in the trained range {low:g} to {high:g}, or be 0, got {getattr(segment, name):g}"
            raise FieldError(f"{name} of {segment.name!r}", words)


def _check_length(segment, manifest):
    least = SETTLING + manifest.gait_cycle_s
    if segment.seconds < least:
        words = f"must be at least {least:g}, because the first {SETTLING:g} s settle and errors are means of a gait cycle"
        raise FieldError(f"seconds of {segment.name!r}", f"{words}, got {segment.seconds:g}")
