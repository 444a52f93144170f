"""Simulation i of a vector equals the single environment of its seed, bit for bit, with every option of the vector."""

import gymnasium as gym
import numpy as np
import pytest

import envs  # noqa: F401

PARAMS = {
    "ResidualWalk-v0": {"mass": [0.7, 1.3], "gravity": [0.9, 1.1]},
    "AdaptiveWalk-v0": {"friction": [0.4, 1.3]},
    "RealAnt-v0": {"mass": [0.7, 1.3], "locked_joint": [-1, 7], "erratic_joint": [0, 7]},
    "Biped-v0": {"mass": [0.8, 1.2], "action_lag": [0.0, 0.04], "noise": [0.5, 1.5]},
    "A1-v0": {"mass": [0.7, 1.3], "joint_friction": [0.0, 0.5]},
    "CubeInHand-v0": {"object_mass": [0.7, 1.3], "actuator_kp": {"value": 0.9}},
    "Toy-v0": {"inertia_x": [0.6, 1.4]},
    "RWRLWalkerWalk-v0": {"thigh_length": [0.2, 0.4]},
    "ShadowHandEgg-v0": {"gravity_scale": [0.9, 1.1], "joint_damping": [0.8, 1.2]},
}
SPECS = {
    "ranges": lambda params: {"params": params, "period": 2},
    "schedule": lambda params: {"enable": True, "param": next(iter(params)), "scheduler": "random_walk", "period": 1},
}
N, STEPS, LIMIT = 3, 16, 5
SEEDS = [11, 4, 700]
RESETS = {7: np.array([True, False, True]), 12: np.array([False, True, False])}  # before these steps


@pytest.mark.parametrize("mode", ["same_step", "next_step"])
@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("env_id", PARAMS)
def test_perturbations_seeds_masks_and_modes_leave_each_simulation_its_own(env_id, spec, mode):
    given = SPECS[spec](PARAMS[env_id])
    vector = gym.make_vec(env_id, N, perturb_spec=given, autoreset_mode=mode, max_episode_steps=LIMIT)
    singles = [gym.make(env_id, perturb_spec=given, max_episode_steps=LIMIT) for _ in range(N)]
    masked = not hasattr(vector.unwrapped, "envs")
    actions = np.random.default_rng(1).uniform(-1, 1, (STEPS, *vector.action_space.shape)).astype(np.float32)
    shown = vector.reset(seed=SEEDS)[0]
    for i, single in enumerate(singles):
        np.testing.assert_array_equal(shown[i], single.reset(seed=SEEDS[i])[0])
    over = np.zeros(N, bool)
    for step in range(STEPS):
        if masked and step in RESETS:
            _reset_some(vector, singles, RESETS[step], step)
            over &= ~RESETS[step]
        observation, reward, _, _, info = vector.step(actions[step])
        for i, single in enumerate(singles):
            seen, paid, values, over[i] = _follow(single, actions[step, i], over[i], mode)
            np.testing.assert_array_equal(observation[i], seen)
            assert reward[i] == paid
            for name, value in values.items():
                told = info["reset_info"] if mode == "same_step" and "reset_info" in info and over[i] else info
                assert told["perturb_spec"][name][i] == value
        if mode == "same_step":
            over[:] = False


def _reset_some(vector, singles, mask, seed):
    seeds = [seed + i if i % 2 else None for i in range(N)]
    shown = vector.reset(seed=seeds, options={"reset_mask": mask})[0]
    for i in np.flatnonzero(mask):
        np.testing.assert_array_equal(shown[i], singles[i].reset(seed=seeds[i])[0])


def _follow(single, action, over, mode):
    """Takes the single environment to the state of the vector's simulation; returns observation, reward, values, end."""
    if over:
        observation, info = single.reset()
        return observation, 0.0, info["perturb_spec"], False
    observation, reward, terminated, truncated, info = single.step(action)
    ended = terminated or truncated
    if ended and mode == "same_step":
        observation, info = single.reset()
    return observation, reward, info["perturb_spec"], ended
