"""Bases of the configs of trainings: a task with a config of its own (field `env`), and the growth of its randomisation."""

from dataclasses import dataclass, field, fields
from typing import ClassVar

from stable_baselines3.common.callbacks import BaseCallback

from algorithms.vec_env import BatchVecEnv
from callbacks.curriculum_callback import VariationCurriculumCallback
from envs.locomotion.config import LeggedConfig
from envs.locomotion.terrain import FLAT
from evaluation.held_out_seeds import check_training_seed
from training.config import TrainConfig
from utils.fields import Checked, within

ENV_KWARGS = ("perturb_spec", "task_kwargs")  # the config contains all other arguments


@dataclass(frozen=True)
class TaskTrainConfig(TrainConfig):
    """Base of a training's config with the task's config as the field `env`, which a subclass declares.

    Attributes:
        more_env_kwargs: arguments of the environment, besides ENV_KWARGS, that are not in its config.
    """

    more_env_kwargs: ClassVar[tuple[str, ...]] = ()
    env: Checked = field(default_factory=Checked)
    """Config of the task."""

    def __post_init__(self):
        super().__post_init__()
        known = (*ENV_KWARGS, *self.more_env_kwargs)
        for name in self.env_kwargs:
            if name not in known:
                hint = f": use --env.{name.replace('_', '-')}" if name in self.env.__dataclass_fields__ else ""
                words = f"env_kwargs of {self.env_id} may contain {', '.join(known)}, not {name!r}"
                raise ValueError(words + hint)

    @property
    def task_arguments(self) -> dict:
        return {"config": self.env, **self.env_kwargs}


@dataclass(frozen=True)
class LeggedTrainConfig(TaskTrainConfig):
    """Base of the config of a training of a robot on legs. Steps are control steps of all simulations together."""

    env: LeggedConfig = field(default_factory=LeggedConfig)
    """Config of the task."""
    variation_warm_up: int = within(0, 0)
    """Steps with nominal robots before the randomisation of env.variation begins."""
    variation_rise: int = within(0, 0)
    """Steps over which the randomisation then grows to the full ranges of env.variation; 0 for all of it at once."""

    @property
    def idle(self) -> dict[str, str]:
        variation, idle = self.env.variation, super().idle
        if not variation.varies:
            idle |= dict.fromkeys(("variation_warm_up", "variation_rise"), "env.variation randomises nothing")
        if self.env.terrain.kinds == FLAT:
            names = [field.name for field in fields(self.env.terrain) if field.name != "kinds"]
            idle |= dict.fromkeys(("env.terrain_scale", *(f"env.terrain.{name}" for name in names)), "the ground is flat")
        return idle | {f"env.variation.{name}": reason for name, reason in variation.idle.items()}

    @property
    def grows(self) -> bool:
        """Whether the randomisation has a curriculum."""
        return self.env.variation.varies and bool(self.variation_warm_up or self.variation_rise)

    def check_seeds(self) -> None:
        """Checks as the base class does, and also the seed of the terrain."""
        super().check_seeds()
        check_training_seed(self.env.terrain.seed, "env.terrain.seed")

    def make_env(self) -> BatchVecEnv:
        """Returns the simulations to train on; their first robots are nominal if the randomisation has a curriculum."""
        env = super().make_env()
        if self.grows:
            env.env_method("set_variation_scale", 0.0)
        return env

    def task_callbacks(self) -> dict[str, BaseCallback]:
        """Returns the curriculum of the task, and the curriculum of the randomisation if there is one."""
        growth = VariationCurriculumCallback(self.variation_warm_up, max(1, self.variation_rise))
        return super().task_callbacks() | ({"variation": growth} if self.grows else {})
