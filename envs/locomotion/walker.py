"""Base task of walking robots: follow a commanded velocity over randomised terrain until a fall."""

import numpy as np

from envs.locomotion.commands import VelocityCommand
from envs.locomotion.config import FASTEST, WalkerConfig
from envs.locomotion.legged import LeggedTask
from utils.fields import number_within, shown
from utils.observation import Row
from utils.rotations import wrap_angle


class WalkerTask(LeggedTask):
    """n robots that follow a commanded velocity. A robot's class adds its model, controls, observation and rewards.

    The model needs what `LeggedTask` says. An episode terminates if the body is lower than `min_height` above the ground, or
    |roll| or |pitch| exceeds `max_tilt`. It is truncated at the edge of its tile.

    Attributes:
        heading_error: (n,) difference of the yaw from the commanded heading, rad.
        forward_speed, lateral_speed: (n,) m/s along and to the left of the commanded heading.
    """

    config_class = WalkerConfig

    def make_command(self):
        c = self.config
        return VelocityCommand(self.num_envs, (c.command_vx, c.command_vy, c.command_yaw_rate), c.command_segments)

    def start_command(self, ids, position, yaw, draws, generators):
        self.command.reset(ids, draws, yaw, generators)

    def command_velocity(self, vx: float, vy: float = 0.0, yaw_rate: float = 0.0, ids=slice(None)) -> None:
        """Gives robots `ids` this velocity command (m/s, m/s, rad/s), in this and all following episodes.

        Raises:
            ValueError: a value is not a number, or lies outside -FASTEST to FASTEST, or `ids` are not among the robots.
        """
        ids = self._robots(ids)
        values = {"vx": (vx, "m/s"), "vy": (vy, "m/s"), "yaw rate": (yaw_rate, "rad/s")}
        limits = -FASTEST, FASTEST
        self.command.fix([number_within(f"a commanded {name}", v, *limits, unit) for name, (v, unit) in values.items()], ids)
        self.follow_command(ids)

    def release_command(self, ids=slice(None)) -> None:
        """Gives robots `ids` their drawn commands again.

        Raises:
            ValueError: `ids` are not among the robots.
        """
        ids = self._robots(ids)
        self.command.release(ids)
        self.follow_command(ids)

    @property
    def command_rows(self):
        """vx, vy (m/s) and yaw rate (rad/s), over twice the config's ranges and at least 0.5 to each side."""
        c, units = self.config, ("m/s", "m/s", "rad/s")
        ranges = {"vx": c.command_vx, "vy": c.command_vy, "yaw_rate": c.command_yaw_rate}
        most = [min(FASTEST, max(0.5, 2.0 * max(map(abs, span)))) for span in ranges.values()]
        return tuple(Row(name, 1, -limit, limit, unit) for name, limit, unit in zip(ranges, most, units))

    def follow(self, command, ids):
        self.command_velocity(*command, ids)

    def act(self, action):
        changed = self.command.advance(self.control_dt)
        if len(changed):
            self.follow_command(changed)
        super().act(action)

    def tipped(self):
        return np.maximum(np.abs(self.roll), np.abs(self.pitch)) > self.config.max_tilt

    def sense(self):
        yaw = self.sense_body()
        self.heading_error = wrap_angle(yaw - self.command.heading)
        velocity = self._sensordata[:, self._planar_velocity]
        self.forward_speed = np.vecdot(velocity, self.command.ahead)
        self.lateral_speed = np.vecdot(velocity, self.command.left)

    def observe(self):
        """Returns the observation blocks that all walkers share; a robot's class adds the other rows of its table."""
        data = self._sensordata
        return {
            "body_quat": self.command.seen_from_heading(data[:, self._quat]),
            "body_linvel": data[:, self._velocimeter],
            "body_angvel": self.angvel,
            "projected_gravity": -self.rotation[:, 2],
            "joint_pos": self.joint_pos,
            "joint_vel": self.joint_vel,
            "previous_action": self.action,
            "command": self.command.value,
        }

    def measurements(self):
        """Adds the speeds along and across the commanded heading, m/s, the command, and the heading error, rad."""
        vx, vy, yaw_rate = self.command.value.T.copy()
        return super().measurements() | {
            "forward_velocity": self.forward_speed,
            "lateral_velocity": self.lateral_speed,
            "yaw_rate": np.vecdot(self.rotation[:, 2], self.angvel),
            "commanded_velocity": vx,
            "commanded_lateral_velocity": vy,
            "commanded_yaw_rate": yaw_rate,
            "heading_error": self.heading_error.copy(),
        }

    def _robots(self, ids):
        """Returns the numbers (k,) of robots that are given as one number, a list, a slice or a mask."""
        try:
            robots = np.atleast_1d(np.arange(self.num_envs)[ids])
        except IndexError:
            robots = None
        if robots is None or robots.ndim != 1:
            raise ValueError(f"ids must choose among {self.num_envs} robots, got {shown(ids)}")
        return robots

    def _bind(self):
        super()._bind()
        start = self.sensor_reader.slice(["body_linvel"]).start
        self._planar_velocity = slice(start, start + 2)
