"""Targets of the cube move farther away when enough of them are reached; the state survives a resume."""

import numpy as np
import pytest

import train
from callbacks.target_curriculum_callback import TargetCurriculumCallback
from run_folder.runs import load_run
from training.command_line import config_of_run
from utils import monitor_training

SMALL = """--env CubeInHand-v0 --total-timesteps 256 --num-envs 4 --episode-steps 8 --num-threads 1 --eval-every 0
--checkpoint-every 128 --seed 3 --ppo.n-steps 16 --ppo.batch-size 64 --ppo.net-arch 8""".split()


class Hands:
    """A vector environment that records the calls it receives."""

    def env_method(self, name, angle):
        assert name == "set_target_angle"
        self.angle = angle


class Played(TargetCurriculumCallback):
    """Receives made-up episodes: (successes, length)."""

    hands = Hands()
    training_env = property(lambda self: self.hands)
    logger = property(lambda self: self)

    def record(self, name, value):
        self.recorded = name, value

    def play(self, *episodes):
        for successes, length in episodes:
            self.locals = {"infos": [{}, {"episode": {"l": length, "final": {"successes": float(successes)}}}]}
            self._on_step()
        self._on_rollout_start()
        assert self.recorded == ("curriculum/target_angle", self.hands.angle)
        return self.hands.angle


def test_the_farthest_target_moves_when_a_window_of_episodes_reaches_enough_in_a_thousand_steps():
    curriculum = Played(start=1.0, rise=8.0, factor=1.5, window=2)
    assert curriculum.play() == curriculum.play((9, 1000)) == 1.0  # one episode is not a window
    assert curriculum.play((0, 125)) == 1.5  # 9 in 1125
    assert curriculum.play((7, 1000), (8, 1000)) == 1.5
    assert curriculum.play((8, 1000)) == 1.5 and curriculum.play((1, 125)) == 2.25
    assert curriculum.play((99, 100), (99, 100)) == np.pi == curriculum.play((99, 100), (99, 100))


def test_it_goes_on_where_it_stood():
    first, second = Played(start=1.0, factor=1.5, window=2), Played(start=2.0, factor=1.5, window=2)
    first.play((80, 1000))
    second.restore(first.state)
    assert second.play((80, 1000)) == first.play((80, 1000)) == 1.5


@pytest.mark.parametrize("wrong", [{"start": 0.0}, {"start": 4.0}, {"factor": 1.0}, {"window": 0}])
def test_a_curriculum_that_leads_nowhere_is_refused(wrong):
    with pytest.raises(ValueError, match="a curriculum of targets needs"):
        TargetCurriculumCallback(**wrong)


def test_a_training_begins_near_and_is_judged_on_the_whole_range(tmp_path):
    run = tmp_path / "run"
    assert train.main([*SMALL, "--start-angle", "0.5", "--rise", "0", "--run-dir", str(run)]) == 0
    _, angles = monitor_training.read_scalars(run)["curriculum/target_angle"]
    assert angles[0] == pytest.approx(0.5)
    judging = config_of_run(run, 1).make_evaluation_env(2, 0)
    assert judging.unwrapped.task.target_angle == np.pi == load_run(run).make_env().unwrapped.task.target_angle


@pytest.mark.parametrize("word", ["--start-angle=0.2", "--start-angle=4", "--env-kwargs={success_angle: 0.9}"])
def test_an_angle_at_which_targets_are_reached_already_is_refused(word, tmp_path, capsys):
    assert train.main([*SMALL, word, "--run-dir", str(tmp_path / "run")]) == 2
    assert capsys.readouterr().err.startswith("train: start_angle ") and not (tmp_path / "run").exists()
