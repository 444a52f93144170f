"""The control loop of a deployed policy around a simulated robot: clock, heading, observation, targets, torques."""

from dataclasses import dataclass

import mujoco
import numpy as np

from deploy.manifest import Manifest
from deploy.observation import Observer, Readings, roll_pitch_yaw
from deploy.robot import Robot
from utils.fields import Checked, FieldError, within


@dataclass(frozen=True)
class LoopConfig(Checked):
    """Physics of the control loop."""

    physics_dt: float = within(0.001, 1e-5, 0.02, unit="s")
    """Physics step, s; the PD law is computed at every one."""
    delay: float = within(0.0, 0.0, 0.1, unit="s")
    """Delay from the action to the servos' targets, s, in whole physics steps."""


class ControlLoop:
    """Runs a policy's side of the control: one `advance` and one `observe` in each control step.

    Args:
        manifest: description of the policy.
        model: the robot, as in `Robot`; it is changed.
        config: physics step and delay.

    Attributes:
        robot: the simulated robot.
        applied: (j,) mean target of the last control step, rad.
        command: (3,) vx, vy, m/s, and yaw rate, rad/s; set it at any time.
        heading: commanded yaw, rad.

    Raises:
        ValueError: the robot or the observation does not fit, or the control step or the delay is no multiple of the physics
            step.
    """

    def __init__(self, manifest: Manifest, model: mujoco.MjModel, config: LoopConfig = LoopConfig()):
        self.manifest, self.dt = manifest, manifest.control_dt_s
        self.substeps = _whole("control_dt_s", self.dt, config.physics_dt)
        self._delay = _whole("delay", config.delay, config.physics_dt)
        self.robot, self.observer = Robot(model, manifest, config.physics_dt), Observer(manifest)
        self._home = np.array(manifest.default_pose_rad)
        self.start()

    def start(self, command=(0.0, 0.0, 0.0), phase: float = 0.0) -> None:
        """Starts an episode in the default pose; with `phase` 0 the right leg swings first, with 0.5 the left leg."""
        self.robot.stand()
        self.command, self._phase = np.array(command, float), phase
        self.restart()

    def restart(self) -> None:
        """Starts an episode in the current state of the robot, after which no action has been sent."""
        self.heading = roll_pitch_yaw(self.robot.quat)[2]
        self.action = np.zeros(len(self._home))
        self._waiting = [self._home] * (self._delay + 1)  # oldest first; one for each physics step
        self.applied = self._home
        self.observer.clear()

    @property
    def walks(self) -> bool:
        """Whether the command means walking."""
        return bool(np.linalg.norm(self.command) > self.manifest.standing_command)

    def readings(self) -> Readings:
        """Returns what the robot's computer knows now."""
        robot, angle = self.robot, 2 * np.pi * self._phase
        phase = np.array([np.sin(angle), np.cos(angle)]) if self.walks else np.zeros(2)
        state = robot.joint_pos, robot.joint_vel, robot.quat, robot.angvel
        return Readings(*state, self.heading, phase, self.command, self.action)

    def observe(self) -> np.ndarray:
        """Returns the observation (k,) float32. Call it once in every control step."""
        return self.observer.stacked(self.readings())

    def frame(self) -> dict[str, np.ndarray]:
        """Returns the rows of the observation in the current state, by name; changes nothing."""
        return self.observer.rows(self.readings())

    def targets(self, action: np.ndarray) -> np.ndarray:
        """Returns the servos' targets (j,), rad, for an action (j,)."""
        return self._home + self.manifest.action_scale_rad * action

    def advance(self, action: np.ndarray) -> None:
        """Takes one control step with an action (j,)."""
        self.action = np.array(action, float)
        self.heading += self.dt * self.command[2]
        self._tick()
        target, total = self.targets(self.action), np.zeros(len(self._home))
        self.robot.peak[:] = 0.0
        for _ in range(self.substeps):
            self._waiting = [*self._waiting[1:], target]
            self.robot.step(self._waiting[0])
            total += self._waiting[0]
        self.applied = total / self.substeps

    def _tick(self):
        """Advances the gait clock by a control step; a robot that stands waits at the start of the step of this side."""
        if self.walks:
            self._phase = (self._phase + self.dt / self.manifest.gait_cycle_s) % 1.0
        else:
            self._phase = 0.0 if self._phase < 0.5 else 0.5


def _whole(name, seconds, dt):
    """Returns the number of physics steps of a duration."""
    steps = round(seconds / dt)
    if abs(steps * dt - seconds) > 1e-9 or (name == "control_dt_s" and steps < 1):
        raise FieldError(name, f"must be a whole multiple of the physics step of {dt:g} s, got {seconds:g} s")
    return steps
