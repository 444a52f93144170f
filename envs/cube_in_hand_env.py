"""CubeInHand-v0 as Gymnasium environments, single and vector."""

from envs.cube_in_hand.task import CubeInHandTask
from envs.task_env import TaskEnv, TaskVectorEnv
from envs.task_face import TaskFace


class _CubeFace(TaskFace):
    """The part that both environments share."""

    task_class, default_episode_steps = CubeInHandTask, 1000

    def set_target_angle(self, angle: float) -> None:
        """Sets the largest angle between a new target and the cube at that time, rad, in (success_angle, pi]."""
        self.task.set_target_angle(angle)


class CubeInHandEnv(_CubeFace, TaskEnv):
    """One hand and its cube. Arguments as in `TaskEnv`; fields of `CubeInHandConfig` are keywords.

    Example: `CubeInHandEnv(reward="dense", success_angle=0.2)`.
    """


class CubeInHandVectorEnv(_CubeFace, TaskVectorEnv):
    """`num_envs` hands on `num_threads` native threads. Arguments as in `TaskVectorEnv`."""
