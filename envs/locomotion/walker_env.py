"""Gymnasium environments of robots that follow a commanded velocity, single and vector: commands for user code."""

from envs.locomotion.legged_env import LeggedEnv, LeggedFace, LeggedVectorEnv
from envs.locomotion.walker import WalkerTask


class WalkerFace(LeggedFace):
    """Methods for commands, shared by single and vector environments."""

    task: WalkerTask

    def command_velocity(self, vx: float, vy: float = 0.0, yaw_rate: float = 0.0) -> None:
        """Fixes the command: forward and left speed, m/s, and yaw rate, rad/s, for this and all following episodes."""
        self.task.command_velocity(vx, vy, yaw_rate)

    def release_command(self) -> None:
        """Uses the commands drawn from the config's ranges again, in the current episode too."""
        self.task.release_command()

    def set_target_velocity(self, velocity: float) -> None:
        """Commands a forward speed, m/s, straight ahead, in the current and all following episodes."""
        self.command_velocity(velocity)


class WalkerEnv(WalkerFace, LeggedEnv):
    """One walking robot. Arguments as in `TaskEnv`."""

    @property
    def target_velocity(self) -> float:
        """The commanded forward speed, m/s; setting it fixes it for all following episodes too."""
        return self.task.command.value[0, 0].item()

    @target_velocity.setter
    def target_velocity(self, velocity: float) -> None:
        self.set_target_velocity(velocity)


class WalkerVectorEnv(WalkerFace, LeggedVectorEnv):
    """`num_envs` walking robots on `num_threads` native threads. Arguments as in `TaskVectorEnv`."""
