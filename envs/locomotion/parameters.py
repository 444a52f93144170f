"""The parameters that every robot with position servos has: body, servos, ground, delay."""

from envs.locomotion.randomisation import Parameter
from utils.mirror import signs
from utils.perturbation import Perturbable
from utils.variation import Scale, Shift, scaled_mass

MOST_LATE = 5  # control steps


def servo_robot(body: str, joints: tuple[str, ...]) -> dict[str, Parameter]:
    """Returns the rows of a robot whose `body` carries the load and whose servos turn these `joints`.

    The model represents a servo's velocity gain by the damping of its joint.
    """
    return {
        # MuJoCo uses the larger friction of two geoms in contact, so the friction of all geoms must change together.
        "friction": Parameter(
            (Scale("geom_friction", columns=(0,)),),
            Perturbable(1.0, 0.3, 2.0, 0.1, 0.01, 10.0),
            (0.05, 5.0),
            "Scale of the sliding friction of all contacts.",
        ),
        "mass": Parameter(
            scaled_mass(body),
            Perturbable(1.0, 0.5, 2.0, 0.1, 0.1, 10.0),
            (0.2, 5.0),
            f"Scale of the {body}'s mass and inertia.",
        ),
        "mass_offset_x": Parameter(
            (Shift("body_ipos", (body,), (0,)),),
            Perturbable(0.0, -0.02, 0.02, 0.002, -0.1, 0.1),
            (-0.05, 0.05),
            f"Forward shift of the {body}'s centre of mass, m.",
            "m",
        ),
        "mass_offset_y": Parameter(
            (Shift("body_ipos", (body,), (1,)),),
            Perturbable(0.0, -0.02, 0.02, 0.002, -0.1, 0.1),
            (-0.05, 0.05),
            f"Shift of the {body}'s centre of mass to the left, m.",
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
        "servo_damping": Parameter((Scale("dof_damping", joints),), Perturbable(1.0, 0.2, 5.0, 0.2, 0.0, 50.0)),
        "gravity": Parameter((Scale("opt.gravity"),), Perturbable(1.0, 0.5, 1.5, 0.05, 0.0, 5.0)),
        # Delay of controls, in control steps; the randomisation reads it.
        "latency": Parameter((), Perturbable(0.0, 0.0, 3.0, 0.5, 0.0, MOST_LATE, whole=True)),
    }


def pd_robot(body: str, bodies: tuple[str, ...], joints: tuple[str, ...]) -> dict[str, Parameter]:
    """Returns the rows of `servo_robot` for a robot whose servos have the velocity gain, with masses of all its `bodies`.

    There are two more rows: the inertia of all bodies, and the dry friction of all joints.
    """
    scale = Perturbable(1.0, 0.5, 1.5, 0.1, 0.2, 5.0)
    return servo_robot(body, joints) | {
        "mass": Parameter(
            scaled_mass(*bodies), Perturbable(1.0, 0.5, 2.0, 0.1, 0.2, 5.0), (0.2, 5.0), "Scale of all masses and inertias."
        ),
        "inertia": Parameter(
            (Scale("body_inertia", bodies),), scale, (0.2, 5.0), "Scale of all inertias, besides that of the masses."
        ),
        "servo_damping": Parameter(
            (Scale("actuator_biasprm", columns=(2,)),), scale, (0.2, 5.0), "Scale of the servos' velocity gain."
        ),
        "joint_friction": Parameter(
            (Shift("dof_frictionloss", joints),),
            Perturbable(0.0, 0.0, 1.0, 0.1, 0.0, 5.0),
            (0.0, 5.0),
            "Addition to the dry friction of all joints, N m.",
            "N m",
        ),
    }
