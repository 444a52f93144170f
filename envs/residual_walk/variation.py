"""Randomised parameters of the quadruped (body, servos, ground, delay), and the ranges that training draws from."""

from dataclasses import dataclass

from controllers.leg_names import JOINTS
from envs.locomotion.parameters import servo_robot
from envs.locomotion.randomisation import RandomisationConfig, range_fields

PARAMETERS = servo_robot("torso", JOINTS)


@dataclass(frozen=True)
class VariationConfig(RandomisationConfig, range_fields(PARAMETERS)):
    """Ranges (low, high) of the uniform draws of each episode; by default every robot is nominal."""


# Friction below tan 25 deg = 0.47 slips on the steepest slope, so the nominal 0.9 must not be halved.
TRAINING_VARIATION = VariationConfig(
    friction=(0.7, 1.3),
    mass=(0.9, 1.15),
    mass_offset_x=(-0.005, 0.005),
    mass_offset_y=(-0.005, 0.005),
    servo_strength=(0.9, 1.1),
    servo_gain=(0.9, 1.1),
    action_delay=0.25,
    push_speed=0.2,
)
