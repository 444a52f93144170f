"""Trainings of the A1: presets, options, and the learners that train on it."""

import pytest

import train
from envs.a1.config import A1Config
from envs.a1.variation import DR_VARIATION
from run_folder.records import read_run_config
from run_folder.runs import load_run
from training.tasks import TASKS

SMALL = "--num-envs 2 --num-threads 1 --eval-every 0 --episode-steps 10"
OPTIONS = {
    "smooth_ppo": "--total-timesteps 64 --smooth-ppo.n-steps 16 --smooth-ppo.batch-size 32 --smooth-ppo.net-arch 8",
    "robust_sac": "--total-timesteps 64 --robust-sac.learning-starts 16 --robust-sac.net-arch 8 --robust-sac.batch-size 16",
    "asymmetric_ppo": "--total-timesteps 64 --asymmetric-ppo.n-steps 16 --asymmetric-ppo.batch-size 32",
}


@pytest.mark.slow
@pytest.mark.parametrize("algo", OPTIONS)
@pytest.mark.parametrize("task_name", ["locomotion-dr", "reset"])
def test_it_trains_and_the_run_keeps_the_task(algo, task_name, tmp_path):
    argv = f"--env A1-v0 --algo {algo} --env.task-name {task_name} {SMALL} {OPTIONS[algo]} --run-dir {tmp_path / 'run'}"
    assert train.main(argv.split()) == 0
    name = task_name.removesuffix("-dr")
    assert read_run_config(tmp_path / "run")["env"]["task_name"] == name
    assert load_run(tmp_path / "run").env_kwargs["config"]["task_name"] == name


@pytest.mark.parametrize("preset", [*TASKS["A1-v0"].presets])
def test_every_preset_is_a_config_whose_environment_can_be_made(preset):
    config = train.parse(["--env", "A1-v0", "--preset", preset, "--num-threads", "1"])
    config.check_learner()
    config.check()
    assert config.env.starts_fallen == (preset == "reset")


@pytest.mark.parametrize("name", ["locomotion", "reset", "stand"])
def test_every_task_can_be_trained_with_the_default_preset(name):
    assert train.parse(["--env", "A1-v0", "--env.task-name", name]).env == A1Config(task_name=name)


def test_the_suffix_dr_sets_the_randomisation_of_a_training():
    config = train.parse(["--env", "A1-v0", "--env.task-name", "stand-dr"])
    assert (config.env.task_name, config.env.variation) == ("stand", DR_VARIATION)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--env-kwargs {low_pass:\u00a04}", "env_kwargs of A1-v0 may contain perturb_spec, task_kwargs, not 'low_pass'"),
        ("--env.task-name hop", "invalid choice 'hop' for argument '--env.task-name'"),
        ("--env.task-name reset --env.command-vx 0.3 0.5", "command_vx has no effect in the task reset"),
        ("--env.low-pass 12", "low_pass must be below half the control rate"),
    ],
)
def test_a_wrong_option_gets_one_sentence_and_no_folder(options, words, tmp_path, capsys):
    argv = [word.replace("\u00a0", " ") for word in f"--env A1-v0 --run-dir {tmp_path / 'run'} {options}".split(" ")]
    with pytest.raises(SystemExit) as stop:
        train.main(argv)
    assert stop.value.code == 2
    message = capsys.readouterr().err
    assert words in message and len(message.splitlines()) == 1 and not [*tmp_path.iterdir()]
