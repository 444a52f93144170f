"""Targets of a `Perturbation`: environments that can be perturbed, and a wrapper for those with a plain MuJoCo model."""

from collections.abc import Mapping

import gymnasium as gym
import mujoco
import numpy as np
from gymnasium.utils import RecordConstructorArgs

from utils.perturbation import Perturbable, single_values
from utils.variation import ModelVariation, Scale

# The friction of every geom is scaled, because MuJoCo uses the larger friction of two geoms in contact.
MODEL_FACTORS = {
    "mass": (Scale("body_mass"), Scale("body_inertia")),
    "gravity": (Scale("opt.gravity"),),
    "friction": (Scale("geom_friction", columns=(0,)),),
    "joint_damping": (Scale("dof_damping"),),
    "actuator_gain": (Scale("actuator_gainprm", columns=(0,)), Scale("actuator_biasprm", columns=(1,))),
}
_RANGE = 1.0, 0.5, 2.0, 0.1
MODEL_RANGES = {
    "mass": Perturbable(*_RANGE, 0.05, 20.0),
    "gravity": Perturbable(*_RANGE, 0.0, 5.0),
    "friction": Perturbable(*_RANGE, 0.0, 10.0),
    "joint_damping": Perturbable(*_RANGE, 0.0, 50.0),
    "actuator_gain": Perturbable(*_RANGE, 0.0, 10.0),
}


class ModelPerturbation(gym.Wrapper, RecordConstructorArgs):
    """Changes `env.unwrapped.model` by factors of its nominal values at every reset."""

    perturbations: Mapping[str, Perturbable] = MODEL_RANGES
    default_perturbation = "mass"

    def __init__(self, env: gym.Env):
        RecordConstructorArgs.__init__(self)
        super().__init__(env)
        self._variation = ModelVariation(env.unwrapped.model, MODEL_FACTORS)
        self._factors: dict[str, float] = {}

    def __setstate__(self, state: Mapping) -> None:
        vars(self).update(state)
        self._variation.use_model(self.env.unwrapped.model)  # Gymnasium pickles its MuJoCo environments without the model

    def perturb(self, values: Mapping[str, np.ndarray], ids: np.ndarray) -> None:
        """Sets values (1,) of the only simulation for the following resets; empty values (0,) change nothing.

        Raises:
            ValueError: as `check_values` does.
        """
        self._factors |= single_values(values, self.perturbations, ids)

    def reset(self, *, seed=None, options=None):
        self._variation.apply(self._factors)
        return self.env.reset(seed=seed, options=options)


class PerturbedSingles:
    """Perturbs the single environments of a vector together."""

    def __init__(self, targets):
        self._targets = targets
        self.perturbations, self.default_perturbation = targets[0].perturbations, targets[0].default_perturbation
        self.combined_perturbations = getattr(targets[0], "combined_perturbations", {})

    def perturb(self, values: Mapping[str, np.ndarray], ids: np.ndarray) -> None:
        """Sets values (k,) for the following resets of environments `ids` (k,)."""
        for place, i in enumerate(ids):
            self._targets[i].perturb({name: value[place : place + 1] for name, value in values.items()}, np.array([0]))


def made_perturbable(env):
    """Returns the environment, wrapped if necessary, and the object that perturbs it.

    That object has `perturbations`, `default_perturbation` and `perturb(values, ids)`. In a vector of single environments,
    the single environments are wrapped.

    Raises:
        ValueError: the environment has no parameters to perturb.
    """
    base = env.unwrapped
    if getattr(base, "perturbations", None) and hasattr(base, "perturb"):
        return env, base
    if hasattr(base, "envs"):
        base.envs, targets = map(list, zip(*(made_perturbable(single) for single in base.envs)))
        return env, PerturbedSingles(targets)
    if isinstance(getattr(base, "model", None), mujoco.MjModel):
        inside = _model_perturbation(env)
        env = env if inside else ModelPerturbation(env)
        return env, inside or env
    raise ValueError(f"{base} has neither perturbations nor a MuJoCo model: it cannot be perturbed")


def _model_perturbation(env):
    """Returns the wrapper that already perturbs this environment's model, or None."""
    while isinstance(env, gym.Wrapper):
        if isinstance(env, ModelPerturbation):
            return env
        env = env.env
    return None
