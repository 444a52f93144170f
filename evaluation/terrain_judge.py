"""Judge of tasks on terrain: reads the task's config from the arguments of a setting, and sets the seed of its terrain."""

from dataclasses import dataclass, fields, replace

from gymnasium.vector import VectorEnv

from envs.locomotion.config import LeggedConfig
from evaluation.judges import Judge, Scene, Setting
from utils.config import resolved


@dataclass(frozen=True)
class TerrainJudge(Judge):
    """Evaluates a task by its return or its successes, on terrain of another seed than that of the training."""

    config: type = LeggedConfig
    """Class of the task's config."""

    def task(self, setting: Setting):
        """Returns the config of the task from the arguments of a setting.

        Raises:
            ValueError: an argument has an unknown name or a value of another type.
        """
        changes = {name: value for name, value in setting.arguments.items() if name in self._names}
        return resolved(self.config(), setting.arguments.get("config"), changes)

    def evaluation_env(self, setting: Setting, num_envs: int, seed: int, nominal: bool = False) -> VectorEnv:
        """Returns the simulations of the training on terrain with that seed."""
        return super().evaluation_env(self._on_terrain(setting, seed), num_envs, seed, nominal)

    def play_env(
        self, setting: Setting, scene: Scene, num_envs: int, seed: int, render_mode: str | None = None
    ) -> VectorEnv:
        """Returns the simulations of the training on terrain with that seed."""
        return super().play_env(self._on_terrain(setting, seed), scene, num_envs, seed, render_mode)

    def _on_terrain(self, setting, seed):
        task = self.task(setting)
        task = replace(task, terrain=replace(task.terrain, seed=seed))
        return replace(setting, arguments={**self._others(setting), "config": task})

    def _others(self, setting):
        """Returns the arguments of a setting that are not in the config, such as the number of frames."""
        return {name: value for name, value in setting.arguments.items() if name not in {*self._names, "config"}}

    @property
    def _names(self):
        return {field.name for field in fields(self.config)}
