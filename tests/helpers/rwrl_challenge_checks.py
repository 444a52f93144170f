"""Runs the challenge checks of the golden numbers with `challenges.apply(..., exact=True)`."""

from collections import OrderedDict

import gymnasium as gym
import numpy as np
from gymnasium.spaces import Box, Dict

from envs import challenges
from envs.wrappers import SafetyObjective
from utils.schedules import Bounds, Schedule, find_scheduler

FIRST = np.array([0])


class ToyEnv(gym.Env):
    """An environment without physics: x = (t, 10 + t, 20 + t), y = (100 + t,), reward t; episode e starts at t = 1000 e."""

    action_space = Box(-1.0, 1.0, (2,))
    observation_space = Dict(OrderedDict(x=Box(-np.inf, np.inf, (3,), np.float64), y=Box(-np.inf, np.inf, (1,), np.float64)))

    def __init__(self):
        self.episode, self.applied = -1, []

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.episode += 1
        self._time = 1000.0 * self.episode
        return self._observation(), {}

    def step(self, action):
        self.applied.append(np.array(action))
        self._time += 1.0
        return self._observation(), self._time, False, False, {}

    def _observation(self):
        return {"x": self._time + np.array([0.0, 10.0, 20.0]), "y": self._time + np.array([100.0])}


class ScriptedRandom:
    """Returns recorded random draws in order: binomial outcomes, standard normals and uniforms in [0, 1)."""

    def __init__(self, binomial=(), normal=(), uniform=()):
        self._binomial, self._normal, self._uniform = iter(binomial), iter(normal), iter(uniform)

    def binomial(self, n, p, size):
        draw = next(self._binomial)
        assert (n, p) == (1, draw["p"])
        return np.reshape(draw["out"], size)

    def normal(self, loc, scale):
        return loc + scale * np.reshape(next(self._normal), np.shape(loc))

    def uniform(self, low=0.0, high=1.0):
        return low + (high - low) * next(self._uniform)


class ChallengeChecks:
    """Implements the checker's methods about challenges; the adapter inherits from it."""

    def scheduler(self, name, start, min, max, std, z, u):
        schedule = Schedule(find_scheduler(name, exact=True), Bounds(start, min, max, std))
        random = ScriptedRandom(normal=z, uniform=u)
        return [schedule.advance(FIRST, [random])[0] for _ in z]

    def resets_that_update(self, period, n):
        spec = {"enable": True, "period": period, "scheduler": "uniform"}
        env = challenges.apply(gym.make("InvertedPendulum-v5"), perturb_spec=spec, exact=True)
        seen = [env.reset()[1]["perturb_spec"]["mass"] for _ in range(n)]
        return [i for i in range(n) if i == 0 or seen[i] != seen[i - 1]]

    def toy(self, delay_spec, noise_spec, actions, episodes):
        return _trace(delay_spec, noise_spec, actions, episodes)

    def toy_scripted(self, delay_spec, noise_spec, actions, binomial_draws, normal_draws, uniform_draws):
        return _trace(delay_spec, noise_spec, actions, 1, ScriptedRandom(binomial_draws, normal_draws, uniform_draws))

    def merge_multiobj(self, reward, constraints, coeff):
        return SafetyObjective().merge_reward(_told(constraints), reward, coeff)

    def multiobj_obs(self, reward, constraints):
        return np.append(reward, SafetyObjective().get_objectives(_told(constraints)))

    def noise_stat(self, kind, prob, steps, T):
        acting = kind == "repetition"
        keys = (
            {"actions_prob": prob, "actions_steps": steps}
            if acting
            else {"observations_prob": prob, "observations_steps": steps}
        )
        toy = ToyEnv()
        env = challenges.apply(toy, noise_spec={kind: {"enable": True, **keys}}, exact=True)
        env.reset(seed=0)
        seen = np.array([env.step(np.sin([i, i + 1.0]))[0]["y"][0] for i in range(T)])
        if kind == "dropped":
            return np.mean(seen == 0.0)
        return np.mean(np.diff([row[0] for row in toy.applied] if acting else seen) == 0.0)


def _told(constraints):
    return {"constraints": {f"c{i}": holds for i, holds in enumerate(constraints)}}


def _trace(delay_spec, noise_spec, actions, episodes, random=None):
    toy, trace = ToyEnv(), []
    env = challenges.apply(toy, delay_spec=delay_spec, noise_spec=noise_spec, exact=True, random=random)
    for own in np.split(np.array(actions), episodes):
        observation, _ = env.reset()
        trace.append({"reset_obs": [observation["x"], observation["y"]], "steps": []})
        for action in own:
            observation, reward, *_ = env.step(action)
            trace[-1]["steps"].append({"applied": toy.applied[-1], "reward": reward, **observation})
    return trace
