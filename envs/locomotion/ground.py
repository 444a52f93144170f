"""The ground a quadruped walks on: its model, the tiles each robot is placed on, and where the ground is below it."""

from importlib.resources import files
from pathlib import Path

import mujoco
import numpy as np

from controllers.bezier_gait import FOOT_POSITIONS
from envs.locomotion.terrain import Terrain, TerrainConfig
from utils.fields import whole_number

ASSETS = Path(str(files("assets"))) / "quadruped"
START_FROM_REAR, START_ROOM = 0.5, (0.4, 1.0)  # m: where on its tile a robot starts, and how much that varies in x and y
TILE_MARGIN = 0.15  # m: an episode is cut when the torso comes this near to the sides or ends of its tile


class WalkWorld:
    """Endless flat ground, or a terrain on whose tiles n robots are placed.

    Attributes:
        terrain: None on flat ground.
        model: the compiled robot on this ground.
        level: (n,) terrain level of the tile that each robot is on.
        kind: (n,) its kind, an index into the config's kinds.
    """

    transient = ("terrain",)

    def __init__(self, config: TerrainConfig, num_robots: int):
        self.terrain = None if config.kinds == ("flat",) else Terrain(config)
        self.model = load_model(self.terrain)
        num_robots = whole_number("num_envs", num_robots, 1)
        self.level, self.kind = np.zeros(num_robots), np.zeros(num_robots, int)
        self._centre = np.zeros((num_robots, 2))  # of the tile
        self._half_size = np.array([config.length, config.width]) / 2
        if self.terrain is not None:
            self._levels, self._rank = np.sort(config.levels), np.argsort(config.levels)
            corners = np.array([(tile.x, tile.y) for tile in self.terrain.tiles])
            self._corners = corners.reshape(len(config.kinds), len(config.levels), 2)

    def draw_starts(self, ids: np.ndarray, draws: np.ndarray, highest: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Moves robots `ids` (k,) to tiles; returns x and y (k,), m, at which they start there.

        `draws` (k, 3 or more) in [0, 1) decide tile, x and y: every kind is as likely as the others, and so is every level
        of a kind up to its `highest` (kinds,). If none is that low, the lowest is taken.
        """
        kind, within = np.divmod(draws[:, 0] * len(highest), 1.0)
        kind = kind.astype(int)
        allowed = np.maximum((self._levels <= highest[:, None] + 1e-9).sum(axis=1), 1)
        level = (within * allowed[kind]).astype(int)
        corner = self._corners[kind, self._rank[level]]
        self.kind[ids], self.level[ids], self._centre[ids] = kind, self._levels[level], corner + self._half_size
        rear_right = (START_FROM_REAR, self._half_size[1] - START_ROOM[1] / 2)
        x, y = (corner + draws[:, 1:3] * START_ROOM + rear_right).T
        return x, y

    def ground_below(self, position: np.ndarray) -> np.ndarray | float:
        """Returns the ground's height (n,) below torsos at `position` (n, 2 or more), averaged over their footprint, m."""
        return 0.0 if self.terrain is None else self.terrain.ground_below(position[:, :2])

    def off_tile(self, position: np.ndarray) -> np.ndarray:
        """Returns which robots (n,) are about to leave their tile, from `position` (n, 2 or more) in the world, m."""
        if self.terrain is None:
            return np.zeros(len(position), bool)
        outside = np.abs(position[:, :2] - self._centre) > self._half_size - TILE_MARGIN
        return outside[:, 0] | outside[:, 1]

    def clearance(self, x: np.ndarray, y: np.ndarray, yaw: np.ndarray) -> np.ndarray | float:
        """Returns how much higher than on flat ground (k,) robots at x, y must start so that nothing is buried, m."""
        if self.terrain is None:
            return 0.0
        cosine, sine = np.cos(yaw)[:, None], np.sin(yaw)[:, None]
        world_x = x[:, None] + cosine * _UNDERSIDE[:, 0] - sine * _UNDERSIDE[:, 1]
        world_y = y[:, None] + sine * _UNDERSIDE[:, 0] + cosine * _UNDERSIDE[:, 1]
        return (self.terrain.height_at(world_x, world_y) - _UNDERSIDE[:, 2]).max(axis=1) + 0.002


def load_model(terrain: Terrain | None) -> mujoco.MjModel:
    """Returns the compiled robot on `terrain`, or on endless flat ground if there is none."""
    if terrain is None:
        return mujoco.MjModel.from_xml_path(str(ASSETS / "world.xml"))
    spec = mujoco.MjSpec.from_file(str(ASSETS / "world_train.xml"))
    field = spec.hfield("terrain")
    field.nrow, field.ncol = terrain.heights.shape
    field.size = [*terrain.half_size, terrain.highest, 0.1]
    field.userdata = np.zeros(terrain.heights.size)  # compiling would stretch heights to fill 0 to 1: they come after
    model = spec.compile()
    model.hfield_data[:] = terrain.heights.ravel() / terrain.highest
    return model


def _underside():
    """Returns points (k, 3) of a standing robot's underside in its own frame: x, y and height over flat ground, m.

    Under each foot 0; from there the links rise to the knees, 42 mm before and behind at a height of 40 mm.
    """
    away, aside = np.meshgrid(np.arange(-0.048, 0.049, 0.012), [-0.012, 0.0, 0.012])
    height = np.maximum(np.abs(away) - 0.012, 0.0) * 0.8
    leg = np.stack([away, aside, height], axis=-1).reshape(-1, 3)
    return (np.pad(FOOT_POSITIONS, ((0, 0), (0, 1)))[:, None] + leg).reshape(-1, 3)


_UNDERSIDE = _underside()
