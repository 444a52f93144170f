"""The Real-World RL challenges around any environment: the one place that knows their order."""

from collections.abc import Mapping
from dataclasses import fields, replace

import numpy as np

from envs.wrappers import Delay, Dimensionality, MultiObjective, Noise, Perturbation, Safety
from envs.wrappers.layout import first_env
from envs.wrappers.perturbed import made_perturbable
from envs.wrappers.specs import (
    COMBINED,
    CombinedChallenge,
    DelaySpec,
    DimensionalitySpec,
    DroppedSpec,
    GaussianSpec,
    MultiObjectiveSpec,
    NoiseSpec,
    RepetitionSpec,
    SafetySpec,
    StuckSpec,
)
from utils.config import nearest_name
from utils.fields import is_name, shown
from utils.perturbation import PerturbParams, PerturbSpec, parse_perturbation
from utils.specs import parse

SPECS = (SafetySpec, DelaySpec, NoiseSpec, PerturbSpec, DimensionalitySpec, MultiObjectiveSpec)

__all__ = [
    "COMBINED",
    "SPECS",
    "CombinedChallenge",
    "DelaySpec",
    "DimensionalitySpec",
    "DroppedSpec",
    "GaussianSpec",
    "MultiObjectiveSpec",
    "NoiseSpec",
    "PerturbParams",
    "PerturbSpec",
    "RepetitionSpec",
    "SafetySpec",
    "StuckSpec",
    "apply",
]


def apply(
    env,
    *,
    safety_spec=None,
    delay_spec=None,
    noise_spec=None,
    perturb_spec=None,
    dimensionality_spec=None,
    multiobj_spec=None,
    combined_challenge: str | None = None,
    exact: bool = False,
    random=None,
):
    """Returns an environment, single or vector, with challenges: specs as mappings or dataclasses, or a combined challenge.

    From the inside out: perturbation; noise; constraints (which no noise reaches); delay of actions and observations;
    dummies and the second objective (which are not late); delay of rewards, so that mixed ones are late. Seen from outside
    an action is thus late before it is noisy, and an observation noisy before it is late.

    Args:
        env: the environment.
        safety_spec, delay_spec, noise_spec, perturb_spec, dimensionality_spec, multiobj_spec: see docs/challenges.md.
        combined_challenge: "easy", "medium" or "hard", in the place of delays, noise, perturbation and dimensionality.
        exact: whether to do all as the original suite does, oddities included; for single environments.
        random: for `exact`, numpy's RandomState or what draws like it; without it one that `reset(seed=s)` seeds.

    Raises:
        ValueError: a spec is wrong, the challenge has no such level, or it is given along with specs that it consists of.
    """
    if combined_challenge is not None:
        _check_alone(
            delay_spec=delay_spec, noise_spec=noise_spec, perturb_spec=perturb_spec, dimensionality_spec=dimensionality_spec
        )
        level = _level(combined_challenge)
        delay_spec, noise_spec, dimensionality_spec = level.delay, level.noise, level.dimensionality
    safety, delay, noise = parse(SafetySpec, safety_spec), parse(DelaySpec, delay_spec), parse(NoiseSpec, noise_spec)
    dimensionality, multiobj = parse(DimensionalitySpec, dimensionality_spec), parse(MultiObjectiveSpec, multiobj_spec)
    perturbation = parse_perturbation(perturb_spec)
    if multiobj.enable and multiobj.objective == "safety" and not safety.enable:
        raise ValueError('multiobj_spec.objective "safety" needs constraints: enable safety_spec')
    random = (random or np.random.RandomState()) if exact else None

    if combined_challenge is not None:
        env, target = made_perturbable(env)
        perturbation = _combined_perturbation(target, combined_challenge)
    if perturbation.enable:
        env = Perturbation(env, perturbation, random)
    if noise.enable:
        env = Noise(env, *(getattr(noise, own.name) for own in fields(noise)), random=random)
    if safety.enable:
        env = Safety(env, constraints(env, safety, exact), safety.observations, safety.cost, exact)
    if delay.enable:
        env = Delay(env, actions=delay.actions, observations=delay.observations, exact=exact)
    if dimensionality.enable and dimensionality.num_random_state_observations:
        env = Dimensionality(env, dimensionality.num_random_state_observations, random)
    if multiobj.enable:
        env = MultiObjective(env, multiobj.objective, multiobj.reward, multiobj.coeff, multiobj.observed)
    if delay.enable:
        env = Delay(env, rewards=delay.rewards, exact=exact)
    return env


def constraints(env, spec: SafetySpec, exact: bool = False) -> Mapping:
    """Returns the constraints that hold in an environment: its own, scaled and limited as the spec says, and the spec's.

    Raises:
        ValueError: a name is no constraint of this environment.
    """
    base = first_env(env).unwrapped
    own = _declared(base, "constraints", spec)
    if isinstance(spec.constraints, Mapping):
        chosen = spec.constraints if exact else own | spec.constraints
        return {name: holds for name, holds in chosen.items() if holds is not None}
    optional = _declared(base, "optional_constraints", spec)
    for added in spec.constraints or ():
        if isinstance(added, str) and added not in optional:
            raise ValueError(f"safety_spec.constraints names {added!r}, which is none{nearest_name(added, optional)}")
        own |= {added: optional[added]} if isinstance(added, str) else {added.__name__: added}
    return own


def _declared(base, name, spec):
    declare = getattr(base, name, None)
    return {} if declare is None else dict(declare(spec.safety_coeff, spec.limits))


def _check_alone(**specs):
    given = [name for name, spec in specs.items() if spec]
    if given:
        raise ValueError(f"combined_challenge brings {', '.join(specs)} itself: leave out {', '.join(given)}")


def _level(name):
    if not is_name(name, COMBINED):
        raise ValueError(f"combined_challenge must be one of {', '.join(COMBINED)}, got {shown(name)}")
    return COMBINED[name]


def _combined_perturbation(target, level):
    """Returns what a level perturbs: the environment's own tuning, or its default parameter over a share of its range."""
    spec, tuned = COMBINED[level].perturb, getattr(target, "combined_perturbations", {})
    if level in tuned:
        return replace(spec, **tuned[level])
    known, share = target.perturbations[target.default_perturbation], COMBINED[level].share
    low, high = (known.nominal + share * (end - known.nominal) for end in (known.low, known.high))
    return replace(spec, param=target.default_perturbation, min=low, max=high)
