"""Wraps an environment in the Real-World RL challenges, in their fixed order."""

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
    """Returns a single or vector environment with challenges, given as specs or as a combined challenge.

    The wrappers, from the innermost to the outermost:

        perturbation -> noise -> constraints -> delay of actions and observations -> dummies, second objective
        -> delay of rewards

    An action is delayed first and then gets noise; an observation gets noise first and is then delayed. Constraints get
    no noise. Dummies and the second objective are not delayed. Rewards are delayed after objectives are mixed in.

    Args:
        env: the environment.
        safety_spec, delay_spec, noise_spec, perturb_spec, dimensionality_spec, multiobj_spec: mappings or dataclasses; see
            docs/challenges.md.
        combined_challenge: "easy", "medium" or "hard"; replaces the specs of delay, noise, perturbation and dimensionality.
        exact: whether to reproduce the original suite, with its oddities; single environments only.
        random: for `exact`, numpy's RandomState or an object with its methods; by default one that `reset(seed=s)` seeds.

    Raises:
        ValueError: a spec is wrong, the level is unknown, or a spec is given that the combined challenge replaces.
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
    if random is not None and not exact:
        raise ValueError("random has no effect without exact=True: reset(seed=s) seeds the generators")
    if multiobj.enable and multiobj.coeff and not multiobj.reward:
        raise ValueError("multiobj_spec.coeff has no effect without reward: true")
    random = (random or np.random.RandomState()) if exact else None

    if combined_challenge is not None:
        env, target = made_perturbable(env)
        perturbation = _combined_perturbation(target, combined_challenge)
    if perturbation.enable:
        env = Perturbation(env, perturbation, random)
    if noise.enable:
        env = Noise(env, *(getattr(noise, kind.name) for kind in fields(noise)), random=random)
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


DECLARED = ("constraints", "optional_constraints")  # methods by which an environment declares constraints


def constraints(env, spec: SafetySpec, exact: bool = False) -> Mapping:
    """Returns the constraints that a spec selects: the environment's built-in ones and those that the spec adds.

    The spec also scales and replaces the limits of the built-in constraints.

    Raises:
        ValueError: the environment has no constraint of a given name.
    """
    base = first_env(env).unwrapped
    if (spec.limits or spec.safety_coeff != 1.0) and not any(hasattr(base, name) for name in DECLARED):
        raise ValueError("limits and safety_coeff of safety_spec have no effect: the environment declares no constraints")
    built_in = _declared(base, "constraints", spec)
    if isinstance(spec.constraints, Mapping):
        chosen = spec.constraints if exact else built_in | spec.constraints
        for name in (name for name, constraint in spec.constraints.items() if constraint is None and not exact):
            if name not in built_in:
                known = nearest_name(name, built_in)
                raise ValueError(f"safety_spec.constraints removes {name!r}, which is no built-in constraint{known}")
        return {name: constraint for name, constraint in chosen.items() if constraint is not None}
    optional = _declared(base, "optional_constraints", spec)
    for added in spec.constraints or ():
        if isinstance(added, str) and added not in optional:
            raise ValueError(
                f"safety_spec.constraints names {added!r}, which is no optional constraint{nearest_name(added, optional)}"
            )
        name = added if isinstance(added, str) else getattr(added, "__name__", "<lambda>")
        if name == "<lambda>" or name in built_in:
            words = "a function without a name" if name == "<lambda>" else f"{name!r} a second time"
            raise ValueError(f"safety_spec.constraints has {words}: give a mapping of names to functions")
        built_in |= {name: optional[name] if isinstance(added, str) else added}
    return built_in


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
    """Returns the perturb_spec of a level: the environment's, or its default parameter over a share of its range."""
    spec, tuned = COMBINED[level].perturb, getattr(target, "combined_perturbations", {})
    if level in tuned:
        return replace(spec, **tuned[level])
    known, share = target.perturbations[target.default_perturbation], COMBINED[level].share
    low, high = (known.nominal + share * (end - known.nominal) for end in (known.low, known.high))
    return replace(spec, param=target.default_perturbation, min=low, max=high)
