"""Randomisation of robots: a table with one row per parameter, the config that follows from it, and the draws."""

from collections.abc import Mapping
from dataclasses import dataclass, make_dataclass, replace
from typing import Annotated

import numpy as np
from mujoco.batch import Batch
from typing_extensions import Doc

from envs.locomotion.disturbances import DisturbanceConfig, LateControls, Pushes
from envs.locomotion.streams import Generators, spawned
from utils.fields import Checked, span
from utils.perturbation import Perturbable
from utils.variation import Scale, Variation


@dataclass(frozen=True)
class Parameter:
    """A row of a robot's table: a parameter that training draws for each episode, and that a sweep perturbs."""

    changes: tuple[Scale, ...]
    """What a value changes in the model; without changes the code that declares the parameter reads its value."""
    range: Perturbable
    """Nominal value, range of a sweep, and bounds of a perturbation."""
    drawn: tuple[float, float] | None = None
    """Bounds of the config's field of this name, a range to draw from; None for no such field."""
    help: str = ""
    """Description of that field."""
    unit: str = ""


Table = Mapping[str, Parameter]


def factors(table: Table) -> dict[str, tuple[Scale, ...]]:
    """Returns the changes of every parameter by name, as `Task.factors` holds them."""
    return {name: row.changes for name, row in table.items()}


def ranges(table: Table) -> dict[str, Perturbable]:
    """Returns the nominal value and range of every parameter by name, as `Task.ranges` holds them."""
    return {name: row.range for name, row in table.items()}


class RangesConfig(Checked):
    """Base of the config dataclasses that `range_fields` makes."""

    @property
    def ranges(self) -> dict[str, tuple[float, float]]:
        """The range (low, high) of each parameter that may be drawn, by its name."""
        return {name: getattr(self, name) for name in self.drawn_names}


def range_fields(table: Table) -> type[RangesConfig]:
    """Returns a base class for a robot's config: a range field for each parameter that may be drawn, nominal by default."""
    drawn = {name: row for name, row in table.items() if row.drawn}
    fields = [
        (name, Annotated[tuple[float, float], Doc(row.help)], span((row.range.nominal,) * 2, *row.drawn, row.unit))
        for name, row in drawn.items()
    ]
    namespace = {"drawn_names": tuple(drawn), "__doc__": "Ranges of a robot's parameters."}
    return make_dataclass("Ranges", fields, bases=(RangesConfig,), namespace=namespace, frozen=True)


@dataclass(frozen=True)
class RandomisationConfig(DisturbanceConfig):
    """Base of a robot's config of what differs between episodes: combine it with `range_fields` of its table."""

    @property
    def varies(self) -> bool:
        """Whether anything differs from the nominal robot."""
        return replace(self, push_interval=type(self).push_interval) != type(self)()


class Randomisation:
    """Draws what differs from robot to robot and from episode to episode: the model, late controls and pushes.

    Each reset takes one number from a simulation's generator and draws everything of that episode from it. What one
    parameter draws therefore depends neither on the ranges of the others nor on the number of pushes. Parameters that do
    not vary cost nothing.

    Args:
        config: the ranges.
        table: the robot's parameters. A perturbed `latency`, in control steps, delays controls.
        sim, variation: the task's batch and its factors.
        control_dt: duration of a control step, s.
        free_joint: name of the joint by which the robot moves freely.
        home: name of the keyframe whose controls apply before the first late control arrives.

    Attributes:
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
        self._ranges = {name: own for name, own in config.ranges.items() if own != (table[name].range.nominal,) * 2}
        variation.declare({name: table[name].changes for name in self._ranges})
        self._columns, self._draws = _columns({name: table[name].changes for name in config.ranges})
        self._home_ctrl = sim.model.key(home).ctrl.copy()
        most_late = int(table["latency"].range.highest) if "latency" in table else 1
        self.late = LateControls(sim.nsim, sim.model.nu, most_late)
        first = sim.model.joint(free_joint).dofadr[0]
        self.pushes = Pushes(sim.bind("qvel")[:, first : first + 2], config.push_speed, config.push_interval / control_dt)

    @property
    def steps_late(self) -> np.ndarray:
        """(n,) control steps by which controls arrive late."""
        return self.late.steps

    def reset(self, ids: np.ndarray, generators: Generators) -> None:
        """Draws the episodes of simulations `ids` (k,), one number from each generator; a reset of the batch must follow."""
        steps = self.late.steps[ids]
        if self.config.varies:
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
        """Pushes the robots whose time has come; to be called once in every control step."""
        self.pushes.step()

    def _draw(self, ids, streams):
        """Draws parameters and first pushes; returns by how many steps controls are late (k,)."""
        draws = np.array([stream.random(self._draws) for stream in streams])  # as many for any ranges
        values = {name: low + draws[:, self._columns[name]] * (high - low) for name, (low, high) in self._ranges.items()}
        self.variation.apply(values, ids)
        late = np.array([stream.random() for stream in streams]) < self.config.action_delay
        self.pushes.reset(ids, streams)
        return late.astype(int)


def _columns(changes):
    """Returns which of an episode's draws each parameter takes (an index, or a slice for one value per object), and their
    number, from each parameter's changes."""
    columns, end = {}, 0
    for name, own in changes.items():
        size = max((len(change.names) for change in own if change.each), default=0)
        columns[name] = slice(end, end + size) if size else end
        end += size or 1
    return columns, end
