"""Terrain: the documented shapes, the arrangement of tiles, and the heights in the MuJoCo model."""

from dataclasses import replace

import mujoco
import numpy as np
import pytest
from scipy.stats import kstest

from controllers.leg_names import LEG_NAMES
from envs.locomotion import terrain
from envs.locomotion.ground import Ground, load_model
from envs.locomotion.terrain import Terrain, TerrainConfig, make_heights
from envs.residual_walk.scene import SCENE, UNDERSIDE

BUMPY = ("rough", "slope", "stairs", "blocks", "waves")
ALONG = np.arange(222) * 0.02  # m
RIDGES = np.interp(ALONG, [0.0, 0.48, 1.48, 1.96, 2.96, 3.44, 4.44], [0, 0, 1, 1, 0, 0, 1])  # metres climbed


def heights(kind, level=1.0, seed=0, length=8.0, width=1.92):
    return make_heights(np.random.default_rng(seed), kind, level, TerrainConfig(length=length, width=width))


def plane(monkeypatch):
    """Returns a terrain of one tile with slopes 0.3 along x and 0.2 along y, and the height of its middle."""
    monkeypatch.setitem(terrain.KINDS, "plane", lambda generator, x, y, level, size: 0.3 * x + 0.2 * y[:, None])
    ground = Terrain(TerrainConfig(("plane",), (1.0,), length=2.0, width=1.6))
    return ground, 0.3 * ground.half_size[0] + 0.2 * ground.half_size[1]


@pytest.mark.parametrize("kind, highest, n", [("rough", 0.045, 2), ("blocks", 0.050, 8)])
def test_random_kinds_draw_each_square_between_zero_and_the_highest(kind, highest, n):
    squares = heights(kind).reshape(96 // n, n, 400 // n, n)
    corners = squares[:, :1, :, :1]
    assert corners.min() >= 0.0 and kstest(corners.ravel() / highest, "uniform").pvalue > 0.01
    np.testing.assert_array_equal(squares, np.broadcast_to(corners, squares.shape))


@pytest.mark.parametrize(
    "kind, level, profile",
    [
        ("flat", 1.0, 0 * ALONG),
        ("waves", 1.0, 0.060 * np.sin(np.pi * ALONG / 0.400) ** 2),
        ("slope", 1.0, np.tan(np.radians(25)) * RIDGES),
        ("slope", 0.2, np.tan(np.radians(5)) * RIDGES),
    ],
)
def test_smooth_kinds_have_one_profile_all_across(kind, level, profile):
    np.testing.assert_allclose(heights(kind, level)[:, :222], np.tile(profile, (96, 1)), rtol=0, atol=1e-12)


def test_stairs_go_six_up_and_six_down():
    grid = heights("stairs")
    risers = np.diff(grid[0, :168])
    places = np.flatnonzero(risers)
    np.testing.assert_allclose(risers[places], [0.040] * 6 + [-0.040] * 6, atol=1e-15)
    np.testing.assert_array_equal(np.diff(places) * 20, [160] * 5 + [160 + 480 + 160 - 20] + [160] * 5)
    np.testing.assert_array_equal(grid, np.tile(grid[0], (96, 1)))


@pytest.mark.parametrize("kind", ["rough", "stairs", "blocks", "waves"])
def test_heights_are_proportional_to_the_level(kind):
    np.testing.assert_allclose(heights(kind, 0.3), 0.3 * heights(kind), rtol=0, atol=1e-15)
    assert not heights(kind, 0.0).any()


def test_the_seed_decides_the_terrain():
    config = TerrainConfig(("rough", "blocks"), (0.5, 1.0), length=2.0, width=1.0)
    first, again, other = (Terrain(replace(config, seed=seed)).heights for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).mean() > 0.99
    assert (2 * first[:50] != first[50:100]).mean() > 0.99  # two levels of one kind use different random heights


def test_every_tile_lies_where_it_says():
    config = TerrainConfig(("waves", "stairs"), (0.5, 1.0), length=2.0, width=1.0)
    ground = Terrain(config)
    assert [(tile.kind, tile.level) for tile in ground.tiles] == [(k, lv) for k in config.kinds for lv in config.levels]
    x, y = np.meshgrid(np.arange(100) * 0.02, np.arange(50) * 0.02)
    for tile in ground.tiles:
        expected = heights(tile.kind, tile.level, length=2.0, width=1.0)
        np.testing.assert_allclose(ground.height_at(tile.x + x, tile.y + y), expected, rtol=0, atol=1e-6)
    assert ground.height_at(99.0, 99.0) == pytest.approx(expected[-1, -1])  # the height at the edge


def test_heights_are_those_that_mujoco_sees():
    ground = Terrain(TerrainConfig(BUMPY, (1.0,), length=4.0, width=1.0))
    model = load_model(SCENE, ground)
    data, down, hit = mujoco.MjData(model), np.array([0, 0, -1.0]), np.zeros(1, np.int32)
    data.qpos[2] = 50.0  # moves the robot out of the way
    mujoco.mj_forward(model, data)
    x, y = np.random.default_rng(0).uniform(-ground.half_size, ground.half_size, (1000, 2)).T
    eyes = np.column_stack([x, y, np.full(1000, 5.0)])
    seen = [5.0 - mujoco.mj_ray(model, data, eye, down, None, 1, -1, hit) for eye in eyes]
    np.testing.assert_allclose(ground.height_at(x, y), seen, rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", BUMPY)
def test_a_robot_on_the_highest_place_does_not_sink_in(kind):
    ground = Terrain(TerrainConfig(("flat", kind), (1.0,), length=4.0, width=1.0))
    model = load_model(SCENE, ground)
    data, row = mujoco.MjData(model), 75  # along the middle of the second tile
    column = 30 + ground.heights[row, 30:-30].argmax()
    mujoco.mj_resetDataKeyframe(model, data, 0)
    data.qpos[:2] = column * 0.02 - ground.half_size[0], row * 0.02 - ground.half_size[1]
    data.qpos[2] = ground.heights[row - 6 : row + 7, column - 7 : column + 8].max() + 0.076
    mujoco.mj_step(model, data, 750)
    x, y, z = np.array([data.site(f"{leg}_foot").xpos for leg in LEG_NAMES]).T
    above = z - 0.008 - ground.height_at(x, y)
    assert -0.002 < above.min() < 0.002


def test_the_ground_below_a_plane_is_the_plane(monkeypatch):
    ground, middle = plane(monkeypatch)
    x, y = np.random.default_rng(0).uniform(-0.6, 0.6, (2, 5000))
    error = ground.ground_below(np.stack([x, y], axis=-1)) - (middle + 0.3 * x + 0.2 * y)
    assert abs(error.mean()) < 1e-4
    assert np.abs(error).max() < (0.3 + 0.2) * 0.01 + 1e-9  # half a grid cell away in x and y


def test_the_ground_below_is_averaged_over_the_footprint_and_no_more(monkeypatch):
    monkeypatch.setitem(terrain.KINDS, "spike", lambda generator, x, y, level, size: np.eye(1, 5000, 2550).reshape(50, 100))
    ground = Terrain(TerrainConfig(("spike",), (1.0,), length=2.0, width=1.0))
    x, y = np.meshgrid(np.arange(100) * 0.02 - 0.99, np.arange(50) * 0.02 - 0.49)
    below, far = ground.ground_below(np.stack([x, y], axis=-1)), (np.abs(x - 0.01) > 0.0801) | (np.abs(y - 0.01) > 0.0601)
    assert below.sum() == pytest.approx(1.0) and below.max() < 0.03 and (below[far] == 0).all()


@pytest.mark.parametrize("kind", BUMPY)
def test_terrain_of_another_size_has_the_same_shape_on_a_larger_scale(kind):
    small = TerrainConfig((kind,), (1.0,), length=4.0, width=1.92)
    large = replace(small, size=8.0, spacing=0.16, length=32.0, width=15.36)
    grids = [make_heights(np.random.default_rng(0), kind, 0.7, config) for config in (small, large)]
    np.testing.assert_allclose(grids[1], 8.0 * grids[0], rtol=0, atol=1e-9)


def test_a_finer_grid_shows_the_same_obstacles():
    coarse, fine = (replace(TerrainConfig(("blocks",), (1.0,), length=2.0, width=1.0), spacing=s) for s in (0.02, 0.01))
    grids = [make_heights(np.random.default_rng(0), "blocks", 1.0, config) for config in (coarse, fine)]
    np.testing.assert_array_equal(grids[1][::2, ::2], grids[0])


def test_the_footprint_is_as_large_as_asked():
    config = TerrainConfig(("stairs",), (1.0,), length=4.0, width=1.0, footprint=(0.4, 0.0))
    ground = Terrain(config)
    columns = np.arange(20, 180)
    x = columns * 0.02 - ground.half_size[0] + 0.001
    wanted = [ground.heights[25, column - 10 : column + 11].mean() for column in columns]
    below = ground.ground_below(np.stack([x, np.zeros(160)], axis=-1))
    np.testing.assert_allclose(below, wanted, atol=1e-12)


def test_starts_and_margins_grow_with_the_terrain():
    config = TerrainConfig(("rough",), (0.0,), length=30.0, width=10.0, size=5.0, spacing=0.1)
    ground = Ground(SCENE, UNDERSIDE, config, 200)
    draws = np.random.default_rng(0).random((200, 6))
    x, y = ground.draw_starts(np.arange(200), draws, np.ones(1))
    np.testing.assert_allclose([x.min() + 15.0, x.max() + 15.0], [2.5, 4.5], atol=0.1)
    np.testing.assert_allclose([y.min(), y.max()], [-2.5, 2.5], atol=0.1)
    inside, outside = (np.tile([0.0, 0.05 + side], (200, 1)) for side in (4.2, 4.3))  # the margin is 0.75 m
    assert ground.off_tile(outside).all() and not ground.off_tile(inside).any()


FAR = {"length": 1.0, "start_distance": 0.9, "start_length": 0.1}


@pytest.mark.parametrize("changes", [{"width": 1.0}, {"start_distance": 0.0}, {"length": 1.0}, FAR])
def test_robots_never_start_beyond_the_edge_of_their_tile(changes):
    ground = Ground(SCENE, UNDERSIDE, replace(TerrainConfig(("rough",), (0.0,)), **changes), 200)
    draws = np.random.default_rng(0).random((200, 6))
    x, y = ground.draw_starts(np.arange(200), draws, np.ones(1))
    assert not ground.off_tile(np.stack([x, y], axis=1)).any() and np.ptp(y) > 0.6


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"kinds": ("flat", "wave")}, "'wave', did you mean waves"),
        ({"kinds": ()}, "kinds must have at least one kind"),
        ({"levels": ()}, "levels must have at least one level"),
        *(({"levels": (0.5, level)}, rf"levels .* \[0, 1\], got \(0.5, {level}\)") for level in (-0.1, 1.01, np.nan)),
        *(({"length": size}, f"length must be a number in 1.0 to .* got {size}") for size in (0.5, -4.0, np.inf, np.nan)),
        *(({"width": size}, f"width must be a number in 1.0 to .* got {size}") for size in (0.5, np.nan)),
        ({"size": 20.0}, "length must be at least 20 m, the room for starts at size 20, got 12.5 m"),
        ({"start_length": 12.1}, "start_length must be at most 12 m, .* got 12.1 m"),
        ({"start_length": 2.1, "size": 5.0, "width": 9.0}, "start_length must be at most 2 m"),
        ({"start_distance": 12.2}, "start_length must be at most 0.3 m, .* got 0.4 m"),
        ({"spacing": 0.05}, "spacing must be at most 0.04 m"),
        ({"footprint": (0.1,)}, "footprint must be a list of 2"),
        ({"length": 1000.0, "width": 1000.0}, "length times width, .* at most 10000 m.2, got 1.1e.07"),
    ],
)
def test_a_config_of_no_terrain_is_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        TerrainConfig(**changes)
