"""Times are in seconds at every control rate: evaluations, the curriculum, videos and times of records."""

import gymnasium as gym
import numpy as np
import pytest

from algorithms.vec_env import make_batch_vec_env
from callbacks.curriculum_callback import SuccessCurriculumCallback
from envs.residual_walk.config import ResidualWalkConfig
from evaluation.walks import evaluate, gait_alone
from play_residual_policy import VIDEO_FPS, camera_operator
from tests.envs.test_registered_envs import IDS, every_id
from training.tasks.walk import WalkTrainConfig
from utils.vector_infos import control_dt

RATES = (0.006, 0.014, 0.02)  # s: 166.7, 71.4 and 50 Hz
every_rate = pytest.mark.parametrize("dt", RATES)


def walk_training(dt, **changes):
    return WalkTrainConfig(env=ResidualWalkConfig(control_dt=dt), num_threads=1, **changes)


@every_rate
def test_an_evaluation_lasts_twenty_seconds_and_its_clock_is_exact(dt):
    env = walk_training(dt, terrain="flat").make_evaluation_env(1, 0)
    env.reset(seed=0)
    env.unwrapped.task.command_velocity(0.0)  # stands until the time limit
    (record,) = evaluate(env, gait_alone(env), 1, 0, goal=3.0)
    assert record["time_s"] == pytest.approx(20.0, abs=dt) and record["steps"] == round(20.0 / dt)
    env.close()


@every_rate
def test_the_success_curriculum_measures_the_way_in_the_environment_s_own_seconds(dt):
    curriculum = walk_training(dt, curriculum="success").task_callbacks()["curriculum"]
    env = make_batch_vec_env("envs:ResidualWalk-v0", 1, control_dt=dt)
    alone = SuccessCurriculumCallback(("flat",))
    for callback in (curriculum, alone):
        callback.init_callback(type("Model", (), {"get_env": lambda self: env})())
    steps = round(10.0 / dt)
    for share, passes in ((0.69, False), (0.72, True)):
        for callback in (curriculum, alone):
            final = {"terrain_kind": 0, "terrain_level": 1.0, "commanded_velocity": 0.4, "distance": share * 4.0}
            callback._note({"l": steps, "final": final}, True)
            assert callback._passed[callback.kinds[0]][-1] is passes


@every_id
def test_every_environment_has_an_exact_clock(env_id):
    single, vector = gym.make(f"envs:{env_id}"), gym.make_vec(f"envs:{env_id}", num_envs=2)
    assert control_dt(single) == control_dt(vector) == pytest.approx(1 / single.metadata["render_fps"], rel=0.01)
    single.close(), vector.close()


def test_environments_of_others_have_the_clock_that_they_declare():
    assert "Pendulum-v1" not in IDS and control_dt(gym.make("Pendulum-v1")) == 1 / 30


@pytest.mark.parametrize("dt", [*RATES, 0.06])
def test_a_video_is_as_long_as_what_it_shows(dt):
    env, frames = gym.make_vec("envs:ResidualWalk-v0", num_envs=1, control_dt=dt), []
    env.render = lambda: (np.zeros((2, 2, 3), np.uint8),)
    operate = camera_operator(env, type("Film", (), {"add": lambda self, frame: frames.append(frame)})())
    for _ in range(round(6.0 / dt)):
        operate({})
    assert len(frames) == pytest.approx(6.0 * VIDEO_FPS, abs=2)
