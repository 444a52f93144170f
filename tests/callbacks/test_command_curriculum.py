"""Commands and pushes of the biped grow when robots track well; the state survives a resume."""

import pytest

import train
from callbacks.command_curriculum_callback import CommandCurriculumCallback
from envs.biped.config import BipedConfig
from envs.biped.weights import RewardWeights
from run_folder.runs import load_run
from training.command_line import config_of_run, starting_from
from training.tasks.biped import PRESETS, BipedTrainConfig, curriculum
from utils.monitor_training import read_scalars

SMALL = """--env Biped-v0 --total-timesteps 256 --num-envs 4 --episode-steps 8 --num-threads 1 --eval-every 0 --seed 3
--checkpoint-every 128 --asymmetric-ppo.n-steps 16 --asymmetric-ppo.batch-size 64 --asymmetric-ppo.net-arch 8""".split()


class Bipeds:
    """A vector environment that records the calls it receives."""

    def __init__(self):
        self.scales = {}

    def env_method(self, name, scale):
        self.scales[name] = scale


class Played(CommandCurriculumCallback):
    """Receives made-up episodes: sums of the term."""

    bipeds = Bipeds()
    training_env = property(lambda self: self.bipeds)
    logger = property(lambda self: self)

    def record(self, name, value):
        assert name == "curriculum/command_scale" and value == self.scale

    def play(self, *sums):
        for value in sums:
            self.locals = {"infos": [{}, {"episode": {"terms": {"speed": value, "other": 99.0}}}]}
            self._on_step()
        self._on_rollout_start()
        assert self.bipeds.scales == {"set_command_scale": self.scale, "set_push_scale": self.scale}
        return self.scale


def played(**changes):
    return Played(**{"term": "speed", "most": 0.02, "steps": 500, "start": 0.7, "window": 2} | changes)


def test_the_scale_grows_when_a_window_of_episodes_earns_the_share_of_ten():
    curriculum = played()
    assert curriculum.play() == curriculum.play(9.9) == 0.7  # one episode is not a window
    assert curriculum.play(6.2) == 0.8  # a mean of 8.05 of 10
    assert curriculum.play(7.9, 8.0) == 0.8 and curriculum.play(8.0) == 0.8
    assert curriculum.play(8.1) == 0.9 and curriculum.play(9.0, 9.0) == 1.0 == curriculum.play(9.0, 9.0)


def test_it_continues_from_its_state():
    first, second = played(), played(start=0.2)
    first.play(9.0)
    second.restore(first.state)
    assert second.play(9.0) == first.play(9.0) == 0.8


@pytest.mark.parametrize("wrong", [{"start": 0.0}, {"start": 1.1}, {"most": 0.0}, {"window": 0}, {"step": 0.0}])
def test_a_curriculum_that_leads_nowhere_is_refused(wrong):
    with pytest.raises(ValueError, match="a curriculum of commands needs"):
        played(**wrong)


def test_the_largest_sum_is_that_of_perfect_tracking_for_a_whole_episode():
    env = BipedConfig(weights=RewardWeights(linear_velocity=3.0), control_dt=0.02, sim_dt=0.002)
    callback = curriculum(BipedTrainConfig(env=env, episode_steps=50, start_scale=0.3, rise=0.5))
    assert callback._most == pytest.approx(3.0) and (callback.scale, callback._rise) == (0.3, 0.5)


@pytest.mark.slow
@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_trains_with_its_curriculum_and_resumes(preset, tmp_path):
    run = tmp_path / "run"
    assert train.main([*SMALL, "--preset", preset, "--start-scale", "0.5", "--run-dir", str(run)]) == 0
    scalars = read_scalars(run)
    assert set(scalars["curriculum/command_scale"][1]) == {0.5}
    assert train.main(["--resume", str(run), "--total-timesteps", "320"]) == 0
    config = config_of_run(run, 1)
    assert config.env.variation.varies is (preset in ("varied", "x1"))
    assert config.env.command_vx == (-0.4, 1.2 if preset == "x1" else 0.8)
    env = load_run(run).make_env(1)
    assert env.unwrapped.config == config.env
    env.close()


def test_options_without_an_effect_are_refused(tmp_path, capsys):
    assert train.main([*SMALL, "--start-scale", "1", "--rise", "0.5", "--run-dir", str(tmp_path / "run")]) == 2
    assert "--rise has no effect" in capsys.readouterr().err
    changes = {"env": {"weights": {"linear_velocity": 0.0}}, "start_scale": 0.5, "num_threads": 1}
    config = starting_from("default", "Biped-v0", changes)
    with pytest.raises(ValueError, match="start_scale must be 1 without a positive weight of linear_velocity"):
        config.check_new()


def test_without_a_curriculum_a_training_needs_no_reward_for_tracking(tmp_path):
    run = tmp_path / "run"
    assert train.main([*SMALL, "--env.weights.linear-velocity", "0", "--run-dir", str(run)]) == 0
    assert "curriculum/command_scale" not in read_scalars(run)
