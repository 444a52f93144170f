"""Promises of CubeInHand-v0 beyond the contract of every environment."""

import mujoco
import numpy as np
import pytest
from scipy import stats
from scipy.spatial.transform import Rotation

from envs.cube_in_hand.config import OBSERVATION
from envs.cube_in_hand_env import CubeInHandEnv, CubeInHandVectorEnv

BLOCKS = "joint_pos cube_pos cube_quat target_pos target_quat difference joint_target".split()
STILL = np.zeros(12)


def started(seed=0, **changes):
    env = CubeInHandEnv(**changes)
    env.reset(seed=seed)
    return env


def parts(env, observation):
    return {name: observation[..., where] for name, where in env.task.observation.slices.items()}


def rotation(quat):
    return Rotation.from_quat(np.atleast_2d(quat), scalar_first=True)


def aim(env, *rotation_vector):
    """Sets the target to the cube's orientation, rotated by `rotation_vector` (rad, world frame)."""
    turned = Rotation.from_rotvec(rotation_vector) * rotation(env.task.sim.qpos[:, 19:23])
    env.task.sim.bind("mocap_quat")[:, 0] = turned.as_quat(scalar_first=True)
    env.task.sense()


def test_the_observation_is_two_frames_of_46_values_of_which_the_older_is_the_step_before():
    env = started()
    rows = [env.step(np.full(12, 0.3))[0] for _ in range(4)]
    assert list(env.task.observation.slices) == [*(f"earlier_{name}" for name in BLOCKS), *BLOCKS]
    for before, now in zip(rows, rows[1:]):
        assert now.shape == (92,)
        np.testing.assert_array_equal(now[:46], before[46:])


def test_the_first_observation_holds_the_start_twice():
    first, _ = CubeInHandEnv().reset(seed=3)
    np.testing.assert_array_equal(first[:46], first[46:])


def test_the_observation_holds_what_mujoco_says():
    env = started()
    model = env.model
    for _ in range(20):
        observation, *_ = env.step(np.linspace(-1, 1, 12))
    data, part = env.task.sim.get_data(0), parts(env, observation)
    angles, ranges = data.qpos[:16], model.jnt_range[:16]
    told = model.jnt_range[model.actuator_trnid[:, 0]]
    turned = rotation(data.qpos[19:23]) * rotation(data.mocap_quat[0]).inv()
    expected = {
        "joint_pos": 2 * (angles - ranges[:, 0]) / np.ptp(ranges, axis=1) - 1,
        "cube_pos": data.qpos[16:19],
        "cube_quat": data.qpos[19:23],
        "target_pos": model.key("home").qpos[16:19],
        "target_quat": data.mocap_quat[0],
        "joint_target": 2 * (data.ctrl - told[:, 0]) / np.ptp(told, axis=1) - 1,
    }
    for name, value in expected.items():
        np.testing.assert_allclose(part[name], value, atol=1e-6, err_msg=name)
    np.testing.assert_allclose((rotation(part["difference"]) * turned.inv()).magnitude(), 0.0, atol=1e-6)


def test_every_action_moves_the_servos_targets_at_25_hz_within_soft_limits_around_the_middle():
    env = started()
    told, time, rng = env.task.sim.ctrl[0].copy(), env.task.sim.bind("time"), np.random.default_rng(0)
    low, high = env.model.jnt_range[env.model.actuator_trnid[:, 0]].T
    for step in range(1, 60):
        action = rng.uniform(-1, 1, 12)
        told = np.clip(told + 0.15 * action, low + 0.05 * (high - low), high - 0.05 * (high - low))
        env.step(action)
        np.testing.assert_allclose(env.task.sim.ctrl[0], told, atol=1e-12)
        assert time[0] == pytest.approx(0.04 * step)


def test_a_cube_that_is_left_alone_rests_in_the_palm_for_1000_steps():
    env = started()
    before = env.task.sim.qpos[0].copy()
    for _ in range(1000):
        *_, terminated, truncated, info = env.step(STILL)
        assert not terminated
    assert truncated and info["successes"] == 0
    np.testing.assert_allclose(env.task.sim.qpos[0], before, atol=1e-3)
    assert np.abs(env.task.sim.qvel[0]).max() < 1e-3


def test_targets_are_uniform_on_all_rotations():
    env = CubeInHandVectorEnv(100)
    seen = [parts(env, env.reset(seed=100 * k)[0])["target_quat"] for k in range(20)]
    targets = rotation(np.concatenate(seen))
    for reference in (Rotation.identity(), Rotation.from_euler("xyz", [1.0, 2.0, 3.0])):
        angles = (targets * reference.inv()).magnitude()
        assert stats.kstest(angles, lambda angle: (angle - np.sin(angle)) / np.pi).pvalue > 0.01
        assert angles.mean() == pytest.approx(np.pi / 2 + 2 / np.pi, abs=0.05)
    axes = targets.as_rotvec() / targets.magnitude()[:, None]
    assert np.abs(axes.mean(axis=0)).max() < 0.05


@pytest.mark.parametrize("angle", [0.29, 0.31])
def test_a_cube_within_0_3_rad_of_its_target_counts_and_sees_a_new_one_at_once(angle):
    env = started()
    aim(env, 0.0, 0.0, angle)
    old = env.task.sim.bind("mocap_quat")[0, 0].copy()
    observation, _, terminated, _, info = env.step(STILL)
    assert not terminated and info["rotation_distance"] == pytest.approx(angle, abs=2e-3)
    assert info["successes"] == (angle < 0.3) and info["reward_terms"]["success"] == 40.0 * (angle < 0.3)
    assert (parts(env, observation)["target_quat"] != old.astype(np.float32)).any() == (angle < 0.3)
    *_, info = env.step(STILL)
    assert info["successes"] == (angle < 0.3) and info["reward_terms"]["success"] == 0.0


def test_successes_are_counted_by_episode_and_the_following_targets_hang_on_the_seed_alone():
    def targets(env):
        rows = []
        for _ in range(3):
            aim(env, 0.0, 0.1, 0.0)
            observation, *_, info = env.step(STILL)
            rows.append(parts(env, observation)["target_quat"])
        assert info["successes"] == 3
        return np.array(rows)

    env = started(seed=5)
    first = targets(env)
    np.testing.assert_allclose(np.linalg.norm(first, axis=1), 1.0, atol=1e-6)
    _, info = env.reset(seed=5)
    assert info["successes"] == 0
    np.testing.assert_array_equal(targets(env), first)
    assert (targets(started(seed=6)) != first).all()


def test_quaternions_keep_their_sign_while_the_cube_turns_once_around():
    env = started()
    env.task.sim.qpos[0, 16:19] += [0.0, 0.0, 0.2]
    env.task.sim.qvel[0, 16:19] = [0.0, 0.0, 4.0]
    env.task.sim.qvel[0, 19:22] = [3.0, 6.0, 9.0]
    part = [parts(env, env.step(STILL)[0]) for _ in range(20)]
    turned = 0.0
    for before, now in zip(part, part[1:]):
        same_target = (before["target_quat"] == now["target_quat"]).all()
        for name in ("cube_quat", "difference") if same_target else ("cube_quat",):
            assert before[name] @ now[name] > 0.9
        turned += (rotation(now["cube_quat"]) * rotation(before["cube_quat"]).inv()).magnitude()[0]
    assert turned > 2 * np.pi and min(now["cube_quat"][0] for now in part) < 0


def test_the_difference_to_a_new_target_begins_on_the_short_side():
    env = CubeInHandVectorEnv(200)
    observation, _ = env.reset(seed=0)
    assert (parts(env, observation)["difference"][:, 0] >= 0).all()
    aim(env, 0.1, 0.0, 0.0)
    observation, *_ = env.step(np.zeros((200, 12)))
    assert (parts(env, observation)["difference"][:, 0] >= 0).all()


@pytest.mark.parametrize("place", [(0.13, -0.02, 0.29), (0.31, 0, 0.5), (-0.31, 0, 0.5), (0, 0.31, 0.5), (0, -0.31, 0.5)])
def test_a_dropped_cube_ends_the_episode_costs_forty_and_is_no_success(place):
    env = started()
    aim(env, 0.0, 0.0, 0.0)
    env.task.sim.qpos[0, 16:19] = place
    _, _, terminated, truncated, info = env.step(STILL)
    assert terminated and not truncated and info["dropped"] and info["successes"] == 0
    assert info["reward_terms"]["drop"] == -40.0


def test_the_reward_for_turning_is_the_angle_that_came_nearer_and_the_jump_to_a_new_target_is_none():
    env = started()
    aim(env, 0.0, 0.0, 1.0)
    env.task.sim.qpos[0, 16:19] += [0.0, 0.0, 0.2]
    env.task.sim.qvel[0, 19:22] = rotation(env.task.sim.qpos[0, 19:23]).inv().apply([0.0, 0.0, 5.0])
    distances, terms = [1.0], []
    while distances[-1] >= 0.3:
        *_, info = env.step(STILL)
        distances.append(info["rotation_distance"]), terms.append(info["reward_terms"])
    np.testing.assert_allclose(distances, [1.0, 0.8, 0.6, 0.4, 0.2], atol=0.01)
    np.testing.assert_allclose([term["progress"] for term in terms], -10 * np.diff(distances), atol=1e-9)
    assert [term["success"] for term in terms] == [0.0, 0.0, 0.0, 40.0]
    *_, info = env.step(STILL)
    assert abs(info["reward_terms"]["progress"]) < 2.1 and info["rotation_distance"] > 0.3


def test_the_dense_reward_is_minus_the_angle_to_the_target():
    env = started(reward="dense")
    *_, info = env.step(STILL)
    data = env.task.sim.get_data(0)
    angle = (rotation(data.qpos[19:23]) * rotation(data.mocap_quat[0]).inv()).magnitude()[0]
    assert info["reward_terms"] == {"rotation_distance": pytest.approx(-angle, abs=1e-9)}


def test_a_reset_of_other_hands_judges_no_hand_twice():
    env = CubeInHandVectorEnv(2)
    env.reset(seed=0)
    aim(env, 0.1, 0.0, 0.0)
    *_, info = env.step(np.zeros((2, 12)))
    assert info["successes"].tolist() == [1, 1]
    aim(env, 0.1, 0.0, 0.0)
    _, info = env.reset(options={"reset_mask": np.array([True, False])})
    assert info["successes"].tolist() == [0, 1]


def test_a_hand_whose_physics_breaks_has_not_succeeded(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # MuJoCo writes its warning to a log file in the current directory
    env = started()
    env.task.sim.bind("mocap_quat")[0, 0] = env.model.qpos0[19:23]  # the position of a simulation that breaks
    env.task.sim.qvel[0] = np.nan
    _, reward, terminated, _, info = env.step(STILL)
    assert terminated and reward == 0.0 and info["physics_failed"] and info["successes"] == 0


def test_a_program_outside_is_told_what_an_action_does():
    told = CubeInHandEnv(action_scale=0.1).task.describe()
    assert told["action"][:2] == ["index_spread", "middle_spread"] and told["action_scale_rad"] == 0.1
    assert told["control_rate_hz"] == pytest.approx(25.0)
    assert told["target_low_rad"][3] == pytest.approx(0.05 * 1.501) and told["target_high_rad"][3] == pytest.approx(
        0.95 * 1.501
    )


@pytest.mark.parametrize("change", [{"soft_limits": 0.0}, {"soft_limits": 1.1}, {"action_scale": -1.0}])
def test_a_setting_that_makes_no_sense_gets_one_sentence(change):
    ((name, value),) = change.items()
    with pytest.raises(ValueError, match=f"{name} must .*got {value}"):
        CubeInHandEnv(**change)


@pytest.mark.parametrize(
    "angles", [{"success_angle": 4.0}, {"success_angle": 0.0}, {"target_angle": 0.2}, {"target_angle": 4.0}]
)
def test_angles_that_no_target_can_have_get_one_sentence(angles):
    with pytest.raises(ValueError, match="success_angle and target_angle must rise and lie above 0 and up to pi, got"):
        CubeInHandEnv(**angles)


def test_targets_may_be_kept_near_for_a_curriculum():
    env = CubeInHandVectorEnv(100, target_angle=1.0, success_angle=0.01)  # so small that no target is drawn again
    _, info = env.reset(seed=0)
    assert 0.8 < info["rotation_distance"].max() <= 1.0
    env.set_target_angle(2.0)
    _, farther = env.reset(seed=0)
    np.testing.assert_allclose(farther["rotation_distance"], 2 * info["rotation_distance"])


def test_the_picture_shows_the_target_turned_as_it_is(gl):
    env = CubeInHandEnv(render_mode="rgb_array")
    env.reset(seed=0)
    shown = env.task.sim.get_data(0).body("target").xquat
    np.testing.assert_allclose(shown, env.task.sim.bind("mocap_quat")[0, 0], atol=1e-9)
    first = env.render()
    env.reset(seed=1)
    assert (env.render() != first).any()
    assert mujoco.mj_name2id(env.model, int(mujoco.mjtObj.mjOBJ_CAMERA), "follow") >= 0
    env.close()


def angle_to_target(observation):
    w = np.abs(observation[..., OBSERVATION.slices["difference"].start].astype(float))
    return 2 * np.arccos(np.minimum(w, 1.0))


@pytest.mark.parametrize(("success", "target"), [(0.3, 0.32), (0.3, 0.5), (2.5, np.pi), (0.3, 0.3 + 1e-9)])
def test_no_target_is_reached_before_the_cube_has_turned(success, target):
    env = CubeInHandVectorEnv(200, success_angle=success, target_angle=target)
    assert (angle_to_target(env.reset(seed=0)[0]) > success - 2e-3).all()
    for _ in range(3):
        cube = env.task.sim.qpos[:, -4:]
        env.task.sim.bind("mocap_quat")[:, 0] = cube  # every cube reaches its target in the next step
        observation, _, terminated, _, info = env.step(np.zeros((200, 12)))
        assert not terminated.any() and (angle_to_target(observation) > success - 2e-3).all()
        assert (angle_to_target(observation) < target + 2e-3).all()
    assert (info["successes"] == 3).all()


def test_targets_that_are_drawn_again_are_those_of_the_single_environment():
    settings = {"success_angle": 1.5, "target_angle": 2.0}
    vector, singles = CubeInHandVectorEnv(6, **settings), [CubeInHandEnv(**settings) for _ in range(6)]
    np.testing.assert_array_equal(vector.reset(seed=3)[0], [env.reset(seed=3 + i)[0] for i, env in enumerate(singles)])
    for env in (vector, *singles):
        env.task.sim.bind("mocap_quat")[:, 0] = env.task.sim.qpos[:, -4:]
    action = np.full(12, 0.1)
    np.testing.assert_array_equal(vector.step(np.tile(action, (6, 1)))[0], [env.step(action)[0] for env in singles])
