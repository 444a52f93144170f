"""Toy-v0 as Gymnasium environments, single and vector."""

from envs.task_env import TaskEnv, TaskVectorEnv
from envs.task_face import CLASS_DEFAULT, TaskFace
from envs.toy.picture import RENDER_MODES, Picture
from envs.toy.task import FIELD, TARGET_RADIUS, Toy, ToyConfig, draw_inertia
from utils.config import resolved
from utils.rendering.pictures import picture_options

__all__ = ["FIELD", "TARGET_RADIUS", "Toy", "ToyConfig", "ToyEnv", "ToyVectorEnv", "draw_inertia"]


class _ToyFace(TaskFace):
    """The part that both environments share: the toy has no threads, and is drawn without a camera."""

    task_class, default_episode_steps = Toy, 100

    def _open_camera(self, pictures):
        return Picture(self.task, pictures)


class ToyEnv(_ToyFace, TaskEnv):
    """One point. Arguments as in `TaskEnv`, without threads and cameras; fields of `ToyConfig` are keywords.

    Example: `ToyEnv(perturb_method="l+")`. A `perturb_spec` fixes or draws `inertia_x` and `inertia_y` instead of
    `perturb_method`.
    """

    metadata = TaskEnv.metadata | {"render_modes": RENDER_MODES}

    def __init__(
        self,
        config=None,
        render_mode=None,
        max_episode_steps=CLASS_DEFAULT,
        perturb_spec=None,
        task_kwargs=None,
        privileged=False,
        **changes,
    ):
        pictures, config = picture_options(changes), resolved(ToyConfig(), config, changes)
        super().__init__(config, render_mode, max_episode_steps, 1, perturb_spec, task_kwargs, privileged, **pictures)


class ToyVectorEnv(_ToyFace, TaskVectorEnv):
    """n points; point i of seed s equals `ToyEnv` of seed s + i, bit for bit. Arguments as in `TaskVectorEnv`."""

    metadata = TaskVectorEnv.metadata | {"render_modes": RENDER_MODES}

    def __init__(
        self,
        num_envs=1,
        config=None,
        render_mode=None,
        max_episode_steps=CLASS_DEFAULT,
        autoreset_mode="same_step",
        perturb_spec=None,
        task_kwargs=None,
        privileged=False,
        **changes,
    ):
        pictures, config = picture_options(changes), resolved(ToyConfig(), config, changes)
        given = (num_envs, config, render_mode, max_episode_steps, 1, autoreset_mode, perturb_spec, task_kwargs, privileged)
        super().__init__(*given, **pictures)
