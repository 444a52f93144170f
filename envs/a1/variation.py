"""Randomised parameters of the A1, and the ranges of training."""

from dataclasses import dataclass

from envs.a1.scene import BODIES, JOINTS
from envs.locomotion.parameters import pd_robot
from envs.locomotion.randomisation import RandomisationConfig, range_fields

PARAMETERS = pd_robot("trunk", BODIES, JOINTS)


@dataclass(frozen=True)
class VariationConfig(RandomisationConfig, range_fields(PARAMETERS)):
    """Ranges (low, high) of the uniform draws of each episode; a config without arguments is the nominal robot."""


# Episodes of walk_in_the_park differ in the ground's friction, 1.0 +- 0.25.
DEFAULT_VARIATION = VariationConfig(friction=(0.75, 1.25))
# Ranges of a PyBullet environment of the A1, as far as they exist here: its latency of 0 to 40 ms is one control step of
# 50 ms in two of five episodes, and its frictions of motors and joints, up to 0.05 N m each, are added.
DR_VARIATION = VariationConfig(
    friction=(0.5, 1.25),
    mass=(0.8, 1.2),
    inertia=(0.5, 1.5),
    servo_strength=(0.8, 1.2),
    joint_friction=(0.0, 0.1),
    action_delay=0.4,
)
