"""The project installs on every available Python: the Makefile selects an interpreter, and dependencies are declared."""

import ast
import os
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from utils import provenance

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
TOP = {name.removesuffix("*") for name in PROJECT["tool"]["setuptools"]["packages"]["find"]["include"]}
FILES = [*(path for package in TOP for path in (ROOT / package).rglob("*.py")), *ROOT.glob("*.py")]
SCRIPTS = {path.stem for path in ROOT.glob("*.py")} | {"benchmarks"}
INSTALLED = ["Makefile", "requirements.txt", "requirements-no-deps.txt", "pyproject.toml"]
WORKS = f'#!/bin/sh\nexec {sys.executable} "$@"\n'
BROKEN = '#!/bin/sh\necho "pyenv: $0: command not found" >&2\nexit 127\n'
TOO_OLD = "#!/bin/sh\nexit 1\n"


@pytest.fixture
def make(tmp_path):
    """Returns a function that runs make in a fresh copy, with only these interpreters on the PATH."""
    for name in INSTALLED:
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "bin").mkdir()
    for tool in ("make", "sh"):
        (tmp_path / "bin" / tool).symlink_to(shutil.which(tool))

    def run(*arguments, **interpreters):
        for name, script in interpreters.items():
            (tmp_path / "bin" / name.replace("_", ".")).write_text(script)
            (tmp_path / "bin" / name.replace("_", ".")).chmod(0o755)
        environment = {"PATH": str(tmp_path / "bin"), "LC_ALL": "C"}
        return subprocess.run(["make", *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True)

    return run


def declared(lines):
    """Returns the requirements that apply to this Python, by distribution."""
    wanted = [Requirement(line) for line in lines]
    return {canonicalize_name(own.name): own for own in wanted if own.marker is None or own.marker.evaluate()}


def pinned():
    lines = [line for name in INSTALLED[1:3] for line in (ROOT / name).read_text().splitlines()]
    return declared(line for line in lines if line and not line.startswith("#"))


def imported(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module


@pytest.mark.parametrize(
    ("there", "chosen"),
    [
        ({"python3_11": WORKS, "python3_13": WORKS}, "python3.13"),
        ({"python3_11": WORKS, "python3_12": WORKS, "python3_13": BROKEN, "python3_14": BROKEN}, "python3.12"),
        ({"python3_11": WORKS, "python3_14": WORKS, "python3_10": WORKS}, "python3.14"),
        ({"python3_11": WORKS, "python3_12": TOO_OLD}, "python3.11"),
    ],
)
def test_make_takes_the_newest_python_that_runs(make, there, chosen):
    assert f"\n{chosen} -m venv .venv\n" in "\n" + make("--dry-run", "demo", **there).stdout


def test_make_takes_the_python_that_is_asked_for(make):
    there = {"python3_12": WORKS, "python3_13": WORKS}
    assert make("--dry-run", "PYTHON=python3.12", "test", **there).stdout.startswith("python3.12 -m venv .venv\n")


@pytest.mark.parametrize("target", ["demo", "test", "lint"])
@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ((), "none of python3.14 python3.13 python3.12 python3.11 runs"),
        (("PYTHON=python3.9",), "PYTHON=python3.9 does not"),
    ],
)
def test_make_without_a_python_says_so_in_one_sentence(make, target, asked, words):
    done = make(*asked, target, python3_9=BROKEN, python3_13=BROKEN, python3_12=TOO_OLD)
    assert done.returncode != 0 and not done.stdout and words in done.stderr
    assert "Python 3.11 or newer with venv" in done.stderr and len(done.stderr.splitlines()) == 1


def test_an_environment_of_another_python_is_made_anew_and_one_of_this_python_is_used(make, tmp_path):
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "pyvenv.cfg").touch()
    ready = tmp_path / ".venv" / f".ready-{sys.version.split()[0]}"
    ready.with_name(".ready-3.10.1").touch()
    assert "python3.12 -m venv --clear .venv\n" in make("--dry-run", "demo", python3_12=WORKS).stdout
    ready.touch()
    assert "venv" not in make("--dry-run", "demo").stdout.replace(".venv/bin/python demo.py", "")
    os.utime(ready, (0, 0))  # older than the requirements: packages are added to the existing environment
    assert "python3.12 -m venv .venv\n" in make("--dry-run", "demo").stdout


def test_every_package_of_another_project_that_is_imported_is_declared():
    ours = TOP | SCRIPTS | sys.stdlib_module_names
    names = {name.partition(".")[0] for path in FILES for name in imported(path)} - ours
    sources = packages_distributions()
    extras = PROJECT["project"]["optional-dependencies"]
    known = declared(PROJECT["project"]["dependencies"] + extras["sweep"] + extras["web"])
    known |= {"dm-control": None}  # declared for Python below 3.13
    missing = {name for name in names if not {canonicalize_name(own) for own in sources[name]} & {*known}}
    assert not missing and {"mujoco", "dm_control", "gymnasium_robotics", "onnx", "rich"} <= names


def test_every_declared_dependency_has_an_exact_version_that_it_allows():
    web = PROJECT["project"]["optional-dependencies"]["web"]
    for name, own in declared(PROJECT["project"]["dependencies"] + web).items():
        (version,) = pinned()[name].specifier
        assert version.operator == "==" and own.specifier.contains(version.version), name


def test_dm_controls_dependencies_but_labmaze_are_declared_for_it():
    known = declared(PROJECT["project"]["dependencies"])
    needed = {*declared(line for line in requires("dm-control") if "extra" not in line)} - {"labmaze", "setuptools"}
    assert needed <= {*known} and needed <= {*pinned()} and "labmaze" not in pinned()


def test_every_folder_with_code_is_a_package_that_is_installed():
    folders = {path.parent for top in TOP for path in (ROOT / top).rglob("*.py")}
    assert {*provenance.PACKAGES} == TOP and len(folders) > len(TOP)
    assert [folder for folder in folders if not (folder / "__init__.py").is_file()] == []


def test_models_and_shipped_policies_are_installed_with_the_packages():
    patterns = PROJECT["tool"]["setuptools"]["package-data"]
    installed = {path for pattern in patterns["assets"] for path in (ROOT / "assets").glob(pattern)}
    installed |= {path for top in TOP for pattern in patterns["*"] for path in (ROOT / top).rglob(pattern)}
    data = {path for top in TOP for path in (ROOT / top).rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc")}
    assert len(data) > 20 and data - installed == set()


@pytest.mark.parametrize("env_id", ["RWRLHumanoidStand-v0", "RWRLCartpoleBalance-v0"])
def test_without_dm_control_its_ids_say_in_one_sentence_what_to_install(env_id):
    code = f"import sys, gymnasium; sys.modules['dm_control'] = None; gymnasium.make('envs:{env_id}')"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    last = done.stderr.splitlines()[-1]
    assert last.startswith("gymnasium.error.DependencyNotInstalled: the RWRL environments need dm-control")
    assert "pip install --no-deps 'dm-control>=1.0.50,<2'" in last
