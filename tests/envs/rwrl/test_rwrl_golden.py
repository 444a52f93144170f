"""The Real-World RL challenges in exact mode compute the same numbers as the original suite."""

import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[2]
ADAPTER = TESTS / "helpers" / "rwrl_adapter.py"
CHECKER = TESTS / "golden" / "rwrl" / "check_golden.py"


def run_checker(*options):
    command = [
        sys.executable,
        "-W",
        "error",
        str(CHECKER),
        "--adapter",
        str(ADAPTER),
        *options,
    ]
    return subprocess.run(command, capture_output=True, text=True)


def test_every_golden_number_is_met_and_no_check_is_skipped():
    result = run_checker("--rtol", "1e-7")
    lines = result.stdout.splitlines()
    assert result.returncode == 0, result.stdout + result.stderr
    assert [line for line in lines if line.startswith("SKIP")] == ["SKIP  random_return"]
    assert lines[-1].endswith(" 0 failed") and int(lines[-1].split()[0]) > 12_000


@pytest.mark.slow
def test_a_random_policy_earns_what_it_did_in_the_original():
    result = run_checker("--slow", "--only", "random_return")
    assert result.returncode == 0 and "SKIP" not in result.stdout, result.stdout + result.stderr
