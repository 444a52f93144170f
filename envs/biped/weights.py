"""Weights of the biped's reward terms."""

from dataclasses import dataclass

from utils.fields import Checked, within

_HEAVIEST = 1e6  # largest absolute weight


@dataclass(frozen=True)
class RewardWeights(Checked):
    """Weight of every reward term per second, by the term's name; a step pays weight x control_dt. A cost is negative.

    The weights are those of the training configuration of AgiBot's X1 (2024); `mean_velocity`,
    `heading` and `fall` are added.
    """

    reference_pose: float = within(2.2, -_HEAVIEST, _HEAVIEST)
    """Weight of joints near the reference of the gait clock, at most 1."""
    still_pose: float = within(2.5, -_HEAVIEST, _HEAVIEST)
    """Weight of joints near the default pose while the robot is commanded to stand, in [0, 1]."""
    contact_schedule: float = within(2.0, -_HEAVIEST, _HEAVIEST)
    """Weight of feet that are on the ground when the gait clock says so, -0.3 to 1."""
    linear_velocity: float = within(1.8, -_HEAVIEST, _HEAVIEST)
    """Weight of tracking the commanded horizontal velocity in the trunk's frame, in [0, 1]."""
    yaw_rate: float = within(1.1, -_HEAVIEST, _HEAVIEST)
    """Weight of tracking the commanded yaw rate, in [0, 1]."""
    air_time: float = within(1.2, -_HEAVIEST, _HEAVIEST)
    """Weight of the time that a foot was in the air, s, paid when it lands."""
    clearance: float = within(1.0, -_HEAVIEST, _HEAVIEST)
    """Weight of the number of swinging feet whose sole is 3 to 6 cm above the ground."""
    straight_legs: float = within(1.0, -_HEAVIEST, _HEAVIEST)
    """Weight of hips that neither roll nor yaw much, at most 1."""
    upright: float = within(1.0, -_HEAVIEST, _HEAVIEST)
    """Weight of an upright trunk, in [0, 1]."""
    other_velocity: float = within(0.5, -_HEAVIEST, _HEAVIEST)
    """Weight of a small vertical velocity and small tilting rates, in [0, 1]."""
    strict_tracking: float = within(0.5, -_HEAVIEST, _HEAVIEST)
    """Weight of a narrow kernel of the tracking errors with a cost that grows linearly, at most 1."""
    flat_feet: float = within(0.3, -_HEAVIEST, _HEAVIEST)
    """Weight of level feet, in [0, 1]."""
    foot_spacing: float = within(0.2, -_HEAVIEST, _HEAVIEST)
    """Weight of feet 0.2 to 1 m apart, in [0, 1]."""
    knee_spacing: float = within(0.2, -_HEAVIEST, _HEAVIEST)
    """Weight of knees 0.2 to 0.5 m apart, in [0, 1]."""
    height: float = within(0.2, -_HEAVIEST, _HEAVIEST)
    """Weight of the trunk's height of 0.61 m above the stance foot, in [0, 1]."""
    steady_trunk: float = within(0.2, -_HEAVIEST, _HEAVIEST)
    """Weight of a small change of the trunk's velocities within a step, in [0, 1]."""
    speed_range: float = within(0.2, -_HEAVIEST, _HEAVIEST)
    """Weight of a forward speed of half to 1.2 times the commanded one, -2 to 1.2."""
    slip: float = within(-0.1, -_HEAVIEST, _HEAVIEST)
    """Weight of the square root of the speed of feet on the ground, m/s."""
    impact: float = within(-0.01, -_HEAVIEST, _HEAVIEST)
    """Weight of foot forces beyond 700 N."""
    action_smoothness: float = within(-0.002, -_HEAVIEST, _HEAVIEST)
    """Weight of squared first and second differences of the action, and of its absolute values."""
    torques: float = within(-8e-9, -_HEAVIEST, _HEAVIEST)
    """Weight of the squared servo torques, (N m)^2."""
    joint_velocities: float = within(-2e-8, -_HEAVIEST, _HEAVIEST)
    """Weight of the squared joint velocities, (rad/s)^2."""
    joint_accelerations: float = within(-1e-7, -_HEAVIEST, _HEAVIEST)
    """Weight of the squared joint accelerations, (rad/s^2)^2."""
    collision: float = within(-1.0, -_HEAVIEST, _HEAVIEST)
    """Weight of a contact of the trunk."""
    angle_limits: float = within(-10.0, -_HEAVIEST, _HEAVIEST)
    """Weight of angles beyond 98 % of the joints' ranges around their middles, rad."""
    velocity_limits: float = within(-1.0, -_HEAVIEST, _HEAVIEST)
    """Weight of velocities beyond 90 % of the joints' limits, rad/s."""
    torque_limits: float = within(-0.1, -_HEAVIEST, _HEAVIEST)
    """Weight of torques beyond 90 % of the servos' limits, N m."""
    mean_velocity: float = within(0.0, -_HEAVIEST, _HEAVIEST)
    """Added: weight of tracking the commanded velocity with the mean velocity of about a gait cycle, in (0, 1]. A trunk
    sways in each step, so that the other kernels pay a robot that hardly moves sideways nearly as much as one that does."""
    heading: float = within(0.0, -_HEAVIEST, _HEAVIEST)
    """Added: weight of keeping the commanded heading, in [0, 1]. Without it a policy tracks rates but drifts in heading."""
    fall: float = within(0.0, -_HEAVIEST, _HEAVIEST)
    """Added: weight of a fall, which counts once, at the end of the episode. The clipped sum hides a cost."""
