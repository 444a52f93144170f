"""A copy of the repository to which a test adds files and rows, and programs that run in it."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Runs command lines, a list in JSON, in one process: importing torch takes longer than any of them.
DRIVER = """import importlib, json, sys
for script, *arguments in json.loads(sys.argv[1]):
    code = importlib.import_module(script).main(arguments)
    assert code == 0, (script, arguments, code)
"""


def copy_repository(folder: Path) -> Path:
    """Copies the files of the repository that git does not ignore, without the tests; returns the folder."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file() and not name.startswith("tests/"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes((ROOT / name).read_bytes())
    return folder


def python(folder: Path, *arguments: str) -> str:
    """Runs Python in the folder, in which it must succeed; returns its output."""
    command = [sys.executable, "-W", "error::DeprecationWarning:algorithms", *arguments]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout
