"""A1-v0 as Gymnasium environments, single and vector."""

from envs.a1.task import A1Task
from envs.locomotion.walker_env import WalkerEnv, WalkerFace, WalkerVectorEnv


class _A1Face(WalkerFace):
    """The part that both environments share."""

    task_class, default_episode_steps = A1Task, 400
    task: A1Task


class A1Env(_A1Face, WalkerEnv):
    """One robot; the default terrain is flat. Arguments as in `TaskEnv`; fields of `A1Config` are keywords.

    Example: `A1Env(task_name="reset-dr")`.
    """


class A1VectorEnv(_A1Face, WalkerVectorEnv):
    """`num_envs` robots on `num_threads` native threads. Arguments as in `TaskVectorEnv`."""
