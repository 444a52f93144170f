"""An environment that is made again from its spec, or from the spec's JSON text, behaves the same."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec

import envs  # noqa: F401
from envs import challenges
from tests.helpers.perturbations import ranges_of

OURS = sorted(name for name, spec in gym.registry.items() if str(spec.entry_point).startswith("envs."))
RWRL = [name for name in OURS if name.startswith("RWRL")]
CHALLENGES = {
    "safety": {"safety_spec": {"enable": True, "constraints": ["action_roc"], "safety_coeff": 0.4}},
    "objective": {
        "safety_spec": {"enable": True},
        "multiobj_spec": {"enable": True, "objective": "safety", "reward": True, "coeff": 0.5, "observed": True},
    },
    "noise": {"noise_spec": {"gaussian": {"enable": True, "actions": 0.1}, "stuck": {"enable": True, "actions_prob": 0.3}}},
    "combined": {"combined_challenge": "medium", "observation": "dict", "safety_spec": {"enable": True}},
}


@pytest.mark.parametrize("form", ["perturb_spec", "task_kwargs"])
@pytest.mark.parametrize("env_id", OURS)
def test_a_perturbed_environment_is_made_anew_from_its_spec(env_id, form):
    spec = {"mode": "range", "params": dict(list(ranges_of(env_id).items())[:2])}
    _check_made_anew(gym.make(env_id, **{form: spec if form == "perturb_spec" else {"perturb_spec": spec}}))


@pytest.mark.parametrize("name", CHALLENGES)
@pytest.mark.parametrize("env_id", RWRL[::3])
def test_a_challenged_environment_is_made_anew_from_its_spec(env_id, name):
    _check_made_anew(gym.make(env_id, **CHALLENGES[name]))


def test_challenges_around_a_made_environment_are_made_anew_too():
    specs = {"delay_spec": {"enable": True, "actions": 2}, "perturb_spec": {"params": {"mass": [0.5, 1.5]}}}
    env = challenges.apply(gym.make("ResidualWalk-v0"), **CHALLENGES["noise"], **specs)
    names = [wrapper.name for wrapper in env.spec.additional_wrappers]
    assert names == ["SinglePerturbation", "SingleNoise", "SingleDelay", "SingleDelay"]
    _check_made_anew(env)


def _check_made_anew(env):
    again = [gym.make(env.spec), gym.make(EnvSpec.from_json(env.spec.to_json()))]
    actions = [env.action_space.sample() for _ in range(4)]
    first, *others = [_episode(own, actions) for own in (env, *again)]
    for other in others:
        np.testing.assert_equal(other, first)


def _episode(env, actions):
    observation, info = env.reset(seed=5)
    return [observation, info.get("perturb_spec")] + [env.step(action)[:4] for action in actions]
