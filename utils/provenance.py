"""Identifies the code and the package versions that produced a result."""

import hashlib
import platform
import subprocess
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

CHANGED, NO_COMMIT = "+changes", "unknown"  # marks of code that cannot be restored from git
ROOT = Path(__file__).parents[1]
PACKAGES = (
    "assets",
    "utils",
    "controllers",
    "deploy",
    "envs",
    "algorithms",
    "run_folder",
    "callbacks",
    "evaluation",
    "training",
    "tuning",
    "viewer",
)
_OPTIONAL = ("dm-control", "gymnasium-robotics")
SOURCES = (".py", ".xml", ".stl", ".obj")
_NAMED_VERSIONS = ("mujoco", "gymnasium", "stable-baselines3", "torch", "numpy")


def versions() -> dict[str, str]:
    """Returns the versions of Python and of the packages that affect results."""
    return {"python": platform.python_version()} | {name: version(name) for name in _NAMED_VERSIONS}


def optional_versions() -> dict[str, str]:
    """Returns the versions of the installed packages that affect results of some environments only."""
    found = {}
    for name in _OPTIONAL:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def git_state() -> str:
    """Returns the current git commit, followed by CHANGED if files differ from it; NO_COMMIT without git."""
    here = Path(__file__).parent
    try:
        git = ["git", "-C", str(here)]
        commit = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
        changes = subprocess.run([*git, "status", "--porcelain"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return NO_COMMIT
    return commit + (CHANGED if changes.strip() else "")


def code_state() -> str:
    """Returns a hash of the project's source files, which identifies the running code with or without a commit.

    Files that do not affect results, such as docs and tests, are left out, so that cached result rows stay valid.
    """
    known = hashlib.sha256()
    for path in sorted(_sources()):
        known.update(f"{path.relative_to(ROOT).as_posix()}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return f"code {known.hexdigest()[:16]}"


def file_state(path: str | Path | None) -> str:
    """Returns the name and hash of a source file outside this project; "" for a file of the project and for None."""
    if path is None or Path(path).resolve().is_relative_to(ROOT.resolve()):
        return ""
    return f"{Path(path).name} {hashlib.sha256(Path(path).read_bytes()).hexdigest()[:16]}"


def _sources():
    """Yields the project's source files, without policies, which have separate digests."""
    for package in PACKAGES:
        yield from (path for path in (ROOT / package).rglob("*") if path.suffix in SOURCES)
    if (ROOT / "pyproject.toml").is_file():  # only in a checkout: an installed package lies beside files of other packages
        yield from (*ROOT.glob("*.py"), *ROOT.glob("benchmarks/*.py"))
