"""The ground under n robots: the model with its terrain, each robot's tile, and the ground's height below it."""

from pathlib import Path
from typing import NamedTuple

import mujoco
import numpy as np

from envs.locomotion.terrain import FLAT, Terrain, TerrainConfig
from utils.fields import whole_number

# For terrain of size 1, m.
START_WIDTH = 1.0  # starts lie in an area of this width, around the middle of a tile
TILE_MARGIN = 0.15  # an episode is truncated when the body is nearer to the edge of its tile
START_CLEARANCE = 0.002  # m, between the ground and the lowest point of a robot that starts on it


class Scene(NamedTuple):
    """MJCF files of a robot on endless flat ground, and of the same robot on a height field named `terrain`."""

    flat: Path
    terrain: Path


class Ground:
    """Endless flat ground, or a terrain with tiles on which n robots start.

    Args:
        scene: the MJCF files of the robot.
        underside: (k, 3) points of the standing robot's underside in its frame: x, y, and height above flat ground, m.
        config: config of the tiles.
        n: number of robots.

    Attributes:
        terrain: None on flat ground.
        model: the compiled robot on this ground.
        level: (n,) terrain level of each robot's tile.
        kind: (n,) terrain kind of each robot's tile, an index into the config's kinds.
    """

    transient = ("terrain", "_underside", "_rear_right")

    def __init__(self, scene: Scene, underside: np.ndarray, config: TerrainConfig, n: int):
        self.terrain = None if config.kinds == FLAT else Terrain(config)
        self.model = load_model(scene, self.terrain)
        n = whole_number("num_envs", n, 1)
        self.level, self.kind = np.zeros(n), np.zeros(n, int)
        self._underside, self._size = np.asarray(underside, float), config.size
        margin = TILE_MARGIN * config.size
        self._centre = np.zeros((n, 2))  # centre of each robot's tile, m
        self._half_size = np.array([config.length, config.width]) / 2
        self._from_centre = self._half_size - margin  # m in x and y, at which an episode is truncated
        rear = min(max(config.start_distance * config.size, margin), config.length - margin)
        room = min(config.start_length * config.size, max(config.length - margin - rear, 0.0))
        self._room = np.array([room, min(START_WIDTH * config.size, 2 * self._from_centre[1])])  # of starts
        self._rear_right = np.array([rear, self._half_size[1] - self._room[1] / 2])
        if self.terrain is not None:
            self._levels, self._rank = np.sort(config.levels), np.argsort(config.levels)
            corners = np.array([(tile.x, tile.y) for tile in self.terrain.tiles])
            self._corners = corners.reshape(len(config.kinds), len(config.levels), 2)

    def draw_starts(
        self, ids: np.ndarray, draws: np.ndarray, highest: np.ndarray, weights: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Assigns robots `ids` (k,) to tiles; returns x and y (k,) of their starts, m.

        Args:
            ids: robots.
            draws: (k, 3 or more) in [0, 1), decide tile, x and y.
            highest: (kinds,) highest level of each kind. If all levels are higher, the lowest one is used.
            weights: (kinds, levels) relative probability of each tile up to its `highest`, in ascending order of the levels.
                None: all kinds are equally likely, and so are all levels of a kind.
        """
        allowed = np.maximum((self._levels <= highest[:, None] + 1e-9).sum(axis=1), 1)
        kind, level = _even(draws[:, 0], allowed) if weights is None else _weighted(draws[:, 0], allowed, weights)
        corner = self._corners[kind, self._rank[level]]
        self.kind[ids], self.level[ids], self._centre[ids] = kind, self._levels[level], corner + self._half_size
        x, y = (corner + draws[:, 1:3] * self._room + self._rear_right).T
        return x, y

    def height_below(self, position: np.ndarray) -> np.ndarray | float:
        """Returns the ground's height (n,) below robots at `position` (n, 2 or more), averaged over their footprint, m."""
        return 0.0 if self.terrain is None else self.terrain.ground_below(position[:, :2])

    def off_tile(self, position: np.ndarray) -> np.ndarray:
        """Returns (n,) bool: robots at `position` (n, 2 or more) in the world, m, that are at the edge of their tile."""
        if self.terrain is None:
            return np.zeros(len(position), bool)
        outside = np.abs(position[:, :2] - self._centre) > self._from_centre
        return outside[:, 0] | outside[:, 1]

    def clearance(self, x: np.ndarray, y: np.ndarray, yaw: np.ndarray) -> np.ndarray | float:
        """Returns the start heights (k,), m, above those on flat ground, that robots at x, y need to clear the ground."""
        if self.terrain is None:
            return 0.0
        cosine, sine = np.cos(yaw)[:, None], np.sin(yaw)[:, None]
        ahead, left, height = self._underside.T
        world_x = x[:, None] + cosine * ahead - sine * left
        world_y = y[:, None] + sine * ahead + cosine * left
        return (self.terrain.height_at(world_x, world_y) - height).max(axis=1) + START_CLEARANCE


def _even(draws, allowed):
    """Returns kinds and levels (k,) for draws (k,) in [0, 1): one of the first `allowed` (kinds,) levels of any kind."""
    kind, within = np.divmod(draws * len(allowed), 1.0)
    kind = kind.astype(int)
    return kind, (within * allowed[kind]).astype(int)


def _weighted(draws, allowed, weights):
    """Returns kinds and levels (k,) as `_even` does, with probabilities in proportion to `weights` (kinds, levels)."""
    ends = np.cumsum(np.where(np.arange(weights.shape[1]) < allowed[:, None], weights, 0.0))
    return np.divmod(np.searchsorted(ends, draws * ends[-1], side="right"), weights.shape[1])


def load_model(scene: Scene, terrain: Terrain | None = None) -> mujoco.MjModel:
    """Returns the compiled robot on `terrain`, or on endless flat ground if `terrain` is None."""
    if terrain is None:
        return mujoco.MjModel.from_xml_path(str(scene.flat))
    spec = mujoco.MjSpec.from_file(str(scene.terrain))
    field = spec.hfield("terrain")
    field.nrow, field.ncol = terrain.heights.shape
    field.size = [*terrain.half_size, terrain.highest, 0.1]
    # Heights are written after compiling, because the compiler would stretch them to fill 0 to 1.
    field.userdata = np.zeros(terrain.heights.size)
    model = spec.compile()
    model.hfield_data[:] = terrain.heights.ravel() / terrain.highest
    return model
