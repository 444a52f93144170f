"""The README is true: its programs run."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.new_robot_runs import ROWS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def installed():
    found = subprocess.run([sys.executable, "-I", "-c", "import envs"], cwd="/", capture_output=True)
    return found.returncode == 0


def programs():
    """Returns the complete programs; other blocks are parts of files."""
    return re.findall(r"```python\n(import gymnasium\n.*?)```", README, re.DOTALL)


def test_the_first_program_runs_from_another_folder(tmp_path):
    if not installed():
        pytest.skip("the project is not installed (pip install -e .)")
    program, _ = programs()
    done = subprocess.run([sys.executable, "-W", "error", "-I", "-c", program], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    distance, command = map(float, re.fullmatch(r"(.*) m in 5 s, (.*) m/s commanded\n", done.stdout).groups())
    assert 0.5 < distance / (5 * command) < 1.2


def test_the_challenges_around_any_environment_are_one_line(tmp_path):
    _, program = programs()
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "slider_pos_constraint" in done.stdout and "pole_length" in done.stdout


def test_the_rows_that_add_a_robot_are_those_of_the_robot_that_a_test_adds():
    section = README.split("## Add a robot")[1].split("## Add an algorithm")[0]
    blocks = re.findall(r"```\n(.*?)```", section, re.DOTALL)
    assert blocks == [line.removeprefix("    ") for _, _, line in ROWS]
