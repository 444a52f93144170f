"""Randomised parameters of the biped, and the ranges that training draws from."""

from dataclasses import dataclass

from envs.biped.scene import JOINTS, SERVOS
from envs.locomotion.randomisation import Parameter, RandomisationConfig, range_fields
from utils.fields import within
from utils.mirror import Mirror, signs
from utils.perturbation import Perturbable
from utils.variation import Scale, Shift, scaled_mass

LONGEST_LAG = 0.05  # s
_SWAPPED = Mirror(SERVOS.order, (1.0,) * len(JOINTS))  # the mirror image of a positive number for each joint
_GAINS = (Scale("actuator_gainprm", JOINTS, (0,), each=True), Scale("actuator_biasprm", JOINTS, (1,), each=True))
_DAMPING = Scale("actuator_biasprm", JOINTS, (2,), each=True)


def _offset(axis, name, mirror=None):
    change = Shift("body_ipos", ("trunk",), (axis,))
    bounds = Perturbable(0.0, -0.05, 0.05, 0.005, -0.2, 0.2)
    return Parameter((change,), bounds, (-0.1, 0.1), f"Shift of the trunk's centre of mass {name}, m.", "m", mirror)


def _lag(what):
    bounds = Perturbable(0.0, 0.0, 0.04, 0.005, 0.0, LONGEST_LAG)
    return Parameter((), bounds, (0.0, LONGEST_LAG), f"Delay of {what}, s.", "s")


PARAMETERS = {
    # MuJoCo uses the larger friction of two geoms in contact, so the friction of all geoms must change together.
    "friction": Parameter(
        (Scale("geom_friction", columns=(0,)),),
        Perturbable(1.0, 0.25, 1.625, 0.1, 0.01, 10.0),
        (0.05, 5.0),
        "Scale of the sliding friction of all contacts, which is 0.8.",
    ),
    "mass": Parameter(
        scaled_mass("trunk"),
        Perturbable(1.0, 0.7, 1.4, 0.05, 0.1, 10.0),
        (0.2, 5.0),
        "Scale of the mass and inertia of the trunk, which has 21.3 kg.",
    ),
    "link_mass": Parameter(
        (Scale("body_mass", JOINTS, each=True), Scale("body_inertia", JOINTS, each=True)),  # a link is named as its joint
        Perturbable(1.0, 0.7, 1.4, 0.05, 0.1, 10.0),
        (0.2, 5.0),
        "Scale of mass and inertia of each link of the legs.",
        mirror=_SWAPPED,
    ),
    "mass_offset_x": _offset(0, "forward"),
    "mass_offset_y": _offset(1, "to the left", signs(-1.0)),
    "mass_offset_z": _offset(2, "upward"),
    "servo_gain": Parameter(
        _GAINS, Perturbable(1.0, 0.5, 1.5, 0.1, 0.0, 10.0), (0.1, 3.0), "Scale of each servo's stiffness.", mirror=_SWAPPED
    ),
    "servo_damping": Parameter(
        (_DAMPING,),
        Perturbable(1.0, 0.5, 1.5, 0.1, 0.0, 10.0),
        (0.1, 3.0),
        "Scale of each servo's damping.",
        mirror=_SWAPPED,
    ),
    # Of the whole torque: stiffness, damping and limit change together.
    "servo_strength": Parameter(
        (*_GAINS, _DAMPING, Scale("actuator_forcerange", JOINTS, each=True)),
        Perturbable(1.0, 0.5, 1.5, 0.1, 0.0, 10.0),
        (0.1, 3.0),
        "Scale of each servo's torque.",
        mirror=_SWAPPED,
    ),
    "armature": Parameter(
        (Scale("dof_armature", JOINTS),),
        Perturbable(1.0, 0.01, 5.0, 0.2, 0.0, 20.0),
        (0.01, 10.0),
        "Scale of the rotors' inertia at the joints, which is 0.01 kg m2.",
    ),
    "joint_friction": Parameter(
        (Shift("dof_frictionloss", JOINTS, each=True),),
        Perturbable(0.0, 0.0, 0.9, 0.1, 0.0, 10.0),
        (0.0, 5.0),
        "Dry friction of each joint, N m.",
        "N m",
        _SWAPPED,
    ),
    "joint_damping": Parameter(
        (Shift("dof_damping", JOINTS, each=True),),
        Perturbable(0.0, 0.0, 0.1, 0.01, 0.0, 10.0),
        (0.0, 5.0),
        "Viscous friction of each joint besides the servo's damping, N m s/rad.",
        "N m s/rad",
        _SWAPPED,
    ),
    "gravity": Parameter((Scale("opt.gravity"),), Perturbable(1.0, 0.8, 1.2, 0.05, 0.0, 5.0)),
    # Delays and noise; the task reads their values.
    "action_lag": _lag("the controls, in whole physics steps"),
    "joint_lag": _lag("measured joint angles and velocities, in whole control steps"),
    "imu_lag": _lag("measured angular velocity and orientation, in whole control steps"),
    "noise": Parameter(
        (),
        Perturbable(0.0, 0.0, 1.5, 0.1, 0.0, 10.0),
        (0.0, 10.0),
        "Scale of the uniform noise of the observation; the table of rows has its size.",
    ),
}


@dataclass(frozen=True)
class VariationConfig(RandomisationConfig, range_fields(PARAMETERS)):
    """Ranges (low, high) of the uniform draws of each episode; by default every robot is nominal."""

    motor_offset: float = within(0.0, 0.0, 0.5, unit="rad")
    """Largest constant error of a servo's angle, rad; drawn for each joint."""
    push_turn: float = within(0.0, 0.0, 5.0, unit="rad/s")
    """Largest angular velocity that a push adds about each axis of the trunk, rad/s."""
    push_duration: float = within(0.0, 0.0, 1.0, unit="s")
    """Duration of a push, over which its velocities are added in equal parts, s; 0 adds them in one step."""

    @property
    def idle(self) -> dict[str, str]:
        if self.push_speed or self.push_turn:
            return {}
        return dict.fromkeys(("push_interval", "push_duration"), "push_speed and push_turn are 0")


# Ranges of the training configuration of AgiBot's X1 (2024), as factors of the nominal robot where that is a factor. Unlike
# there, the offsets of the centre of mass are added, torques have one strength per episode, and lags begin with the current
# state. MuJoCo's contacts have no coefficient of restitution.
TRAINING_VARIATION = VariationConfig(
    friction=(0.25, 1.625),
    mass=(0.86, 1.14),
    link_mass=(0.9, 1.1),
    mass_offset_x=(-0.05, 0.05),
    mass_offset_y=(-0.05, 0.05),
    mass_offset_z=(-0.05, 0.05),
    servo_gain=(0.8, 1.2),
    servo_damping=(0.8, 1.2),
    servo_strength=(0.8, 1.2),
    armature=(0.01, 5.0),
    joint_friction=(0.1, 0.9),
    joint_damping=(0.05, 0.1),
    action_lag=(0.005, 0.04),
    joint_lag=(0.0, 0.04),
    noise=(1.5, 1.5),
    motor_offset=0.035,
    push_speed=0.2,
    push_turn=0.2,
    push_duration=0.25,
    push_interval=4.0,
)
