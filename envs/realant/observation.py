"""The observation of a RealAnt's policy."""

import numpy as np

from controllers.leg_names import MIRRORED_LEGS
from envs.locomotion.privileged import privileged_table
from envs.realant.variation import PHYSICS
from utils.mirror import QUATERNION, ROTATION, VECTOR, moved, signs, unchanged
from utils.observation import ObservationTable, Row

FEET = moved(MIRRORED_LEGS, signs(1.0))
SERVOS = moved(MIRRORED_LEGS, signs(-1.0, 1.0))  # a hip that turns to the left becomes one that turns to the right

OBSERVATION = ObservationTable(
    Row(
        "body_pos", 3, -100.0, 100.0, "m",
        "position of the torso in the world; x and y come from the document and tell nothing about the target: a policy "
        "that uses them does not generalise to other places",
        mirror=VECTOR,
    ),
    Row("body_quat", 4, -1.0, 1.0, "1", "orientation of the torso in the world, w, x, y, z with w >= 0", mirror=QUATERNION),
    Row("body_linvel", 3, -5.0, 5.0, "m/s", "velocity of the torso in the torso frame", mirror=VECTOR),
    Row("body_angvel", 3, -20.0, 20.0, "rad/s", "angular velocity of the torso in the torso frame", mirror=ROTATION),
    Row("joint_pos", 8, -np.pi, np.pi, "rad", "servo angles", mirror=SERVOS),
    Row("joint_vel", 8, -20.0, 20.0, "rad/s", "servo velocities", mirror=SERVOS),
    Row("target", 2, -20.0, 20.0, "m", "added: the target, ahead and to the left of the torso", mirror=signs(1.0, -1.0)),
    Row("target_distance", 1, 0.0, 20.0, "m", "added: distance to the target", mirror=signs(1.0)),
)  # fmt: skip

_EACH_JOINT = moved(MIRRORED_LEGS, unchanged(2))
PRIVILEGED = ObservationTable(
    *privileged_table(PHYSICS, FEET).rows,
    Row("joint_strength", 8, 0.0, 1.0, "1", "factor of each servo's torque and stiffness by a failure", mirror=_EACH_JOINT),
    Row("joint_locked", 8, 0.0, 1.0, "1", "1 for each locked joint", mirror=_EACH_JOINT),
)
