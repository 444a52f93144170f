"""The biped's randomisation: every factor by its effect on a robot, and lags, noise and pushes by hand."""

from dataclasses import replace

import gymnasium as gym
import mujoco
import numpy as np
import pytest

from envs.biped.lag import LateTargets
from envs.biped.observation import SIGNALS
from envs.biped.pushes import BodyPushes
from envs.biped.variation import PARAMETERS, TRAINING_VARIATION, VariationConfig
from envs.biped_env import BipedEnv, BipedVectorEnv
from tests.helpers.bipeds import STILL

# Ranges of the source in its units, as read from a model: friction, kg, m, N m/rad (knee), N m s/rad (knee), kg m2, N m.
KNEE = 3


def models(n=200, seed=0, **variation):
    """Returns the models of n robots with these ranges, and their task."""
    env = BipedVectorEnv(n, variation=variation, **STILL)
    env.reset(seed=seed)
    return [env.task.sim.get_model(i) for i in range(n)], env.task


def fills(values, low, high, share=0.05):
    """Returns whether values lie within a range and come within `share` of its width to both ends."""
    values, edge = np.asarray(values), share * (high - low)
    return low - 1e-9 <= values.min() < low + edge and high - edge < values.max() <= high + 1e-9


def in_the_air(steps=5, **variation):
    """Returns an environment whose robot has moved all joints while it falls from 2 m; forces are current."""
    env = BipedEnv(variation=variation, **STILL)
    env.reset(seed=0)
    env.task.sim.bind("qpos")[0, 2] = 2.0
    for _ in range(steps):
        env.step(np.full(12, 0.3))
    env.task.sim.forward()
    return env


def test_training_draws_the_ranges_of_the_source():
    drawn, task = models(200, **{name: getattr(TRAINING_VARIATION, name) for name in TRAINING_VARIATION.drawn_names})
    nominal = task.sim.model
    trunk, knee = nominal.body("trunk").id, nominal.joint("left_knee_pitch").dofadr[0]
    assert fills([m.geom("ground").friction[0] for m in drawn], 0.2, 1.3)
    assert fills([m.geom("left_toe_left").friction[0] for m in drawn], 0.2, 1.3)
    assert fills([m.body_mass[trunk] - 21.3 for m in drawn], -2.982, 2.982)  # the source: 3 kg
    assert fills([m.body_mass[trunk + 1 :] / nominal.body_mass[trunk + 1 :] for m in drawn], 0.9, 1.1)
    offsets = np.array([m.body_ipos[trunk] - nominal.body_ipos[trunk] for m in drawn])
    assert all(fills(offsets[:, axis], -0.05, 0.05) for axis in range(3)) and offsets.mean(axis=0).max() < 0.02
    strength = np.array([m.actuator_forcerange[KNEE, 1] / 127.5 for m in drawn])
    assert fills(strength, 0.8, 1.2)
    assert fills([m.actuator_gainprm[KNEE, 0] / 100 for m in drawn] / strength, 0.8, 1.2)
    assert fills([-m.actuator_biasprm[KNEE, 2] / 10 for m in drawn] / strength, 0.8, 1.2)
    for m in drawn:
        np.testing.assert_array_equal(m.actuator_biasprm[:, 1], -m.actuator_gainprm[:, 0])
    assert fills([m.dof_armature[knee] for m in drawn], 0.0001, 0.05)
    assert fills([m.dof_frictionloss[knee] for m in drawn], 0.1, 0.9)
    assert fills([m.dof_damping[knee] for m in drawn], 0.05, 0.1)
    assert not any(m.dof_frictionloss[:6].any() or m.dof_damping[:6].any() for m in drawn)
    gains = np.array([m.actuator_gainprm[:, 0] for m in drawn])
    assert np.abs(np.corrcoef(gains.T) - np.eye(12)).max() < 0.3  # each joint has a gain of its own


def test_values_do_not_pile_up_over_episodes():
    env = BipedVectorEnv(2, variation={"joint_damping": (0.08, 0.08), "armature": (3.0, 3.0), "mass_offset_z": (0.03, 0.03)})
    for _ in range(3):
        env.reset(seed=0)
    model = env.task.sim.get_model(1)
    assert model.dof_damping[6:].tolist() == [0.08] * 12 and model.dof_armature[6:] == pytest.approx(0.03)
    assert model.body("trunk").ipos[2] == pytest.approx(0.257 + 0.03)


def test_nothing_varies_by_default():
    env = BipedVectorEnv(2)
    env.reset(seed=0)
    env.step(np.zeros((2, 12)))
    assert env.task.sim._expanded == {} and not env.task.targets.late and VariationConfig() == env.config.variation
    assert not VariationConfig(push_duration=0.5, push_interval=1.0).varies and VariationConfig(push_turn=0.1).varies


@pytest.mark.parametrize("name", [name for name in PARAMETERS if PARAMETERS[name].changes])
def test_every_factor_of_the_model_changes_how_a_robot_moves(name):
    low, high = PARAMETERS[name].range.low, PARAMETERS[name].range.high
    tracks = []
    for value in (low, high):
        env = BipedEnv(perturb_spec={"params": {name: float(value)}}, **STILL)
        env.reset(seed=0)
        for action in np.random.default_rng(0).uniform(-1, 1, (20, 12)):
            env.step(action)
        tracks.append(env.task.sim.bind("qpos")[0].copy())
    assert np.abs(np.subtract(*tracks)).max() > 1e-4


def test_a_stronger_servo_has_more_torque_and_a_motor_offset_turns_the_joint():
    env = in_the_air(servo_strength=(0.5, 0.5))
    angle, velocity = env.task.sim.bind("qpos")[0, 7 + KNEE], env.task.sim.bind("qvel")[0, 6 + KNEE]
    wanted = 0.5 * (100 * (0.49 + 2.0 * 0.3 - angle) - 10 * velocity)
    assert env.task.sim.bind("actuator_force")[0, KNEE] == pytest.approx(wanted, abs=1e-9)
    env = BipedVectorEnv(100, variation={"motor_offset": 0.035}, **STILL)
    env.reset(seed=0)
    env.step(np.zeros((100, 12)))
    offset = env.task.sim.ctrl - env.task._home_ctrl
    assert fills(offset, -0.035, 0.035) and np.ptp(offset, axis=0).min() > 0.05


def test_controls_arrive_late_by_the_lag_in_physics_steps():
    """Targets jump at once. A robot with a lag of 15 ms moves 6 physics steps of 2.5 ms later than one without."""
    tracks = {}
    for lag in (0.0, 0.015):
        env = BipedEnv(variation={"action_lag": (lag, lag)}, **STILL)
        env.reset(seed=0)
        step, track = env.task.sim.step, []

        def noted(nstep=1, stage=0, step=step, env=env, track=track):
            for _ in range(nstep):
                step(nstep=1, stage=stage)
                track.append(env.task.sim.ctrl[0, KNEE])

        env.task.sim.step = noted
        for _ in range(6):
            env.step(np.ones(12))
        tracks[lag] = np.array(track)
    assert tracks[0.0].tolist() == [2.49] * 24
    assert tracks[0.015].tolist() == [0.49] * 6 + [2.49] * 18


def test_delayed_controls_equal_a_queue_of_physics_steps():
    line, random = LateTargets(3, 2, 0.0025, 4), np.random.default_rng(0)
    lags = np.array([0, 3, 16])
    line.reset(np.arange(3), lags * 0.0025, np.zeros((3, 2)))
    sent, arrived = [np.zeros((16, 3, 2))], []
    for _ in range(12):
        ctrl = random.normal(size=(3, 2))
        line.send(ctrl)
        sent.append(np.tile(ctrl, (4, 1, 1)))
        arrived += [line.arriving(step).copy() for step in range(4)]
    queue = np.concatenate(sent)
    for i, lag in enumerate(lags):
        np.testing.assert_array_equal(np.array(arrived)[:, i], queue[16 - lag : len(queue) - lag, i])


def test_measurements_arrive_late_and_begin_with_the_state_at_the_start():
    rows = {}
    for lag, imu in ((0.001, 0.0), (0.03, 0.01)):  # 1 ms is less than half of a control step
        env = BipedEnv(variation={"joint_lag": (lag, lag), "imu_lag": (imu, imu)}, start_spread=0.1)
        seen = [env.reset(seed=0)[0]]
        seen += [env.step(action)[0] for action in np.random.default_rng(0).uniform(-1, 1, (20, 12))]
        rows[lag] = np.array(seen)
    now, late = rows[0.001], rows[0.03]
    joints, imu = slice(5, 29), slice(41, 47)
    np.testing.assert_allclose(late[3:, joints], now[:-3, joints], atol=1e-6)
    np.testing.assert_array_equal(late[:3, joints], np.tile(late[0, joints], (3, 1)))
    np.testing.assert_allclose(late[1:, imu], now[:-1, imu], atol=1e-6)
    assert np.abs(late[0, 5:17]).max() > 0.05  # not the default pose, and not 0 rad


def test_noise_has_the_half_range_of_each_row_and_leaves_the_others_exact():
    env, exact = (BipedVectorEnv(50, variation={"noise": level}) for level in ((1.5, 1.5), (0.0, 0.0)))
    differences = [env.reset(seed=0)[0] - exact.reset(seed=0)[0]]
    differences += [env.step(np.zeros((50, 12)))[0] - exact.step(np.zeros((50, 12)))[0] for _ in range(9)]
    for name, place in env.observation_rows.items():
        noise = np.array(differences)[:, :, place]
        half = {"joint_pos": 0.03, "joint_vel": 0.1125, "body_angvel": 0.3, "euler": 0.15}.get(name, 0.0)
        assert half == pytest.approx(1.5 * SIGNALS[name].noise if name in SIGNALS else 0.0)
        assert fills(noise, -half, half, 0.01) if half else not noise.any()
        assert abs(noise.mean()) <= half / 20 and noise.std() == pytest.approx(half / np.sqrt(3), rel=0.03)
    per_step = np.array(differences)[:, :, 5]
    assert np.abs(np.corrcoef(per_step)[np.triu_indices(10, 1)]).max() < 0.6  # new in every step
    assert len(np.unique(per_step)) > 450  # and in every robot


def test_a_push_adds_its_velocity_in_equal_parts_and_is_known_while_it_lasts():
    velocity = np.zeros((2, 6))
    pushes = BodyPushes(velocity, 0.2, 50, turn=0.3, steps=10)
    pushes.reset(np.arange(2), [np.random.default_rng(i) for i in range(2)])
    track, known = [], []
    for _ in range(400):
        pushes.step()
        track.append(velocity.copy()), known.append(pushes.current.copy())
    track, known = np.array(track), np.array(known)
    added = np.diff(np.concatenate([np.zeros((1, 2, 6)), track]), axis=0)[:, :, [0, 1, 3, 4, 5]]
    np.testing.assert_allclose(added, known / 10, atol=1e-12)
    assert not track[:, :, 2].any()
    for i in range(2):
        active = known[:, i].any(axis=1)
        starts = np.flatnonzero(np.diff(np.concatenate([[False], active]).astype(int)) == 1)
        assert active.sum() in range(10 * len(starts) - 9, 10 * len(starts) + 1) and 5 <= len(starts) <= 12
        assert set(np.diff(starts)) <= set(range(25, 76))
    speed = np.hypot(known[:, :, 0], known[:, :, 1])
    assert 0.1 < speed.max() <= 0.2 and 0.2 < np.abs(known[:, :, 2:]).max() <= 0.3


def test_pushes_grow_with_their_scale():
    largest = []
    for scale in (0.2, 1.0):
        env = BipedVectorEnv(16, variation={"push_speed": 0.5, "push_turn": 0.5, "push_interval": 0.1}, **STILL)
        env.set_push_scale(scale)
        env.reset(seed=0)
        known = [env.step(np.zeros((16, 12))) and env.task.randomisation.pushes.current.copy() for _ in range(15)]
        largest.append(np.abs(known).max())
    assert 0.05 < largest[0] <= 0.1 and 0.3 < largest[1] <= 0.5


def test_what_varies_changes_neither_the_command_nor_the_start_of_a_seed():
    varied, nominal = (BipedVectorEnv(8, variation=v) for v in (TRAINING_VARIATION, {}))
    (_, info), (_, wanted) = varied.reset(seed=0), nominal.reset(seed=0)
    np.testing.assert_array_equal(info["commanded_velocity"], wanted["commanded_velocity"])
    np.testing.assert_array_equal(varied.task.clock.phase, nominal.task.clock.phase)


def test_a_varied_vector_is_its_singles_bit_for_bit_across_ends():
    changes = {"variation": replace(TRAINING_VARIATION, push_interval=0.1), "start_spread": 0.1, "max_episode_steps": 12}
    vector, singles = BipedVectorEnv(3, **changes), [BipedEnv(**changes) for _ in range(3)]
    rows = vector.reset(seed=5)[0]
    lone = [env.reset(seed=5 + i)[0] for i, env in enumerate(singles)]
    for action in np.random.default_rng(0).uniform(-1, 1, (30, 3, 12)):
        np.testing.assert_array_equal(rows, lone)
        rows, rewards, *_ = vector.step(action)
        for i, env in enumerate(singles):
            lone[i], reward, terminated, truncated, _ = env.step(action[i])
            assert reward == rewards[i]
            if terminated or truncated:
                lone[i], _ = env.reset()


def test_every_robot_is_stepped_by_plain_mujoco_on_its_model():
    env = BipedVectorEnv(2, variation=replace(TRAINING_VARIATION, action_lag=(0.0, 0.0), push_speed=0.0, push_turn=0.0))
    env.reset(seed=0)
    sim = env.task.sim
    for action in np.random.default_rng(0).uniform(-1, 1, (10, 2, 12)):
        before = sim.state.copy()
        env.step(action)
        for i in range(2):
            model = sim.get_model(i)
            data = mujoco.MjData(model)
            mujoco.mj_setState(model, data, before[i], int(mujoco.mjtState.mjSTATE_INTEGRATION))
            data.ctrl[:] = sim.ctrl[i]
            mujoco.mj_step(model, data, 4)
            np.testing.assert_allclose(data.qpos, sim.bind("qpos")[i], atol=1e-12)


@pytest.mark.parametrize("scale", [-0.1, 1.5, np.nan, "much"])
def test_scales_of_commands_and_pushes_outside_0_to_1_are_refused(scale):
    env = gym.make("envs:Biped-v0").unwrapped
    for change, name in ((env.set_command_scale, "commands"), (env.set_push_scale, "pushes")):
        with pytest.raises(ValueError, match=f"a scale of {name} must"):
            change(scale)
    env.close()
