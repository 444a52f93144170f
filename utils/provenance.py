"""What a figure was made with: versions and the state of the code."""

import hashlib
import platform
import subprocess
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

CHANGED, NO_COMMIT = "+changes", "unknown"  # a state of the code that nobody can come back to
ROOT = Path(__file__).parents[1]
PACKAGES = (
    "assets",
    "utils",
    "controllers",
    "envs",
    "algorithms",
    "run_folder",
    "callbacks",
    "evaluation",
    "training",
    "tuning",
)
_OPTIONAL = ("dm-control", "gymnasium-robotics")
SOURCES = (".py", ".xml", ".stl", ".obj")
_NAMED_VERSIONS = ("mujoco", "gymnasium", "stable-baselines3", "torch", "numpy")


def versions() -> dict[str, str]:
    """Returns the versions of Python and of the packages that decide numbers."""
    return {"python": platform.python_version()} | {name: version(name) for name in _NAMED_VERSIONS}


def optional_versions() -> dict[str, str]:
    """Returns the versions of the packages that decide numbers of some environments only, where they are installed."""
    found = {}
    for name in _OPTIONAL:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def git_state() -> str:
    """Returns the commit that this code stands on, with CHANGED if files differ from it, or NO_COMMIT."""
    here = Path(__file__).parent
    try:
        git = ["git", "-C", str(here)]
        commit = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
        changes = subprocess.run([*git, "status", "--porcelain"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return NO_COMMIT
    return commit + (CHANGED if changes.strip() else "")


def code_state() -> str:
    """Returns what identifies the code that runs, whether or not a commit holds it: a hash over its source files.

    Files without effect on numbers, as docs and tests, do not count: rows that take hours outlive their changes.
    """
    known = hashlib.sha256()
    for path in sorted(_sources()):
        known.update(f"{path.relative_to(ROOT).as_posix()}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return f"code {known.hexdigest()[:16]}"


def file_state(path: str | Path | None) -> str:
    """Returns what identifies a source file outside of this project; nothing for one of the project, or for None."""
    if path is None or Path(path).resolve().is_relative_to(ROOT.resolve()):
        return ""
    return f"{Path(path).name} {hashlib.sha256(Path(path).read_bytes()).hexdigest()[:16]}"


def _sources():
    """Yields the project's source files; policies are identified by their own digests."""
    for package in PACKAGES:
        yield from (path for path in (ROOT / package).rglob("*") if path.suffix in SOURCES)
    if (ROOT / "pyproject.toml").is_file():  # a checkout, not an installed package with others beside it
        yield from (*ROOT.glob("*.py"), *ROOT.glob("benchmarks/*.py"))
