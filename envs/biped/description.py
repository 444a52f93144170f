"""The description of a biped for programs that run its policy outside of the environment; an export writes it."""

from dataclasses import asdict

from envs.biped.observation import SIGNALS, Signal
from envs.biped.scene import JOINTS, SCENE, SIDES

SERVO_LAW = (
    "target = default_pose_rad + action_scale_rad * action; torque = kp * (target - angle) - kd * velocity, clipped to "
    "torque_limit_nm on both sides"
)
CLOCK_LAW = (
    "The phase p, in cycles, starts at 0 or 0.5. In each control step it grows by control_dt_s / gait_cycle_s, modulo 1, if "
    "the norm of the command is above standing_command; otherwise it returns to 0 from below 0.5, and to 0.5 from above. "
    "The row phase is sin(2 pi p), cos(2 pi p), and 0, 0 for standing. The right leg swings while p is in 0 to 0.5, then "
    "the left leg."
)
HEADING_LAW = (
    "The commanded heading starts at the yaw of the start and grows by control_dt_s times the commanded yaw rate in each "
    "control step, before the observation; the third value of euler is the yaw minus this heading, in -pi to pi."
)


def description(task, standing_command: float) -> dict:
    """Returns what a controller needs beside the observation's rows, as plain data: units are in the names.

    Joints, default pose, servos with their limits, and how actions become torques; scale, noise and lag of each row; the
    clock and the ranges of the commands; the model, the physics step and the ends of the training environment.

    Args:
        task: the `BipedTask`.
        standing_command: norm of a command, m/s and rad/s, up to which it means standing.
    """
    config, model = task.config, task.sim.model
    return {
        **_servos(model, config.action_scale),
        "received": {row.name: asdict(SIGNALS.get(row.name, Signal())) for row in task.observation.rows},
        "gait_cycle_s": config.gait_cycle,
        "standing_command": standing_command,
        "clock": CLOCK_LAW,
        "heading": HEADING_LAW,
        "command_range": {
            "vx": list(config.command_vx),
            "vy": list(config.command_vy),
            "yaw_rate": list(config.command_yaw_rate),
        },
        "model": "/".join(SCENE.flat.parts[-2:]),
        "physics_dt_s": config.sim_dt,
        "start_height_m": float(model.key("home").qpos[2]),
        "feet": [f"{side}_foot" for side in SIDES],
        "min_height_m": config.min_height,
        "max_tilt_rad": config.max_tilt,
    }


def _servos(model, action_scale):
    """Returns joints, default pose, gains and limits of the servos, and how an action becomes a torque."""
    return {
        "action": list(JOINTS),
        "action_scale_rad": action_scale,
        "joint_order": list(JOINTS),
        "default_pose_rad": model.key("home").ctrl.tolist(),
        "kp": model.actuator_gainprm[:, 0].tolist(),
        "kd": (-model.actuator_biasprm[:, 2]).tolist(),
        "torque_limit_nm": model.actuator_forcerange[:, 1].tolist(),
        "servo": SERVO_LAW,
    }
