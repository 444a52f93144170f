"""Every number in a training's config has bounds; a value outside gets one sentence before the folder is made."""

import dataclasses
import math
from typing import get_args, get_type_hints

import pytest

import train
from algorithms.ppo import PpoConfig
from algorithms.sac import SacConfig
from training.config import EnvTrainConfig
from training.tasks.cube_in_hand import CubeTrainConfig
from training.tasks.walk import WalkTrainConfig

CONFIGS = (PpoConfig, SacConfig, EnvTrainConfig, CubeTrainConfig, WalkTrainConfig)
CHECKED_ELSEWHERE = {"level", "start_level"}  # checked in envs.locomotion.terrain


def numbers(kind):
    """Yields the fields of a config that hold numbers."""
    for name, hint in get_type_hints(kind).items():
        if name in {field.name for field in dataclasses.fields(kind)} and {int, float} & {hint, *get_args(hint)}:
            yield name


FIELDS = [(kind, name) for kind in CONFIGS for name in numbers(kind) if name not in CHECKED_ELSEWHERE]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -30])
@pytest.mark.parametrize(("kind", "name"), FIELDS, ids=lambda of: getattr(of, "__name__", of))
def test_no_number_may_be_infinite_undefined_or_far_below_zero(kind, name, value):
    given = (8, value) if name == "net_arch" else value
    with pytest.raises(ValueError, match=rf"^{name} must be .*, got .*{value}"):
        kind(**{name: given})


@pytest.mark.parametrize(
    ("option", "value", "sentence"),
    [
        ("ppo.batch-size", "1", "batch_size must be at least 2, got 1"),
        ("ppo.n-steps", "0", "n_steps must be at least 1, got 0"),
        ("ppo.n-epochs", "0", "n_epochs must be at least 1, got 0"),
        ("ppo.gamma", "1.5", "gamma must be a number in 0 to 1, got 1.5"),
        ("ppo.gae-lambda", "-0.1", "gae_lambda must be a number in 0 to 1, got -0.1"),
        ("ppo.clip-range", "0", "clip_range must be above 0, got 0.0"),
        ("ppo.target-kl", "0", "target_kl must be above 0, got 0.0"),
        ("ppo.final-learning-rate", "nan", "final_learning_rate must be at least 0, got nan"),
        ("ppo.net-arch", "0", "net_arch must be up to 16 widths from 1 to 8192, got (0,)"),
        ("sac.tau", "0", "tau must be above 0 and at most 1, got 0.0"),
        ("sac.gradient-steps", "0", "gradient_steps must be at least 1, or -1 for num_envs, got 0"),
        ("sac.ent-coef", "auto_x", "ent_coef must be auto, auto_0.1 (a first value above 0) or a number from 0 on"),
        ("sac.ent-coef", "-0.5", "ent_coef must be auto"),
        ("seed", "-1", "seed must be a number in 0 to 4294967295, got -1"),
        ("eval-every", "-5", "eval_every must be at least 0, got -5"),
    ],
)
def test_a_number_out_of_bounds_is_said_before_there_is_a_folder(option, value, sentence, tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        train.parse(["--env", "Pendulum-v1", f"--{option}", value, "--run-dir", str(tmp_path / "run")])
    message = " ".join(capsys.readouterr().err.replace("│", " ").replace("|", " ").split())
    assert stop.value.code == 2 and sentence in message and not (tmp_path / "run").exists()
