"""Numbers of the physics that change from episode to episode."""

import gymnasium as gym

from envs.episode_values import STREAM, EpisodeValues
from envs.wrappers.draws import reseed
from envs.wrappers.faces import SingleFace, VectorFace
from envs.wrappers.perturbed import made_perturbable
from envs.wrappers.wrapper import ChallengeWrapper


class Perturbation(EpisodeValues, ChallengeWrapper):
    """Perturbs the physics as a spec says; `info["perturb_spec"]` holds the values of the episode by name.

    A schedule is followed by every simulation on its own, counted in its resets: the first one already updates it. A seeded
    reset starts it over.

    Args:
        env: a single environment or a vector, of the project's own, with `perturbations` and `perturb`, or with a MuJoCo
            model in `env.unwrapped.model`.
        spec: either form of a `perturb_spec`, or its dataclass.
        random: numpy's RandomState, or what draws like it, to do as the original does: it draws at the reset, its saw wave
            does not add up, and no seed starts a schedule over.

    Raises:
        ValueError: the spec is wrong, nothing can be perturbed here, or the environment perturbs a parameter itself.
    """

    def __init__(self, env, spec, random=None):
        env, target = made_perturbable(env)
        ChallengeWrapper.__init__(self, env)
        self._exact = self._check_exact(random is not None)
        number, inside = self._stream(STREAM)
        native = getattr(env.unwrapped, "episode_values", None)
        EpisodeValues.__init__(self, target, spec, self.num_envs, (number, inside + (native is not None)), random)
        twice = [name for name in perturbed_names(env) if name in self._values]
        if twice:
            raise ValueError(f"{twice[0]} is perturbed by the environment already: leave it out of one perturb_spec")

    @property
    def current_perturb(self) -> dict:
        """The values of the current episodes by name."""
        return {name: self._info_value(values) for name, values in self._values.items()}

    def _seed(self, seeds, ids):
        if self._exact:
            reseed(self._random, seeds[0])
        else:
            self.start_over(seeds, ids)

    def _before_reset(self, ids):
        self.prepare(ids)

    def _start_episodes(self, ids, info):
        self.take_up(ids)
        # Now, as a vector begins the next episode by itself, within a step; the original draws when it resets.
        if not self._exact:
            self.draw(ids)

    def _report(self, info):
        info["perturb_spec"] = {**info.get("perturb_spec", {}), **self.current_perturb}


class SinglePerturbation(Perturbation, SingleFace):
    """`Perturbation` around a single environment."""


class VectorPerturbation(Perturbation, VectorFace):
    """`Perturbation` around a vector environment."""


def perturbed_names(env) -> tuple[str, ...]:
    """Returns the parameters that an environment, or a wrapper inside it, draws for every episode."""
    inside = getattr(env.unwrapped, "episode_values", None)
    names = () if inside is None else inside.perturbed_names
    while isinstance(env, (gym.Wrapper, gym.vector.VectorWrapper)):
        names += env.perturbed_names if isinstance(env, Perturbation) else ()
        env = env.env
    return names
