"""Warm start: a new run starts with the policy of another run, learns from there, and resumes like any other run."""

from pathlib import Path
from shutil import copytree, rmtree

import numpy as np
import pytest
import torch

import train
import tune_hyperparameters
from run_folder.policy import normalizing
from run_folder.runs import digest, load_run, resumable
from tests.helpers.training_runs import fingerprint, for_algo
from training.assembly import create_run, prepare
from utils.config import read_yaml

WALK = """--env ResidualWalk-v0 --preset rough --total-timesteps 512 --num-envs 4 --episode-steps 40 --num-threads 1
--eval-every 0 --checkpoint-every 128 --keep-checkpoints 9 --seed 3
--sac.learning-starts 64 --sac.batch-size 32 --sac.gradient-steps 1 --sac.net-arch 16 --sac.buffer-size 1024
--ppo.n-steps 32 --ppo.batch-size 64""".split()
PENDULUM = """--env Pendulum-v1 --total-timesteps 128 --num-envs 2 --num-threads 1 --eval-every 0 --seed 3 --ppo.n-steps 32
--ppo.batch-size 64 --ppo.net-arch 8 --sac.net-arch 8 --sac.learning-starts 32 --sac.gradient-steps 1""".split()
CHANGED = ["--terrain", "stairs", "--level", "0.4", "--perturb", "{mass: [1.1, 1.2]}"]


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """Returns the possible sources of a warm start, by the algorithm of the new run."""
    runs = {algo: tmp_path_factory.mktemp("source") / algo for algo in ("ppo", "sac")}
    for algo, run in runs.items():
        assert train.main(for_algo([*WALK, "--algo", algo, "--run-dir", str(run)])) == 0
    return runs


@pytest.fixture(scope="module", params=["ppo", "sac"])
def started(request, sources, tmp_path_factory):
    """Returns a finished run that was started from a source, on other terrain with perturbed masses, and the source."""
    run, source = tmp_path_factory.mktemp("started") / "run", sources[request.param]
    arguments = [*WALK, *CHANGED, "--algo", request.param, "--start-from", str(source)]
    assert train.main(for_algo([*arguments, "--run-dir", str(run)])) == 0
    return run, source


@pytest.fixture
def pendulum(tmp_path):
    """Returns the folder of a short PPO run on the pendulum."""
    assert train.main(for_algo([*PENDULUM, "--run-dir", str(tmp_path / "source")])) == 0
    return tmp_path / "source"


@pytest.mark.parametrize("algo", ["ppo", "sac"])
def test_before_it_learns_it_acts_as_the_policy_it_started_from(algo, sources, tmp_path):
    source, arguments = load_run(sources[algo]), [*WALK, *CHANGED, "--algo", algo, "--start-from", str(sources[algo])]
    config = train.parse(for_algo([*arguments, "--run-dir", str(tmp_path / "run")]))
    training = prepare(config, create_run(config, arguments))
    normalize, observations = normalizing(training.model.get_env()), np.random.default_rng(0).normal(size=(50, 98))
    actions = training.model.predict(normalize(observations), deterministic=True)[0]
    assert np.array_equal(actions, source.act(observations)) and np.ptp(actions) > 0.1
    training.model.get_env().close()
    weights = source.policy.state_dict()
    assert all(torch.equal(values, weights[name]) for name, values in training.model.policy.state_dict().items())


def test_reward_statistics_and_the_entropy_coefficient_are_taken_from_the_checkpoint_that_holds_them(sources, tmp_path):
    config = train.parse(
        for_algo([*WALK, "--algo", "sac", "--start-from", str(sources["sac"]), "--run-dir", str(tmp_path / "run")])
    )
    wanted = prepare(train.parse(["--resume", str(sources["sac"]), "--total-timesteps", "600"]), sources["sac"], True)
    training = prepare(config, create_run(config, []))
    statistics, entropy = (vars(made.model.get_env().ret_rms) for made in (training, wanted)), training.model.log_ent_coef
    first, second = statistics
    assert first == second and first["count"] > 500
    assert torch.equal(entropy, wanted.model.log_ent_coef) and entropy.item() != 0.0
    wanted.model.get_env().close(), training.model.get_env().close()


def test_it_learns_on_from_there_and_config_yaml_names_its_source(started):
    run, source = started
    record, first, last = read_yaml(run / "config.yaml"), load_run(run / "start"), load_run(run)
    assert record["start"]["digest"] == digest(source) and record["start"]["path"] == str(source.resolve())
    assert record["config"]["start_from"] == str(source)
    assert last.normalizer.count == pytest.approx(first.normalizer.count + 512, abs=5)
    changes = [torch.abs(a - b).max() for a, b in zip(first.policy.parameters(), last.policy.parameters())]
    assert 0 < max(changes) < 0.1  # a few steps of Adam from the source; other initial weights would differ by more


@pytest.mark.parametrize("left", [1, 0])
def test_it_resumes_exactly_from_a_checkpoint_and_starts_anew_without_one(started, left, tmp_path, monkeypatch):
    run = copytree(started[0], tmp_path / "run")
    for checkpoint in resumable(run)[left:]:
        rmtree(checkpoint)
    if not left:
        rmtree(run / "checkpoints")
    for name in ("policy.json", "policy.safetensors", "normalizer.npz"):
        (run / name).unlink()
    monkeypatch.chdir(tmp_path)  # the source cannot be found any more
    assert train.main(["--resume", str(run)]) == 0
    assert fingerprint(run) == fingerprint(started[0])


def test_what_starts_fresh_is_one_sentence(pendulum, tmp_path, capsys):
    assert train.main(for_algo([*PENDULUM, "--start-from", str(pendulum), "--run-dir", str(tmp_path / "a")])) == 0
    assert "weights, observation statistics and reward statistics of" in capsys.readouterr().out
    for checkpoint in resumable(pendulum):
        (checkpoint / "training.json").unlink()
    assert train.main(for_algo([*PENDULUM, "--start-from", str(pendulum), "--run-dir", str(tmp_path / "b")])) == 0
    assert "fresh: optimizer, reward statistics." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["--ppo.activation", "tanh"],
            "this training has activation tanh; give --ppo.activation elu",
        ),
        (["--ppo.net-arch", "8", "6"], "it has net_arch 8, this training has net_arch 8 6; give --ppo.net-arch 8"),
        (["--ppo.clip-obs", "5"], "give --ppo.clip-obs 10.0"),
        (["--algo", "sac"], "ppo trained it, and this training uses sac; give --algo ppo"),
        (["--env", "MountainCarContinuous-v0"], "the size of its observations is 3, in this training 2"),
        (["--ppo.log-std-init", "0.5"], "--ppo.log-std-init has no effect: --start-from sets"),
        (["--ppo.log-std-init", "-1.0"], "--ppo.log-std-init has no effect: --start-from sets"),
        (["--start-from", "nowhere"], "nowhere contains no policy.safetensors"),
    ],
)
def test_a_policy_that_does_not_fit_is_refused_before_there_is_a_folder(arguments, sentence, pendulum, tmp_path, capsys):
    command = [*PENDULUM, "--start-from", str(pendulum), "--run-dir", str(tmp_path / "new"), *arguments]
    assert train.main(for_algo(command)) == 2
    error = capsys.readouterr().err
    assert sentence in error and error.count("\n") == 1 and not (tmp_path / "new").exists()


def test_resume_takes_no_other_start(started, sources, capsys):
    assert train.main(["--resume", str(started[0]), "--start-from", "assets/other"]) == 2
    assert "only --total-timesteps may come with it" in capsys.readouterr().err


def test_every_trial_of_a_sweep_can_start_from_a_run(pendulum, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("base.yaml").write_text("{num_envs: 2, ppo: {n_steps: 32, batch_size: 64, net_arch: [8]}}")
    Path("space.yaml").write_text("ppo.gamma: {low: 0.9, high: 0.99}")
    sweep = "--env Pendulum-v1 --study s --config base.yaml --space space.yaml --steps 64 --trials 1 --num-threads 1"
    sweep += " --evaluations 1 --eval-episodes 1 --final-episodes 1 --pruner none"
    assert tune_hyperparameters.main([*sweep.split(), "--start-from", str(pendulum)]) == 0
    assert read_yaml(Path("runs/studies/s/trials/0000/config.yaml"))["start"]["digest"] == digest(pendulum)
