"""RealAnt-v0 as Gymnasium environments, single and vector."""

from envs.locomotion.legged_env import LeggedEnv, LeggedFace, LeggedVectorEnv
from envs.realant.task import RealAntTask


class _AntFace(LeggedFace):
    """The part that both environments share."""

    task_class, default_episode_steps = RealAntTask, 1000
    task: RealAntTask


class RealAntEnv(_AntFace, LeggedEnv):
    """One robot; the default terrain is flat. Arguments as in `TaskEnv`; fields of `RealAntConfig` are keywords.

    Example: `RealAntEnv(target_direction=(-1.0, 1.0), variation={"joint_failures": {"share": 0.5}})`.
    """


class RealAntVectorEnv(_AntFace, LeggedVectorEnv):
    """`num_envs` robots on `num_threads` native threads. Arguments as in `TaskVectorEnv`."""
