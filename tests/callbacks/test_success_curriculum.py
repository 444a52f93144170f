"""Each terrain kind gets harder when its episodes pass and easier when they fail; its state survives a resume."""

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import VecNormalize

from algorithms.vec_env import make_batch_vec_env
from callbacks.curriculum_callback import SuccessCurriculumCallback
from callbacks.saving_callbacks import CheckpointCallback
from run_folder.logs import make_logger
from run_folder.runs import resumable
from run_folder.training_state import read_training

KINDS = ("rough", "stairs")


class Played(SuccessCurriculumCallback):
    """Receives made-up episodes: (kind, level, share of the commanded distance, whether it lasted)."""

    def __init__(self, kinds, control_dt=0.01, **settings):
        super().__init__(kinds, control_dt=control_dt, **settings)

    def play(self, *episodes):
        for kind, level, share, lasted in episodes:
            final = {"terrain_kind": KINDS.index(kind), "terrain_level": level, "commanded_velocity": 0.3}
            episode = {"l": 1000, "final": final | {"distance": share * 3.0}}
            self.locals = {"infos": [{}, {"episode": episode, "TimeLimit.truncated": lasted}]}
            self._on_step()
        for kind in KINDS:
            self._decide(kind)
        return self.levels


@pytest.mark.parametrize("passes, level", [(8, 0.6), (7, 0.5), (5, 0.5), (4, 0.4)])
def test_a_kind_rises_from_eighty_percent_and_falls_under_fifty(passes, level):
    curriculum = Played(KINDS, start=0.1, window=10)
    curriculum.levels = {"rough": 0.5, "stairs": 0.5}
    episodes = [("stairs", 0.5, 1.0, i < passes) for i in range(10)]
    assert curriculum.play(*episodes) == {"rough": 0.5, "stairs": level}


def test_levels_stay_between_the_first_and_the_last():
    curriculum = Played(KINDS, start=0.9, end=1.0, window=1)
    for _ in range(3):
        curriculum.play(("rough", 1.0, 1.0, True), ("stairs", 0.9, 1.0, False))
    assert curriculum.levels == {"rough": 1.0, "stairs": 0.9}


def test_standing_still_and_easy_ground_do_not_pass():
    curriculum = Played(KINDS, window=10)
    curriculum.levels = {"rough": 0.8, "stairs": 0.5}
    stuck = [("rough", 0.8, 0.1, True)] * 10
    easy = [("stairs", 0.3, 1.0, True)] * 50
    assert curriculum.play(*stuck, *easy) == {"rough": 0.7, "stairs": 0.5}


def test_an_episode_cut_at_the_edge_of_its_tile_counts_neither_way_but_a_fall_there_is_a_fall():
    curriculum = Played(KINDS, window=4)
    curriculum.levels = {"rough": 0.5, "stairs": 0.5}
    cut = {"terrain_kind": 1, "terrain_level": 0.5, "commanded_velocity": 0.3, "distance": 3.0, "off_tile": 1.0}
    for _ in range(4):
        curriculum._note({"l": 900, "final": cut}, True)
    assert curriculum.play(("stairs", 0.5, 1.0, True))["stairs"] == 0.5
    for _ in range(3):
        curriculum._note({"l": 900, "final": cut}, False)
    assert curriculum.play()["stairs"] == 0.4


def test_decisions_need_the_whole_window():
    curriculum = Played(KINDS, window=10)
    assert curriculum.play(*[("rough", 0.1, 1.0, True)] * 9)["rough"] == 0.1
    assert curriculum.play(("rough", 0.1, 1.0, True))["rough"] == 0.2


def test_thresholds_in_the_wrong_order_are_refused():
    with pytest.raises(ValueError, match="fall < rise"):
        SuccessCurriculumCallback(KINDS, rise=0.5, fall=0.8)


def test_a_checkpoint_holds_the_state_and_the_environment_follows_it(tmp_path):
    terrain = {"kinds": KINDS, "levels": (0.0, 0.1, 0.2, 0.3), "length": 3.0, "width": 2.0}
    env = VecNormalize(make_batch_vec_env("envs:ResidualWalk-v0", 8, seed=0, terrain=terrain, max_episode_steps=20))
    curriculum = SuccessCurriculumCallback(KINDS, start=0.0, end=0.3, window=4, fall=0.0, rise=0.01)
    model = PPO("MlpPolicy", env, n_steps=40, batch_size=320, n_epochs=1, device="cpu", seed=0)
    model.set_logger(make_logger(tmp_path))
    model.learn(1280, callback=[curriculum, CheckpointCallback(tmp_path, 320, {"curriculum": curriculum}, keep=9)])
    states = [read_training(folder)["callbacks"]["curriculum"] for folder in resumable(tmp_path)]
    assert len(states) == 4 and states[-1] == curriculum.state
    assert env.venv.env.unwrapped.task.terrain_scale == curriculum.levels
    again = SuccessCurriculumCallback(KINDS)
    again.restore(states[0])
    assert again.state == states[0]


def test_every_kind_keeps_to_its_own_scale():
    terrain = {"kinds": KINDS, "levels": (0.0, 0.2, 0.1), "length": 3.0, "width": 2.0}
    env = gym.make_vec("envs:ResidualWalk-v0", num_envs=400, terrain=terrain)
    env.unwrapped.set_terrain_scale({"rough": 0.1, "stairs": 0.2})
    _, info = env.reset(seed=0)
    levels = [set(info["terrain_level"][info["terrain_kind"] == kind]) for kind in (0, 1)]
    assert levels == [{0.0, 0.1}, {0.0, 0.1, 0.2}]
    assert abs(np.mean(info["terrain_kind"]) - 0.5) < 0.1  # kinds stay equally likely
    with pytest.raises(ValueError, match="needs the kinds rough, stairs, got rough"):
        env.unwrapped.set_terrain_scale({"rough": 0.1})
    env.close()


def test_a_robot_that_leaves_its_tile_in_a_training_is_not_counted():
    terrain = {"kinds": ("rough",), "levels": (0.0,), "length": 2.0, "width": 1.0}
    settings = {"terrain": terrain, "command_vx": (0.5, 0.5), "max_episode_steps": 400}
    env = VecNormalize(make_batch_vec_env("envs:ResidualWalk-v0", 2, seed=0, **settings))
    curriculum, ends = SuccessCurriculumCallback(("rough",), start=0.0), []

    class Watch(SuccessCurriculumCallback):
        def _on_step(self):
            ends.extend(info["episode"]["final"]["off_tile"] for info in self.locals["infos"] if "episode" in info)
            return True

    model = PPO("MlpPolicy", env, n_steps=400, batch_size=800, n_epochs=1, device="cpu", seed=0)
    model.policy.action_net.weight.data[:] = model.policy.log_std.data[:] = -20.0  # the gait alone
    model.policy.action_net.weight.data[:] = 0.0
    model.learn(800, callback=[curriculum, Watch(("rough",), start=0.0)])
    assert sum(ends) >= 2 and len(curriculum.state["passed"]["rough"]) == len(ends) - sum(ends)
