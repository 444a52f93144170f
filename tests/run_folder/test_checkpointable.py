"""An environment that a checkpoint cannot save is refused before the run folder is made."""

import random
from itertools import count

import gymnasium as gym
import pytest
from gymnasium.envs.registration import EnvSpec

import train
from algorithms.vec_env import make_batch_vec_env
from envs.toy_env import ToyVectorEnv
from tests.helpers.foreign_package import SHORT, SMALL
from utils.plain_yaml import dump_yaml
from utils.snapshot import capture


class CountedToys(ToyVectorEnv):
    """Has an attribute that a checkpoint cannot save: from the start, or from the first step on."""

    def __init__(self, num_envs, late=False, **settings):
        super().__init__(num_envs, **settings)
        self.late, self.tally = late, None if late else random.Random(1)

    def step(self, actions):
        self.tally = count() if self.late else self.tally
        return super().step(actions)


@pytest.mark.parametrize(("late", "kind"), [("false", "Random"), ("true", "count")])
@pytest.mark.parametrize("algo", ["ppo", "sac"])
def test_what_a_checkpoint_cannot_keep_is_refused_before_there_is_a_folder(algo, late, kind, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(gym.registry, "Counted-v0", EnvSpec("Counted-v0", vector_entry_point=CountedToys))
    command = ["--env", "Counted-v0", "--algo", algo, "--env-kwargs", f"{{late: {late}}}"]
    assert train.main([*(SMALL if algo == "ppo" else SHORT), *command, "--run-dir", str(tmp_path / "run")]) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1 and not (tmp_path / "run").exists()
    assert f"CountedToys.tally is of a type that a checkpoint cannot keep ({kind})" in said[0]


class ChangingToys(ToyVectorEnv):
    """Replaces a function, which a checkpoint does not keep, at a step: the first one by default."""

    def __init__(self, num_envs, at=1, **settings):
        super().__init__(num_envs, **settings)
        self.at, self.steps, self.rule = at, 0, min

    def step(self, actions):
        self.steps += 1
        self.rule = max if self.steps == self.at else self.rule
        return super().step(actions)


@pytest.mark.parametrize("at", [1, 20])
def test_a_function_that_is_replaced_between_checkpoints_is_an_error_and_never_forgotten(at, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(gym.registry, "Changing-v0", EnvSpec("Changing-v0", vector_entry_point=ChangingToys))
    command = ["--env", "Changing-v0", "--env-kwargs", f"{{at: {at}}}", "--run-dir", str(tmp_path / "run")]
    assert train.main([*SMALL, *command]) == 2
    assert "ChangingToys.rule has changed, and a checkpoint does not keep it" in capsys.readouterr().err
    assert (tmp_path / "run").exists() is (at > 1)


@pytest.mark.parametrize(("env_id", "arguments"), [("ShadowHandPen-v0", {}), ("RWRLCartpoleSwingup-v0", {"exact": True})])
def test_a_vector_that_steps_single_environments_trains(env_id, arguments, tmp_path):
    capture(make_batch_vec_env(env_id, 2, **arguments))  # raises where a checkpoint cannot keep something
    command = ["--env", env_id, "--env-kwargs", dump_yaml(arguments, flow=True).strip(), "--algo", "ppo"]
    assert train.main([*SMALL, *command, "--run-dir", str(tmp_path / "run")]) == 0
