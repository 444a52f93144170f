"""Terrain as arrays of heights: generates each kind at a level, and arranges tiles of them in one world."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import uniform_filter

from utils.config import nearest_name
from utils.fields import Checked, FieldError, fitting, shown, within

# Obstacles of size 1, for a robot whose body is 75 mm above the ground; heights are those of level 1. m.
ROUGH_CELL, ROUGH_HEIGHT = 0.04, 0.045
SLOPE_ANGLE, SLOPE_LENGTH = np.radians(25.0), 1.0  # m, length of each way up and each way down
STAIR_RISER, STAIR_TREAD, STAIR_COUNT = 0.040, 0.16, 6
BLOCK_SIDE, BLOCK_HEIGHT = 0.16, 0.050
WAVE_LENGTH, WAVE_HEIGHT = 0.40, 0.060
LANDING = 0.48  # level ground before, between and after slopes and flights of stairs
MOST_HEIGHTS = 25_000_000  # in all tiles: half a gigabyte

FLAT = ("flat",)  # kinds of endless flat ground
ALL_LEVELS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
_LEVELS = "have at least one level, and each must lie in [0, 1]"


@dataclass(frozen=True)
class TerrainConfig(Checked):
    """The tiles of a world: every kind in `kinds` at every level in `levels`. Robots walk along x.

    Evaluations and training use different seeds. The default sizes fit a robot whose body is 75 mm above the ground.
    """

    kinds: tuple[str, ...] = FLAT
    """Kinds of terrain: flat, rough, slope, stairs, blocks, waves."""
    levels: tuple[float, ...] = within(
        (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0), 0.0, 1.0, least=1, allowed=_LEVELS
    )
    """Levels of every kind, 0 (flat) to 1; heights, and for slopes the angle, are proportional to the level."""
    seed: int = within(0, 0)
    """Seed of the random terrain kinds."""
    length: float = within(12.5, 1.0, 1e3, unit="m")
    """Length of a tile along x, m."""
    width: float = within(4.0, 1.0, 1e3, unit="m")
    """Width of a tile, m."""
    size: float = within(1.0, 0.1, 20.0)
    """Scale of all obstacles, in height and along the ground; 1 fits a robot whose body is 75 mm above the ground."""
    start_length: float = within(0.4, 0.0, 1e3, unit="m")
    """Length along x of the area in which robots start, for size 1, m."""
    start_distance: float = within(0.5, 0.0, 1e3, unit="m")
    """Distance of the area in which robots start from the rear end of a tile, for size 1, m."""
    spacing: float = within(0.02, 0.005, 1.0, unit="m")
    """Distance between neighbouring heights, m; a stair riser has this width."""
    footprint: tuple[float, float] = within((0.16, 0.12), 0.0, 10.0, least=2, unit="m")
    """Length and width of the area below the body over which the ground's height is averaged, m."""

    def __post_init__(self):
        super().__post_init__()
        if not self.kinds:
            raise FieldError("kinds", f"must have at least one kind of {', '.join(KINDS)}, got ()")
        for kind in self.kinds:
            if kind not in KINDS:
                raise FieldError("kinds", f"must be names of terrains, got {shown(kind)}{nearest_name(kind, KINDS)}")
        self._check_sizes()

    def _check_sizes(self):
        for name in ("length", "width"):
            if getattr(self, name) < self.size:
                words = f"must be at least {self.size:g} m, the room for starts at size {self.size:g}"
                raise FieldError(name, f"{words}, got {getattr(self, name):g} m")
        if (self.start_distance + self.start_length) * self.size > self.length:
            most = self.length / self.size - self.start_distance
            words = f"must be at most {most:g} m, so that starts at size {self.size:g} and start_distance "
            words += f"{self.start_distance:g} m lie on the tile, whose length is {self.length:g} m"
            raise FieldError("start_length", f"{words}, got {self.start_length:g} m")
        if self.spacing > ROUGH_CELL * self.size:
            words = f"must be at most {ROUGH_CELL * self.size:g} m, the smallest obstacle at size {self.size:g}"
            raise FieldError("spacing", f"{words}, got {self.spacing:g} m")
        area, largest = len(self.kinds) * len(self.levels) * self.length * self.width, MOST_HEIGHTS * self.spacing**2
        if area > largest * (1 + 1e-9):
            tiles = f"{len(self.kinds)} kinds and {len(self.levels)} levels with a spacing of {self.spacing:g} m"
            words = f"times width, for {tiles}, must be at most"
            raise FieldError("length", f"{words} {largest:g} m^2, got {area:g} m^2")


def check_kind(kind: str) -> None:
    """Raises ValueError if no terrain kind has this name; the message names the nearest kind."""
    if kind not in KINDS:
        raise ValueError(f"no terrain is called {kind!r}{nearest_name(kind, KINDS)}")


def typical_kind(kinds: Sequence[str]) -> str:
    """Returns the kind that represents several: rough ground if it is among them, otherwise the first."""
    return "rough" if "rough" in kinds else kinds[0]


def check_level(level: float) -> float:
    """Returns `level`; raises ValueError if it does not lie in [0, 1]."""
    level = fitting(level, float, "a terrain level or scale")
    if not 0.0 <= level <= 1.0:
        raise FieldError("a terrain level or scale", f"must lie in [0, 1], got {level}")
    return level


def tile_weights(weights: Mapping[str, Sequence[float]], config: TerrainConfig) -> np.ndarray:
    """Returns the weights (kinds, levels) of all tiles from the weights of each kind's levels in ascending order.

    Raises:
        ValueError: the kinds differ from the config's, or weights are missing, not finite, or not above 0.
    """
    if weights.keys() != {*config.kinds}:
        raise ValueError(f"terrain weights need the kinds {', '.join(config.kinds)}, got {', '.join(weights) or 'none'}")
    rows = [np.asarray(weights[kind], float) for kind in config.kinds]
    for kind, row in zip(config.kinds, rows):
        if row.shape != (len(config.levels),) or not (np.isfinite(row) & (row > 0)).all():
            wanted = f"{len(config.levels)} finite numbers above 0, one for each level"
            raise ValueError(f"terrain weights of {kind} must be {wanted}, got {shown(weights[kind])}")
    return np.array(rows)


def make_heights(generator: np.random.Generator, kind: str, level: float, config: TerrainConfig) -> np.ndarray:
    """Returns heights (rows along y, columns along x), m, at least 0, of one tile at `level` in [0, 1]."""
    check_kind(kind)
    x, y = (np.arange(round(side / config.spacing)) * config.spacing for side in (config.length, config.width))
    return KINDS[kind](generator, x, y, level, config.size)


@dataclass(frozen=True)
class Tile:
    """A kind at a level, and the position (x, y) of its rear right corner in the world, m."""

    kind: str
    level: float
    x: float
    y: float


class Terrain:
    """All tiles of a config, side by side along y, in one grid centred on the world's origin.

    Attributes:
        heights: (rows, columns), m.
        half_size: half the extent in x and y, m.
        tiles: kind, level and position of each tile.
    """

    def __init__(self, config: TerrainConfig):
        self.config = config
        generators = np.random.default_rng(config.seed).spawn(len(config.kinds) * len(config.levels))
        pairs = [(kind, level) for kind in config.kinds for level in config.levels]
        strips = [make_heights(g, *pair, config) for g, pair in zip(generators, pairs)]
        self.heights = np.concatenate(strips)
        self.half_size = (np.array(self.heights.shape[::-1]) - 1) * config.spacing / 2
        # Grid positions stay below the last column and row, so that every point has a right and an upper neighbour.
        self._last = np.array(self.heights.shape[::-1]) - 1 - 1e-9
        offsets = np.cumsum([0, *map(len, strips[:-1])]) * config.spacing
        self.tiles = [Tile(*p, -self.half_size[0], o - self.half_size[1]) for p, o in zip(pairs, offsets)]
        points = [2 * round(side / 2 / config.spacing) + 1 for side in config.footprint]  # along x and y
        self._footprint_mean = uniform_filter(self.heights, points[::-1], mode="nearest")

    @property
    def highest(self) -> float:
        """Height of the highest point, m, and at least 1 mm: a height field may not be flat at zero."""
        return max(float(self.heights.max()), 1e-3)

    def height_at(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Returns the ground's height, m, at world positions x, y (...), m, on the same triangles as MuJoCo's collisions."""
        grid = self._grid(np.array(np.broadcast_arrays(x, y)).T).T  # columns and rows, each contiguous: half the time
        nearest = grid.astype(int)
        u, v = grid - nearest
        heights, width = self.heights.ravel(), self.heights.shape[1]
        corner = nearest[1] * width + nearest[0]
        h00, h10, h01, h11 = (heights.take(corner + beside) for beside in (0, 1, width, width + 1))
        return h00 + np.where(u >= v, u * (h10 - h00) + v * (h11 - h10), v * (h01 - h00) + u * (h11 - h01))

    def ground_below(self, position: np.ndarray) -> np.ndarray:
        """Returns the ground's mean height (...), m, over the footprint around `position` (..., 2) in the world, m.

        The position is rounded to the nearest grid point.
        """
        nearest = (self._grid(position) + 0.5).astype(int)
        return self._footprint_mean[nearest[..., 1], nearest[..., 0]]

    def _grid(self, position):
        """Returns fractional columns and rows (..., 2) of positions (..., 2); positions outside are moved to the edge."""
        return np.minimum(np.maximum((position + self.half_size) / self.config.spacing, 0.0), self._last)


def _flat(generator, x, y, level, size):
    return np.zeros((len(y), len(x)))


def _rough(generator, x, y, level, size):
    return _squares(generator, x, y, ROUGH_CELL * size, level * ROUGH_HEIGHT * size)


def _slope(generator, x, y, level, size):
    climb = np.clip(_ridge(x, SLOPE_LENGTH, size), 0.0, SLOPE_LENGTH * size) * np.tan(level * SLOPE_ANGLE)
    return np.tile(climb, (len(y), 1))


def _stairs(generator, x, y, level, size):
    along = _ridge(x, STAIR_COUNT * STAIR_TREAD, size)
    steps = np.clip(np.ceil(along / (STAIR_TREAD * size) - 1e-6), 0, STAIR_COUNT)
    return np.tile(level * STAIR_RISER * size * steps, (len(y), 1))


def _blocks(generator, x, y, level, size):
    return _squares(generator, x, y, BLOCK_SIDE * size, level * BLOCK_HEIGHT * size)


def _waves(generator, x, y, level, size):
    wave = 1 - np.cos(2 * np.pi * x / (WAVE_LENGTH * size))
    return np.tile(level * WAVE_HEIGHT * size / 2 * wave, (len(y), 1))


def _ridge(x, run, size):
    """Returns the distance up a ridge at each x, m: level ground, `run` up, level, `run` down, repeated from x = 0."""
    period = 2 * (LANDING + run) * size
    along = x % period
    return np.minimum(along - LANDING * size, period - along)


def _squares(generator, x, y, side, highest):
    """Returns level squares of independent uniform heights, 0 to `highest` m."""
    row, column = (y / side + 1e-6).astype(int), (x / side + 1e-6).astype(int)
    return highest * generator.uniform(size=(row[-1] + 1, column[-1] + 1))[np.ix_(row, column)]


KINDS: dict[str, Callable] = {
    "flat": _flat,
    "rough": _rough,
    "slope": _slope,
    "stairs": _stairs,
    "blocks": _blocks,
    "waves": _waves,
}
