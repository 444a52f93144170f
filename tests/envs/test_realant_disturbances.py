"""RealAnt-v0 with failing joints, noise, late controls and pushes: each by its effect on the robot."""

import gymnasium as gym
import numpy as np
import pytest

from envs.locomotion.joint_failures import FAILURES, FORCED
from envs.realant.scene import JOINTS
from envs.realant_env import RealAntEnv, RealAntVectorEnv
from envs.wrappers import Noise
from evaluation.robustness.sweep import make_axis

ANKLE, HIP = JOINTS.index("RL_ankle"), JOINTS.index("FR_hip")


def with_failure(parameter, joint, n=4):
    """Returns n robots, one of whose joints fails from the reset on, after 20 steps of random actions; and their tracks.

    The tracks are joint angles and servo torques, (steps, n, 8) each.
    """
    env = RealAntVectorEnv(
        n, perturb_spec={"params": {parameter: joint}}, variation={"joint_failures": {"strength": (0.3, 0.3)}}
    )
    env.reset(seed=0)
    tracks = []
    for action in np.random.default_rng(0).uniform(-1, 1, (40, n, 8)):
        env.step(action)
        tracks.append((env.task.joint_pos.copy(), env.task.sim.bind("actuator_force").copy()))
    assert env.task.failure_count == 0
    return env, *map(np.array, zip(*tracks))


def current_torque(env):
    """Returns the servos' torques (n, 8) in the current state; a step leaves those of its last physics step."""
    env.task.sim.forward()
    return env.task.sim.bind("actuator_force")


@pytest.mark.parametrize("joint", [ANKLE, HIP])
def test_a_locked_joint_stays_where_it_is_under_load_and_the_others_turn(joint):
    _, angles, torques = with_failure("locked_joint", joint)
    ranges = np.ptp(angles, axis=0)
    assert ranges[:, joint].max() < 0.001 and np.delete(ranges, joint, axis=1).min() > 0.2
    assert np.abs(torques[:, :, joint]).max() > 1.0  # its servo pushes in vain


@pytest.mark.parametrize("joint", [ANKLE, HIP])
def test_a_passive_joint_has_no_torque_and_turns_freely(joint):
    _, angles, torques = with_failure("passive_joint", joint)
    assert not torques[:, :, joint].any() and np.ptp(angles[:, :, joint], axis=0).min() > 0.02
    assert np.abs(np.delete(torques, joint, axis=2)).max(axis=(0, 1)).min() > 0.5


def test_a_robot_whose_joints_are_all_passive_sinks_to_their_stops_on_slippery_ground():
    failures = {"share": 1.0, "joints": (8, 8), "kinds": ("passive",)}
    env = RealAntEnv(variation={"joint_failures": failures, "friction": (0.2, 0.2)})
    env.reset(seed=0)
    for _ in range(60):
        *_, info = env.step(np.zeros(8))
    assert info["failing_joints"] == 8 and info["body_height"] == pytest.approx(0.092, abs=0.002)


def test_a_weak_joint_has_its_share_of_torque_and_stiffness():
    env, _, torques = with_failure("weak_joint", ANKLE)
    assert 0.2 < np.abs(torques[:, :, ANKLE]).max() <= 0.3 * 1.5 + 1e-9
    wanted = np.clip(0.3 * 6 * (env.task.sim.ctrl - env.task.joint_pos), -0.45, 0.45)
    np.testing.assert_allclose(current_torque(env)[:, ANKLE], wanted[:, ANKLE], rtol=1e-9)


def test_an_erratic_joint_has_another_share_of_its_torque_in_every_step():
    env = RealAntVectorEnv(2, perturb_spec={"params": {"erratic_joint": ANKLE}}, start_spread=0.0)
    env.reset(seed=0)
    shares = []
    for _ in range(30):
        env.step(np.zeros((2, 8)))
        shares.append(env.task.joint_failures.strength[:, ANKLE].copy())
        wanted = np.clip(6 * (env.task.sim.ctrl - env.task.joint_pos), -1.5, 1.5)[:, ANKLE] * shares[-1]
        np.testing.assert_allclose(current_torque(env)[:, ANKLE], wanted, rtol=1e-9)
    assert len(np.unique(shares)) == 60 and np.min(shares) < 0.1 and np.max(shares) > 0.9


def test_a_failure_within_an_episode_changes_nothing_else():
    failures = {"share": 1.0, "kinds": ("erratic",)}
    env = gym.make_vec("envs:RealAnt-v0", num_envs=2, variation={"mass": (1.2, 1.2), "joint_failures": failures})
    env.reset(seed=0)
    env.unwrapped.perturb({"mass": np.array([1.5])}, np.array([0]))  # from the next reset on
    mass = env.unwrapped.task.variation.values["mass"]
    for wanted in ([1.2, 1.2], [1.5, 1.2]):
        for _ in range(3):
            np.testing.assert_array_equal(mass, wanted)
            env.step(np.zeros((2, 8)))
        env.reset(seed=1)
    env.close()


def test_failures_are_drawn_for_each_episode_and_end_after_their_duration():
    failures = {"share": 0.5, "joints": (1, 3), "start": (0, 5), "duration": (3, 6)}
    env = RealAntVectorEnv(100, variation={"joint_failures": failures})
    env.reset(seed=0)
    counts = [env.step(np.zeros((100, 8)))[-1]["failing_joints"] for _ in range(14)]
    most = np.max(counts, axis=0)
    assert 0.35 < (most > 0).mean() < 0.65 and set(most) == {0, 1, 2, 3} and not counts[-1].any()
    kinds = env.task.joint_failures.kind.copy()
    assert set(kinds[kinds >= 0]) == {*range(len(FAILURES))}
    env.reset(seed=1)
    assert (env.task.joint_failures.kind != kinds).any()


@pytest.mark.parametrize("kind", FAILURES)
def test_joints_that_fail_under_random_actions_keep_the_physics_finite(kind):
    failures = {"share": 1.0, "joints": (1, 3), "kinds": (kind,), "start": (0, 30), "duration": (20, 40)}
    env = RealAntVectorEnv(64, num_threads=1, variation={"joint_failures": failures})
    env.reset(seed=0)
    random, speed = np.random.default_rng(0), np.zeros(64)
    for step in range(60):
        if step % 5 == 0:
            action = random.uniform(-1, 1, (64, 8))
        env.step(action)
        locked = env.task.joint_failures.locked
        speed = np.maximum(speed, np.abs(env.task.joint_vel * locked).max(axis=1))
    assert env.task.failure_count == 0 and speed.max() < 0.01


def test_the_share_of_failures_changes_no_start():
    rows = [RealAntVectorEnv(8, variation={"joint_failures": {"share": share}}).reset(seed=0)[0] for share in (0.1, 0.9)]
    np.testing.assert_array_equal(*rows)


def test_a_sweep_over_failing_joints_visits_each_joint_once_and_none():
    known = RealAntEnv().perturbations
    for name in FORCED:
        assert make_axis(known, name).values == (-1.0, *range(8))


def test_a_joint_with_several_kinds_of_failure_has_the_last():
    env = RealAntEnv(perturb_spec={"params": {"weak_joint": 2, "locked_joint": 2, "passive_joint": 5}})
    env.reset(seed=0)
    weak, passive = FAILURES.index("weak"), FAILURES.index("passive")
    assert env.task.joint_failures.kind.tolist() == [[-1, -1, weak, -1, -1, passive, -1, -1]]


def test_noise_is_given_in_the_units_of_each_row():
    std = {"joint_pos": 0.02, "joint_vel": 0.3, "body_angvel": 0.1}  # rad, rad/s, rad/s
    plain, noisy = gym.make("envs:RealAnt-v0"), Noise(gym.make("envs:RealAnt-v0"), gaussian={"observations": std})
    plain.reset(seed=0), noisy.reset(seed=0)
    actions = np.random.default_rng(0).uniform(-1, 1, (300, 8)).astype(np.float32)
    noise = np.array([noisy.step(action)[0] - plain.step(action)[0] for action in actions])
    for name, place in plain.unwrapped.task.observation.slices.items():
        np.testing.assert_allclose(noise[:, place].std(), std.get(name, 0.0), rtol=0.1, atol=1e-12)


def test_late_controls_arrive_as_many_steps_later_as_the_latency_says():
    env = RealAntEnv(perturb_spec={"params": {"latency": 2}})
    env.reset(seed=0)
    sent = []
    for step in range(5):
        env.step(np.full(8, 0.1 * step))
        sent.append(env.task.sim.ctrl[0, 0])
    np.testing.assert_allclose(sent, 0.1 * np.radians(40) * np.array([0, 0, 0, 1, 2]), atol=1e-12)


def test_body_and_ground_are_drawn_from_the_ranges_and_pushes_move_the_robot():
    ranges = {"friction": (0.5, 0.6), "mass": (0.8, 1.2), "servo_strength": (0.9, 1.0)}
    env = RealAntVectorEnv(40, variation=ranges | {"push_speed": 0.5, "push_interval": 1.0})
    env.reset(seed=0)
    model, variation = env.task.sim.model, env.task.variation
    for field, row, name in (
        ("geom_friction", (model.geom("ground").id, 0), "friction"),
        ("body_mass", (model.body("torso").id,), "mass"),
        ("actuator_forcerange", (3, 1), "servo_strength"),
    ):
        scale = variation.current(field, np.arange(40))[(slice(None), *row)] / getattr(model, field)[row]
        low, high = ranges[name]
        assert low <= scale.min() and scale.max() <= high and np.ptp(scale) > 0.8 * (high - low)
    speeds = np.array([env.step(np.zeros((40, 8))) and np.linalg.norm(env.task.sim.qvel[:, :2], axis=1) for _ in range(40)])
    assert (speeds.max(axis=0) > 0.05).mean() > 0.7
