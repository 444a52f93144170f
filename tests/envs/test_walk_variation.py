"""Varied quadrupeds: every factor shows in plain MuJoCo's physics, and by default nothing varies."""

import pickle
from dataclasses import fields, replace

import mujoco
import numpy as np
import pytest

from controllers.leg_names import LEG_NAMES
from envs.residual_walk.variation import TRAINING_VARIATION, VariationConfig
from envs.residual_walk_env import ResidualWalkEnv, ResidualWalkVectorEnv

ROUGH = {"kinds": ("rough",), "levels": (0.3,), "length": 4.0, "width": 2.0}
WEIGHT, TORSO = 0.496, 0.28  # kg, of the nominal robot and of its torso


def drawn(num_envs=1, seed=0, **variation):
    env = ResidualWalkVectorEnv(num_envs, variation=variation)
    env.reset(seed=seed)
    return env


def standing(seconds=1.0, **variation):
    """Returns the model of a robot with this variation, and plain MuJoCo data of it after standing in the home pose."""
    model = drawn(**variation).task.sim.get_model(0)
    data = mujoco.MjData(model)
    mujoco.mj_resetDataKeyframe(model, data, 0)
    mujoco.mj_step(model, data, round(seconds / model.opt.timestep))
    mujoco.mj_forward(model, data)
    return model, data


def foot_forces(data):
    return np.array([data.sensor(f"{leg}_foot_force").data[0] for leg in LEG_NAMES])


def test_nothing_varies_by_default_and_nothing_is_paid_for_it():
    env = ResidualWalkVectorEnv(2)
    generators = [np.random.default_rng(i) for i in range(2)]
    env.task.start(np.arange(2), generators)
    env.task.step(np.zeros((2, 12)))
    assert env.task.sim._expanded == {}
    untouched = [np.random.default_rng(i) for i in range(2)]
    for generator, other in zip(generators, untouched):
        other.random(10)  # phase, command, tile and start pose
        assert generator.random() == other.random()


def test_what_varies_changes_neither_the_place_nor_the_command_of_a_seed():
    env, nominal = (ResidualWalkVectorEnv(20, terrain=ROUGH, variation=v) for v in (TRAINING_VARIATION, {}))
    (rows, info), (wanted, wanted_info) = env.reset(seed=0), nominal.reset(seed=0)
    np.testing.assert_array_equal(env.task.sim.qpos, nominal.task.sim.qpos)
    np.testing.assert_array_equal(info["commanded_velocity"], wanted_info["commanded_velocity"])
    assert rows.shape == wanted.shape


def test_draws_fill_their_ranges_anew_in_every_episode():
    env = ResidualWalkVectorEnv(300, variation=TRAINING_VARIATION)
    seen = []
    for _ in range(2):
        env.reset(seed=0 if not seen else None)
        seen.append({name: values.copy() for name, values in env.task.variation.values.items()})
    for name, (low, high) in TRAINING_VARIATION.ranges.items():
        values, width = seen[0][name], high - low
        assert low <= values.min() < low + 0.05 * width and high - 0.05 * width < values.max() < high
        assert (values != seen[1][name]).all()
    correlation = np.corrcoef([*seen[0].values()]) - np.eye(len(TRAINING_VARIATION.ranges))
    assert np.abs(correlation).max() < 0.25


def test_what_one_factor_draws_does_not_depend_on_the_others():
    all_vary = TRAINING_VARIATION
    env = drawn(3, friction=all_vary.friction, action_delay=all_vary.action_delay, push_speed=all_vary.push_speed)
    other = ResidualWalkVectorEnv(3, variation=all_vary)
    other.reset(seed=0)
    ours, theirs = env.task, other.task
    np.testing.assert_array_equal(ours.variation.values["friction"], theirs.variation.values["friction"])
    np.testing.assert_array_equal(ours.randomisation.steps_late, theirs.randomisation.steps_late)
    assert list(ours.variation.values) == ["friction"]


def test_only_the_robots_that_start_anew_are_drawn_anew():
    env = ResidualWalkVectorEnv(3, variation=TRAINING_VARIATION)
    env.reset(seed=0)
    before = {name: env.task.sim.expand(name).copy() for name in ("body_mass", "geom_friction", "actuator_gainprm")}
    env.task.start(np.array([1]), [np.random.default_rng(5)])
    for name, rows in before.items():
        changed = (env.task.sim.expand(name) != rows).reshape(3, -1).any(axis=1)
        assert changed.tolist() == [False, True, False]


def test_every_robot_is_stepped_by_plain_mujoco_on_its_own_model():
    variation = replace(TRAINING_VARIATION, push_interval=0.1)
    env = ResidualWalkVectorEnv(3, terrain=ROUGH, variation=variation)
    env.reset(seed=0)
    sim, step = env.task.sim, env.task.sim.step
    models = [sim.get_model(i) for i in range(3)]
    twins = [mujoco.MjData(model) for model in models]

    def checked_step(nstep, stage):
        for model, data, state in zip(models, twins, sim.state):  # with the controls and pushes of this step
            mujoco.mj_setState(model, data, state, int(mujoco.mjtState.mjSTATE_INTEGRATION))
            mujoco.mj_step(model, data, nstep)
        step(nstep=nstep, stage=stage)

    sim.step = checked_step
    for action in np.random.default_rng(0).uniform(-1, 1, (40, 3, 12)):
        env.step(action)
        np.testing.assert_array_equal(sim.qpos, [data.qpos for data in twins])


@pytest.mark.parametrize(("scale", "slides"), [(1.0, False), (0.5, True)])
def test_a_robot_slides_down_a_slope_as_its_friction_says(scale, slides):
    model, data = standing(friction=(scale, scale))
    slope, g = np.arctan(0.6), 9.81  # steeper than a friction of 0.45 holds, less steep than 0.9 holds
    model.opt.gravity[:] = g * np.sin(slope), 0.0, -g * np.cos(slope)
    mujoco.mj_step(model, data, 100)
    speed = data.qvel[0]
    mujoco.mj_step(model, data, 200)
    acceleration = (data.qvel[0] - speed) / 0.4
    wanted = g * (np.sin(slope) - 0.9 * scale * np.cos(slope)) if slides else 0.0
    assert acceleration == pytest.approx(wanted, abs=0.1)


def test_a_heavier_torso_presses_on_the_ground_with_its_weight():
    model, data = standing(2.0, mass=(1.3, 1.3))
    assert model.body_subtreemass[0] == pytest.approx(WEIGHT + 0.3 * TORSO)
    assert foot_forces(data).sum() == pytest.approx((WEIGHT + 0.3 * TORSO) * 9.81, rel=1e-3)
    np.testing.assert_allclose(model.body("torso").inertia, 1.3 * drawn().task.sim.model.body("torso").inertia)


@pytest.mark.parametrize("offset", [-0.01, 0.01])
def test_a_shifted_centre_of_mass_loads_the_feet_as_a_lever_does(offset):
    _, data = standing(3.0, mass_offset_x=(offset, offset), mass_offset_y=(-offset, -offset))
    forces = foot_forces(data)
    shift = offset * TORSO / WEIGHT
    assert forces[:2].sum() / forces.sum() == pytest.approx(0.5 + shift / 0.15, abs=3e-3)  # feet are 150 mm apart along x
    assert forces[::2].sum() / forces.sum() == pytest.approx(0.5 - shift / 0.112, abs=3e-3)  # and 112 mm along y


def test_a_weaker_servo_saturates_at_its_scaled_torque():
    model, data = standing(servo_strength=(0.8, 0.8))
    data.ctrl[:] += np.radians(20)
    mujoco.mj_forward(model, data)
    np.testing.assert_allclose(data.actuator_force, 0.8 * 0.6, atol=1e-12)


def test_a_stiffer_servo_pulls_in_proportion_to_its_error():
    model, data = standing(servo_gain=(1.2, 1.2))
    data.ctrl[:] = data.actuator_length + 0.1
    mujoco.mj_forward(model, data)
    np.testing.assert_allclose(data.actuator_force, 1.2 * 4.0 * 0.1, atol=1e-12)


def test_the_physics_stays_healthy_whatever_varies():
    env = ResidualWalkVectorEnv(16, terrain=ROUGH, variation=TRAINING_VARIATION)
    env.reset(seed=0)
    rng = np.random.default_rng(0)
    for _ in range(1500):
        env.step(rng.uniform(-1, 1, (16, 12)))
    assert env.task.failure_count == 0


def test_a_training_variation_varies_everything_around_the_nominal_robot():
    for field in fields(VariationConfig):
        if field.name != "push_interval":
            assert getattr(TRAINING_VARIATION, field.name) != field.default
    for name, (low, high) in TRAINING_VARIATION.ranges.items():
        assert low < VariationConfig().ranges[name][0] < high
    assert pickle.loads(pickle.dumps(TRAINING_VARIATION)) == TRAINING_VARIATION


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"friction": (0.0, 1.0)}, r"friction must be a range .* in 0.05 to 5.0, got \(0.0, 1.0\)"),
        ({"mass": (1.3, 0.8)}, "mass must be a range .* low <= high"),
        ({"mass_offset_x": (-0.2, 0.0)}, "mass_offset_x must be a range .* in -0.05 to 0.05"),
        ({"servo_strength": (1.0, np.nan)}, "servo_strength must be"),
        ({"servo_gain": (0.5, np.inf)}, "servo_gain must be"),
        ({"action_delay": 1.5}, "action_delay must be a number in 0.0 to 1.0, got 1.5"),
        ({"push_speed": -0.1}, "push_speed must be"),
        ({"push_interval": 0.0}, "push_interval must be"),
        ({"fricton": (0.5, 1.0)}, "did you mean friction"),
    ],
)
def test_a_wrong_range_is_refused_in_one_clear_sentence(changes, words):
    with pytest.raises(ValueError, match=words):
        ResidualWalkEnv(variation=changes)
