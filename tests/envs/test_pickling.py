"""Pickled and deep-copied environments continue bit for bit like the original, across episode ends."""

import copy
import pickle
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from stable_baselines3.common.vec_env import SubprocVecEnv

import envs  # noqa: F401
from envs import challenges
from envs.residual_walk.variation import TRAINING_VARIATION
from tests.helpers.pickled_tasks import CountingToy
from utils.snapshot import UnkeptError

IDS = sorted(name for name, spec in gym.registry.items() if str(spec.entry_point).startswith("envs."))
PERTURBED = {"perturb_spec": {"enable": True, "scheduler": "random_walk", "period": 2}}
NOISE = {
    "gaussian": {"actions": 0.1, "observations": 0.1},
    "dropped": {"observations_prob": 0.1, "observations_steps": 3},
    "stuck": {"observations_prob": 0.1, "observations_steps": 3},
    "repetition": {"actions_prob": 0.5, "actions_steps": 3},
}
CHALLENGES = {
    "noise_spec": {kind: {"enable": True, **own} for kind, own in NOISE.items()},
    "delay_spec": {"enable": True, "actions": (0, 3), "observations": (1, 4), "rewards": 2},
    "dimensionality_spec": {"enable": True, "num_random_state_observations": 2},
}
RWRL = CHALLENGES | PERTURBED | {
    "safety_spec": {"enable": True, "constraints": ["action_roc"]},
    "multiobj_spec": {"enable": True, "objective": "safety", "reward": True, "coeff": 0.3, "observed": True},
}  # fmt: skip
VARIED = {
    "variation": replace(TRAINING_VARIATION, action_delay=0.5, push_interval=0.15),
    "terrain": {"kinds": ["rough"], "levels": [0.3]},
}
CASES = [
    *((env_id, {}) for env_id in IDS),
    *((env_id, PERTURBED) for env_id in IDS if not env_id.startswith("RWRL")),
    ("ResidualWalk-v0", VARIED),
    ("ResidualWalk-v0", {"privileged": True}),
    *((f"RWRL{name}-v0", RWRL) for name in ("CartpoleSwingup", "WalkerWalk", "QuadrupedWalk", "HumanoidStand")),
    ("RWRLWalkerWalk-v0", {"combined_challenge": "hard", "observation": "dict"}),
    ("RWRLCartpoleBalance-v0", {"combined_challenge": "medium", "safety_spec": {"enable": True}, "exact": True}),
]
every_case = pytest.mark.parametrize(
    ("env_id", "settings"), CASES, ids=[f"{env_id}-{'-'.join(settings)}" for env_id, settings in CASES]
)
pickled = lambda env: pickle.loads(pickle.dumps(env))  # noqa: E731
every_copy = pytest.mark.parametrize("copied", [pickled, copy.deepcopy], ids=["pickle", "deepcopy"])


def single(env_id, **settings):
    return gym.make(env_id, max_episode_steps=9, **settings)


def vector(env_id, **settings):
    return gym.make_vec(env_id, num_envs=3, max_episode_steps=9, **settings)


def numbers(value):
    """Returns every number in a result of `step` or `reset` as one array; objects and their nesting aside."""
    if isinstance(value, Mapping):
        return np.concatenate([np.zeros(0), *(numbers(value[name]) for name in sorted(value))])
    if isinstance(value, (tuple, list)) or (isinstance(value, np.ndarray) and value.dtype == object):
        return np.concatenate([np.zeros(0), *map(numbers, value)])
    return np.zeros(0) if value is None or isinstance(value, str) else np.ravel(np.asarray(value, float))


def rollout(env, actions):
    """Returns all numbers of these steps; a single environment is reset where an episode has ended."""
    seen = []
    for action in actions:
        result = env.step(action)
        seen.append(numbers(result))
        if not hasattr(env, "num_envs") and (result[2] or result[3]):
            seen.append(numbers(env.reset()))
        elif env.metadata.get("autoreset_mode") == AutoresetMode.DISABLED and (result[2] | result[3]).any():
            seen.append(numbers(env.reset(options={"reset_mask": result[2] | result[3]})))
    return seen


def actions_for(env, steps):
    return np.random.default_rng(0).uniform(-1, 1, (steps, *env.action_space.shape)).astype(np.float32)


def assert_continues_alike(env, copied, before=5, after=25):
    """Compares a copy, made in the middle of an episode, with its original; the copy is stepped first."""
    actions = actions_for(env, before + after)
    env.reset(seed=4), env.action_space.seed(0)
    rollout(env, actions[:before])
    twin = copied(env)
    assert type(twin) is type(env) and twin.unwrapped is not env.unwrapped
    others = rollout(twin, actions[before:])
    for own, other in zip(rollout(env, actions[before:]), others, strict=True):
        np.testing.assert_array_equal(own, other)
    np.testing.assert_array_equal(env.action_space.sample(), twin.action_space.sample())
    np.testing.assert_array_equal(numbers(env.reset()), numbers(twin.reset()))


@every_copy
@every_case
def test_a_copy_of_a_single_environment_continues_bit_for_bit(env_id, settings, copied):
    assert_continues_alike(single(env_id, **settings), copied)


def test_a_copy_does_not_depend_on_what_the_caller_does_with_the_arguments():
    terrain = {"kinds": ["rough"], "levels": [0.5, 1.0], "seed": 0}
    env = gym.make("envs:ResidualWalk-v0", terrain=terrain)
    terrain["seed"] = 1
    terrain["levels"].clear()
    env.reset(seed=0)
    assert_continues_alike(env, copy.deepcopy)


@every_copy
@every_case
def test_a_copy_of_a_vector_continues_bit_for_bit(env_id, settings, copied):
    assert_continues_alike(vector(env_id, **settings), copied)


@pytest.mark.parametrize("mode", ["next_step", "disabled"])
@pytest.mark.parametrize("env_id", ["ResidualWalk-v0", "RWRLCartpoleSwingup-v0", "ShadowHandBlock-v0"])
def test_a_copy_of_a_vector_continues_in_every_autoreset_mode(env_id, mode):
    assert_continues_alike(vector(env_id, autoreset_mode=mode), pickled)


@every_copy
@pytest.mark.parametrize("make", [single, vector])
@pytest.mark.parametrize("env_id", ["ResidualWalk-v0", "CubeInHand-v0", "Toy-v0"])
def test_a_copy_of_an_environment_with_challenges_continues_bit_for_bit(env_id, make, copied):
    assert_continues_alike(challenges.apply(make(env_id), **CHALLENGES, **PERTURBED), copied)


@pytest.mark.parametrize("make", [single, vector])
@pytest.mark.parametrize("env_id", ["CubeInHand-v0", "RWRLWalkerWalk-v0", "ShadowHandEgg-v0", "Toy-v0"])
def test_a_copy_made_before_the_first_reset_is_like_the_original(env_id, make):
    env = make(env_id)
    twin = pickled(env)
    np.testing.assert_array_equal(numbers(env.reset(seed=1)), numbers(twin.reset(seed=1)))
    with pytest.raises(gym.error.ResetNeeded):
        pickled(make(env_id)).step(actions_for(env, 1)[0])


@pytest.mark.parametrize("env_id", ["ResidualWalk-v0", "CubeInHand-v0", "RWRLWalkerWalk-v0"])
def test_what_was_written_to_the_model_and_perturbed_at_run_time_is_copied(env_id):
    env = single(env_id)
    env.reset(seed=1)
    env.unwrapped.model.opt.gravity[2] *= 0.5
    env.unwrapped.model.body_mass[2] *= 3.0
    name = env.unwrapped.default_perturbation
    env.unwrapped.perturb({name: np.array([env.unwrapped.perturbations[name].low])}, np.array([0]))
    assert_continues_alike(env, pickled)
    twin = pickled(env)
    np.testing.assert_array_equal(twin.unwrapped.model.opt.gravity, env.unwrapped.model.opt.gravity)
    for one in (env, twin):
        one.unwrapped.model.opt.gravity[2] *= 1.5
    np.testing.assert_array_equal(numbers(rollout(env, actions_for(env, 12))), numbers(rollout(twin, actions_for(env, 12))))


def test_a_copy_shares_nothing_with_its_original():
    env = single("ResidualWalk-v0")
    env.reset(seed=0)
    twin = pickled(env)
    before = env.unwrapped.task.sim.state.copy()
    rollout(twin, actions_for(env, 3))
    np.testing.assert_array_equal(env.unwrapped.task.sim.state, before)


@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_copies_in_other_processes_continue_bit_for_bit_after_draws_of_noise(context):
    env = challenges.apply(single("CubeInHand-v0"), **CHALLENGES, **PERTURBED)
    actions = actions_for(env, 9)
    env.reset(seed=4)
    rollout(env, actions[:4])  # with spawn, each worker gets the environment as a pickle; with fork, it makes a deep copy
    workers = SubprocVecEnv([partial(copy.deepcopy, env)] * 2, start_method=context)
    for action in actions[4:8]:
        observations, rewards, *_ = workers.step(np.stack([action] * 2))
        observation, reward, *_ = env.step(action)
        np.testing.assert_array_equal(observations, [observation] * 2)
        np.testing.assert_array_equal(rewards, [reward] * 2)
    workers.close()


def test_the_specification_survives():
    env = pickled(challenges.apply(single("CubeInHand-v0"), **CHALLENGES))
    assert env.spec.id == "CubeInHand-v0" and str(gym.make(env.spec)) == str(env)


@pytest.mark.parametrize("copied", [pickled, copy.deepcopy])
def test_a_task_alone_and_an_environment_built_from_one_are_copied(copied):
    task = CountingToy(2)
    task.start(np.arange(2), [np.random.default_rng(i) for i in range(2)])
    task.step(np.ones((2, 1)))
    twin = copied(task)
    assert twin.steps.tolist() == [1, 1] and twin.sim is not task.sim
    for one in (task, twin):
        one.step(np.ones((2, 1)))
    np.testing.assert_array_equal(task.sim.state, twin.sim.state)


def test_an_attribute_that_cannot_be_copied_is_named_in_one_sentence():
    env = single("CubeInHand-v0")
    env.reset(seed=0)
    env.unwrapped.task.stream = iter([1])
    with pytest.raises(UnkeptError, match=r"CubeInHandTask\.stream .*`transient`$"):
        pickle.dumps(env)
