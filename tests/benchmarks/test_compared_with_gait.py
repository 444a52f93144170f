"""Benchmarks that compare policies with the gait alone refuse policies that add to no gait."""

from pathlib import Path

import pytest

from benchmarks import steering_benchmark, terrain_benchmark, variation_benchmark

POLICIES = Path(__file__).parents[2] / "assets" / "policies"


@pytest.mark.parametrize("program", [terrain_benchmark, steering_benchmark, variation_benchmark])
@pytest.mark.parametrize("name", ["A1-v0", "Biped-v0"])
def test_a_policy_that_adds_to_no_gait_is_not_compared_with_one(program, name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert program.main(["--model", str(POLICIES / name)]) == 2
    assert f"{name} has no gait alone to compare policies with" in capsys.readouterr().err
