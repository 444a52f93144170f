"""Environment ids: `Name-v0` for this project and Gymnasium, `package.module:Name-v0` for any other package."""

import importlib
import importlib.util
import os
import re
import sys
from pathlib import Path

import gymnasium as gym
from gymnasium.envs.registration import EnvSpec

from utils.config import nearest_name
from utils.console.interrupts import Terminated

OURS = "envs"
DEFAULT_ID = "ResidualWalk-v0"  # for programs without an id on the command line
_GYMNASIUMS = {name for name, spec in gym.registry.items() if str(spec.entry_point).startswith("gymnasium.")}
_FORM = re.compile(r"(?:(?P<module>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*):)?(?P<name>(?:[\w-]+/)?\w[\w.-]*)", re.ASCII)


def qualified(env_id: str) -> str:
    """Returns the id with the module that registers it, for `gymnasium.make`; the default module is this project's."""
    return env_id if ":" in env_id else f"{OURS}:{env_id}"


def file_name(env_id: str) -> str:
    """Returns the id with characters that file names allow."""
    return re.sub(r"[:/]", "_", env_id)


def registered(env_id: str, run: Path | None = None) -> EnvSpec:
    """Imports the module in `env_id` and returns the registered spec.

    The module may be in the current directory, but not inside `run`, the run folder that contains the id: code of a run
    is never executed.

    Raises:
        ValueError: the id is malformed, its module cannot be imported, or the module does not register the id (the message
            gives the nearest id).
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
        hint = nearest_name(name, known) if known else f": {module} registers none"
        raise ValueError(f"no environment is called {env_id!r}{hint}")
    if module and (name in _GYMNASIUMS or str(gym.registry[name].entry_point).startswith(f"{OURS}.")):
        raise ValueError(f"{module} does not register {name}: give it without a module")
    return gym.registry[name]


def _import(module, env_id, run):
    if module in sys.modules:
        return
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())  # at the end, so that installed packages come first
    found = importlib.util.find_spec(module.split(".")[0])
    if found is None:
        raise ValueError(f"cannot import {module} for {env_id!r}: no such module is installed or in the current directory")
    paths = [found.origin, *(found.submodule_search_locations or ())]
    if run is not None and any(_inside(path, run) for path in paths if path):
        raise ValueError(f"{env_id!r} names a module inside the run {run}, and code of a run is never executed")
    try:
        importlib.import_module(module)
    except Terminated:
        raise
    except (Exception, SystemExit) as error:  # a foreign module may raise any exception
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise ValueError(f"cannot import {module} for {env_id!r}: {type(error).__name__}: {reason}") from error


def _inside(path, folder):
    return Path(path).resolve().is_relative_to(Path(folder).resolve())
