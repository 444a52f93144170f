"""The observation of a walking policy."""

import numpy as np

from utils.observation import ObservationTable, Row

HISTORY = 3  # control steps of tracking errors


def walk_observation(actions: int) -> ObservationTable:
    """Returns the observation of a policy with so many actions: the rows of the plan, and two added rows."""
    return ObservationTable(
        Row("body_quat", 4, -1.0, 1.0, "1", "orientation of the torso relative to the commanded heading"),
        Row("body_linvel", 3, -5.0, 5.0, "m/s", "velocity of the torso, in its frame"),
        Row("body_angvel", 3, -20.0, 20.0, "rad/s", "angular velocity of the torso, in its frame"),
        Row("projected_gravity", 3, -1.0, 1.0, "1", "direction of gravity in the torso's frame"),
        Row("joint_pos", 12, -np.pi, np.pi, "rad", "servo angles"),
        Row("joint_vel", 12, -20.0, 20.0, "rad/s", "servo velocities"),
        Row("gait_phase", 2, -1.0, 1.0, "1", "sine and cosine of the gait cycle's phase"),
        Row("swing_flags", 4, 0.0, 1.0, "1", "1 while the gait swings the leg"),
        Row("previous_action", actions, -1.0, 1.0, "1", "action of the last step"),
        Row("command", 3, -2.0, 2.0, "m/s, rad/s", "commanded vx, vy, yaw rate"),
        Row("foot_contact", 4, 0.0, 1.0, "1", "added: 1 where the force on a foot is over 1 N, as a foot switch measures"),
        Row(
            "tracking_error", 12 * HISTORY, -np.pi, np.pi, "rad",
            "added: commanded minus measured servo angles of the last three steps, oldest first; they show early "
            "touch-down and stumbling without another sensor", frames=HISTORY,
        ),
    )  # fmt: skip
