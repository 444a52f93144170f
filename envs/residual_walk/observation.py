"""The observation of a walking policy."""

import numpy as np

from controllers.leg_names import MIRRORED_LEGS
from utils.mirror import PLANAR_VELOCITY, QUATERNION, ROTATION, VECTOR, Mirror, joined, moved, signs
from utils.observation import ObservationTable, Row

HISTORY = 3  # control steps of tracking errors
FEET = moved(MIRRORED_LEGS, signs(1.0))
_SERVOS = moved(MIRRORED_LEGS, signs(-1.0, 1.0, 1.0))  # the tilt of a leg to the left becomes one to the right
RESIDUALS = moved(MIRRORED_LEGS, VECTOR)


def walk_observation(action: Mirror) -> ObservationTable:
    """Returns the observation table of a policy whose actions have this mirror: the rows of the plan, and two added rows."""
    return ObservationTable(
        Row("body_quat", 4, -1.0, 1.0, "1", "orientation of the torso relative to the commanded heading", mirror=QUATERNION),
        Row("body_linvel", 3, -5.0, 5.0, "m/s", "velocity of the torso in the torso frame", mirror=VECTOR),
        Row("body_angvel", 3, -20.0, 20.0, "rad/s", "angular velocity of the torso in the torso frame", mirror=ROTATION),
        Row("projected_gravity", 3, -1.0, 1.0, "1", "direction of gravity in the torso frame", mirror=VECTOR),
        Row("joint_pos", 12, -np.pi, np.pi, "rad", "servo angles", mirror=_SERVOS),
        Row("joint_vel", 12, -20.0, 20.0, "rad/s", "servo velocities", mirror=_SERVOS),
        Row("gait_phase", 2, -1.0, 1.0, "1", "sine and cosine of the gait cycle's phase", mirror=signs(-1.0, -1.0)),
        Row("swing_flags", 4, 0.0, 1.0, "1", "1 for each leg in its swing phase", mirror=FEET),
        Row("previous_action", len(action), -1.0, 1.0, "1", "previous action", mirror=action),
        Row("command", 3, -2.0, 2.0, "m/s, rad/s", "commanded vx, vy, yaw rate", mirror=PLANAR_VELOCITY),
        Row("foot_contact", 4, 0.0, 1.0, "1", "added: 1 for each foot with a contact force above 1 N", mirror=FEET),
        Row(
            "tracking_error", 12 * HISTORY, -np.pi, np.pi, "rad",
            "added: commanded minus measured servo angles of the last three steps, oldest first; they reveal early "
            "touch-down and stumbling", frames=HISTORY, mirror=joined(*[_SERVOS] * HISTORY),
        ),
    )  # fmt: skip
