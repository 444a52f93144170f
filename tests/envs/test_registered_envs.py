"""The contract of every registered environment."""

import copy
import json
import pickle
import subprocess
import sys
import warnings
from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from stable_baselines3.common.env_checker import check_env as check_env_for_sb3

import envs  # noqa: F401
from algorithms.vec_env import make_batch_vec_env
from envs.residual_walk.variation import TRAINING_VARIATION
from run_folder.snapshot import capture, pack, restore, unpack
from tests.helpers.perturbations import ranges_of
from utils.kernels import total

IDS = sorted(name for name, spec in gym.registry.items() if str(spec.entry_point).startswith("envs."))
TASK_IDS = [name for name in IDS if not name.startswith("RWRL")]  # RWRL are dm_control's tasks
VECTOR_IDS = [name for name in TASK_IDS if gym.spec(name).vector_entry_point]
FACE_IDS = [name for name in VECTOR_IDS if not name.startswith("Shadow")]  # based on TaskEnv and TaskVectorEnv
BATCH_IDS = [name for name in FACE_IDS if name != "Toy-v0"]  # the ones on the batch engine
every_id = pytest.mark.parametrize("env_id", IDS)
every_task_id = pytest.mark.parametrize("env_id", TASK_IDS)
every_vector_id = pytest.mark.parametrize("env_id", VECTOR_IDS)
every_face_id = pytest.mark.parametrize("env_id", FACE_IDS)
every_batch_id = pytest.mark.parametrize("env_id", BATCH_IDS)
# About half of the episodes have delayed controls, and 50 steps contain about three pushes.
VARIED = {
    "variation": replace(TRAINING_VARIATION, action_delay=0.5, push_interval=0.15),
    "terrain": {"kinds": ["rough"], "levels": [0.3]},
}
every_vector_task, every_batch_task = (
    pytest.mark.parametrize(("env_id", "changes"), [*((env_id, {}) for env_id in ids), ("ResidualWalk-v0", VARIED)])
    for ids in (VECTOR_IDS, BATCH_IDS)
)


every_kept_vector = pytest.mark.parametrize(
    ("env_id", "changes"),
    [
        *((env_id, {}) for env_id in FACE_IDS),
        *((env_id, {"perturb_spec": {"params": ranges_of(env_id)}}) for env_id in FACE_IDS),
        ("ResidualWalk-v0", VARIED),
        ("RWRLCartpoleSwingup-v0", {"combined_challenge": "hard", "safety_spec": {"enable": True}}),
        ("RWRLWalkerWalk-v0", {"combined_challenge": "medium", "observation": "flat"}),
    ],
)


def test_the_ids_of_the_readme_are_registered():
    assert {"ResidualWalk-v0", "AdaptiveWalk-v0"} <= set(IDS)


@every_task_id
def test_gymnasium_accepts_it_without_a_warning(env_id, gl):
    env = gym.make(env_id, render_mode="rgb_array", disable_env_checker=True)
    with warnings.catch_warnings():
        # The checker also asks for the human mode, which needs a display.
        warnings.filterwarnings("ignore", message=".*environment spec.*")
        check_env(env.unwrapped, skip_render_check=True)
    env.reset(seed=0)
    assert env.render().dtype == np.uint8
    env.close()


@every_task_id
def test_stable_baselines3_accepts_it_without_a_warning(env_id):
    check_env_for_sb3(gym.make(env_id).unwrapped)


@pytest.mark.parametrize("env_id", [*TASK_IDS, "RWRLWalkerWalk-v0"])
def test_the_id_with_its_module_works_without_the_import(env_id):
    code = f"import gymnasium; gymnasium.make('envs:{env_id}').reset(seed=0)"
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


@every_id
def test_same_seed_same_trajectory_and_another_seed_another_one(env_id):
    def trajectory(seed):
        env = gym.make(env_id)
        env.action_space.seed(0)
        first, _ = env.reset(seed=seed)
        return np.array([first] + [env.step(env.action_space.sample())[0] for _ in range(30)])

    np.testing.assert_array_equal(trajectory(3), trajectory(3))
    assert (trajectory(3) != trajectory(4)).any()


@every_id
def test_nothing_draws_from_global_randomness(env_id):
    def trajectory():
        env = gym.make(env_id)
        env.reset(seed=3)
        return np.array([env.step(np.zeros(env.action_space.shape, np.float32))[0] for _ in range(30)])

    np.random.seed(0)
    state = np.random.get_state()[1].copy()
    first = trajectory()
    np.testing.assert_array_equal(np.random.get_state()[1], state)
    np.random.seed(1)
    np.testing.assert_array_equal(first, trajectory())


@every_id
def test_the_reward_is_the_sum_of_its_terms(env_id):
    env = gym.make(env_id)
    env.reset(seed=0)
    env.action_space.seed(0)
    for _ in range(50):
        _, reward, *_, info = env.step(env.action_space.sample())
        assert reward == total(info["reward_terms"].values())


@every_id
def test_observations_and_infos_are_fresh_at_every_step(env_id):
    env = gym.make(env_id)
    observation, info = env.reset(seed=0)
    kept, kept_info = observation.copy(), copy.deepcopy(info)
    env.step(np.ones(env.action_space.shape, np.float32))
    np.testing.assert_array_equal(observation, kept)
    np.testing.assert_equal(info, kept_info)


@every_vector_id
def test_infos_of_a_vector_are_fresh_at_every_step(env_id):
    env = gym.make_vec(env_id, num_envs=3)
    env.reset(seed=0)
    observation, _, _, _, info = env.step(np.zeros(env.action_space.shape, np.float32))
    kept, kept_info = observation.copy(), copy.deepcopy(info)
    for _ in range(5):
        env.step(np.ones(env.action_space.shape, np.float32))
    np.testing.assert_array_equal(observation, kept)
    for name, values in kept_info.items():
        np.testing.assert_equal(info[name], values)


@every_vector_task
def test_simulation_i_of_a_vector_is_the_single_environment_of_seed_plus_i_across_ends(env_id, changes):
    n, steps, length = 3, 130, 50
    vector = gym.make_vec(env_id, num_envs=n, max_episode_steps=length, **changes)
    singles = [gym.make(env_id, max_episode_steps=length, **changes) for _ in range(n)]
    rows, _ = vector.reset(seed=7)
    lone = [env.reset(seed=7 + i)[0] for i, env in enumerate(singles)]
    ends = 0
    for _ in range(steps):
        np.testing.assert_array_equal(rows, lone)
        actions = np.sin(np.arange(n)[:, None] + 9 * rows[:, : vector.single_action_space.shape[0]])
        rows, rewards, terminated, truncated, info = vector.step(actions)
        for i, env in enumerate(singles):
            lone[i], reward, *ended, _ = env.step(actions[i])
            assert (reward, *ended) == (rewards[i], terminated[i], truncated[i])
            if any(ended):
                np.testing.assert_array_equal(info["final_obs"][i], lone[i])
                lone[i], _ = env.reset()
                ends += 1
    assert ends >= 2 * n


@every_vector_task
def test_a_reset_by_mask_starts_those_simulations_anew_as_their_seed_says_and_no_other(env_id, changes):
    env, alike, fresh = (gym.make_vec(env_id, 3, **changes) for _ in range(3))
    for vector in (env, alike):
        vector.reset(seed=1)
        for _ in range(5):
            before = vector.step(np.full(vector.action_space.shape, 0.3))[0]
    observation, _ = env.reset(seed=[None, 8, None], options={"reset_mask": np.array([False, True, False])})
    wanted, _ = fresh.reset(seed=7)
    for _ in range(5):
        np.testing.assert_array_equal(observation, [before[0], wanted[1], before[2]])
        before, wanted, observation = (
            vector.step(np.full(vector.action_space.shape, -0.2))[0] for vector in (alike, fresh, env)
        )


@every_face_id
@pytest.mark.parametrize("mask", [np.zeros(3, bool), np.ones(2, bool), np.array([0, 1, 0])])
def test_a_reset_mask_that_is_none_gets_one_sentence(env_id, mask):
    env = gym.make_vec(env_id, 3)
    with pytest.raises(ValueError, match="reset_mask must have 3 booleans, at least one of them True, got"):
        env.reset(options={"reset_mask": mask})


@every_batch_task
def test_the_number_of_threads_changes_no_bit(env_id, changes):
    def trajectory(threads):
        env = gym.make_vec(env_id, num_envs=5, num_threads=threads, **changes)
        env.reset(seed=1)
        return np.array([env.step(np.full(env.action_space.shape, 0.3))[0] for _ in range(40)])

    np.testing.assert_array_equal(trajectory(1), trajectory(2))


@every_vector_id
def test_terminated_and_truncated_are_never_mixed(env_id):
    env = gym.make_vec(env_id, num_envs=2, max_episode_steps=10)
    env.reset(seed=0)
    for step in range(1, 21):
        _, _, terminated, truncated, info = env.step(np.zeros(env.action_space.shape))
        assert not terminated.any()
        assert truncated.all() == ("final_obs" in info) == (step % 10 == 0)


@every_batch_id
def test_a_simulation_that_breaks_ends_its_episode_alone_and_never_reaches_the_policy(env_id, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # MuJoCo writes its warning to a log file in the current directory
    env, healthy = gym.make_vec(env_id, num_envs=3), gym.make_vec(env_id, num_envs=3)
    env.reset(seed=0), healthy.reset(seed=0)
    actions = np.zeros(env.action_space.shape)
    env.step(actions), healthy.step(actions)
    task = env.unwrapped.task
    task.sim.qvel[1] = np.nan
    rows, rewards, terminated, _, info = env.step(actions)
    wanted, *_ = healthy.step(actions)
    assert terminated.tolist() == [False, True, False]
    assert np.isfinite(rows).all() and np.isfinite(info["final_obs"]).all() and rewards[1] == 0.0
    np.testing.assert_array_equal(rows[[0, 2]], wanted[[0, 2]])
    assert task.failure_count == 1 and np.isnan(task.failures[0].states[-1]).any()
    _, _, terminated, _, _ = env.step(actions)
    assert not terminated.any() and task.failure_count == 1


@every_kept_vector
def test_a_state_that_is_put_back_goes_on_bit_for_bit_across_episode_ends(env_id, changes):
    def started():
        env = make_batch_vec_env(f"envs:{env_id}", 4, seed=1, max_episode_steps=23, **changes)
        capture(env)  # as a training does; what a later capture finds changed is an error
        env.reset()
        return env

    env, again = started(), started()
    actions = np.random.default_rng(0).uniform(-1, 1, (100, 4, *env.action_space.shape))
    for action in actions[:40]:
        env.step(action)
    arrays = {}
    restore(again, unpack(json.loads(json.dumps(pack(capture(env), arrays))), arrays))
    for action in actions[40:]:
        (rows, rewards, ended, infos), others = env.step(action), again.step(action)
        np.testing.assert_array_equal(rows, others[0])
        np.testing.assert_array_equal(rewards, others[1])
        np.testing.assert_array_equal(ended, others[2])
        for info, other in zip(infos, others[3]):
            assert info.keys() == other.keys()
            assert all(info["episode"][name] == other["episode"][name] for name in ("r", "l", "final") if info)
    env.close(), again.close()


@every_batch_id
@pytest.mark.parametrize(("action", "words"), [(np.full(99, 0.5), "shape"), (np.nan, "NaN")])
def test_a_wrong_action_is_refused_and_loses_nothing(env_id, action, words):
    env = gym.make(env_id, disable_env_checker=True)
    env.reset(seed=0)
    action = np.full(env.action_space.shape, action) if np.isscalar(action) else action
    before = env.unwrapped.task.sim.state.copy()
    with pytest.raises(ValueError, match=words):
        env.step(action)
    np.testing.assert_array_equal(before, env.unwrapped.task.sim.state)


@every_face_id
def test_an_env_that_is_made_without_its_id_has_the_same_longest_episode(env_id):
    faces = gym.make(env_id).unwrapped, gym.make_vec(env_id, num_envs=1).unwrapped
    assert {face.default_episode_steps for face in faces} == {gym.spec(env_id).max_episode_steps}


@every_batch_id
def test_building_leaves_the_default_config_as_it_was_and_configs_pickle(env_id):
    env = gym.make(env_id, **setting(env_id))
    config = env.unwrapped.config
    assert type(config)() == type(config)() != config
    assert pickle.loads(pickle.dumps(config)) == config


@every_batch_id
def test_an_unknown_config_key_names_the_nearest(env_id):
    ((name, value),) = setting(env_id).items()
    with pytest.raises(ValueError, match=f"did you mean {name}"):
        gym.make(env_id, **{f"{name}s": value})


@every_batch_id
def test_an_unknown_render_mode_or_reset_option_lists_what_exists(env_id):
    with pytest.raises(ValueError, match="rgb_array"):
        gym.make(env_id).unwrapped.__class__(render_mode="ascii")
    listed = ", ".join(gym.make(env_id).unwrapped.task.reset_options) or "none"
    with pytest.raises(ValueError, match=f"'randomise'.*there are {listed}"):
        gym.make(env_id).reset(options={"randomise": True})


def setting(env_id):
    """Returns a field of the task's config with a value other than its default."""
    return {"control_dt": 2 * gym.make(env_id).unwrapped.config.control_dt}
