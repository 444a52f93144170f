"""Vectors of the Real-World RL domains: dm_control's numbers, the infos of Gymnasium's vectors, refused steps, snapshots."""

from functools import partial

import numpy as np
import pytest
from gymnasium.error import ClosedEnvironmentError, ResetNeeded
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.wrappers import TimeLimit

from envs.rwrl.env import RWRLEnv
from envs.rwrl_env import RWRLVectorEnv
from envs.wrappers.perturbed import made_perturbable
from tests.helpers.rwrl_tasks import every_task, same_parts


@every_task
def test_observations_and_rewards_are_those_of_dm_control_for_any_state_of_many_simulations(domain, task):
    vector, draw = RWRLVectorEnv(4, domain, task), np.random.default_rng(2)
    vector.reset(seed=1)
    changed = vector.envs[2]
    changed.perturb({name: np.array([known.high]) for name, known in changed.perturbations.items()})
    vector.reset(seed=2)
    rewards = []
    for _ in range(30):
        for env in vector.envs:  # states far from each other, and controls beyond their range
            env.data.qvel[:] += draw.normal(0, 0.4, env.model.nv)
        shown, paid, *_ = vector.step(draw.uniform(-1.5, 1.5, vector.action_space.shape))
        for i, env in enumerate(vector.envs):
            same_parts({name: part[i] for name, part in shown.items()}, env._task.get_observation(env.physics))
            np.testing.assert_allclose(paid[i], env._task.get_reward(env.physics), rtol=1e-11, atol=1e-15)
        rewards += paid.tolist()
    assert len(set(rewards)) > 60


def test_simulation_i_of_a_vector_is_the_single_environment_of_seed_plus_i_across_ends():
    vector = RWRLVectorEnv(2, "cartpole", "swingup", max_episode_steps=7)
    singles = [RWRLEnv("cartpole", "swingup") for _ in range(2)]
    shown, _ = vector.reset(seed=7)
    lone = [env.reset(seed=7 + i)[0] for i, env in enumerate(singles)]
    made_perturbable(vector)[1].perturb({"pole_length": np.array([2.0])}, np.array([1]))
    singles[1].perturb({"pole_length": np.array([2.0])})
    for step in range(1, 20):
        np.testing.assert_array_equal(shown["position"], [part["position"] for part in lone])
        actions = np.sin(3.0 * step + np.arange(2))[:, None]
        shown, rewards, _, truncated, _ = vector.step(actions)
        for i, env in enumerate(singles):
            lone[i], reward, *_ = env.step(actions[i])
            assert reward == rewards[i]
            if step % 7 == 0:
                lone[i], _ = env.reset()
        assert truncated.all() == (step % 7 == 0)


@pytest.mark.parametrize("mode", AutoresetMode)
def test_the_infos_of_a_vector_are_those_that_gymnasium_collects_from_single_environments(mode):
    ours = RWRLVectorEnv(3, "walker", "walk", max_episode_steps=9, autoreset_mode=mode)
    theirs = SyncVectorEnv([partial(limited, length) for length in (4, 9, 6)], autoreset_mode=mode)
    for env, length in zip(ours.envs, (4, 9, 6)):
        env._max_episode_steps = length
    same_infos(ours.reset(seed=5)[1], theirs.reset(seed=5)[1])
    diverged = 0
    for step in range(25):
        if step == 13:
            for vector in (ours, theirs):
                vector.envs[1].unwrapped.data.qvel[2] = np.nan
        results = [vector.step(np.full((3, 6), np.sin(step), np.float32)) for vector in (ours, theirs)]
        same_infos(*({"all": part} for part in results))
        diverged += int(results[0][2].sum())
        if mode == AutoresetMode.DISABLED and (over := results[0][2] | results[0][3]).any():
            results = [vector.reset(options={"reset_mask": over.copy()}) for vector in (ours, theirs)]
            same_infos(*({"all": part} for part in results))
    assert diverged == 1


def limited(length):
    return TimeLimit(RWRLEnv("walker", "walk"), length)


def same_infos(ours, theirs):
    """Checks that nested infos have the same keys, values, shapes and types."""
    if isinstance(theirs, dict):
        assert ours.keys() == theirs.keys()
        for name, part in theirs.items():
            same_infos(ours[name], part)
    elif isinstance(theirs, tuple) or (isinstance(theirs, np.ndarray) and theirs.dtype.kind == "O"):
        assert len(ours) == len(theirs)
        for one, other in zip(ours, theirs):
            same_infos(one, other)
    else:
        assert type(ours) is type(theirs) and getattr(ours, "dtype", None) == getattr(theirs, "dtype", None)
        np.testing.assert_array_equal(ours, theirs)


def test_a_step_that_a_vector_refuses_moves_no_simulation():
    vector = RWRLVectorEnv(2, "cartpole", "swingup", max_episode_steps=2, autoreset_mode="disabled")
    good, wide, nan = np.ones((2, 1)), np.ones((3, 1)), np.array([[1.0], [np.nan]])
    vector.envs[0].reset(seed=0)
    refused(vector, good, ResetNeeded, "before its first step")
    vector.reset(seed=0)
    refused(vector, wide, ValueError, r"\(2, 1\), got \(3, 1\)")
    refused(vector, nan, ValueError, "NaN")
    vector.step(good)
    vector.reset(options={"reset_mask": np.array([False, True])})
    assert vector.step(good)[3].tolist() == [True, False]
    refused(vector, good, ResetNeeded, r"simulations \[0\] have ended")
    vector.close()
    refused(vector, good, ClosedEnvironmentError, "closed")


def refused(vector, actions, error, words):
    """Checks that a step is refused, and changes neither states nor ages."""
    states = [(env.unwrapped.data.qpos.copy(), env.unwrapped.data.time, env._elapsed_steps) for env in vector.envs]
    with pytest.raises(error, match=words):
        vector.step(actions)
    for env, (qpos, time, age) in zip(vector.envs, states):
        np.testing.assert_array_equal(env.unwrapped.data.qpos, qpos)
        assert (env.unwrapped.data.time, env._elapsed_steps) == (time, age)


@pytest.mark.parametrize("mode", ["next_step", "disabled"])
def test_a_snapshot_contains_which_episodes_have_ended(mode):
    one, other = (RWRLVectorEnv(2, "cartpole", "swingup", 3, autoreset_mode=mode) for _ in range(2))
    for vector, steps in ((one, 3), (other, 1)):
        vector.reset(seed=4)
        for _ in range(steps):
            vector.step(np.ones((2, 1)))
    ended, running = one.snapshot(), other.snapshot()
    one.restore_snapshot(running), other.restore_snapshot(ended)
    assert not one.step(np.ones((2, 1)))[3].any()
    if mode == "disabled":
        refused(other, np.ones((2, 1)), ResetNeeded, "have ended")
    else:
        _, rewards, *ends, _ = other.step(np.ones((2, 1)))
        assert not np.any([rewards, *ends]) and [env._elapsed_steps for env in other.envs] == [0, 0]


def test_a_reset_of_some_simulations_returns_the_current_observations_of_the_others():
    vector, some = RWRLVectorEnv(3, "walker", "walk"), np.array([False, True, False])
    first, _ = vector.reset(seed=[0, 1, 2], options={"reset_mask": some})
    np.testing.assert_array_equal(first["velocity"][some], [vector.envs[1].data.qvel])
    vector.reset(seed=5)
    saved = vector.snapshot()
    vector.step(np.ones((3, 6)))
    vector.restore_snapshot(saved)
    shown, _ = vector.reset(options={"reset_mask": some})
    np.testing.assert_array_equal(shown["velocity"], [env.data.qvel for env in vector.envs])
