"""Randomised parameters of the A1, and the ranges of `-dr`."""

from dataclasses import dataclass

from envs.a1.scene import BODIES, JOINTS
from envs.locomotion.parameters import servo_robot
from envs.locomotion.randomisation import Parameter, RandomisationConfig, range_fields
from utils.perturbation import Perturbable
from utils.variation import Scale, Shift, scaled_mass

PARAMETERS = servo_robot("trunk", JOINTS) | {
    "mass": Parameter(
        scaled_mass(*BODIES), Perturbable(1.0, 0.5, 2.0, 0.1, 0.2, 5.0), (0.2, 5.0), "Scale of all masses and inertias."
    ),
    "inertia": Parameter(
        (Scale("body_inertia", BODIES),),
        Perturbable(1.0, 0.5, 1.5, 0.1, 0.2, 5.0),
        (0.2, 5.0),
        "Scale of all inertias, besides that of `mass`.",
    ),
    "servo_damping": Parameter(
        (Scale("actuator_biasprm", columns=(2,)),),
        Perturbable(1.0, 0.4, 1.5, 0.1, 0.1, 5.0),
        (0.1, 5.0),
        "Scale of the servos' velocity gain; 0.4 is that of the real robot of walk_in_the_park.",
    ),
    "joint_friction": Parameter(
        (Shift("dof_frictionloss", JOINTS),),
        Perturbable(0.0, 0.0, 1.0, 0.1, 0.0, 5.0),
        (0.0, 5.0),
        "Addition to the dry friction of all joints, N m.",
        "N m",
    ),
}


@dataclass(frozen=True)
class VariationConfig(RandomisationConfig, range_fields(PARAMETERS)):
    """Ranges (low, high) of the uniform draws of each episode; the class's defaults are a nominal robot."""


# The ground's friction of 1.0 varies in every episode of walk_in_the_park.
DEFAULT_VARIATION = VariationConfig(friction=(0.75, 1.25))
# Ranges of a PyBullet environment of the A1, as far as they exist here: its latency of 0 to 40 ms is one control step of 50 ms in two
# of five episodes, and its two joint frictions of up to 0.05 N m each are added.
DR_VARIATION = VariationConfig(
    friction=(0.5, 1.25),
    mass=(0.8, 1.2),
    inertia=(0.5, 1.5),
    servo_strength=(0.8, 1.2),
    joint_friction=(0.0, 0.1),
    action_delay=0.4,
)
