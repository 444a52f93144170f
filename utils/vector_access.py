"""Accesses attributes and methods of a vector environment, its wrappers and its single environments."""

import inspect
from collections.abc import Sequence

import gymnasium as gym
import numpy as np
from gymnasium.vector import VectorEnv, VectorWrapper

from utils.config import nearest_name


def owners(env: VectorEnv, name: str) -> list:
    """Returns, for each simulation, the object with attribute `name`: one shared object, or single environments.

    Searches the wrappers of the vector first, then the single environments and their wrappers, then the vector.

    Raises:
        AttributeError: no object has the attribute; the message names the nearest attribute.
    """
    layers = [*_layers(env)]
    for wrapper in layers[:-1]:
        if _adds(wrapper, name):
            return [wrapper] * env.num_envs
    base, singles = layers[-1], getattr(layers[-1], "envs", ())
    if singles and all(single.has_wrapper_attr(name) for single in singles):
        return [_owner(single, name) for single in singles]
    if not hasattr(base, name):
        seen = [*layers, *(single.unwrapped for single in singles[:1])]
        known = sorted({attribute for layer in seen for attribute in dir(layer) if not attribute.startswith("_")})
        raise AttributeError(f"{base} has no attribute {name!r}{nearest_name(name, known).partition(' There')[0]}")
    return [base] * env.num_envs


def set_everywhere(owners: list, name: str, value, chosen: Sequence[int]) -> None:
    """Sets attribute `name` for the `chosen` simulations.

    Raises:
        ValueError: other simulations share the object.
    """
    _check_alone(owners, chosen, f"attribute {name!r}")
    for owner in _unique([owners[i] for i in chosen]):
        setattr(owner, name, value)


def call(owners: list, name: str, chosen: Sequence[int], args: tuple, kwargs: dict) -> list:
    """Calls method `name` once per distinct object of the `chosen` simulations; returns the result of each simulation.

    If other simulations share the object, the method gets the chosen simulations as argument `ids`.

    Raises:
        ValueError: other simulations share the object, and the method has no parameter `ids`.
    """
    shared = {id(owner) for i, owner in enumerate(owners) if i not in set(chosen)}
    results = {}
    for owner in _unique([owners[i] for i in chosen]):
        method, more = getattr(owner, name), {}
        if id(owner) in shared:
            if "ids" not in inspect.signature(method).parameters:
                _check_alone(owners, chosen, f"method {name!r}")
            more = {"ids": np.array(chosen)}
        results[id(owner)] = method(*args, **kwargs, **more)
    return [results[id(owners[i])] for i in chosen]


def _layers(env):
    while isinstance(env, VectorWrapper):
        yield env
        env = env.env
    yield env


def _adds(wrapper, name):
    """Returns whether a wrapper's class or instance defines an attribute, not only the base class VectorWrapper."""
    kinds = [kind for kind in type(wrapper).__mro__ if kind not in VectorWrapper.__mro__]
    return name in vars(wrapper) or any(name in vars(kind) for kind in kinds)


def _owner(single, name):
    while isinstance(single, gym.Wrapper) and not hasattr(single, name):
        single = single.env
    return single


def _unique(objects):
    return list({id(item): item for item in objects}.values())


def _check_alone(owners, chosen, what):
    others = {id(owner) for i, owner in enumerate(owners) if i not in set(chosen)}
    if others & {id(owners[i]) for i in chosen}:
        named = f"{what} belongs to all {len(owners)} simulations at once, not to {list(chosen)}"
        raise ValueError(f"{named}: leave out indices")
