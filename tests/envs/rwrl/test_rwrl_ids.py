"""The registered ids of the Real-World RL suite: single and vector, flat and dictionary, with and without challenges."""

import subprocess
import sys
import warnings

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from stable_baselines3.common.env_checker import check_env as check_env_for_sb3

import envs  # noqa: F401
from algorithms.vec_env import make_batch_vec_env

IDS = sorted(name for name in gym.registry if name.startswith("RWRL"))
SIZES = {"Cartpole": (5, 3), "Walker": (24, 4), "Quadruped": (78, 4), "Humanoid": (67, 5)}  # observation, constraints
DUMMIES = {None: 0, "easy": 10, "medium": 20, "hard": 50}


def test_the_nine_tasks_are_registered_with_a_thousand_steps_each():
    names = "CartpoleBalance CartpoleSwingup HumanoidStand HumanoidWalk QuadrupedRun QuadrupedWalk WalkerRun WalkerStand"
    assert [f"RWRL{name}-v0" for name in [*names.split(), "WalkerWalk"]] == IDS
    assert all(gym.spec(name).max_episode_steps == 1000 for name in IDS)


def test_importing_the_ids_loads_nothing_heavy():
    code = "import sys, envs; print(sorted({'mujoco', 'dm_control', 'torch'} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


@pytest.mark.parametrize("env_id", IDS)
def test_both_checkers_accept_it(env_id):
    env = gym.make(env_id, disable_env_checker=True)
    with warnings.catch_warnings():
        # dm_control's observations have no bounds, and some actions of its quadruped have limits other than 1.
        for known in (".*infinity", ".*symmetric and normalized"):
            warnings.filterwarnings("ignore", message=known)
        check_env(env.unwrapped, skip_render_check=True)
        check_env_for_sb3(env)


@pytest.mark.parametrize("env_id", IDS)
@pytest.mark.parametrize("level", DUMMIES)
def test_a_flat_observation_has_the_originals_size(env_id, level):
    size, constraints = next(sizes for name, sizes in SIZES.items() if name in env_id)
    env = gym.make(env_id, safety_spec={"enable": True}, combined_challenge=level)
    observation, info = env.reset(seed=0)
    assert observation.shape == (size + constraints + DUMMIES[level],) and observation.dtype == np.float32
    assert len(info["constraints"]) == constraints and env.observation_space.contains(observation)


def test_a_flat_observation_is_the_named_blocks_in_their_order():
    flat, named = (gym.make("RWRLWalkerWalk-v0", observation=kind) for kind in ("flat", "dict"))
    blocks, _ = named.reset(seed=1)
    assert [(name, part.shape, part.dtype) for name, part in blocks.items()] == [
        ("orientations", (14,), np.float32),
        ("height", (1,), np.float32),
        ("velocity", (9,), np.float32),
    ]
    np.testing.assert_array_equal(flat.reset(seed=1)[0], np.concatenate([*blocks.values()]))
    exact, _ = gym.make("RWRLWalkerWalk-v0", observation="dict", exact=True).reset(seed=1)
    assert all(part.dtype == np.float64 for part in exact.values())


def test_the_time_limit_truncates_and_never_terminates():
    env = gym.make("RWRLCartpoleBalance-v0")
    env.reset(seed=0)
    ends = [env.step(np.zeros(1, np.float32))[2:4] for _ in range(1000)]
    assert ends == [(False, False)] * 999 + [(False, True)]


@pytest.mark.parametrize("env_id", ["RWRLCartpoleSwingup-v0", "RWRLWalkerWalk-v0"])
@pytest.mark.parametrize("changes", [{}, {"combined_challenge": "medium", "safety_spec": {"enable": True}}])
def test_simulation_i_of_make_vec_is_make_of_seed_plus_i_across_ends(env_id, changes):
    n, length = 2, 11
    vector = gym.make_vec(env_id, num_envs=n, max_episode_steps=length, **changes)
    singles = [gym.make(env_id, max_episode_steps=length, **changes) for _ in range(n)]
    rows, _ = vector.reset(seed=7)
    lone = [env.reset(seed=7 + i)[0] for i, env in enumerate(singles)]
    for step in range(3 * length):
        np.testing.assert_array_equal(rows, lone)
        actions = np.sin(step + np.arange(vector.action_space.shape[1]) + 9 * np.arange(n)[:, None]).astype(np.float32)
        rows, rewards, terminated, truncated, info = vector.step(actions)
        for i, env in enumerate(singles):
            lone[i], reward, *ended, _ = env.step(actions[i])
            assert (reward, *ended) == (rewards[i], terminated[i], truncated[i])
            if any(ended):
                np.testing.assert_array_equal(info["final_obs"][i], lone[i])
                lone[i], _ = env.reset()


def test_an_exact_vector_is_made_of_exact_single_environments():
    changes = {"exact": True, "delay_spec": {"enable": True, "actions": 2}}
    vector, single = gym.make_vec("RWRLWalkerRun-v0", 2, **changes), gym.make("RWRLWalkerRun-v0", **changes)
    (rows, _), (row, _) = vector.reset(seed=3), single.reset(seed=4)
    np.testing.assert_array_equal(rows[1], row)
    np.testing.assert_array_equal(vector.step(np.ones((2, 6)))[0][1], single.step(np.ones(6))[0])


def test_stable_baselines3s_face_tells_returns_terms_and_ends():
    env = make_batch_vec_env("RWRLCartpoleSwingup-v0", 2, seed=0, max_episode_steps=5, safety_spec={"enable": True})
    env.reset()
    paid = 0.0
    for _ in range(5):
        _, rewards, ended, infos = env.step(np.ones((2, 1), np.float32))
        paid += rewards[0]
    assert ended.all() and infos[0]["TimeLimit.truncated"] and infos[0]["terminal_observation"].shape == (8,)
    episode = infos[0]["episode"]
    assert episode["r"] == pytest.approx(paid) and episode["l"] == 5
    assert episode["terms"] == pytest.approx({"task": paid})
    assert episode["final"] == {"cost": 0.0, "physics_failed": 0.0}


def test_a_divergence_passes_through_all_that_is_around_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    env = make_batch_vec_env("RWRLWalkerWalk-v0", 2, seed=0, combined_challenge="easy", safety_spec={"enable": True})
    env.reset()
    env.step(np.zeros((2, 6)))
    env.env.unwrapped.envs[1].unwrapped.data.qvel[0] = np.nan
    rows, _, ended, infos = env.step(np.zeros((2, 6)))
    assert ended.tolist() == [False, True] and np.isfinite(rows).all() and not infos[1]["TimeLimit.truncated"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"observation": "flatt"}, "observation must be 'flat' or 'dict', got 'flatt'"),
        ({"combined_challenge": "midium"}, "easy, medium, hard"),
        ({"perturb_spec": {"enable": True, "param": "thigh_lenght"}}, "thigh_length"),
    ],
)
def test_a_wrong_argument_is_refused_alike_by_make_and_make_vec(changes, words):
    for make in (gym.make, gym.make_vec):
        with pytest.raises(ValueError, match=words):
            make("RWRLWalkerWalk-v0", **changes)


@pytest.mark.parametrize("exact", [False, True])
def test_the_second_objective_shows_at_reset_what_the_start_is_worth_to_dm_control(exact):
    specs = {"safety_spec": {"enable": True}, "multiobj_spec": {"enable": True, "objective": "safety", "observed": True}}
    env = gym.make("RWRLWalkerWalk-v0", observation="dict", exact=exact, **specs)
    observation, _ = env.reset(seed=5)
    base = env.unwrapped
    worth = base._task.get_reward(base.physics)
    assert worth > 0 and observation["multiobj"][0] == pytest.approx(worth, rel=1e-6)
