"""ResidualWalk-v0 as Gymnasium environments, single and vector."""

from controllers.bezier_gait_residual import BezierGaitResidualController
from envs.locomotion.walker_env import WalkerEnv, WalkerFace, WalkerVectorEnv
from envs.residual_walk.task import ResidualWalkTask


class _WalkFace(WalkerFace):
    """The part that both environments share."""

    task_class, default_episode_steps = ResidualWalkTask, 5000
    task: ResidualWalkTask

    @property
    def controller(self) -> BezierGaitResidualController:
        """The gait with its residuals, for all simulations."""
        return self.task.controller

    @property
    def residual_scale(self) -> float:
        """Foot displacement for an action of 1, m."""
        return self.controller.residual_scale

    @residual_scale.setter
    def residual_scale(self, metres: float) -> None:
        self.controller.residual_scale = metres


class ResidualWalkEnv(_WalkFace, WalkerEnv):
    """One quadruped; the default terrain is flat. Arguments as in `TaskEnv`; fields of `ResidualWalkConfig` are keywords.

    Example: `ResidualWalkEnv(terrain={"kinds": ["rough"]}, residual_scale=0.03)`.
    """


class ResidualWalkVectorEnv(_WalkFace, WalkerVectorEnv):
    """`num_envs` quadrupeds on `num_threads` native threads. Arguments as in `TaskVectorEnv`."""
