"""Ids of environments: `Name-v0` of this project or Gymnasium, `package.module:Name-v0` of any other package."""

import importlib
import importlib.util
import os
import re
import sys
from pathlib import Path

import gymnasium as gym
from gymnasium.envs.registration import EnvSpec

from utils.config import nearest_name

OURS = "envs"
DEFAULT_ID = "ResidualWalk-v0"  # of programs that are given no id
_GYMNASIUMS = {name for name, spec in gym.registry.items() if str(spec.entry_point).startswith("gymnasium.")}
_FORM = re.compile(r"(?:(?P<module>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*):)?(?P<name>(?:[\w-]+/)?\w[\w.-]*)", re.ASCII)


def qualified(env_id: str) -> str:
    """Returns the id with the module that registers it, as `gymnasium.make` takes it; that of this project by default."""
    return env_id if ":" in env_id else f"{OURS}:{env_id}"


def file_name(env_id: str) -> str:
    """Returns the id as a part of a file's name."""
    return re.sub(r"[:/]", "_", env_id)


def registered(env_id: str, run: Path | None = None) -> EnvSpec:
    """Returns what is registered as `env_id`, after importing the module that it names.

    The module may lie in the current directory, but never inside `run`, the folder that named it: nothing of a run is
    executed.

    Raises:
        ValueError: the id is malformed, its module cannot be imported, or does not register it (the nearest is named).
    """
    form = _FORM.fullmatch(env_id)
    if form is None:
        raise ValueError(f"an environment is Name-v0 or package.module:Name-v0, got {env_id!r}")
    module, name = form.groups()
    if module == OURS:
        raise ValueError(f"{env_id!r}: ids of this project are given without a module, as {name}")
    _import(module or OURS, env_id, run)
    if name not in gym.registry:
        package = (module or OURS).split(".")[0]
        known = [
            known for known, spec in gym.registry.items() if str(spec.entry_point).startswith((f"{package}.", f"{package}:"))
        ]
        there = nearest_name(name, known) if known else f": {module} registers none"
        raise ValueError(f"no environment is called {env_id!r}{there}")
    if module and (name in _GYMNASIUMS or str(gym.registry[name].entry_point).startswith(f"{OURS}.")):
        raise ValueError(f"{module} does not register {name}: give it without a module")
    return gym.registry[name]


def _import(module, env_id, run):
    if module in sys.modules:
        return
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())  # at the end, so that nothing there takes the place of an installed package
    found = importlib.util.find_spec(module.split(".")[0])
    if found is None:
        raise ValueError(f"cannot import {module} for {env_id!r}: no such module is installed or in the current directory")
    places = [found.origin, *(found.submodule_search_locations or ())]
    if run is not None and any(_inside(place, run) for place in places if place):
        raise ValueError(f"{env_id!r} names a module inside of the run {run}, and nothing of a run is executed")
    try:
        importlib.import_module(module)
    except (Exception, SystemExit) as error:  # whatever a stranger's module raises
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise ValueError(f"cannot import {module} for {env_id!r}: {type(error).__name__}: {reason}") from error


def _inside(place, folder):
    return Path(place).resolve().is_relative_to(Path(folder).resolve())
