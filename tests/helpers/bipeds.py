"""Commands and poses of Biped-v0 for tests."""

import mujoco
import numpy as np

from utils.rotations import quat_from_euler

VEL = int(mujoco.mjtStage.mjSTAGE_VEL)
HOME = np.array([0.40, 0.05, -0.31, 0.49, -0.21, 0, -0.40, -0.05, 0.31, 0.49, -0.21, 0])
STILL = {"command_vx": (0.0, 0.0), "command_vy": (0.0, 0.0), "command_yaw_rate": (0.0, 0.0)}
AHEAD = STILL | {"command_vx": (0.5, 0.5), "command_segments": {"duration": (0.0, 0.0), "stand_share": 0.0}}


def posed(env, x=0.0, z=0.65, roll=0.0, pitch=0.0, yaw=0.0):
    """Puts the robot of `env` into a pose; returns its task."""
    env.reset(seed=0)
    env.task.sim.bind("qpos")[0, :7] = [x, 0.0, z, *quat_from_euler(roll, pitch, yaw)]
    env.task.sim.forward(stage=VEL)
    env.task.sense()
    return env.task
