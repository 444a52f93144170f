"""Names of legs and joints, in the order that the quadruped's controllers, sensors and observations use."""

LEG_NAMES = ("FL", "FR", "RL", "RR")  # front left, front right, rear left, rear right
MIRRORED_LEGS = (1, 0, 3, 2)  # the leg on the other side, for each leg
JOINTS_PER_LEG = ("tilt", "shoulder_L", "shoulder_R")
JOINTS = tuple(f"{leg}_{joint}" for leg in LEG_NAMES for joint in JOINTS_PER_LEG)
