"""A training prints one sentence if its number of steps differs from the requested one."""

import pytest

import train
from tests.helpers.training_runs import for_algo
from training.step_notes import step_notes

SMALL = "--env Pendulum-v1 --num-envs 2 --num-threads 1 --eval-every 0 --ppo.batch-size 32 --ppo.net-arch 8".split()


PPO, SAC = (
    "PPO takes whole rollouts of 128 steps (num_envs 2 x 64): ",
    "SAC takes whole rollouts of 2 steps (num_envs 2 x 1): ",
)
RANDOM = "SAC learns nothing in 64 steps: its first 10,000 are random (sac.learning_starts)."


@pytest.mark.parametrize(
    ("arguments", "sentences"),
    [
        ("--total-timesteps 100 --ppo.n-steps 64", [f"{PPO}128 steps, not 100."]),
        ("--total-timesteps 129 --ppo.n-steps 64", [f"{PPO}256 steps, not 129."]),
        ("--total-timesteps 256 --ppo.n-steps 64", []),
        ("--algo sac --total-timesteps 20001 --sac.learning-starts 9", [f"{SAC}20,002 steps, not 20,001."]),
        ("--algo sac --total-timesteps 64", [RANDOM]),
    ],
)
def test_steps_that_are_not_those_asked_for_are_said(arguments, sentences):
    assert step_notes(train.parse(for_algo([*SMALL, *arguments.split()]))) == sentences


def test_the_command_line_says_it_and_takes_the_steps_it_says(tmp_path, capsys):
    arguments = [*SMALL, "--total-timesteps", "70", "--ppo.n-steps", "32", "--run-dir", str(tmp_path / "run")]
    assert train.main(for_algo(arguments)) == 0
    printed = capsys.readouterr().out
    assert "64 steps (num_envs 2 x 32): 128 steps, not 70." in printed and "128 of 128 steps" in printed
    assert (tmp_path / "run/checkpoints/0000000128").is_dir()
