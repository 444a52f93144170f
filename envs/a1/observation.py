"""The observation of an A1's policy: the rows of walk_in_the_park, in its order."""

from controllers.leg_names import MIRRORED_LEGS
from envs.a1.variation import PARAMETERS
from envs.locomotion.privileged import privileged_table
from utils.mirror import PLANAR_VELOCITY, QUATERNION, ROTATION, VECTOR, moved, signs
from utils.observation import ObservationTable, Row

SERVOS = moved(MIRRORED_LEGS, signs(-1.0, 1.0, 1.0))  # a hip that turns to the left becomes one that turns to the right

OBSERVATION = ObservationTable(
    Row("joint_pos", 12, -5.0, 5.0, "rad", "joint angles", mirror=SERVOS),
    Row("joint_vel", 12, -50.0, 50.0, "rad/s", "joint velocities", mirror=SERVOS),
    Row("previous_action", 12, -5.0, 5.0, "rad", "last targets of the servos, after the low-pass filter", mirror=SERVOS),
    Row("body_quat", 4, -1.0, 1.0, "1", "orientation of the trunk relative to the commanded heading", mirror=QUATERNION),
    Row("body_angvel", 3, -50.0, 50.0, "rad/s", "angular velocity of the trunk in the trunk frame", mirror=ROTATION),
    Row("body_linvel", 3, -10.0, 10.0, "m/s", "velocity of the trunk in the trunk frame", mirror=VECTOR),
)
COMMAND = Row("command", 3, -2.0, 2.0, "m/s, rad/s", "added: commanded vx, vy, yaw rate", mirror=PLANAR_VELOCITY)
WITH_COMMAND = ObservationTable(*OBSERVATION.rows, COMMAND)
PRIVILEGED = privileged_table(PARAMETERS, moved(MIRRORED_LEGS, signs(1.0)))
