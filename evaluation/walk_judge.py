"""Judge of robots that walk: measures the distance without a fall over terrain of one level."""

from dataclasses import dataclass, replace

import numpy as np
from gymnasium.vector import VectorEnv

from algorithms.vec_env import make_vector
from envs.locomotion.terrain import FLAT, TerrainConfig, check_level, typical_kind
from envs.residual_walk.config import ResidualWalkConfig
from evaluation.episodes import Policy
from evaluation.judges import Judge, OnStep, Scene, Setting, nominal_arguments
from evaluation.steering import REAR, constant, on_wide_tiles, outside, steers, with_commands
from evaluation.terrain_judge import TerrainJudge
from evaluation.walk_tally import time_limit
from evaluation.walks import GOAL_DISTANCE, evaluate, gait_alone, summarise, table
from utils.env_ids import qualified

USUAL_SPEED = 0.3  # m/s; the command of a scene that chooses none


@dataclass(frozen=True)
class WalkJudge(TerrainJudge):
    """Evaluates a robot that follows a commanded velocity, on nominal or varied physics.

    The config of the task must have `control_dt` and `command_vx`. If it also has `terrain`, `terrain_scale` and
    `variation`, the judge sets terrain and level, and `nominal` switches the variation off. If all commands go straight
    ahead, a success is a distance; if some turn the robot or let it walk sideways or backward, a success is an episode that
    follows its command, as `evaluation.walk_tally.follows` says.
    """

    score: tuple[str, ...] = ("success", "distance_m")
    logged: tuple[str, ...] = ("success", "fall", "distance_m", "speed_rmse_mps", "return")
    finals: tuple[str, ...] = ("successes", "terrain_level")
    success_key: str = "success"
    objectives: tuple[str, ...] = ("distance_m", "success", "return")
    fixed_length: bool = True
    config: type = ResidualWalkConfig
    """Class of the task's config."""
    has_gait: bool = True
    """Whether actions of 0 are a gait, which is then a baseline."""
    goal: float = 3.0
    """Distance from the start, m, for a success in `evaluate`. It is short because evaluations interrupt trainings."""
    time: float = 20.0
    """Length of an episode of `evaluate`, s."""
    steered_time: float = 10.0
    """Length of an episode whose success is to follow a command, s."""

    summarise, table = staticmethod(summarise), staticmethod(table)

    def evaluation_env(self, setting: Setting, num_envs: int, seed: int, nominal: bool = False) -> VectorEnv:
        """Returns simulations on terrain with that seed; all tiles have the level `terrain_scale` of the task."""
        task = constant(self.task(setting))
        steered = steers(task)
        if "terrain" in self._names:
            terrain = replace(task.terrain, seed=seed, levels=(task.terrain_scale,), **REAR)
            task = replace(task, terrain=terrain, terrain_scale=1.0)
            task = on_wide_tiles(task, self.steered_time) if steered else task
        others = self._others(setting)
        if nominal:
            task, others = self._nominal(task), nominal_arguments(others)
        return self.vector(setting, task, num_envs, self.steered_time if steered else self.time, **others)

    def evaluate(self, env: VectorEnv, policy: Policy, episodes: int, seed: int) -> list[dict]:
        """Plays walks over `goal`, or under a command; returns a record of each, as `evaluation.walks.evaluate` does."""
        return evaluate(env, policy, episodes, seed, None if self._steered(env) else self.goal)

    def chosen(self, setting: Setting, scene: Scene) -> Scene:
        """Returns the scene with the terrain and the command of the training for the conditions that are None.

        `typical_kind` represents several kinds. The level is the highest of the training. The speed is the nearest to
        USUAL_SPEED that the training commanded.
        """
        task = self.task(setting)
        terrain, level = scene.terrain, scene.level
        if "terrain" in self._names:
            kinds = task.terrain.kinds
            terrain = terrain or typical_kind(kinds)
            trained = min(task.terrain_scale, max(task.terrain.levels)) if kinds != FLAT else 1.0
            level = trained if level is None else level
        command = float(np.clip(USUAL_SPEED, *task.command_vx)) if scene.command is None else scene.command
        return replace(scene, terrain=terrain or "flat", level=1.0 if level is None else level, command=command)

    def play_task(self, setting: Setting, scene: Scene, seed: int):
        """Returns the config of the task for `play`: the nominal robot in the scene.

        Obstacles have the task's sizes. A tile is at least as large as the default one: GOAL_DISTANCE must fit on it.

        Raises:
            ValueError: a value of the scene is wrong.
        """
        scene = self.chosen(setting, scene)
        check_level(scene.level)
        commands = scene.command, scene.command_vy, scene.command_yaw_rate
        for name, value in zip(("command", "command_vy", "command_yaw_rate"), commands):
            if not np.isfinite(value):
                raise ValueError(f"{name} must be a finite number, got {value}")
        task = with_commands(self._nominal(self.task(setting)), *commands)
        if "terrain" in self._names:
            tile = {name: max(getattr(task.terrain, name), getattr(TerrainConfig, name)) for name in ("length", "width")}
            tile |= {"kinds": (scene.terrain,), "levels": (scene.level,)} | REAR
            terrain = replace(task.terrain, seed=seed, **tile)
            task = replace(task, terrain=terrain, terrain_scale=1.0)
            task = on_wide_tiles(task, self.steered_time) if steers(task) else task
        return task

    def vector(self, setting: Setting, task, num_envs: int, time: float | None = None, **kwargs) -> VectorEnv:
        """Returns simulations of a config.

        Args:
            setting: gives id and threads.
            task: the config.
            num_envs: number of simulations.
            time: length of an episode, s. Default: the time limit for GOAL_DISTANCE at the slowest command, or
                `steered_time` if a success is to follow the command.
            kwargs: other arguments of the environment.
        """
        seconds = time or (self.steered_time if steers(task) else float(time_limit(GOAL_DISTANCE, task.command_vx[0])))
        kwargs["max_episode_steps"] = round(seconds / task.control_dt)
        return make_vector(qualified(setting.env_id), num_envs, setting.num_threads, config=task, **kwargs)

    def play_env(
        self, setting: Setting, scene: Scene, num_envs: int, seed: int, render_mode: str | None = None
    ) -> VectorEnv:
        """Returns simulations of the nominal robot in the scene, on terrain with that seed."""
        others = nominal_arguments(self._others(setting))
        return self.vector(setting, self.play_task(setting, scene, seed), num_envs, render_mode=render_mode, **others)

    def play(self, env: VectorEnv, policy: Policy, episodes: int, seed: int, on_step: OnStep | None = None) -> list[dict]:
        """Plays walks over GOAL_DISTANCE, or under a command; returns a record of each, as `evaluate` does."""
        goal = None if self._steered(env) else GOAL_DISTANCE
        return evaluate(env, policy, episodes, seed, goal, on_step=on_step)

    def idle(self, setting: Setting, scene: Scene) -> dict[str, str]:
        """Returns the fields of a scene that have no effect -> the reason."""
        if "terrain" not in self._names:
            return dict.fromkeys(("terrain", "level"), f"{setting.env_id} has no terrain")
        return {"level": "flat ground has no levels"} if self.chosen(setting, scene).terrain == "flat" else {}

    def unfamiliar(self, setting: Setting, scene: Scene) -> list[str]:
        """Returns a sentence for each component of the command outside the ranges of the training."""
        scene = self.chosen(setting, scene)
        return outside(self.task(setting), scene.command, scene.command_vy, scene.command_yaw_rate)

    @property
    def baselines(self):
        """The baselines of every task, and the gait without residuals if there is one."""
        return ({"gait alone": gait_alone} if self.has_gait else {}) | super().baselines

    def _steered(self, env):
        """Returns whether a success in `env` is to follow the command."""
        return steers(env.unwrapped.task.config)

    def _nominal(self, task):
        """Returns the task's config without variation."""
        return replace(task, variation=type(task.variation)()) if "variation" in self._names else task


def as_walk_judge(judge: Judge, env_id: str) -> WalkJudge:
    """Returns `judge` if it is a WalkJudge.

    Raises:
        ValueError: it is another judge: `env_id` does not follow a commanded velocity.
    """
    if not isinstance(judge, WalkJudge):
        raise ValueError(f"{env_id} does not follow a commanded velocity")
    return judge


def as_gait_judge(judge: Judge, env_id: str) -> WalkJudge:
    """Returns `judge` if it is a WalkJudge of a robot whose policies add to a gait.

    Raises:
        ValueError: `env_id` does not follow a commanded velocity, or its policies add to no gait.
    """
    if not as_walk_judge(judge, env_id).has_gait:
        raise ValueError(f"{env_id} has no gait alone to compare policies with")
    return judge
