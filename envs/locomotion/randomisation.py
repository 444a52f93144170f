"""Randomisation of robots: a table with one row per parameter, the config class made from it, and the draws."""

from collections.abc import Mapping
from dataclasses import dataclass, make_dataclass, replace
from typing import Annotated

import numpy as np
from mujoco.batch import Batch
from typing_extensions import Doc

from envs.locomotion.disturbances import DisturbanceConfig, LateControls, Pushes
from envs.locomotion.streams import Generators, spawned
from utils.fields import Checked, span
from utils.mirror import Mirror
from utils.perturbation import Perturbable
from utils.variation import Scale, Variation


@dataclass(frozen=True)
class Parameter:
    """A row of a robot's table: a parameter that training randomises and that a robustness sweep perturbs."""

    changes: tuple[Scale, ...]
    """Changes of the model that a value makes. If empty, the value is not a model field and the task reads it."""
    range: Perturbable
    """Nominal value, range of a sweep, and bounds of perturbed values."""
    drawn: tuple[float, float] | None = None
    """Bounds of the config field of this name, which is a range to draw from; None for no config field."""
    help: str = ""
    """Description of the config field."""
    unit: str = ""
    mirror: Mirror | None = None
    """Left-right mirror image of the values. By default a single value is unchanged, and several have no mirror image."""


Table = Mapping[str, Parameter]


def factors(table: Table) -> dict[str, tuple[Scale, ...]]:
    """Returns the changes of every parameter by name, for `Task.factors`."""
    return {name: row.changes for name, row in table.items()}


def ranges(table: Table) -> dict[str, Perturbable]:
    """Returns the nominal value and range of every parameter by name, for `Task.ranges`."""
    return {name: row.range for name, row in table.items()}


class RangesConfig(Checked):
    """Base of the config dataclasses that `range_fields` makes."""

    @property
    def ranges(self) -> dict[str, tuple[float, float]]:
        """The range (low, high) of each parameter that may be randomised, by name."""
        return {name: getattr(self, name) for name in self.drawn_names}


def scaled(ends: tuple[float, ...], nominal: float, scale: float) -> tuple[float, ...]:
    """Returns the ends of a range, moved towards the nominal value: a `scale` of 1 leaves them, 0 gives `nominal`."""
    return ends if scale == 1.0 else tuple(nominal + scale * (end - nominal) for end in ends)


def range_fields(table: Table) -> type[RangesConfig]:
    """Returns a base class for a robot's config, with a range field for each parameter that may be randomised.

    By default each range contains only the nominal value.
    """
    drawn = {name: row for name, row in table.items() if row.drawn}
    fields = [
        (name, Annotated[tuple[float, float], Doc(row.help)], span((row.range.nominal,) * 2, *row.drawn, row.unit))
        for name, row in drawn.items()
    ]
    namespace = {"drawn_names": tuple(drawn), "__doc__": "Ranges of a robot's parameters."}
    return make_dataclass("Ranges", fields, bases=(RangesConfig,), namespace=namespace, frozen=True)


@dataclass(frozen=True)
class RandomisationConfig(DisturbanceConfig):
    """Base of a robot's randomisation config: combine it with `range_fields` of the robot's table."""

    @property
    def varies(self) -> bool:
        """Whether anything differs from the nominal robot."""
        nominal = type(self)()
        return replace(self, **{name: getattr(nominal, name) for name in self.idle}) != nominal


class Randomisation:
    """Draws the model's parameters, late controls and pushes of each episode and simulation.

    Each reset takes one number from a simulation's generator and seeds a stream with it, from which all random numbers of
    the episode are drawn. The draws of one parameter therefore depend neither on the ranges of the others nor on the number
    of pushes. Parameters that do not vary cost no time.

    Args:
        config: the ranges.
        table: the robot's parameters. A perturbed `latency`, in control steps, delays controls.
        sim, variation: the task's batch and its factors.
        control_dt: duration of a control step, s.
        free_joint: name of the robot's free joint.
        home: name of the keyframe whose controls apply before the first late control arrives.

    Attributes:
        scale: share of the ranges that resets draw from, 0 to 1.
        late: the delays of controls.
        pushes: the pushes.
    """

    def __init__(
        self,
        config: RandomisationConfig,
        table: Table,
        sim: Batch,
        variation: Variation,
        control_dt: float,
        free_joint: str = "root",
        home: str = "home",
    ):
        self.config, self.variation = config, variation
        self._varies = config.varies  # computed once: it builds and checks two configs
        self._nominal = {name: table[name].range.nominal for name in config.ranges}
        self._ranges = {name: ends for name, ends in config.ranges.items() if ends != (self._nominal[name],) * 2}
        variation.declare({name: table[name].changes for name in self._ranges})
        self._columns, self._draws = _columns({name: table[name].changes for name in config.ranges})
        self._home_ctrl = sim.model.key(home).ctrl.copy()
        most_late = int(table["latency"].range.highest) if "latency" in table else 1
        self.late = LateControls(sim.nsim, sim.model.nu, most_late)
        first = sim.model.joint(free_joint).dofadr[0]
        self.pushes = Pushes(sim.bind("qvel")[:, first : first + 2], config.push_speed, config.push_interval / control_dt)
        self.set_scale(1.0)

    def set_scale(self, scale: float) -> None:
        """Sets the share of the randomisation, in [0, 1]: 1 for all of it, 0 for nominal robots.

        Following resets draw from ranges whose ends have moved towards the nominal value, and delay controls less often.
        Pushes are weaker from now on.

        Raises:
            ValueError: `scale` lies outside [0, 1].
        """
        if not 0.0 <= scale <= 1.0:
            raise ValueError(f"a scale of the randomisation must lie in [0, 1], got {scale}")
        self.scale = scale
        self._drawn = {name: scaled(ends, self._nominal[name], scale) for name, ends in self._ranges.items()}
        self.pushes.speed = scale * self.config.push_speed

    @property
    def steps_late(self) -> np.ndarray:
        """(n,) delay of the controls, control steps."""
        return self.late.steps

    def reset(self, ids: np.ndarray, generators: Generators) -> None:
        """Draws the episodes of simulations `ids` (k,), one number from each generator; a reset of the batch must follow."""
        steps = self.late.steps[ids]
        if self._varies:
            steps = self._draw(ids, spawned(generators))
        elif self.variation.overrides:
            self.variation.apply({}, ids)
        if "latency" in self.variation.overrides:
            override = self.variation.overrides["latency"][ids]
            steps = np.where(np.isnan(override), steps, np.rint(override)).astype(int)
        self.late.reset(ids, steps, self._home_ctrl)

    def delayed(self, ctrl: np.ndarray) -> np.ndarray:
        """Returns the controls (n, nu) that reach the actuators when `ctrl` (n, nu) is sent."""
        return self.late.step(ctrl)

    def push(self) -> None:
        """Pushes the robots whose interval has passed. Call it once in every control step."""
        self.pushes.step()

    def _draw(self, ids, streams):
        """Draws parameters and first pushes; returns the delays of the controls (k,), control steps."""
        draws = np.array([stream.random(self._draws) for stream in streams])  # the same number for all ranges
        values = {name: low + draws[:, self._columns[name]] * (high - low) for name, (low, high) in self._drawn.items()}
        self.variation.apply(values, ids)
        late = np.array([stream.random() for stream in streams]) < self.scale * self.config.action_delay
        self.pushes.reset(ids, streams)
        return late.astype(int)


def _columns(changes):
    """Returns, for the changes of each parameter, the columns of its draws, and the number of draws in an episode.

    The columns are an index, or a slice for a parameter with one value per object.
    """
    columns, end = {}, 0
    for name, made in changes.items():
        size = max((len(change.names) for change in made if change.each), default=0)
        columns[name] = slice(end, end + size) if size else end
        end += size or 1
    return columns, end
