"""What a figure was made with: versions and the state of the code."""

import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

CHANGED, NO_COMMIT = "+changes", "unknown"  # a state of the code that nobody can come back to
_NAMED_VERSIONS = ("mujoco", "gymnasium", "stable-baselines3", "torch", "numpy")


def versions() -> dict[str, str]:
    """Returns the versions of Python and of the packages that decide numbers."""
    return {"python": platform.python_version()} | {name: version(name) for name in _NAMED_VERSIONS}


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
