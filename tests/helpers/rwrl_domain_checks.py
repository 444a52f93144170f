"""Runs the domain checks of the golden numbers with the environment in exact mode."""

from dataclasses import asdict
from functools import cache

import numpy as np

from envs.challenges import COMBINED
from envs.rwrl.env import RWRLEnv
from envs.rwrl_env import rwrl


class DomainChecks:
    """Implements the checker's methods that need no wrapper."""

    def specs(self, domain, task):
        env = exact_env(domain, task)
        low, high = env.model.actuator_ctrlrange.T
        parts = [[name, list(box.shape)] for name, box in env.observation_space.spaces.items()]
        names = list(env.constraints())
        return {
            "step_limit": 1000.0,
            "n_sub_steps": env._substeps,
            "control_timestep": env.domain.control_dt,
            "action_min": low,
            "action_max": high,
            "obs": [*parts, ["constraints", [len(names)]]],
            "constraints": names,
            "perturb_params": {name: _bounds(parameter) for name, parameter in env.perturbations.items()},
            "default_perturb_param": env.default_perturbation,
            "combined": {level: _combined(env, level, challenge) for level, challenge in COMBINED.items()},
        }

    def limits(self, domain, task, coeff):
        return known_env(domain, task).domain.limits(coeff)

    def constraints_from_vars(self, domain, task, coeff, variables):
        variables = {name: np.asarray(value, float) for name, value in variables.items()}
        return _truth(known_env(domain, task).constraints(coeff), variables)

    def safety_env(self, domain, task, coeff):
        return SafetyEnv(domain, task, coeff)

    def perturbed_model(self, domain, task, param, value):
        env = exact_env(domain, task)
        env.perturb({param: np.array([value])}, np.array([0]))
        env.reset(seed=0)
        return env.model

    def action_roc(self, domain, task, coeff, previous_ctrl, ctrl):
        (satisfied,) = known_env(domain, task).optional_constraints(coeff).values()
        return satisfied({"actions": ctrl, "previous_actions": previous_ctrl})

    def random_return(self, domain, task, level, episodes):
        task = task.removeprefix("realworld_")
        env = rwrl(domain, task, observation="dict", exact=True, combined_challenge=level)
        env.action_space.seed(0)
        return [_episode_return(env, seed) for seed in range(episodes)]

    def reset_state(self, domain, task, seed):
        env = known_env(domain, task)
        env.reset(seed=seed)
        return env.data.qpos.copy()


class SafetyEnv:
    """An environment with the interface that the checker expects."""

    def __init__(self, domain, task, coeff):
        self.env = exact_env(domain, task)
        self.model, self.data = self.env.model, self.env.data
        self.safety_vars, self._constraints = self.env.safety_vars, self.env.constraints(coeff)

    def reset(self):
        self._observation, self._info = self.env.reset(seed=0)

    def step(self, action):
        self._observation, reward, _, _, self._info = self.env.step(action)
        return reward

    def constraints(self):
        return _truth(self._constraints, self._info["safety_vars"])

    def observation(self):
        return self._observation


def exact_env(domain, task):
    return RWRLEnv(domain, task.removeprefix("realworld_"), exact=True)


known_env = cache(exact_env)  # constants: no reset and no step changes them


def _combined(env, level, challenge):
    """Returns a challenge level in the checker's format: only enabled parts, without the `enable` keys."""
    parts = asdict(challenge)
    noise = {kind: {name: value for name, value in own.items() if name != "enable"} for kind, own in parts["noise"].items()}
    dimensionality = parts["dimensionality"]["num_random_state_observations"]
    rest = {"dimensionality": dimensionality, "safety_enabled": False, "multiobj_enabled": False}
    return {"delay": parts["delay"], "perturb": env.combined_perturbations[level]} | noise | rest


def _episode_return(env, seed, steps=1000):
    env.reset(seed=seed)
    return sum(env.step(env.action_space.sample())[1] for _ in range(steps))


def _bounds(parameter):
    return {"start": parameter.nominal, "min": parameter.low, "max": parameter.high, "std": parameter.std}


def _truth(constraints, variables):
    return {name: bool(satisfied(variables)) for name, satisfied in constraints.items()}
