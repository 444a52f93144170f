"""Wrong input for a sweep gets one sentence, and nothing is written."""

import pytest
import yaml

import train
import tune_hyperparameters
from tests.helpers.sweep_runs import SMALL, SPACE, write_files
from training.assembly import create_run
from training.recipes import write_recipe
from tuning.sweep import SweepConfig
from utils.config import read_yaml
from utils.console.arguments import parse_arguments

REFUSED = [
    (["--trials", "0"], "trials must be at least 1, got 0"),
    (["--reseed", "1"], "reseed must be 0, or at least 2 for an interval, got 1"),
    (["--study", "../x"], "a study's name must consist of letters, digits, dots and dashes, got '../x'"),
    (["--sampler", "grid"], "invalid choice 'grid'"),
]
WRONG = {
    "nothing to reseed": (["--reseed", "2"], "no trial of s has finished: there is nothing to train again"),
    "space": (["--space", "wid"], "no space is called 'wid', did you mean wide?"),
    "config": (["--config", "none.yaml"], "cannot read none.yaml"),
    "url": (["--storage", "nosuch://user:secret@host/x"], "cannot open the nosuch storage: "),
    "server": (["--storage", "postgresql://user:secret@localhost:1/x"], "cannot open the postgresql storage: "),
    "proxy": (["--storage", "grpc://localhost:x"], "an address must be HOST:PORT, got 'localhost:x'"),
    "no journal": (["--storage", "space.yaml"], "cannot read space.yaml as a study's journal: "),
    "folder": (["--storage", "."], "cannot read . as a study's journal: "),
}


@pytest.mark.parametrize("arguments, words", REFUSED)
def test_a_command_line_that_cannot_be_meant_is_refused(tmp_path, monkeypatch, capsys, arguments, words):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stop:
        tune_hyperparameters.main(arguments)
    said = " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert stop.value.code == 2 and words in said and not [*tmp_path.iterdir()]


@pytest.mark.parametrize("name", WRONG)
def test_wrong_input_gets_one_sentence(tmp_path, monkeypatch, capsys, name):
    monkeypatch.chdir(tmp_path)
    write_files(tmp_path, SPACE)
    arguments, words = WRONG[name]
    assert tune_hyperparameters.main([*SMALL, *arguments]) == 2
    message = capsys.readouterr().err
    assert words in message and len(message.splitlines()) == 1 and "secret" not in message
    assert (tmp_path / "space.yaml").read_text() == yaml.safe_dump(SPACE) and not [*tmp_path.glob("runs/studies/*/trials/*")]


def test_a_space_with_an_option_of_warm_starts_needs_a_policy_to_start_from(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "space.yaml").write_text("asymmetric_ppo.critic_warm_up: {low: 0, high: 1000}")
    arguments = "--env ResidualWalk-v0 --algo asymmetric_ppo --space space.yaml --trials 1 --steps 16384"
    assert tune_hyperparameters.main(arguments.split()) == 2
    wanted = "space: asymmetric_ppo.critic_warm_up has no effect: there is no --start-from"
    assert wanted in capsys.readouterr().err and not (tmp_path / "runs").exists()


IDLE = {
    "env.terrain.levels: {choices: [[0.5], [1.0]]}": "env.terrain.levels has no effect: the ground is flat",
    "env.variation.push_interval: {low: 1.0, high: 5.0}": "env.variation.push_interval has no effect: push_speed is 0",
}


@pytest.mark.parametrize("entry", IDLE)
def test_a_field_of_the_task_without_effect_is_no_part_of_a_space(entry, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    arguments = "--env RealAnt-v0 --algo ppo --trials 1 --steps 16384 --space space.yaml".split()
    (tmp_path / "space.yaml").write_text(entry)
    assert tune_hyperparameters.main(arguments) == 2
    assert f"space: {IDLE[entry]}" in capsys.readouterr().err and not (tmp_path / "runs").exists()


def test_a_field_of_the_task_that_another_entry_gives_an_effect_is_part_of_a_space(tmp_path):
    space = tmp_path / "space.yaml"
    space.write_text("""env.variation.push_interval: {low: 1.0, high: 5.0}
env.variation.push_speed: {low: 0.1, high: 0.2}""")
    sweep = parse_arguments(SweepConfig, ["--env", "RealAnt-v0", "--algo", "ppo", "--space", str(space)])
    assert {*sweep.entries} == {"env.variation.push_interval", "env.variation.push_speed"}


def test_what_a_scheduled_standard_deviation_sets_is_no_part_of_a_space(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "space.yaml").write_text("asymmetric_ppo.log_std_init: {low: -2.0, high: -1.0}")
    arguments = "--env Biped-v0 --preset default --algo asymmetric_ppo --trials 1 --steps 16384 --space".split()
    assert tune_hyperparameters.main([*arguments, "space.yaml"]) == 2
    wanted = "space: asymmetric_ppo.log_std_init has no effect: std_schedule replaces it"
    assert wanted in capsys.readouterr().err and not (tmp_path / "runs").exists()
    schedules = "asymmetric_ppo.std_schedule: {choices: [[0.2, 0.05], [0.1, 0.05]]}"
    (tmp_path / "space.yaml").write_text("asymmetric_ppo.ent_coef: {low: 0.0, high: 0.1}\n" + schedules)
    alone = [*arguments, "space.yaml", "--preset", "one_frame"]
    assert tune_hyperparameters.main(alone) == 2
    assert "space: asymmetric_ppo.ent_coef has no effect: std_schedule replaces it" in capsys.readouterr().err
    kept = parse_arguments(SweepConfig, [*arguments, "wide"]).entries
    assert "asymmetric_ppo.gamma" in kept and not {"asymmetric_ppo.log_std_init", "asymmetric_ppo.ent_coef"} & kept.keys()


def test_a_sweep_of_robust_sac_tries_its_coefficient_unless_there_is_no_regulariser(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = "--env Toy-v0 --algo robust_sac --space wide --trials 1 --steps 192 --evaluations 1 --eval-episodes 2"
    words = [*words.split(), "--study", "s"]
    (tmp_path / "plain.yaml").write_text("robust_sac: {robust_method: no}")
    entries = [parse_arguments(SweepConfig, [*words, *more]).entries for more in ([], ["--config", "plain.yaml"])]
    assert entries[0].keys() - entries[1].keys() == {"robust_sac.robust_coef"}
    assert tune_hyperparameters.main(words) == 0
    coefficient = read_yaml(tmp_path / "runs/studies/s/trials/0000/config.yaml")["config"]["robust_sac"]["robust_coef"]
    assert 1e-4 <= coefficient <= 0.1


def test_a_sweep_from_a_policy_tries_no_standard_deviation(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = "--env Toy-v0 --algo ppo --space wide".split()
    fresh, started = (parse_arguments(SweepConfig, [*words, *more]).entries for more in ([], ["--start-from", "run"]))
    assert fresh.keys() - started.keys() == {"ppo.log_std_init"}


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("0.5", "must be {low, high, optionally log or step} or {choices}, got 0.5"),
        ("{low: 0.1}", "must be {low, high"),
        ("{choices: 4}", "choices must be a list of at least one value, got 4"),
        ("{choices: []}", "choices must be a list of at least one value"),
    ],
)
@pytest.mark.parametrize("name", ["sigma", "samples", "gamma"])
def test_a_malformed_entry_is_one_sentence_also_if_it_has_no_effect(name, entry, words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    entries = {"sigma": "{low: 0.1, high: 1.0}", name: entry}
    (tmp_path / "space.yaml").write_text("\n".join(f"robust_sac.{key}: {text}" for key, text in entries.items()))
    assert tune_hyperparameters.main("--env Toy-v0 --algo robust_sac --trials 1 --space space.yaml".split()) == 2
    error = capsys.readouterr().err
    assert f"space: robust_sac.{name}" in error and words in error and error.count("\n") == 1


def test_a_value_without_effect_in_some_trainings_of_a_space_is_allowed_and_its_recipe_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.yaml").write_text("robust_sac: {samples: 4, robust_method: l2_param}")
    (tmp_path / "space.yaml").write_text("robust_sac.estimator: {choices: [autograd, smoothed]}")
    words = "--env Toy-v0 --algo robust_sac --steps 64 --space space.yaml --config own.yaml"
    sweep = parse_arguments(SweepConfig, words.split())
    sweep.check_file()
    write_recipe(tmp_path / "best.yaml", sweep.recipe({"robust_sac.estimator": "autograd"}), "# a comment\n")
    trained = train.parse(["--config", "best.yaml"])
    assert (trained.algo, trained.robust_sac.samples, trained.robust_sac.estimator) == ("robust_sac", 4, "autograd")
    (tmp_path / "space.yaml").write_text("robust_sac.gamma: {low: 0.9, high: 0.99}")
    with pytest.raises(ValueError, match=r"own.yaml: robust_sac.samples has no effect"):
        parse_arguments(SweepConfig, words.split()).check_file()


def test_the_config_of_a_run_may_be_that_of_a_sweep_and_its_recipe_trains(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "first.yaml").write_text("env_kwargs: {frames: 2}")
    words = "--env RWRLCartpoleSwingup-v0 --config first.yaml --eval-every 0 --seed 7 --total-timesteps 555 --run-dir run"
    create_run(train.parse(words.split()), words.split())
    sweep = parse_arguments(SweepConfig, "--env RWRLCartpoleSwingup-v0 --algo sac --config run/config.yaml".split())
    sweep.check_file()
    write_recipe(tmp_path / "best.yaml", sweep.recipe({"sac.gamma": 0.97}))
    trained = train.parse(["--config", "best.yaml"])
    assert trained.sac.gamma == 0.97 and trained.env_kwargs == {"frames": 2} and trained.total_timesteps != 555


def test_a_proxy_in_front_of_a_journal_is_refused_and_none_is_made(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tuning.storages.run_grpc_proxy_server", lambda *_, **__: None)  # it would run for ever
    assert tune_hyperparameters.main(["--serve", "0"]) == 2 and not [*tmp_path.iterdir()]
    sentence = "a proxy needs a database behind it, such as --storage sqlite:///study.db, got a journal"
    assert capsys.readouterr().err == f"tune_hyperparameters: {sentence}\n"
