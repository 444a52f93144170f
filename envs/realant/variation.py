"""Randomised parameters of the RealAnt: body, servos, ground, delay, and failing joints."""

from dataclasses import dataclass, field

from envs.locomotion.joint_failures import JointFailureConfig, failure_parameters
from envs.locomotion.parameters import servo_robot
from envs.locomotion.randomisation import RandomisationConfig, range_fields
from envs.realant.scene import JOINTS

PHYSICS = servo_robot("torso", JOINTS)
PARAMETERS = PHYSICS | failure_parameters(len(JOINTS))


@dataclass(frozen=True)
class VariationConfig(RandomisationConfig, range_fields(PHYSICS)):
    """Ranges (low, high) of the uniform draws of each episode, and joint failures; by default every robot is nominal."""

    joint_failures: JointFailureConfig = field(default_factory=JointFailureConfig)
    """Joints that fail."""
