"""The observation of a biped's policy, with scale, noise and lag of each row, and the critic's privileged observation."""

from dataclasses import dataclass

import numpy as np

from envs.biped.scene import FEET, SERVOS
from utils.fields import Checked, within
from utils.mirror import PLANAR_VELOCITY, ROTATION, VECTOR, signs, unchanged
from utils.observation import ObservationTable, Row

VELOCITY_SCALE, JOINT_VELOCITY_SCALE, MASS_SCALE, OFFSET_SCALE = 2.0, 0.05, 0.1, 20.0
COMMAND_SCALE = (VELOCITY_SCALE, VELOCITY_SCALE, 1.0)
_PHASE = signs(-1.0, -1.0)
_EULER = signs(-1.0, 1.0, -1.0)
_ANGLE = 2 * np.pi


@dataclass(frozen=True)
class Signal(Checked):
    """How a policy receives a row of the observation."""

    scale: tuple[float, ...] = (1.0,)
    """Factor of the measured values, one for all or one for each."""
    noise: float = within(0.0, 0.0)
    """Half range of the uniform noise for `variation.noise` = 1, in the scaled unit."""
    lag: str = ""
    """Parameter of the variation that delays the row; empty for none."""


OBSERVATION = ObservationTable(
    Row("phase", 2, -1.0, 1.0, "1", "sine and cosine of the gait clock's phase; both 0 for standing", mirror=_PHASE),
    Row("command", 3, -4.0, 4.0, "0.5 m/s, rad/s", "commanded vx, vy (times 2), yaw rate", mirror=PLANAR_VELOCITY),
    Row("joint_pos", 12, -_ANGLE, _ANGLE, "rad", "angles of the joints, relative to the default pose", mirror=SERVOS),
    Row("joint_vel", 12, -5.0, 5.0, "20 rad/s", "velocities of the joints (times 0.05)", mirror=SERVOS),
    Row("previous_action", 12, -1.0, 1.0, "1", "previous action", mirror=SERVOS),
    Row("body_angvel", 3, -20.0, 20.0, "rad/s", "angular velocity of the trunk in its frame", mirror=ROTATION),
    Row("euler", 3, -_ANGLE, _ANGLE, "rad", "roll, pitch, and yaw relative to the commanded heading", mirror=_EULER),
)
TRUE_VELOCITY = Row(
    "true_linvel", 3, -20.0, 20.0, "0.5 m/s", "added: true velocity of the trunk in its frame (times 2)", mirror=VECTOR
)
WITH_VELOCITY = ObservationTable(*OBSERVATION.rows, TRUE_VELOCITY)

# Rows without an entry are exact. Noise is that of the training configuration of AgiBot's X1 (2024) at level 1.
SIGNALS = {
    "command": Signal(COMMAND_SCALE),
    "joint_pos": Signal(noise=0.02, lag="joint_lag"),
    "joint_vel": Signal((JOINT_VELOCITY_SCALE,), 1.5 * JOINT_VELOCITY_SCALE, "joint_lag"),
    "body_angvel": Signal(noise=0.2, lag="imu_lag"),
    "euler": Signal(noise=0.1, lag="imu_lag"),
}

PRIVILEGED = ObservationTable(
    Row("clock", 2, -1.0, 1.0, "1", "`phase`", mirror=_PHASE),
    Row("commanded", 3, -4.0, 4.0, "0.5 m/s, rad/s", "`command`", mirror=PLANAR_VELOCITY),
    Row("true_joint_pos", 12, -_ANGLE, _ANGLE, "rad", "`joint_pos` without noise and lag", mirror=SERVOS),
    Row("true_joint_vel", 12, -5.0, 5.0, "20 rad/s", "`joint_vel` without noise and lag", mirror=SERVOS),
    Row("sent_action", 12, -1.0, 1.0, "1", "`previous_action`", mirror=SERVOS),
    Row("reference_error", 12, -_ANGLE, _ANGLE, "rad", "`joint_pos` relative to the gait's reference", mirror=SERVOS),
    Row("body_linvel", 3, -20.0, 20.0, "0.5 m/s", "velocity of the trunk in its frame (times 2)", mirror=VECTOR),
    Row("true_angvel", 3, -20.0, 20.0, "rad/s", "`body_angvel` without noise and lag", mirror=ROTATION),
    Row("true_euler", 3, -_ANGLE, _ANGLE, "rad", "`euler` without noise and lag", mirror=_EULER),
    Row("push_linear", 2, -2.0, 2.0, "m/s", "world velocity that the current push adds", mirror=signs(1.0, -1.0)),
    Row("push_angular", 3, -5.0, 5.0, "rad/s", "angular velocity that the current push adds", mirror=ROTATION),
    Row("friction", 1, 0.0, 10.0, "1", "coefficient of friction of the ground", mirror=unchanged(1)),
    Row("trunk_mass", 1, 0.0, 25.0, "10 kg", "mass of the trunk (times 0.1)", mirror=unchanged(1)),
    Row("stance", 2, 0.0, 1.0, "1", "1 for each foot that shall be on the ground", mirror=FEET),
    Row("contact", 2, 0.0, 1.0, "1", "1 for each foot with a contact force above 5 N", mirror=FEET),
    Row("mass_offset", 3, -10.0, 10.0, "0.05 m", "added: offset of the trunk's centre of mass (times 20)", mirror=VECTOR),
)  # fmt: skip
