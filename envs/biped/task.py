"""The task of Biped-v0: bipeds with twelve servos walk and stand as commanded, in the rhythm of a gait clock."""

import mujoco
import numpy as np
from gymnasium.spaces import Box

from envs.biped.clock import GaitClock
from envs.biped.config import BipedConfig
from envs.biped.description import description
from envs.biped.feet import Feet
from envs.biped.lag import LateTargets, Reception
from envs.biped.observation import MASS_SCALE, OBSERVATION, OFFSET_SCALE, PRIVILEGED, SIGNALS, VELOCITY_SCALE, WITH_VELOCITY
from envs.biped.pushes import BodyPushes
from envs.biped.reward_terms import BipedRewards
from envs.biped.scene import JOINTS, SCENE, SERVOS, SOLES, UNDERSIDE
from envs.biped.variation import PARAMETERS
from envs.locomotion.streams import spawned
from envs.locomotion.walker import WalkerTask
from utils.fields import number_within

STANDING = 0.05  # a command whose norm is at most this one, m/s and rad/s, means standing
STEP_HEIGHT = 0.01  # m; a robot steps if one of its soles is so much higher than the other
TRUNK_FORCE = 1.0  # N; a robot whose trunk touches something with a larger force has fallen


class BipedTask(BipedRewards, WalkerTask):
    """n bipeds that follow commanded velocities, and stand if the command is about 0.

    Action (n, 12) in [-1, 1]: changes of the servos' targets from the default pose, in units of `action_scale`, in the order
    JOINTS. An episode terminates if the trunk touches the ground, is lower than `min_height`, or tilts beyond `max_tilt`, or
    after `longest_pause` without a step.

    Attributes:
        stands: (n,) bool, robots whose command means standing.
        clock: the gait clock.
        feet: what the feet do.
        joint_offset: (n, 12) angles of the joints, relative to the default pose, rad.
        reference: (n, 12) angles that the gait clock asks for, rad.
        trunk_velocity: (n, 6) velocity, m/s, and angular velocity, rad/s, in the trunk's frame.
        older_action: (n, 12) action before the previous one.
        pause: (n,) time without a step, while the command means walking, s.
        mean_velocity: (n, 2) forward and sideways velocity in the trunk's frame, averaged over about a gait cycle, m/s.
    """

    config_class = BipedConfig
    observation, privileged, action_mirror = OBSERVATION, PRIVILEGED, SERVOS
    estimated = ("body_linvel", "mass_offset")
    action_space = Box(-1.0, 1.0, (12,), np.float32)
    scene, underside, joints, parameters = SCENE, UNDERSIDE, JOINTS, PARAMETERS

    def __init__(self, config: BipedConfig = BipedConfig(), num_envs: int = 1, num_threads: int = 1):
        self.observation = WITH_VELOCITY if config.observe_linvel else OBSERVATION
        super().__init__(config, num_envs, num_threads)
        self.clock, self.stands = GaitClock(num_envs, config.gait_cycle), np.zeros(num_envs, bool)
        self.feet = Feet(self.sim, self.sensor_reader, self._sensordata)
        self.reception = Reception(num_envs, self.control_dt)
        self.targets = LateTargets(num_envs, len(JOINTS), config.sim_dt, self.substeps)
        self.randomisation.pushes = self._pushes()
        self._motor_offset, self.older_action = np.zeros((2, num_envs, len(JOINTS)))
        self._velocity_before, self._trunk_before = np.zeros((num_envs, len(JOINTS))), np.zeros((num_envs, 6))
        self._received = {row.name: np.zeros((num_envs, row.size)) for row in self.observation.rows}
        self._command_range = self.command.low.copy(), self.command.high.copy()
        self.pause, self.mean_velocity = np.zeros(num_envs), np.zeros((num_envs, 2))
        self._unmeasured = False  # whether a step has been taken since the last measurement
        self.set_variation_scale(1.0)
        self._prepare_rewards()

    def prepared(self, model):
        model.opt.timestep = self.config.sim_dt
        return model

    def set_command_scale(self, scale: float) -> None:
        """Multiplies the ranges from which following commands are drawn by `scale`, for a curriculum.

        Raises:
            ValueError: the scale is not a number in 0 to 1.
        """
        scale = number_within("a scale of commands", scale, 0.0, 1.0)
        for end, whole in zip((self.command.low, self.command.high), self._command_range):
            end[:] = scale * whole

    def set_push_scale(self, scale: float) -> None:
        """Multiplies the velocities of following pushes by `scale`, for a curriculum.

        Raises:
            ValueError: the scale is not a number in 0 to 1.
        """
        self.randomisation.pushes.scale = number_within("a scale of pushes", scale, 0.0, 1.0)

    def set_variation_scale(self, scale):
        """Also scales the errors of the servos' angles, and the angular velocities of pushes."""
        super().set_variation_scale(scale)
        varied = self.config.variation
        self._largest_offset, self.randomisation.pushes.turn = scale * varied.motor_offset, scale * varied.push_turn

    def start_robots(self, ids, draws):
        self.follow_command(ids)
        self.clock.reset(ids, draws, ~self.stands)

    def follow_command(self, ids):
        command = self.command.value[ids]
        self.stands[ids] = np.sqrt(np.vecdot(command, command)) <= STANDING

    def vary_start(self, qpos, generators):
        if self.config.start_spread:
            draws = np.array([generator.random(len(JOINTS)) for generator in generators])
            qpos[:, 7:] += self.config.start_spread * (2 * draws - 1)

    def reset(self, ids, generators, options):
        super().reset(ids, generators, options)
        if self.config.start_spread or options.get("randomize", False):
            self._set_down(ids)
        streams = spawned(generators)
        draws = np.array([stream.random(len(JOINTS)) for stream in streams])
        self._motor_offset[ids] = self._largest_offset * (2 * draws - 1)
        self.targets.reset(ids, self._value("action_lag")[ids], self._home_ctrl + self._motor_offset[ids])
        self.older_action[ids] = self._velocity_before[ids] = self._trunk_before[ids] = 0.0
        self.feet.reset(ids)
        self.pause[ids], self.mean_velocity[ids] = 0.0, 0.0
        self._read()
        measured = {name: block[ids] for name, block in self._measured().items()}
        for name, block in self.reception.reset(ids, measured, self.variation.values, streams).items():
            self._received[name][ids] = block

    def act(self, action):
        self._unmeasured = True
        self.older_action = self.previous_action
        self._velocity_before, self._trunk_before = self.joint_vel.copy(), self.trunk_velocity
        super().act(action)
        self.clock.advance(self.control_dt, ~self.stands)
        self.targets.send(self._ctrl)

    def controls(self, action):
        return self._home_ctrl + self.config.action_scale * action + self._motor_offset

    def advance(self):
        if not self.targets.late:
            return super().advance()
        for step in range(self.substeps):
            self._ctrl[:] = self.targets.arriving(step)
            self.step_physics()

    def tipped(self):
        self.trunk_force = self._sensordata[:, self._trunk_force]
        return super().tipped() | (self.trunk_force > TRUNK_FORCE)

    def terminated(self):
        longest = self.config.longest_pause or np.inf
        return super().terminated() | (self.pause > longest + 1e-9)

    def sense(self):
        self._read()
        if self._unmeasured:
            self.feet.advance(self.control_dt)
            share = min(1.0, self.control_dt / self.config.gait_cycle)
            self.mean_velocity += share * (self.trunk_velocity[:, :2] - self.mean_velocity)
            left, right = self.feet.sole[:, :, 2].T
            paused = (np.abs(left - right) < STEP_HEIGHT) & ~self.stands
            self.pause = np.where(paused, self.pause + self.control_dt, 0.0)
            self._received = self.reception.receive(self._measured())
            self._unmeasured = False

    def observe(self):
        return self._received

    def observe_privileged(self):
        measured, pushes = self._measured(), self.randomisation.pushes
        return {
            "clock": measured["phase"],
            "commanded": measured["command"],
            "true_joint_pos": measured["joint_pos"],
            "true_joint_vel": measured["joint_vel"],
            "sent_action": self.action,
            "reference_error": self.joint_pos - self.reference,
            "body_linvel": self._linvel,
            "true_angvel": self.angvel,
            "true_euler": measured["euler"],
            "push_linear": pushes.current[:, :2],
            "push_angular": pushes.current[:, 2:],
            "friction": self._friction * self._value("friction")[:, None],
            "trunk_mass": MASS_SCALE * self._trunk_mass * self._value("mass")[:, None],
            "stance": self.clock.stance,
            "contact": self.feet.contact,
            "mass_offset": OFFSET_SCALE * np.array([self._value(f"mass_offset_{axis}") for axis in "xyz"]).T,
        }

    def measurements(self):
        """Adds whether the left and the right foot touch the ground, and whether the command means standing."""
        left, right = self.feet.contact.T.copy()
        return super().measurements() | {"left_contact": left, "right_contact": right, "stands": self.stands.copy()}

    def describe(self):
        """Adds what a controller needs, as `envs.biped.description` says."""
        return super().describe() | description(self, STANDING)

    def _read(self):
        """Reads what the current state is; a repeated call has no effect."""
        super().sense()
        self.feet.sense()
        self.joint_offset = self.joint_pos - self._home_ctrl
        self.reference = self.clock.reference(self._home_ctrl)
        self.trunk_velocity = np.concatenate([self._sensordata[:, self._velocimeter], self.angvel], axis=1)

    def _measured(self):
        """Returns the rows of the observation (n, size) without noise and lag, by name."""
        added = {"true_linvel": self._linvel} if self.config.observe_linvel else {}
        return {
            "phase": self.clock.phase,
            "command": self.command.value * SIGNALS["command"].scale,
            "joint_pos": self.joint_offset,
            "joint_vel": self.joint_vel * SIGNALS["joint_vel"].scale,
            "previous_action": self.action.copy(),
            "body_angvel": self.angvel.copy(),
            "euler": np.array([self.roll, self.pitch, self.heading_error]).T,
            **added,
        }

    @property
    def _linvel(self):
        return VELOCITY_SCALE * self.trunk_velocity[:, :3]

    def _value(self, name):
        """Returns the values (n,) of a parameter in this episode; nominal unless they were drawn or overridden."""
        return self.variation.values.get(name, np.full(self.num_envs, PARAMETERS[name].range.nominal))

    def _pushes(self):
        varied, first = self.config.variation, self.sim.model.joint("root").dofadr[0]
        velocity = self.sim.bind("qvel")[:, first : first + 6]
        steps = max(1, round(varied.push_duration / self.control_dt))
        return BodyPushes(velocity, varied.push_speed, varied.push_interval / self.control_dt, varied.push_turn, steps)

    def _set_down(self, ids):
        """Moves robots `ids` (k,) up or down until their lowest sole is as high as it would be in the default pose."""
        qpos = self.sim.bind("qpos")
        lowest = self._geoms[ids][:, self._soles, 2].min(axis=1) - qpos[ids, 2]
        qpos[ids, 2] += self._home_sole - lowest
        self.sim.forward(ids)

    def _bind(self):
        super()._bind()
        model = self.sim.model
        self._trunk_force = self.sensor_reader.slice(["trunk_force"]).start
        self._geoms, self._soles = self.sim.bind("geom_xpos"), [model.geom(name).id for name in SOLES]
        home = mujoco.MjData(model)
        mujoco.mj_resetDataKeyframe(model, home, model.key("home").id)
        mujoco.mj_kinematics(model, home)
        self._home_sole = home.geom_xpos[self._soles, 2].min() - home.qpos[2]  # m, of the lowest sphere below the trunk
        self._friction, self._trunk_mass = model.geom("ground").friction[0], model.body("trunk").mass[0]
