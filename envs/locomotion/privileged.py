"""Privileged observation of a robot on legs: ground heights, randomised parameters, delay, foot forces and terrain."""

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from envs.locomotion.randomisation import Table
from envs.locomotion.terrain import KINDS
from utils.mirror import Mirror, moved, signs, unchanged
from utils.observation import ObservationTable, Row

if TYPE_CHECKING:
    from envs.locomotion.legged import LeggedTask

# Grid of points whose ground heights are observed: along and across the body's heading, centred below the body. The spacing
# is for terrain of size 1, m; the grid is 0.55 m long and 0.3 m wide.
GRID, GRID_SPACING = (12, 7), 0.05
_OFFSETS = [(np.arange(count) - (count - 1) / 2) * GRID_SPACING for count in GRID]
_AHEAD, _LEFT = np.repeat(_OFFSETS[0], GRID[1]), np.tile(_OFFSETS[1], GRID[0])
_GRID_MIRROR = moved(range(GRID[0]), Mirror(tuple(range(GRID[1]))[::-1], (1.0,) * GRID[1]))
_TALLEST, _STRONGEST = 10.0, 1e4  # m and N, bounds of rows


def privileged_table(parameters: Table, feet: Mirror) -> ObservationTable:
    """Returns the table of privileged rows for a robot with these randomised parameters and this mirror of its feet."""
    ground, kinds = "ground below a 12 x 7 grid, relative to the body", f"in the order {', '.join(KINDS)}"
    return ObservationTable(
        Row("ground_heights", len(_AHEAD), -_TALLEST, _TALLEST, "m", ground, mirror=_GRID_MIRROR),
        *(_factor(name, row) for name, row in parameters.items() if row.changes),
        Row("delay", 1, 0.0, 1e3, "control steps", "delay of the controls to the actuators", mirror=unchanged(1)),
        Row("foot_forces", len(feet), 0.0, _STRONGEST, "N", "normal force on each foot", mirror=feet),
        Row("terrain_kind", len(KINDS), 0.0, 1.0, "1", f"1 for the kind of the tile, {kinds}", mirror=unchanged(len(KINDS))),
        Row("terrain_level", 1, 0.0, 1.0, "1", "terrain level of the tile", mirror=signs(1.0)),
    )


def privileged_blocks(task: "LeggedTask", foot_forces: np.ndarray) -> dict[str, np.ndarray]:
    """Returns the blocks of `privileged_table`, (n, size) each, of a task's robots with `foot_forces` (n, feet), N."""
    return {
        "ground_heights": ground_heights(task),
        **{f"factor_{name}": _values(task, name) for name, row in task.parameters.items() if row.changes},
        "delay": task.randomisation.steps_late[:, None],
        "foot_forces": foot_forces,
        "terrain_kind": _kind_rows(task.config.terrain.kinds)[task.ground.kind],
        "terrain_level": task.ground.level[:, None],
    }


def ground_heights(task: "LeggedTask") -> np.ndarray:
    """Returns the ground heights (n, 84) on a grid around each robot, minus the height of its body, m.

    Points are ordered from rear to front, and within a row from right to left, relative to the body's heading.
    """
    position, terrain, size = task.body_position, task.ground.terrain, task.config.terrain.size
    if terrain is None:
        return np.repeat(-position[:, 2:3], len(_AHEAD), axis=1)
    ahead = task.rotation[:, :2, 0]
    cosine, sine = (ahead / np.sqrt(np.vecdot(ahead, ahead))[:, None]).T[:, :, None] * size
    x, y = position[:, :1] + cosine * _AHEAD - sine * _LEFT, position[:, 1:2] + sine * _AHEAD + cosine * _LEFT
    return terrain.height_at(x, y) - position[:, 2:3]


def _factor(name, row):
    """Returns the row of a randomised parameter; a parameter with several values has no mirror unless it declares one."""
    size, low, high = _size(row), row.range.lowest, row.range.highest
    mirror = row.mirror or (unchanged(1) if size == 1 else None)
    return Row(f"factor_{name}", size, low, high, row.unit or "1", f"`{name}` of this episode", mirror=mirror)


def _size(parameter):
    return max((len(change.names) for change in parameter.changes if change.each), default=1)


def _values(task, name):
    """Returns the values (n, k) of a parameter; nominal unless they were drawn or overridden."""
    values = task.variation.values.get(name)
    if values is None:
        row = task.parameters[name]
        return _equal_values(task.num_envs, _size(row), row.range.nominal)
    return values.reshape(task.num_envs, -1)


@cache
def _equal_values(n, size, value):
    return np.full((n, size), value)


@cache
def _kind_rows(kinds):
    """Returns the row `terrain_kind` of each of a config's `kinds`, (kinds, 6)."""
    return np.array(kinds)[:, None] == [*KINDS]
