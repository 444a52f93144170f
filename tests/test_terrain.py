"""Terrain: the documented shapes, the arrangement of tiles, and the ground that MuJoCo really has."""

import mujoco
import numpy as np
import pytest
from scipy.stats import kstest

from envs.residual_walk_env import load_model
from utils import terrain
from utils.robot_names import LEG_NAMES
from utils.terrain import Terrain, TerrainConfig, make_heights

BUMPY = ("rough", "slope", "stairs", "blocks", "waves")


def heights(kind, level=1.0, seed=0, length=8.0, width=2.0):
    return make_heights(np.random.default_rng(seed), kind, level, length, width)


def cells(grid, n):
    """Returns the squares (k, n * n) of n x n neighbouring heights that a grid consists of."""
    rows, columns = (size // n for size in grid.shape)
    return grid[: rows * n, : columns * n].reshape(rows, n, columns, n).swapaxes(1, 2).reshape(-1, n * n)


def plane(monkeypatch):
    """Returns a terrain of one tile that rises by 0.3 along x and 0.2 along y, and the height of its middle."""
    monkeypatch.setitem(terrain.KINDS, "plane", lambda generator, x, y, level: 0.3 * x + 0.2 * y[:, None])
    ground = Terrain(TerrainConfig(("plane",), (1.0,), length=2.0, width=1.6))
    return ground, 0.3 * ground.half_size[0] + 0.2 * ground.half_size[1]


@pytest.mark.parametrize("kind, highest, n", [("rough", 0.045, 2), ("blocks", 0.050, 8)])
def test_random_kinds_draw_each_square_between_zero_and_the_highest(kind, highest, n):
    squares = cells(heights(kind), n)
    assert squares.min() >= 0.0
    assert kstest(squares[:, 0] / highest, "uniform").pvalue > 0.01
    np.testing.assert_array_equal(squares, np.tile(squares[:, :1], n * n))


@pytest.mark.parametrize("level", [0.2, 1.0])
def test_slopes_climb_a_metre_at_the_levels_share_of_25_degrees(level):
    profile, rise = heights("slope", level)[0], np.tan(np.radians(25) * level)
    corners = [0.0, 0.48, 1.48, 1.96, 2.96, 2.96 + 0.48, 4.44]
    expected = np.interp(np.arange(222) * 0.02, corners, rise * np.array([0, 0, 1, 1, 0, 0, 1]))
    np.testing.assert_allclose(profile[:222], expected, rtol=0, atol=1e-12)


def test_stairs_go_six_up_and_six_down():
    profile = heights("stairs")[0]
    risers = np.diff(profile[:168])
    places = np.flatnonzero(risers)
    np.testing.assert_allclose(risers[places], [0.040] * 6 + [-0.040] * 6, atol=1e-15)
    np.testing.assert_array_equal(np.diff(places) * 20, [160] * 5 + [160 + 480 + 160 - 20] + [160] * 5)


def test_waves_are_400_mm_long_and_60_mm_high():
    x = np.arange(400) * 0.02
    np.testing.assert_allclose(heights("waves")[0], 0.060 * np.sin(np.pi * x / 0.400) ** 2, rtol=0, atol=1e-15)


@pytest.mark.parametrize("kind", ["flat", "slope", "stairs", "waves"])
def test_what_is_not_random_looks_the_same_all_across(kind):
    grid = heights(kind, seed=1)
    np.testing.assert_array_equal(grid, np.tile(heights(kind, seed=2)[0], (len(grid), 1)))
    assert grid.shape == (100, 400) and (kind != "flat" or not grid.any())


@pytest.mark.parametrize("kind", ["rough", "stairs", "blocks", "waves"])
def test_heights_are_proportional_to_the_level(kind):
    np.testing.assert_allclose(heights(kind, 0.3), 0.3 * heights(kind), rtol=0, atol=1e-15)
    assert not heights(kind, 0.0).any()


def test_the_seed_decides_the_terrain():
    config = {"kinds": ("rough", "blocks"), "levels": (0.5, 1.0), "length": 2.0, "width": 1.0}
    first, again, other = (Terrain(TerrainConfig(**config, seed=seed)).heights for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).mean() > 0.99
    assert (2 * first[:50] != first[50:100]).mean() > 0.99  # two levels of a kind are not one drawing


def test_every_tile_lies_where_it_says():
    config = TerrainConfig(("waves", "stairs"), (0.5, 1.0), length=2.0, width=1.0)
    ground = Terrain(config)
    assert [(tile.kind, tile.level) for tile in ground.tiles] == [(k, lv) for k in config.kinds for lv in config.levels]
    x, y = np.meshgrid(np.arange(100) * 0.02, np.arange(50) * 0.02)
    for tile in ground.tiles:
        expected = heights(tile.kind, tile.level, length=2.0, width=1.0)
        np.testing.assert_allclose(ground.height_at(tile.x + x, tile.y + y), expected, rtol=0, atol=1e-6)


def test_heights_are_those_that_mujoco_sees():
    ground = Terrain(TerrainConfig(BUMPY, (1.0,), length=4.0, width=1.0))
    model = load_model(ground)
    data, only_ground = mujoco.MjData(model), np.array([True, *[False] * 5])
    data.qpos[2], down, hit = 50.0, np.array([0, 0, -1.0]), np.zeros(1, np.int32)
    mujoco.mj_forward(model, data)
    x, y = np.random.default_rng(0).uniform(-ground.half_size, ground.half_size, (1000, 2)).T
    eyes = np.column_stack([x, y, np.full(1000, 5.0)])
    seen = [5.0 - mujoco.mj_ray(model, data, eye, down, only_ground.astype(np.uint8), 1, -1, hit) for eye in eyes]
    np.testing.assert_allclose(ground.height_at(x, y), seen, rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", BUMPY)
def test_a_robot_on_the_highest_place_does_not_sink_in(kind):
    ground = Terrain(TerrainConfig(("flat", kind), (1.0,), length=4.0, width=1.0))
    model = load_model(ground)
    data, row = mujoco.MjData(model), 75  # along the middle of the second tile
    column = 30 + ground.heights[row, 30:-30].argmax()
    mujoco.mj_resetDataKeyframe(model, data, 0)
    data.qpos[:2] = column * 0.02 - ground.half_size[0], row * 0.02 - ground.half_size[1]
    data.qpos[2] = ground.heights[row - 6 : row + 7, column - 7 : column + 8].max() + 0.076
    mujoco.mj_step(model, data, 750)
    x, y, z = np.array([data.site(f"{leg}_foot").xpos for leg in LEG_NAMES]).T
    above = z - 0.008 - ground.height_at(x, y)
    assert -0.002 < above.min() < 0.002


def test_heights_between_and_beyond_the_grid_are_those_of_the_nearest_ground(monkeypatch):
    ground, middle = plane(monkeypatch)
    x, y = np.random.default_rng(0).uniform(-ground.half_size, ground.half_size, (100, 2)).T
    np.testing.assert_allclose(ground.height_at(x, y), middle + 0.3 * x + 0.2 * y, rtol=0, atol=1e-12)
    corners = ground.height_at(np.array([-9.0, 9.0]), np.array([-9.0, 9.0]))
    np.testing.assert_allclose(corners, [0.0, 2 * middle], rtol=0, atol=1e-7)


def test_the_ground_below_a_plane_is_the_plane(monkeypatch):
    ground, middle = plane(monkeypatch)
    x, y = np.random.default_rng(0).uniform(-0.6, 0.6, (2, 5000))
    error = ground.ground_below(x, y) - (middle + 0.3 * x + 0.2 * y)
    assert abs(error.mean()) < 1e-4
    assert np.abs(error).max() < (0.3 + 0.2) * 0.01 + 1e-9  # half a grid step off in x and y


def test_the_ground_below_is_averaged_over_the_footprint_and_no_more(monkeypatch):
    monkeypatch.setitem(terrain.KINDS, "spike", lambda generator, x, y, level: np.eye(1, 5000, 2550).reshape(50, 100))
    ground = Terrain(TerrainConfig(("spike",), (1.0,), length=2.0, width=1.0))
    x, y = np.meshgrid(np.arange(100) * 0.02 - 0.99, np.arange(50) * 0.02 - 0.49)
    below, far = ground.ground_below(x, y), (np.abs(x - 0.01) > 0.0801) | (np.abs(y - 0.01) > 0.0601)
    assert below.sum() == pytest.approx(1.0) and below.max() < 0.03 and (below[far] == 0).all()


def test_an_unknown_kind_names_the_nearest():
    for refused in (lambda: TerrainConfig(kinds=("flat", "blokcs")), lambda: heights("blokcs")):
        with pytest.raises(ValueError, match="'blokcs', did you mean blocks"):
            refused()


@pytest.mark.parametrize("level", [-0.1, 1.01, np.nan])
def test_a_level_outside_zero_to_one_is_refused(level):
    with pytest.raises(ValueError, match=rf"\[0, 1\], got {level}"):
        TerrainConfig(levels=(0.5, level))


@pytest.mark.parametrize("length, width", [(0.5, 2.0), (2.0, -4.0), (np.inf, 2.0), (2.0, np.nan)])
def test_a_tile_without_room_is_refused(length, width):
    with pytest.raises(ValueError, match=f"1 m long and wide, got {length} m by {width} m"):
        TerrainConfig(length=length, width=width)


@pytest.mark.parametrize("empty", [{"kinds": ()}, {"levels": ()}])
def test_a_terrain_of_nothing_is_refused(empty):
    with pytest.raises(ValueError, match="at least one kind and one level"):
        TerrainConfig(**empty)
