"""Of two processes that write the same results, the second is refused and changes nothing."""

from pathlib import Path

import pytest

from benchmarks import challenge_table, soak, successes, terrain_benchmark, time_to_quality, variation_benchmark
from utils.console.outputs import used_alone

POLICIES = Path(__file__).parents[2] / "assets" / "policies"
WALK, CUBE = POLICIES / "ResidualWalk-v0", POLICIES / "CubeInHand-v0"
FOLDER, FILE = "results", "results.csv"
PROGRAMS = [
    (challenge_table, "--no-training --envs RWRLCartpoleBalance-v0 --levels clean --seeds 1 --episodes 1 --out", FOLDER),
    (soak, "--steps 1 --num-envs 1 --frames 0 --ids Toy-v0 --out", FOLDER),
    (successes, f"--model {CUBE} --episodes 1 --episode-steps 1 --out", FOLDER),
    (terrain_benchmark, f"--model {WALK} --episodes 1 --levels 0 --no-own-gaits --out", FOLDER),
    (time_to_quality, f"{WALK} --minutes 1 --episodes 1 --csv", FILE),
    (variation_benchmark, "--episodes 1 --level 0 --csv", FILE),
]


@pytest.mark.parametrize(("program", "arguments", "name"), PROGRAMS, ids=[program.__name__ for program, *_ in PROGRAMS])
def test_a_second_writer_of_the_same_results_is_refused(program, arguments, name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    if name == FOLDER:
        Path(name).mkdir()
    with used_alone(Path(name)):
        locked = {path: path.stat().st_size for path in tmp_path.rglob("*")}
        assert program.main([*arguments.split(), name]) == 2
        assert {path: path.stat().st_size for path in tmp_path.rglob("*")} == locked
    error = capsys.readouterr().err
    assert "in use by another evaluation" in error and len(error.splitlines()) == 1
