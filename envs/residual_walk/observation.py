"""The observation of a walking policy."""

import numpy as np

from utils.observation import ObservationTable, Row

HISTORY = 3  # control steps of tracking errors


def walk_observation(actions: int) -> ObservationTable:
    """Returns the observation table of a policy with this number of actions: the rows of the plan, and two added rows."""
    return ObservationTable(
        Row("body_quat", 4, -1.0, 1.0, "1", "orientation of the torso relative to the commanded heading"),
        Row("body_linvel", 3, -5.0, 5.0, "m/s", "velocity of the torso in the torso frame"),
        Row("body_angvel", 3, -20.0, 20.0, "rad/s", "angular velocity of the torso in the torso frame"),
        Row("projected_gravity", 3, -1.0, 1.0, "1", "direction of gravity in the torso frame"),
        Row("joint_pos", 12, -np.pi, np.pi, "rad", "servo angles"),
        Row("joint_vel", 12, -20.0, 20.0, "rad/s", "servo velocities"),
        Row("gait_phase", 2, -1.0, 1.0, "1", "sine and cosine of the gait cycle's phase"),
        Row("swing_flags", 4, 0.0, 1.0, "1", "1 for each leg in its swing phase"),
        Row("previous_action", actions, -1.0, 1.0, "1", "previous action"),
        Row("command", 3, -2.0, 2.0, "m/s, rad/s", "commanded vx, vy, yaw rate"),
        Row("foot_contact", 4, 0.0, 1.0, "1", "added: 1 for each foot with a contact force above 1 N"),
        Row(
            "tracking_error", 12 * HISTORY, -np.pi, np.pi, "rad",
            "added: commanded minus measured servo angles of the last three steps, oldest first; they reveal early "
            "touch-down and stumbling", frames=HISTORY,
        ),
    )  # fmt: skip
