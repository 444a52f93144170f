"""A run that is resumed with fewer total steps ends there, or where it is, and is then like any finished run."""

import json
import shutil

import pytest

import export_policy
import play_residual_policy
import train
from callbacks.interrupt_callback import TrainingInterrupted
from callbacks.progress_callback import ProgressCallback
from run_folder.records import read_run_config
from run_folder.runs import load_run, resumable
from training import ship_policy

WALK = """--env AdaptiveWalk-v0 --preset rough --num-envs 4 --ppo.n-steps 16 --ppo.batch-size 64 --ppo.net-arch 4
--eval-every 0 --checkpoint-every 128 --level 0.3 --ppo.final-learning-rate 1e-5
--num-threads 1 --total-timesteps 1024""".split()


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """Returns a run that was planned for 1,024 steps and stopped after 256."""
    run, printed = tmp_path_factory.mktemp("stopped") / "run", ProgressCallback._on_step

    def stop(self):
        if self.num_timesteps >= 256 + 4:
            raise TrainingInterrupted(2, self.num_timesteps)
        return printed(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ProgressCallback, "_on_step", stop)
        assert train.main([*WALK, "--run-dir", str(run)]) == 130
    assert int(resumable(run)[-1].name) == 256
    return run


@pytest.fixture
def run(stopped, tmp_path):
    return shutil.copytree(stopped, tmp_path / "run")


@pytest.mark.parametrize("steps", [64, 256])
def test_a_run_that_has_the_steps_already_ends_at_its_newest_checkpoint(run, steps, tmp_path, capsys, monkeypatch):
    wanted = {name: (resumable(run)[-1] / name).read_bytes() for name in ("policy.safetensors", "normalizer.npz")}
    assert train.main(["--resume", str(run), "--total-timesteps", str(steps)]) == 0
    assert "has 256 steps already: it ends at its newest checkpoint" in capsys.readouterr().err
    assert {name: (run / name).read_bytes() for name in wanted} == wanted
    card = json.loads((run / "card.json").read_text())
    assert card["steps"] == 256 and 0 < card["wall_time_s"] < 600
    assert load_run(run).folder == run and read_run_config(run)["total_timesteps"] == steps
    assert play_residual_policy.main(f"--model {run} --terrain flat --episodes 1 --command 2 --no-render".split()) == 0
    assert export_policy.main([str(run), str(tmp_path / "x.onnx")]) == 0
    monkeypatch.setattr(ship_policy, "read_rows", lambda _: [{"walker": str(run)}])
    assert ship_policy.main([str(run), "--benchmark", "b", "--out", str(tmp_path / "shipped")]) == 0


def test_a_run_that_has_fewer_steps_ends_at_the_new_number_and_says_what_follows_it(run, capsys):
    assert train.main(["--resume", str(run), "--total-timesteps", "320"]) == 0
    said = capsys.readouterr().err
    assert "ends at 320 steps instead of 1,024" in said and len(said.splitlines()) == 1
    assert "which changes the learning rate's schedule and the curriculum" in said
    assert json.loads((run / "card.json").read_text())["steps"] == 320
    assert train.main(["--resume", str(run)]) == 2
    assert "has all of its 320 steps" in capsys.readouterr().err
    assert train.main(["--resume", str(run), "--total-timesteps", "384"]) == 0
    assert "ends at 384 steps instead of 320, which changes the learning rate's schedule" in capsys.readouterr().err
    assert json.loads((run / "card.json").read_text())["steps"] == 384


def test_a_run_that_has_ended_cannot_have_fewer_steps_and_stays_as_it_is(run, capsys):
    assert train.main(["--resume", str(run), "--total-timesteps", "256"]) == 0
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    capsys.readouterr()
    assert train.main(["--resume", str(run), "--total-timesteps", "128"]) == 2
    error = capsys.readouterr().err
    assert "has ended with its 256 steps, and cannot have fewer" in error and len(error.splitlines()) == 1
    assert before == {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}


def test_nothing_is_said_to_follow_a_length_that_it_does_not_follow():
    from dataclasses import replace

    from training.command_line import followers

    def following(*arguments):
        config = train.parse([*arguments])
        return followers(config, replace(config, total_timesteps=config.total_timesteps + 1))

    assert following("--env", "CubeInHand-v0", "--ppo.final-learning-rate", "None") == []
    biped = ("--env", "Biped-v0", "--preset", "default", "--asymmetric-ppo.final-learning-rate", "None")
    schedule = (*biped, "--asymmetric-ppo.std-schedule", "0.1")
    assert following(*biped) == following(*schedule, "0.2") == ["the schedule of the standard deviation"]
    adaptive = ("--env", "ResidualWalk-v0", "--algo", "asymmetric_ppo", "--asymmetric-ppo.desired-kl", "0.02")
    rate = "the learning rate's schedule"
    assert rate in following(*adaptive[:-2]) and rate not in following(*adaptive)
    assert following(*schedule, "0.1") == following(*biped, "--asymmetric-ppo.std-schedule", "None") == []
