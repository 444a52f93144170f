"""The adaptive gait: each adjustment has its documented effect, and zero adjustments give the plain gait."""

import gymnasium as gym
import numpy as np
import pytest

from controllers.adaptive_gait import ADJUSTMENTS, AdaptiveGaitController
from controllers.bezier_gait import DiagonalGaitController

COMMAND = np.array([[0.3, 0.0, 0.0]])


def one_cycle(adjustment, steps=400):
    """Returns the feet (steps, 4, 3) over a nominal cycle of the commanded speed, and the phase that was reached."""
    gait = AdaptiveGaitController()
    gait.set_command(COMMAND)
    gait.adjust(np.array([[adjustment.get(name, 0.0) for name in ADJUSTMENTS]]))
    dt = gait._commanded_cycle[0] / steps
    feet = np.array([gait.update(dt)[0] for _ in range(steps)])
    return feet


def test_the_cadence_also_acts_in_the_first_step_of_a_new_command():
    env = gym.make_vec("envs:AdaptiveWalk-v0", num_envs=4, command_segments={"duration": (0.1, 0.2)})
    env.reset(seed=0)
    gait, action = env.unwrapped.task.controller.base_controller, np.zeros((4, 16))
    action[:, 12 + ADJUSTMENTS.index("cadence")] = 1.0
    for _ in range(40):
        env.step(action)
        np.testing.assert_allclose(gait.cycle_time, gait._commanded_cycle / 1.3)
    env.close()


def test_no_adjustment_is_the_plain_gait_bit_for_bit():
    plain, adaptive = DiagonalGaitController(num_robots=3), AdaptiveGaitController(num_robots=3)
    for gait in (plain, adaptive):
        gait.set_command(COMMAND.repeat(3, axis=0))
        gait.reset(phase=np.array([0.0, 0.3, 0.8]))
    for _ in range(50):
        adaptive.adjust(np.zeros((3, 4)))
        np.testing.assert_array_equal(adaptive.update(0.01), plain.update(0.01))


@pytest.mark.parametrize("value, change", [(1.0, 0.02), (-0.5, -0.01)])
def test_step_height_changes_the_lift_and_nothing_else(value, change):
    plain, feet = one_cycle({}), one_cycle({"step_height": value})
    np.testing.assert_allclose(np.ptp(feet[..., 2], axis=0), np.ptp(plain[..., 2], axis=0) + change, atol=1e-5)
    np.testing.assert_array_equal(feet[..., :2], plain[..., :2])


def test_step_length_scales_the_stride():
    np.testing.assert_allclose(one_cycle({"step_length": 1.0})[..., 0], 1.4 * one_cycle({})[..., 0], atol=1e-12)


def test_body_height_lowers_every_foot():
    np.testing.assert_allclose(
        one_cycle({"body_height": 1.0}) - one_cycle({}), np.tile([0, 0, -0.015], (400, 4, 1)), atol=1e-12
    )


def test_cadence_shortens_cycle_and_stride_alike():
    feet = one_cycle({"cadence": 1.0})
    plain = one_cycle({})
    np.testing.assert_allclose(np.ptp(feet[..., 0], axis=0) * 1.3, np.ptp(plain[..., 0], axis=0), rtol=0.01)
    touch_downs = (np.diff((feet[:, 0, 2] > feet[:, 0, 2].min() + 1e-4).astype(int)) == -1).sum()
    assert touch_downs in (1, 2)  # 1.3 cycles


def test_zero_action_walks_as_the_residual_environment_does():
    single = gym.make("envs:ResidualWalk-v0"), gym.make("envs:AdaptiveWalk-v0")
    places = []
    for env in single:
        env.reset(seed=3)
        for _ in range(100):
            info = env.step(np.zeros(env.action_space.shape, np.float32))[4]
        places.append((info["distance"], info["roll"], info["body_height"]))
        env.close()
    assert places[0] == places[1]


def test_adjustments_reach_the_gait():
    env = gym.make("envs:AdaptiveWalk-v0")
    env.reset(seed=0)
    action = np.zeros(16, np.float32)
    action[12:] = 0.5, -0.25, 1.0, -1.0
    observation = env.step(action)[0]
    np.testing.assert_array_equal(env.unwrapped.controller.base_controller.adjustment, [[0.5, -0.25, 1.0, -1.0]])
    place = env.unwrapped.task.observation.slices["previous_action"]
    np.testing.assert_array_equal(observation[place], action)
    env.close()
