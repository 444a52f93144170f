"""Import order of the packages, read from the code, and the import cost of an environment."""

import ast
import subprocess
import sys
from functools import cache
from itertools import chain
from pathlib import Path

import pytest

from utils import provenance

ROOT = Path(__file__).parents[2]
# Package -> the packages of this project that it may import.
ALLOWED = {
    "utils": (),
    "controllers": ("utils",),
    "deploy": ("utils",),
    "envs": ("utils", "controllers"),
    "algorithms": ("utils",),
    "run_folder": ("utils", "algorithms"),
    "callbacks": ("utils", "algorithms", "run_folder"),
    "evaluation": ("utils", "controllers", "deploy", "envs", "algorithms", "run_folder"),
    "training": ("utils", "controllers", "deploy", "envs", "algorithms", "run_folder", "callbacks", "evaluation"),
    "tuning": ("utils", "controllers", "deploy", "envs", "algorithms", "run_folder", "callbacks", "evaluation", "training"),
    "viewer": ("utils", "controllers", "deploy", "envs", "algorithms", "run_folder", "callbacks", "evaluation", "training"),
}
# Heavy libraries that users of environments need not load, and the packages that must not import them.
HEAVY = {"torch", "stable_baselines3"}
LIGHT = {"utils": HEAVY, "controllers": HEAVY | {"mujoco"}, "envs": HEAVY, "deploy": HEAVY | {"gymnasium"}}
FILES = {package: sorted((ROOT / package).rglob("*.py")) for package in ALLOWED}
SCRIPTS = {path.stem for path in ROOT.glob("*.py")}


@cache
def imported(path):
    """Returns the dotted names that a file imports, anywhere in the file."""
    return imported_by(path, ast.walk(ast.parse(path.read_text())))


def imported_by(path, nodes):
    """Returns the dotted names that import statements among the syntax nodes of a file import."""
    package, names = path.relative_to(ROOT).parts[:-1], []
    for node in nodes:
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = [*package[: len(package) + 1 - node.level]] if node.level else []
            base += [node.module] if node.module else []
            names += [".".join([*base, alias.name]) for alias in node.names]
    return names


@cache
def project_files(name):
    """Returns the project files that importing `name` runs: every package above it, and the module."""
    parts = name.split(".")
    stems = [ROOT.joinpath(*parts[:n]) for n in range(1, len(parts) + 1)]
    return [path for stem in stems for path in (stem / "__init__.py", stem.with_suffix(".py")) if path.exists()]


def reached(path):
    """Returns all dotted names that a file imports, directly or through project files."""
    names, seen, waiting = set(), set(), [path]
    while waiting:
        current = waiting.pop()
        if current not in seen:
            seen.add(current)
            found = imported(current)
            names.update(found)
            waiting += [file for name in found for file in project_files(name)]
    return names


@pytest.mark.parametrize("path", [*chain(*FILES.values())], ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_reaches_nothing_above_it(path):
    package = path.relative_to(ROOT).parts[0]
    above = {*ALLOWED} - {package, *ALLOWED[package]} | SCRIPTS | LIGHT.get(package, set())
    assert not {name.split(".")[0] for name in reached(path)} & above


def test_imports_are_found_in_functions_and_through_other_modules():
    assert all(len(files) > 1 for files in FILES.values()) and "train_residual_ppo" in SCRIPTS
    env = reached(ROOT / "envs/residual_walk_env.py")
    assert {"utils.config.resolved", "scipy.ndimage.uniform_filter", "mujoco.viewer"} <= env
    assert "stable_baselines3.sac.policies.SACPolicy" in reached(ROOT / "callbacks/saving_callbacks.py")


def test_the_hash_of_the_code_covers_every_package():
    assert {*provenance.PACKAGES} == {*ALLOWED, "assets"}


@pytest.mark.parametrize("path", [*chain(*FILES.values())], ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_makes_every_program_load_scipy_stats(path):
    """It takes half a second; a function that needs it imports it."""
    started = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.Import | ast.ImportFrom)]
    assert not [name for name in imported_by(path, started) if name.startswith("scipy.stats")]


def test_making_an_environment_loads_neither_torch_nor_sb3():
    code = (
        "import sys, gymnasium, envs; gymnasium.make('ResidualWalk-v0').reset(seed=0);"
        "print(sorted({'torch', 'stable_baselines3', 'matplotlib'} & set(sys.modules)), 'mujoco' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert result.stdout.strip() == "[] True", result.stderr


@pytest.mark.parametrize("name", ["ResidualWalk-v0", "CubeInHand-v0"])
def test_playing_a_policy_does_not_load_the_compiler_of_torch(name):
    code = (
        f"import sys; from run_folder.runs import load_run; run = load_run('assets/policies/{name}');"
        "env = run.make_env(1); run.act(env.reset(seed=0)[0]); print('torch' in sys.modules, 'torch._dynamo' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert result.stdout.strip() == "True False", result.stderr
