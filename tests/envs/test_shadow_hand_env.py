"""The Shadow hand: physics, observation and reward of the original, and the repairs around them."""

import copy
import importlib.util
import subprocess
import sys
from types import SimpleNamespace

import gymnasium as gym
import gymnasium_robotics
import mujoco
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium_robotics.utils import mujoco_utils
from stable_baselines3 import HerReplayBuffer
from stable_baselines3.common.env_checker import check_env as check_env_for_sb3
from stable_baselines3.common.vec_env import DummyVecEnv

import envs  # noqa: F401
from envs.shadow_hand.physics import repair
from envs.shadow_hand_env import OBSERVATION, ShadowHandEnv, ShadowHandGoalEnv

gym.register_envs(gymnasium_robotics)
ORIGINALS = {"block": "HandManipulateBlockRotateXYZ", "pen": "HandManipulatePen", "egg": "HandManipulateEggRotate"}
every_object = pytest.mark.parametrize("thing", list(ORIGINALS))
JOINTS = {"hinge": 1, "slide": 1, "ball": 4, "free": 7}


@pytest.fixture(scope="module", params=list(ORIGINALS))
def env(request):
    return ShadowHandEnv(request.param)


def actions(steps, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (steps, 20)).astype(np.float32)


def test_importing_the_ids_loads_neither_the_hand_nor_mujoco():
    code = "import sys, envs; print({'gymnasium_robotics', 'mujoco'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "set()\n"


def unrepaired():
    """Returns a fresh copy of gymnasium-robotics' module as installed."""
    spec = importlib.util.find_spec("gymnasium_robotics.utils.mujoco_utils")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_repaired_module_reads_and_writes_every_kind_of_joint():
    bodies = [f'<body><joint name="{kind}" type="{kind}"/><geom size=".1"/></body>' for kind in JOINTS]
    model = mujoco.MjModel.from_xml_string(f"<mujoco><worldbody>{''.join(bodies)}</worldbody></mujoco>")
    data = mujoco.MjData(model)
    data.qpos = np.arange(13) + 0.5
    module = unrepaired()
    with pytest.raises(AssertionError):
        module.get_joint_qpos(model, data, "hinge")
    repair(module)
    for name, size in JOINTS.items():
        start = model.jnt_qposadr[model.joint(name).id]
        np.testing.assert_array_equal(module.get_joint_qpos(model, data, name), data.qpos[start : start + size])
        module.set_joint_qpos(model, data, name, np.full(size, 7.0))
        np.testing.assert_array_equal(data.qpos[start : start + size], 7.0)


def test_the_repair_stays_inside_its_module():
    before = dict(vars(mujoco))
    module = unrepaired()
    repair(module)
    assert vars(mujoco) == before and module.mujoco is not mujoco
    assert isinstance(mujoco.mjtJoint.mjJNT_HINGE, mujoco.mjtJoint)
    assert module.mujoco.mj_step is mujoco.mj_step


def test_a_trajectory_is_that_of_bare_mujoco_with_the_same_controls_bit_for_bit(env):
    env.reset(seed=0)
    model = mujoco.MjModel.from_xml_path(env.hand.fullpath)
    data, kind = mujoco.MjData(model), mujoco.mjtState.mjSTATE_INTEGRATION
    state = np.empty(mujoco.mj_stateSize(model, kind))
    mujoco.mj_getState(env.model, env.data, state, kind)
    mujoco.mj_setState(model, data, state, kind)
    low, high = model.actuator_ctrlrange.T
    for action in actions(30):
        env.step(action)
        data.ctrl = (low + high) / 2 + action * ((high - low) / 2)
        mujoco.mj_step(model, data, nstep=20)
        np.testing.assert_array_equal(data.qpos, env.data.qpos)
        np.testing.assert_array_equal(data.qvel, env.data.qvel)


@every_object
@pytest.mark.parametrize(("reward", "suffix"), [("dense", "Dense"), ("sparse", "")])
def test_it_plays_as_the_original_does(thing, reward, suffix):
    original, ours = gym.make(f"{ORIGINALS[thing]}{suffix}-v1"), ShadowHandEnv(thing, reward)
    assert original.spec.max_episode_steps == gym.spec(f"ShadowHand{thing.title()}-v0").max_episode_steps == 100
    native = original.unwrapped
    mujoco.mj_resetData(native.model, native.data)  # the original does not do this
    wanted, _ = original.reset(seed=3)
    row, _ = ours.reset(seed=3)
    for action in actions(20):
        flat = np.concatenate([wanted[name] for name in ("achieved_goal", "desired_goal", "observation")])
        np.testing.assert_array_equal(row, flat.astype(np.float32))
        wanted, wanted_reward, *_, wanted_info = original.step(action)
        row, paid, *_, info = ours.step(action)
        assert paid == native.compute_reward(row[:7].astype(float), row[7:14].astype(float), {})
        assert paid == pytest.approx(wanted_reward, abs=1e-5)
        assert info["is_success"] == wanted_info["is_success"]


def test_the_target_reached_is_a_success_in_both_rewards(env):
    env.reset(seed=0)
    env.step(np.zeros(20))
    env.hand.goal = env.data.qpos[24:31].copy()
    _, dense, *_, info = env.step(np.zeros(20))
    sparse = ShadowHandEnv._reward_terms(SimpleNamespace(reward="sparse", hand=env.hand), 0.0, 0.05)
    assert info["is_success"] and -0.1 < dense <= 0 and sparse == {"unsolved": 0.0}


def test_every_number_of_the_observation_has_its_place(env):
    row, _ = env.reset(seed=0)
    names = [env.model.joint(i).name for i in range(24)]
    assert all(name.startswith("robot0:") for name in names)
    slices = OBSERVATION.slices
    np.testing.assert_array_equal(row[slices["joint_positions"]], [np.float32(env.data.joint(n).qpos[0]) for n in names])
    np.testing.assert_array_equal(row[slices["joint_velocities"]], [np.float32(env.data.joint(n).qvel[0]) for n in names])
    velocity = np.concatenate([row[slices["object_velocity"]], row[slices["object_spin"]]])
    np.testing.assert_array_equal(velocity, env.data.joint("object:joint").qvel.astype(np.float32))


def test_a_seed_decides_everything_whatever_came_before(env):
    def played():
        rows = [env.reset(seed=1)[0]]
        return np.array(rows + [env.step(action)[0] for action in actions(10)])

    first = played()
    env.data.qacc_warmstart[:] = 100.0  # as a violent end of an episode leaves it
    env.data.qfrc_applied[:] = 0.1  # as if a user had pushed the hand
    np.testing.assert_array_equal(first, played())


def test_an_object_that_never_stays_in_the_hand_is_told_not_tried_for_ever(monkeypatch):
    monkeypatch.setattr("envs.shadow_hand.physics._START_TRIES", 3)
    env = ShadowHandEnv("block")
    env.hand.model.opt.gravity[2] = -1e5
    with pytest.raises(RuntimeError, match="falls out of the hand at every start"):
        env.reset(seed=0)


@every_object
def test_goal_observations_are_the_same_numbers_and_their_reward_can_be_computed_again(thing):
    flat, goal = ShadowHandEnv(thing), ShadowHandGoalEnv(thing)
    row, (blocks, _) = flat.reset(seed=0)[0], goal.reset(seed=0)
    for action in actions(5):
        joined = np.concatenate([blocks[name] for name in ("achieved_goal", "desired_goal", "observation")])
        np.testing.assert_array_equal(row, joined)
        row, reward, *_ = flat.step(action)
        blocks, again, _, _, info = goal.step(action)
        assert reward == again == goal.compute_reward(blocks["achieved_goal"], blocks["desired_goal"], info)


@pytest.mark.parametrize("reward", ["dense", "sparse"])
@every_object
def test_rewards_of_many_goals_are_those_of_each(thing, reward):
    env = ShadowHandGoalEnv(thing, reward)
    native = gym.make(f"{ORIGINALS[thing]}{'Dense' if reward == 'dense' else ''}-v1").unwrapped
    goals = np.random.default_rng(0).normal(size=(2, 40, 7))
    goals[1, :20] = goals[0, :20]
    goals[1, :20, 0] += np.repeat([0.0, 0.02, 0.049, 0.051], 5)  # m, around the pen's success threshold
    goals[..., 3:] /= np.linalg.norm(goals[..., 3:], axis=-1, keepdims=True)
    many = env.compute_reward(*goals, [{}] * 40)
    assert many.shape == (40,) and (many[20:] < -0.1).all()
    if thing != "pen":  # its quaternion may be negated by the original's angles, and is then 2 pi away from itself
        assert (many[:20] > -1e-6).all()
    np.testing.assert_array_equal(many, [native.compute_reward(a.copy(), b.copy(), {}) for a, b in zip(*goals)])


@every_object
def test_the_checkers_accept_goal_observations_without_a_warning(thing):
    check_env_for_sb3(ShadowHandGoalEnv(thing))
    check_env(ShadowHandGoalEnv(thing), skip_render_check=True)


def test_a_hindsight_buffer_replays_with_rewards_for_what_was_reached():
    vector = DummyVecEnv([lambda: gym.make("ShadowHandBlock-v0", observation="goal", reward="sparse", max_episode_steps=8)])
    buffer = HerReplayBuffer(64, vector.observation_space, vector.action_space, vector, n_sampled_goal=10**6)
    seen = vector.reset()
    for action in actions(16):
        following, rewards, ended, infos = vector.step(action[None])
        buffer.add(seen, {k: v.copy() for k, v in following.items()}, action[None], rewards, ended, infos)
        seen = following
    sample = buffer.sample(200)
    same = np.isclose(sample.next_observations["achieved_goal"], sample.next_observations["desired_goal"]).all(axis=1)
    rewards = sample.rewards.numpy().ravel()
    assert same.any() and (rewards[same] == 0).all() and set(np.unique(rewards)) <= {-1.0, 0.0}


@pytest.mark.parametrize("kind", [ShadowHandEnv, ShadowHandGoalEnv])
def test_physics_that_goes_wrong_ends_the_episode_with_the_last_good_observation(kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # MuJoCo writes its warning to a log file in the current directory
    env = kind("block")
    env.reset(seed=0)
    shown, *_ = env.step(np.zeros(20))
    last = copy.deepcopy(shown)
    for block in shown.values() if isinstance(shown, dict) else [shown]:
        block[:] = 0  # writing to a returned array changes nothing
    env.data.qvel[5] = np.nan
    observation, reward, terminated, truncated, info = env.step(np.zeros(20))
    assert terminated and not truncated and reward == 0.0 == sum(info["reward_terms"].values()) and not info["is_success"]
    assert info["physics_failure"] == "the physics failed: BADQVEL"
    np.testing.assert_equal(observation, last)
    env.reset(seed=0)
    _, _, terminated, _, info = env.step(np.zeros(20))
    assert not terminated and "physics_failure" not in info


def test_a_vector_starts_anew_what_went_wrong_and_nothing_else(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    vector, healthy = (gym.make_vec("ShadowHandEgg-v0", 2) for _ in range(2))
    for env in (vector, healthy):
        env.reset(seed=0)
    vector.envs[1].unwrapped.data.qvel[5] = np.nan
    rows, _, terminated, _, info = vector.step(np.zeros((2, 20)))
    wanted, *_ = healthy.step(np.zeros((2, 20)))
    assert terminated.tolist() == [False, True] and np.isfinite(rows).all() and np.isfinite(info["final_obs"][1]).all()
    np.testing.assert_array_equal(rows[0], wanted[0])
    assert "BADQVEL" in info["final_info"]["physics_failure"][1]


def test_pictures_show_hand_and_target_and_change_no_bit(gl):
    env, unseen = gym.make("ShadowHandPen-v0", render_mode="rgb_array").unwrapped, ShadowHandEnv("pen")
    assert env._camera._lease is None
    frames = []
    for seed in (0, 1):
        env.reset(seed=seed), unseen.reset(seed=seed)
        for action in actions(3):
            np.testing.assert_array_equal(env.step(action)[0], unseen.step(action)[0])
            frames.append(env.render())
    np.testing.assert_array_equal(env.data.qpos, unseen.data.qpos)
    env.data.qpos[24:31] = [5, 5, 5, 1, 0, 0, 0]  # the object leaves the picture, the target does not
    empty = env.render()
    env.hand.goal[:3] = 5
    assert frames[0].shape == (480, 640, 3) and frames[0].dtype == np.uint8
    changed = [(a != b).any(axis=-1).mean() for a, b in ((frames[2], frames[5]), (empty, env.render()))]
    assert min(changed) > 0.002
    env.close()


@pytest.mark.parametrize(("action", "words"), [(np.full(19, 0.5), "shape"), (np.full(20, np.nan), "NaN")])
def test_a_wrong_action_is_refused_and_loses_nothing(env, action, words):
    env.reset(seed=0)
    before = env.data.qpos.copy()
    with pytest.raises(ValueError, match=words):
        env.step(action)
    np.testing.assert_array_equal(before, env.data.qpos)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"thing": "blok"}, "did you mean block"),
        ({"reward": "shaped"}, "'dense' or 'sparse', got 'shaped'"),
        ({"observation": "dict"}, "'flat' or 'goal', got 'dict'"),
    ],
)
def test_what_there_is_not_gets_one_sentence(settings, words):
    with pytest.raises(ValueError, match=words):
        gym.make("ShadowHandBlock-v0", **settings)
    with pytest.raises(ValueError, match="there are none"):
        ShadowHandEnv("block").reset(options={"randomise": True})
    with pytest.raises(ValueError, match="rgb_array"):
        ShadowHandEnv("block", render_mode="ascii")


def test_the_module_that_was_loaded_is_the_repaired_one():
    assert mujoco_utils.mujoco is not mujoco
