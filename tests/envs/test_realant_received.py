"""Sensor noise and a history as arguments of RealAnt-v0."""

import gymnasium as gym
import numpy as np
import pytest

import train
from envs.realant_env import RealAntEnv, RealAntVectorEnv

NOISE = {"gaussian": {"enable": True, "observations": {"joint_pos": 0.01}}}


def test_without_noise_and_history_the_environments_are_those_of_the_class_paths():
    single = gym.make("envs:RealAnt-v0", disable_env_checker=True)
    vector = gym.make_vec("envs:RealAnt-v0", num_envs=2)
    assert type(single.unwrapped) is RealAntEnv and type(vector) is RealAntVectorEnv


def test_frames_are_the_last_observations_with_their_noise_oldest_first():
    plain, stacked = (gym.make_vec("envs:RealAnt-v0", num_envs=2, noise_spec=NOISE, frames=frames) for frames in (1, 3))
    seen = [plain.reset(seed=0)[0]] * 3
    np.testing.assert_array_equal(stacked.reset(seed=0)[0], np.hstack(seen))
    for action in np.random.default_rng(0).uniform(-1, 1, (4, 2, 8)):
        seen.append(plain.step(action)[0])
        np.testing.assert_array_equal(stacked.step(action)[0], np.hstack(seen[-3:]))


def test_a_single_environment_is_the_first_of_a_vector_of_the_same_seed():
    single = gym.make("envs:RealAnt-v0", noise_spec=NOISE, frames=2, disable_env_checker=True)
    vector = gym.make_vec("envs:RealAnt-v0", num_envs=2, noise_spec=NOISE, frames=2)
    np.testing.assert_array_equal(single.reset(seed=5)[0], vector.reset(seed=5)[0][0])
    action = np.full(8, 0.3)
    np.testing.assert_array_equal(single.step(action)[0], vector.step(np.stack([action] * 2))[0][0])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"frames": 0}, "frames must be a whole number"),
        ({"noise_spec": {"gaussian": {"enable": True, "observations": {"joint_pose": 0.1}}}}, "did you mean joint_pos"),
        ({"noise_spec": {"gaussain": {}}}, "gaussain"),
    ],
)
def test_a_wrong_value_is_one_sentence(arguments, words):
    with pytest.raises(ValueError, match=words):
        gym.make_vec("envs:RealAnt-v0", num_envs=1, **arguments)


def test_a_training_takes_both_and_refuses_others(capsys):
    assert train.parse(["--env", "RealAnt-v0", "--env-kwargs", "{frames: 2}"]).task_arguments["frames"] == 2
    with pytest.raises(SystemExit, match="2"):
        train.main(["--env", "RealAnt-v0", "--env-kwargs", "{friction: 2}"])
    assert "perturb_spec, task_kwargs, noise_spec, frames, not 'friction'" in capsys.readouterr().err
