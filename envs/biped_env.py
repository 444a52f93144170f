"""Biped-v0 as Gymnasium environments, single and vector, with histories of the observation on request."""

from gymnasium.vector import VectorEnv

from envs.biped.observation import PRIVILEGED
from envs.biped.task import BipedTask
from envs.locomotion.walker_env import WalkerEnv, WalkerFace, WalkerVectorEnv
from envs.received import with_history
from envs.wrappers import History
from envs.wrappers.history import frame_count


class _BipedFace(WalkerFace):
    """The part that both environments share."""

    task_class, default_episode_steps = BipedTask, 2400
    task: BipedTask

    def set_command_scale(self, scale: float) -> None:
        """Multiplies the ranges from which following commands are drawn by `scale`, 0 to 1, for a curriculum."""
        self.task.set_command_scale(scale)

    def set_push_scale(self, scale: float) -> None:
        """Multiplies the velocities of following pushes by `scale`, 0 to 1, for a curriculum."""
        self.task.set_push_scale(scale)


class BipedEnv(_BipedFace, WalkerEnv):
    """One biped; the default ground is flat. Arguments as in `TaskEnv`; fields of `BipedConfig` are keywords."""


class BipedVectorEnv(_BipedFace, WalkerVectorEnv):
    """`num_envs` bipeds on `num_threads` native threads. Arguments as in `TaskVectorEnv`."""


def biped(*, frames: int = 1, privileged_frames: int = 1, privileged: bool = False, **kwargs):
    """Returns one biped that stacks its last observations, oldest first; after a reset all frames are the first one.

    Args:
        frames: control steps of the policy's observation; 66 in the training configuration of AgiBot's X1 (2024).
        privileged_frames: control steps of each privileged row; 3 there.
        privileged: as in `TaskEnv`.
        **kwargs: as in `BipedEnv`.

    Raises:
        ValueError: `privileged_frames` is given without `privileged`, or an argument of `TaskEnv` is wrong.
    """
    return _with_past(BipedEnv(privileged=privileged, **kwargs), frames, privileged_frames, privileged)


def biped_vector(
    num_envs: int = 1,
    *,
    frames: int = 1,
    privileged_frames: int = 1,
    privileged: bool = False,
    num_threads: int = 2,
    **kwargs,
) -> VectorEnv:
    """Returns `num_envs` bipeds, each like the single one of its seed. Arguments as in `biped` and `TaskVectorEnv`."""
    env = BipedVectorEnv(num_envs, num_threads=num_threads, privileged=privileged, **kwargs)
    return _with_past(env, frames, privileged_frames, privileged)


# `gymnasium.make` reads the render modes, and the tests of all tasks read the task, at the entry point.
biped.metadata, biped_vector.metadata = BipedEnv.metadata, BipedVectorEnv.metadata
biped.task_class = biped_vector.task_class = BipedTask


def _with_past(env, frames, privileged_frames, privileged):
    if frame_count("privileged_frames", privileged_frames) > 1:
        if not privileged:
            raise ValueError("privileged_frames has no effect without privileged=True")
        env = History(env, privileged_frames, [row.name for row in PRIVILEGED.rows])
    return with_history(env, frames)
