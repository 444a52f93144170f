"""Perturbs parameters of the physics from episode to episode."""

from envs.episode_values import STREAM, EpisodeValues
from envs.wrappers.draws import reseed
from envs.wrappers.faces import SingleFace, VectorFace
from envs.wrappers.layout import first_env
from envs.wrappers.perturbed import made_perturbable
from envs.wrappers.wrapper import ChallengeWrapper, wrappers_of


class Perturbation(EpisodeValues, ChallengeWrapper):
    """Perturbs the physics by a spec; `info["perturb_spec"]` contains the values of the episode by name.

    Each simulation has a separate schedule, which counts its resets; the first reset updates it. A reset with a seed
    restarts it.

    Args:
        env: a single environment or a vector, with `perturbations` and `perturb`, or with a MuJoCo model in
            `env.unwrapped.model`.
        spec: either form of a `perturb_spec`, or its dataclass.
        random: numpy's RandomState, or an object that draws like it, to reproduce the original: it draws at the reset, its
            saw wave does not accumulate, and a seed does not restart a schedule.

    Raises:
        ValueError: the spec is wrong, the environment has no parameters, or it perturbs one of them itself.
    """

    def __init__(self, env, spec, random=None):
        env, target = made_perturbable(env)
        ChallengeWrapper.__init__(self, env)
        self._exact = self._check_exact(random is not None)
        number, inside = self._stream(STREAM)
        native = getattr(first_env(env).unwrapped, "episode_values", None)
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
        # Draw now, because a vector starts the next episode within a step. The original draws when it resets.
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
    inside = getattr(first_env(env).unwrapped, "episode_values", None)
    names = () if inside is None else inside.perturbed_names
    for wrapper in wrappers_of(env):
        names += wrapper.perturbed_names if isinstance(wrapper, Perturbation) else ()
    return names
