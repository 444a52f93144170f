"""Delays actions, observations and rewards."""

from collections import OrderedDict

import numpy as np
from gymnasium import spaces

from envs.wrappers.delay_line import DelayLine
from envs.wrappers.faces import SingleFace, VectorFace
from envs.wrappers.layout import Layout
from envs.wrappers.received import ReceivedPast
from envs.wrappers.specs import DelaySpec
from envs.wrappers.wrapper import ChallengeWrapper

_STREAMS = {"actions": 11, "observations": 12, "rewards": 13}
_SHARED = "constraints"  # the original does not delay this entry: it is one array for all time steps


class Delay(ChallengeWrapper):
    """Delays actions, observations and rewards by whole numbers of control steps.

    The first item of an episode fills the delay line: with a delay of d, the first action is executed d + 1 times, the
    reset's observation is returned d + 1 times, and the first reward is paid d + 1 times. The last d rewards of an episode
    are not paid. In `info["reward_terms"]` the term `delay` is the paid reward minus the reward of the step.

    Args:
        env: a single environment or a vector.
        actions, observations, rewards: a delay d; or (low, high) for a delay that is drawn at every step, where an item
            stays in use until a newer one arrives. Actions and observations also accept a list with one of these for every
            component, and observations a mapping from block names to any of these (0 for blocks that are not named).
        exact: whether a reset leaves the delay lines filled and `constraints` are not delayed, as in the original.

    Raises:
        ValueError: a delay has another form, or a block name is unknown.
    """

    def __init__(self, env, actions=0, observations=0, rewards=0, exact: bool = False):
        super().__init__(env)
        self._exact = self._check_exact(exact)
        DelaySpec(True, actions, observations, rewards)
        self._timed = _without(_SHARED, self.layout) if exact else self.layout
        one = Layout(spaces.Box(-np.inf, np.inf, (1,)))
        self._actions = self._line("actions", actions, self.action_layout, np.float64) if _late(actions) else None
        self._observations = self._line("observations", observations, self._timed, self._timed.dtype)
        self._rewards = self._line("rewards", rewards, one, np.float64)
        self._past = ReceivedPast(self.num_envs, self._timed)

    def _seed(self, seeds, ids):
        for line in self._lines():
            line.draws.seed(seeds, ids)

    def _start_episodes(self, ids, info):
        for line in () if self._exact else self._lines():
            line.clear(ids)
        self._past.clear(ids)

    def _change_actions(self, actions, ids):
        if self._actions is None:
            return actions
        executed = self._actions.push(self.action_layout.rows(actions), ids)
        return executed.astype(actions.dtype).reshape(actions.shape)

    def _change_rewards(self, rewards, info, ids):
        if self._rewards is None:
            return rewards
        paid = self._rewards.push(rewards[:, None], ids)[:, 0]
        self._add_term(info, "delay", paid - rewards, ids)
        return paid

    def _change_observations(self, observations, ids):
        if self._observations is None:
            return observations
        rows = self._past.rebuild(self._observations.push(self._timed.rows(observations), ids), ids)
        shown = self._timed.observation(rows)
        if self._timed is self.layout:
            return shown
        return {name: shown.get(name, part) for name, part in observations.items()}

    def _lines(self):
        return [line for line in (self._actions, self._observations, self._rewards) if line is not None]

    def _line(self, what, late, layout, dtype):
        if not _late(late):
            return None
        return DelayLine(self.num_envs, layout, late, dtype, self._stream(_STREAMS[what]), f"delay_spec.{what}")


class SingleDelay(Delay, SingleFace):
    """`Delay` around a single environment."""


class VectorDelay(Delay, VectorFace):
    """`Delay` around a vector environment."""


def _late(late):
    return not (isinstance(late, (int, np.integer)) and late == 0)


def _without(name, layout):
    """Returns the layout without the entry `name`, or the same layout if it has no such entry."""
    if not isinstance(layout.space, spaces.Dict) or name not in layout.space.spaces:
        return layout
    kept = ((entry, space) for entry, space in layout.space.spaces.items() if entry != name)
    return Layout(spaces.Dict(OrderedDict(kept)))
