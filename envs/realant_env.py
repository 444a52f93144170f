"""RealAnt-v0 as Gymnasium environments, single and vector, with sensor noise and a history on request."""

from collections.abc import Mapping

from envs.locomotion.legged_env import LeggedEnv, LeggedFace, LeggedVectorEnv
from envs.realant.task import RealAntTask
from envs.received import received


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


def realant(*, noise_spec: Mapping | None = None, frames: int = 1, **kwargs):
    """Returns one robot with the noise and the history of `envs.received.received`; `kwargs` as in `RealAntEnv`."""
    return received(RealAntEnv(**kwargs), noise_spec, frames)


def realant_vector(num_envs: int = 1, *, num_threads: int = 2, noise_spec: Mapping | None = None, frames: int = 1, **kwargs):
    """Returns `num_envs` robots, each like the single one of its seed; arguments as in `realant` and `RealAntVectorEnv`."""
    return received(RealAntVectorEnv(num_envs, num_threads=num_threads, **kwargs), noise_spec, frames)


# `gymnasium.make` reads the render modes, and tests of all tasks read the task, at the entry point.
realant.metadata, realant_vector.metadata = RealAntEnv.metadata, RealAntVectorEnv.metadata
realant.task_class = realant_vector.task_class = RealAntTask
