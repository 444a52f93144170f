"""CubeInHand-v0 as Gymnasium environments, single and vector."""

import mujoco

from envs.cube_in_hand.config import CubeInHandConfig
from envs.cube_in_hand.task import CubeInHandTask
from envs.task_env import TaskEnv, TaskVectorEnv
from utils.config import resolved
from utils.perturbation import given_spec
from utils.rendering.pictures import picture_options


class _HandView:
    """What user code reaches for on an environment, single or vector."""

    task: CubeInHandTask

    @property
    def config(self) -> CubeInHandConfig:
        return self.task.config

    @property
    def model(self) -> mujoco.MjModel:
        """The nominal model: what is written to it acts in all simulations from the next step or reset on."""
        return self.task.model

    def set_target_angle(self, angle: float) -> None:
        """Makes `angle`, rad up to pi, the most that following targets are away from where their cubes are."""
        self.task.set_target_angle(angle)


class CubeInHandEnv(_HandView, TaskEnv):
    """One hand and its cube.

    Args:
        config: the task, or a mapping with the fields to change.
        render_mode: None, "human", "rgb_array", "depth_array" or "rgbd_tuple".
        max_episode_steps: of an environment built directly; `gymnasium.make` has its own argument of this name.
        perturb_spec: what to perturb in every episode; see docs/challenges.md.
        task_kwargs: a mapping that may hold the `perturb_spec`.
        **changes: width, height, camera_name or camera_id of pictures, as in `utils.rendering.pictures.Pictures`; and
            fields of the config, as `CubeInHandEnv(reward="dense", success_angle=0.2)`.
    """

    def __init__(
        self,
        config=None,
        render_mode=None,
        max_episode_steps=1000,
        num_threads=1,
        perturb_spec=None,
        task_kwargs=None,
        **changes,
    ):
        pictures, perturb_spec = picture_options(changes), given_spec(perturb_spec, task_kwargs)
        task = CubeInHandTask(resolved(CubeInHandConfig(), config, changes), 1, num_threads)
        super().__init__(task, render_mode, max_episode_steps, perturb_spec, **pictures)


class CubeInHandVectorEnv(_HandView, TaskVectorEnv):
    """`num_envs` hands on `num_threads` native threads; the other arguments are those of `CubeInHandEnv`."""

    def __init__(
        self,
        num_envs=1,
        config=None,
        render_mode=None,
        max_episode_steps=1000,
        num_threads=2,
        autoreset_mode="same_step",
        perturb_spec=None,
        task_kwargs=None,
        **changes,
    ):
        pictures, perturb_spec = picture_options(changes), given_spec(perturb_spec, task_kwargs)
        task = CubeInHandTask(resolved(CubeInHandConfig(), config, changes), num_envs, num_threads)
        super().__init__(task, render_mode, max_episode_steps, autoreset_mode, perturb_spec, **pictures)
