"""Randomised parameters of the quadruped (body, servos, ground, delay), and the ranges that training draws from."""

from dataclasses import dataclass

from controllers.leg_names import JOINTS
from envs.locomotion.randomisation import Parameter, RandomisationConfig, range_fields
from utils.mirror import signs
from utils.perturbation import Perturbable
from utils.variation import Scale, Shift, scaled_mass

MOST_LATE = 5  # control steps

PARAMETERS = {
    # MuJoCo uses the larger friction of two geoms in contact, so the friction of all geoms must change together.
    "friction": Parameter(
        (Scale("geom_friction", columns=(0,)),),
        Perturbable(1.0, 0.3, 2.0, 0.1, 0.01, 10.0),
        (0.05, 5.0),
        "Scale of the sliding friction of all contacts.",
    ),
    "mass": Parameter(
        scaled_mass("torso"),
        Perturbable(1.0, 0.5, 2.0, 0.1, 0.1, 10.0),
        (0.2, 5.0),
        "Scale of the torso's mass and inertia.",
    ),
    "mass_offset_x": Parameter(
        (Shift("body_ipos", ("torso",), (0,)),),
        Perturbable(0.0, -0.02, 0.02, 0.002, -0.1, 0.1),
        (-0.05, 0.05),
        "Forward shift of the torso's centre of mass, m.",
        "m",
    ),
    "mass_offset_y": Parameter(
        (Shift("body_ipos", ("torso",), (1,)),),
        Perturbable(0.0, -0.02, 0.02, 0.002, -0.1, 0.1),
        (-0.05, 0.05),
        "Shift of the torso's centre of mass to the left, m.",
        "m",
        signs(-1.0),
    ),
    "servo_strength": Parameter(
        (Scale("actuator_forcerange"),),
        Perturbable(1.0, 0.5, 1.5, 0.1, 0.0, 10.0),
        (0.1, 3.0),
        "Scale of the servos' largest torque.",
    ),
    "servo_gain": Parameter(
        (Scale("actuator_gainprm", columns=(0,)), Scale("actuator_biasprm", columns=(1,))),
        Perturbable(1.0, 0.5, 1.5, 0.1, 0.0, 10.0),
        (0.1, 3.0),
        "Scale of the servos' stiffness.",
    ),
    # The model represents a servo's velocity gain by the damping of its joint.
    "servo_damping": Parameter((Scale("dof_damping", JOINTS),), Perturbable(1.0, 0.2, 5.0, 0.2, 0.0, 50.0)),
    "gravity": Parameter((Scale("opt.gravity"),), Perturbable(1.0, 0.5, 1.5, 0.05, 0.0, 5.0)),
    # Delay of controls, in control steps; the randomisation reads it.
    "latency": Parameter((), Perturbable(0.0, 0.0, 3.0, 0.5, 0.0, MOST_LATE, whole=True)),
}


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
