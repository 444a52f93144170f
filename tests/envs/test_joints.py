"""Ranges around the middle of a joint."""

import mujoco
import numpy as np

from envs.joints import limits, middle_and_half, scaled, soft_range

XML = """
<mujoco>
  <compiler angle="radian"/>
  <worldbody><body>
    <joint name="a" axis="0 0 1" range="-2.8 -0.9"/><joint name="b" axis="0 1 0" range="-1 3"/>
    <geom size="0.1"/>
  </body></worldbody>
</mujoco>
"""
HARD = middle_and_half(mujoco.MjModel.from_xml_string(XML), ["b", "a"])


def test_ranges_follow_the_given_order_of_joints():
    np.testing.assert_allclose(HARD, [[1.0, -1.85], [2.0, 0.95]])
    np.testing.assert_allclose(limits(HARD), [[-1.0, -2.8], [3.0, -0.9]])


def test_a_soft_range_lies_inside_the_hard_one_wherever_that_lies():
    low, high = limits(soft_range(HARD, 0.9))
    np.testing.assert_allclose(low, [-0.8, -2.705])
    np.testing.assert_allclose(high, [2.8, -0.995])
    assert (low > limits(HARD)[0]).all() and (high < limits(HARD)[1]).all()


def test_angles_are_scaled_to_their_range():
    np.testing.assert_allclose(
        scaled(np.array([[3.0, -2.8], [1.0, -1.85], [5.0, -0.9]]), HARD), [[1, -1], [0, 0], [2, 1]], atol=1e-12
    )
