"""Adds noise to actions and observations: gaussian, dropped and stuck values, and repeated actions."""

from collections.abc import Mapping

import numpy as np

from envs.wrappers.draws import MARGIN, Distribution, Draws, ExactDraws
from envs.wrappers.faces import SingleFace, VectorFace
from envs.wrappers.noisy_channel import NoisyChannel, Repetition
from envs.wrappers.received import ReceivedPast
from envs.wrappers.specs import DroppedSpec, GaussianSpec, NoiseSpec, RepetitionSpec, StuckSpec
from envs.wrappers.wrapper import ChallengeWrapper
from utils.specs import Spec, parse

_STREAMS = {"actions": 21, "observations": 22, "repetition": 23}
_STRENGTHS = {"gaussian": "{}", "dropped": "{}_prob", "stuck": "{}_prob"}  # spec keys of the strengths, for a channel


class Noise(ChallengeWrapper):
    """Adds four kinds of noise, each only if it is given.

    Actions get gaussian noise (then they are clipped to the action space), dropped values, stuck values and repetition, in
    this order. Observations get gaussian noise, dropped values and stuck values. The bounds of the observation space are
    widened by ten standard deviations, and to include 0 where values may be dropped.

    Args:
        env: a single environment or a vector.
        gaussian, dropped, stuck, repetition: mappings with the keys of `noise_spec` except `enable`, or its dataclasses;
            None for no noise of the kind. Standard deviations and probabilities may be lists with one value per component;
            for observations also mappings from block names (0 for blocks that are not named).
        random: numpy's RandomState, or an object that draws like it. If given, the original is reproduced: its draws, the
            state that a reset keeps, the moment when actions are clipped, and writing to the caller's action.

    Raises:
        ValueError: a key is unknown, a value is wrong, or `random` is given for a vector.
    """

    def __init__(self, env, gaussian=None, dropped=None, stuck=None, repetition=None, random=None):
        super().__init__(env)
        self._exact, self._random = self._check_exact(random is not None), random
        kinds = zip((GaussianSpec, DroppedSpec, StuckSpec, RepetitionSpec), (gaussian, dropped, stuck, repetition))
        self._spec = NoiseSpec(*(_given(kind, given) for kind, given in kinds))
        self._repetition = self._repeated(self._spec.repetition)
        acts = self._wanted("actions") or self._repetition is not None
        self._actions = self._channel("actions", self.action_layout) if acts else None
        self._observations = self._channel("observations", self.layout) if self._wanted("observations") else None
        self._past = ReceivedPast(self.num_envs, self.layout)
        if self._observations is not None:
            self._set_layout(self._widened())

    def _seed(self, seeds, ids):
        for part in self._parts():
            part.draws.seed(seeds, ids)

    def _start_episodes(self, ids, info):
        for part in () if self._exact else self._parts():
            part.clear(ids)
        self._past.clear(ids)

    def _change_actions(self, actions, ids):
        for part in (self._actions, self._repetition):
            if part is not None:
                actions = part.apply(self.action_layout.rows(actions), ids).reshape(actions.shape)
        return actions

    def _change_observations(self, observations, ids):
        if self._observations is None:
            return observations
        rows = self._observations.apply(self.layout.rows(observations), ids)
        return self.layout.observation(self._past.rebuild(rows, ids))

    def _parts(self):
        return [part for part in (self._actions, self._repetition, self._observations) if part is not None]

    def _wanted(self, channel):
        """Returns the kinds of noise on a channel, in order, as (name, spec, key of the strength)."""
        kinds = [(name, getattr(self._spec, name), key.format(channel)) for name, key in _STRENGTHS.items()]
        return [kind for kind in kinds if kind[1].enable and (self._exact or _any(getattr(kind[1], kind[2])))]

    def _strengths(self, channel, layout):
        """Returns the strength (size,) of each kind of noise on a channel, by name."""
        wanted = self._wanted(channel)
        return {name: layout.columns(getattr(spec, key), f"{spec.where}.{key}") for name, spec, key in wanted}

    def _channel(self, channel, layout):
        strengths, acting = self._strengths(channel, layout), channel == "actions"
        kinds = {
            name: Distribution(
                "normal" if name == "gaussian" else "chance", values, layout.pieces, _precision(layout, acting)
            )
            for name, values in strengths.items()
        }
        steps = {name: getattr(getattr(self._spec, name), f"{channel}_steps") for name in ("dropped", "stuck")}
        bounds = (layout.space.low.ravel(), layout.space.high.ravel()) if acting else None
        if self._exact and "gaussian" not in strengths:
            bounds = None
        draws = self._draws(_STREAMS[channel], kinds)
        dtype = np.float64 if acting else layout.dtype
        return NoisyChannel(self.num_envs, layout.size, dtype, draws, steps, bounds, in_place=self._exact)

    def _repeated(self, spec):
        strong = spec.actions_prob > 0.0 and spec.actions_steps > 1
        if not (spec.enable and (self._exact or strong)):
            return None
        draws = self._draws(_STREAMS["repetition"], {"accepted": Distribution("uniform", np.zeros(1), [()])})
        return Repetition(self.num_envs, self.action_layout.size, draws, spec.actions_prob, spec.actions_steps)

    def _draws(self, number, kinds):
        return ExactDraws(self._random, kinds) if self._exact else Draws(self.num_envs, self._stream(number), kinds)

    def _widened(self):
        strengths, none = self._strengths("observations", self.layout), np.zeros(self.layout.size)
        std, dropped = (self.layout.spread_to_past(strengths.get(name, none)) for name in ("gaussian", "dropped"))
        return self.layout.widened(MARGIN * std, dropped > 0.0)


class SingleNoise(Noise, SingleFace):
    """`Noise` around a single environment."""


class VectorNoise(Noise, VectorFace):
    """`Noise` around a vector environment."""


def _given(kind: type[Spec], given) -> Spec:
    """Returns the spec of a kind of noise. It is enabled unless nothing is given or a given spec is disabled."""
    if given is None or isinstance(given, Spec):
        return parse(kind, given)
    return parse(kind, {"enable": True, **given})


def _any(strength):
    return any(map(_any, strength.values())) if isinstance(strength, Mapping) else np.any(strength)


def _precision(layout, acting):
    return np.float32 if not acting and layout.dtype == np.float32 else np.float64
