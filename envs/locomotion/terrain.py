"""Terrain as arrays of heights: each kind drawn from (generator, kind, level), and tiles of them laid out in one world."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import uniform_filter

from utils.config import nearest_name
from utils.fields import Checked, FieldError, fitting, shown, within

SPACING = 0.02  # m between neighbouring heights; a riser is one such step wide
FOOTPRINT = (9, 7)  # points along x and y, 160 mm by 120 mm, over which the ground below the torso is averaged

ROUGH_CELL, ROUGH_HEIGHT = 0.04, 0.045  # m; heights are for level 1
SLOPE_ANGLE, SLOPE_LENGTH = np.radians(25.0), 1.0  # the way up and the way down, m along x
STAIR_RISER, STAIR_TREAD, STAIR_COUNT = 0.040, 0.16, 6
BLOCK_SIDE, BLOCK_HEIGHT = 0.16, 0.050
WAVE_LENGTH, WAVE_HEIGHT = 0.40, 0.060
LARGEST_AREA = 10_000.0  # of all tiles, m^2: 25 million heights, half a gigabyte
LANDING = 0.48  # level ground before, between and after slopes and flights of stairs, m


ALL_LEVELS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
_LEVELS = "hold at least one level, and each must lie in [0, 1]"


@dataclass(frozen=True)
class TerrainConfig(Checked):
    """The tiles of a world: every kind in `kinds` at every level in `levels`.

    What is trained on one seed is judged on others. Robots walk along x.
    """

    kinds: tuple[str, ...] = ("flat",)
    """Kinds of terrain: flat, rough, slope, stairs, blocks, waves."""
    levels: tuple[float, ...] = within(
        (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0), 0.0, 1.0, least=1, allowed=_LEVELS
    )
    """Levels of every kind, 0 (flat) to 1: heights, and for slopes the angle, are proportional to them."""
    seed: int = within(0, 0)
    """Decides the random kinds."""
    length: float = within(12.5, 1.0, 1e3, unit="m")
    """Length of a tile along x, m."""
    width: float = within(4.0, 1.0, 1e3, unit="m")
    """Width of a tile, m."""

    def __post_init__(self):
        super().__post_init__()
        if not self.kinds:
            raise FieldError("kinds", f"must hold at least one kind of {', '.join(KINDS)}, got ()")
        for kind in self.kinds:
            if kind not in KINDS:
                raise FieldError("kinds", f"must be names of terrains, got {shown(kind)}{nearest_name(kind, KINDS)}")
        area = len(self.kinds) * len(self.levels) * self.length * self.width
        if area > LARGEST_AREA:
            words = f"times width, for {len(self.kinds)} kinds and {len(self.levels)} levels, must be at most"
            raise FieldError("length", f"{words} {LARGEST_AREA:g} m^2, got {area:g} m^2")


def check_kind(kind: str) -> None:
    """Raises ValueError, naming the nearest kind, if there is no terrain of that name."""
    if kind not in KINDS:
        raise ValueError(f"no terrain is called {kind!r}{nearest_name(kind, KINDS)}")


def check_level(level: float) -> float:
    """Returns `level`; raises ValueError if it does not lie in [0, 1]."""
    level = fitting(level, float, "a terrain level or scale")
    if not 0.0 <= level <= 1.0:
        raise FieldError("a terrain level or scale", f"must lie in [0, 1], got {level}")
    return level


def make_heights(generator: np.random.Generator, kind: str, level: float, length: float, width: float) -> np.ndarray:
    """Returns heights (rows along y, columns along x), m, at least 0, `SPACING` apart, of one tile at `level` in [0, 1]."""
    check_kind(kind)
    x = np.arange(round(length / SPACING)) * SPACING
    y = np.arange(round(width / SPACING)) * SPACING
    return KINDS[kind](generator, x, y, level)


@dataclass(frozen=True)
class Tile:
    """One kind at one level, and where it lies: its rear right corner (x, y), m."""

    kind: str
    level: float
    x: float
    y: float


class Terrain:
    """All tiles of a config side by side along y, each running along x, in one grid centred on the world's origin.

    Attributes:
        heights: (rows, columns), m.
        half_size: half the extent in x and y, m.
        tiles: kind, level and place of each.
    """

    def __init__(self, config: TerrainConfig):
        self.config = config
        generators = np.random.default_rng(config.seed).spawn(len(config.kinds) * len(config.levels))
        pairs = [(kind, level) for kind in config.kinds for level in config.levels]
        strips = [make_heights(g, *pair, config.length, config.width) for g, pair in zip(generators, pairs)]
        self.heights = np.concatenate(strips)
        self.half_size = (np.array(self.heights.shape[::-1]) - 1) * SPACING / 2
        # The last column and row are kept out of reach, so that every point has a right and an upper neighbour.
        self._last = np.array(self.heights.shape[::-1]) - 1 - 1e-9
        offsets = np.cumsum([0, *map(len, strips[:-1])]) * SPACING
        self.tiles = [Tile(*p, -self.half_size[0], o - self.half_size[1]) for p, o in zip(pairs, offsets)]
        self._footprint_mean = uniform_filter(self.heights, FOOTPRINT[::-1], mode="nearest")

    @property
    def highest(self) -> float:
        """Height of the highest point, m, and at least 1 mm: a height field may not be flat at zero."""
        return max(float(self.heights.max()), 1e-3)

    def height_at(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Returns the ground's height, m, at world positions x, y (...), m: exactly the triangles MuJoCo collides with."""
        column, row = np.moveaxis(self._grid(np.stack(np.broadcast_arrays(x, y), axis=-1)), -1, 0)
        left, below = column.astype(int), row.astype(int)
        u, v = column - left, row - below
        h00, h11 = self.heights[below, left], self.heights[below + 1, left + 1]
        h10, h01 = self.heights[below, left + 1], self.heights[below + 1, left]
        return h00 + np.where(u >= v, u * (h10 - h00) + v * (h11 - h10), v * (h01 - h00) + u * (h11 - h01))

    def ground_below(self, position: np.ndarray) -> np.ndarray:
        """Returns the ground's mean height (...), m, over the `FOOTPRINT` around `position` (..., 2) in the world, m, to the
        nearest grid point."""
        nearest = (self._grid(position) + 0.5).astype(int)
        return self._footprint_mean[nearest[..., 1], nearest[..., 0]]

    def _grid(self, position):
        """Returns fractional columns and rows (..., 2) of positions (..., 2), those of outside points moved to the edge."""
        return np.minimum(np.maximum((position + self.half_size) / SPACING, 0.0), self._last)


def _flat(generator, x, y, level):
    return np.zeros((len(y), len(x)))


def _rough(generator, x, y, level):
    return _squares(generator, x, y, ROUGH_CELL, level * ROUGH_HEIGHT)


def _slope(generator, x, y, level):
    climb = np.clip(_ridge(x, SLOPE_LENGTH), 0.0, SLOPE_LENGTH) * np.tan(level * SLOPE_ANGLE)
    return np.tile(climb, (len(y), 1))


def _stairs(generator, x, y, level):
    steps = np.clip(np.ceil(_ridge(x, STAIR_COUNT * STAIR_TREAD) / STAIR_TREAD - 1e-6), 0, STAIR_COUNT)
    return np.tile(level * STAIR_RISER * steps, (len(y), 1))


def _blocks(generator, x, y, level):
    return _squares(generator, x, y, BLOCK_SIDE, level * BLOCK_HEIGHT)


def _waves(generator, x, y, level):
    return np.tile(level * WAVE_HEIGHT / 2 * (1 - np.cos(2 * np.pi * x / WAVE_LENGTH)), (len(y), 1))


def _ridge(x, run):
    """Returns how far up a ridge each x is, m: level ground, `run` up, level, `run` down, again and again from x = 0."""
    period = 2 * (LANDING + run)
    along = x % period
    return np.minimum(along - LANDING, period - along)


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
