"""A training of a robot that walks: terrain that rises, robots that vary, judged by the way it comes."""

from dataclasses import dataclass, field, replace
from typing import Annotated, ClassVar, Literal

import tyro
from gymnasium.vector import VectorEnv
from stable_baselines3.common.callbacks import BaseCallback

from algorithms.vec_env import BatchVecEnv
from callbacks.curriculum_callback import SuccessCurriculumCallback, TerrainCurriculumCallback
from envs.locomotion.terrain import KINDS, TerrainConfig, check_kind, check_level
from envs.residual_walk.config import ResidualWalkConfig
from envs.residual_walk.variation import TRAINING_VARIATION, VariationConfig
from evaluation.episodes import Policy
from evaluation.walks import evaluate, summarise
from training.config import TrainConfig, nominal_arguments
from utils.fields import within

MIXED = tuple(kind for kind in KINDS if kind != "flat")
ENV_KWARGS = ("perturb_spec", "task_kwargs")  # all else is in the config
EVALUATION_TIME, EVALUATION_GOAL = 20.0, 3.0  # s and m: short, because it interrupts the training


@dataclass(frozen=True)
class WalkTrainConfig(TrainConfig):
    """Everything that decides a training of a walking robot."""

    SCORE: ClassVar[tuple[str, ...]] = ("success", "distance_m")
    LOGGED: ClassVar[tuple[str, ...]] = ("success", "fall", "distance_m", "speed_rmse_mps", "return")

    preset: str = "default"
    """What is trained how long: default (half an hour on two cores), long (an hour), rough or plan."""
    env_id: Annotated[Literal["ResidualWalk-v0", "AdaptiveWalk-v0"], tyro.conf.arg(aliases=["--env"])] = "ResidualWalk-v0"
    """What is trained."""
    episode_steps: int = within(1000, 1)
    """Length of a training episode, control steps of env.control_dt (10 ms by default)."""
    terrain: str = "rough"
    """A terrain kind, or mixed for all of them."""
    level: float = 1.0
    """Hardest terrain level of the curriculum, 0 to 1."""
    start_level: float = 0.1
    """Terrain level the curriculum starts from."""
    vary: bool = False
    """Train robots that differ in body, servos and ground, with late controls and pushes: as env.variation says if it says
    anything, else as TRAINING_VARIATION does."""
    curriculum: Literal["time", "success"] = "time"
    """Whether the terrain rises with time, or each kind of it with success there."""
    curriculum_share: float = within(0.4, 0, 1)
    """Part of the training in which the terrain rises to its hardest level with time."""
    env: ResidualWalkConfig = field(default_factory=ResidualWalkConfig)
    """The task. Kinds, seed and scale of its terrain follow from terrain, seed and level."""

    def __post_init__(self):
        super().__post_init__()
        for name in self.env_kwargs:
            if name not in ENV_KWARGS:
                raise ValueError(
                    f"env_kwargs of a walk may hold {', '.join(ENV_KWARGS)}, not {name!r}: use --env.* for that"
                )
        if self.terrain != "mixed":
            check_kind(self.terrain)
        check_level(self.level), check_level(self.start_level)
        kinds = MIXED if self.terrain == "mixed" else (self.terrain,)
        terrain = replace(self.env.terrain, kinds=kinds, seed=self.seed)
        env = replace(self.env, terrain=terrain, terrain_scale=self.level, variation=self._variation())
        object.__setattr__(self, "env", env)

    @property
    def idle(self) -> dict[str, str]:
        varied, idle = self.env.variation, super().idle
        if self.terrain == "flat":
            idle |= dict.fromkeys(("level", "start_level", "curriculum", "env.terrain"), "--terrain flat has no levels")
            idle["curriculum_share"] = "--terrain flat has no levels"
        if self.curriculum == "success":
            idle["curriculum_share"] = "--curriculum success raises the terrain with success, not with time"
        if varied.varies and not self.vary:
            idle["vary"] = "env.variation says what varies"
        if not varied.push_speed:
            idle["env.variation.push_interval"] = "env.variation.push_speed is 0"
        return idle

    @property
    def task_arguments(self) -> dict:
        return {"config": self.env, **self.env_kwargs}

    def make_env(self) -> BatchVecEnv:
        """Returns the simulations to train on, whose first episodes have the levels that the curriculum begins with."""
        env = super().make_env()
        env.env_method("set_terrain_scale", self.start_level)
        return env

    def make_evaluation_env(self, num_envs: int, seed: int, nominal: bool = False) -> VectorEnv:
        """Returns simulations on terrain of that seed, all of the hardest level, for episodes of EVALUATION_TIME."""
        kinds = self.env.terrain.kinds
        other = replace(self.env.terrain, seed=seed, levels=(self.level,))
        task = replace(self.env, terrain=other if kinds != ("flat",) else TerrainConfig(), terrain_scale=1.0)
        task = replace(task, variation=VariationConfig()) if nominal else task
        length = round(EVALUATION_TIME / task.control_dt)
        given = nominal_arguments(self.env_kwargs) if nominal else self.env_kwargs
        return self._vector(num_envs, {**given, "config": task, "max_episode_steps": length})

    def play(self, env: VectorEnv, policy: Policy, episodes: int, seed: int) -> list[dict]:
        """Returns a record of every walk over a way that fits 20 s."""
        return evaluate(env, policy, episodes, seed, EVALUATION_GOAL)

    def summarise(self, records: list[dict]) -> dict:
        return summarise(records)

    def own_callbacks(self) -> dict[str, BaseCallback]:
        """Returns what raises the terrain from start_level to level."""
        return {"curriculum": self._curriculum()}

    def _curriculum(self):
        if self.curriculum == "success":
            return SuccessCurriculumCallback(self.env.terrain.kinds, self.start_level, self.level)
        rise = max(1, round(self.curriculum_share * self.total_timesteps))
        return TerrainCurriculumCallback(self.start_level, self.level, rise)

    def _variation(self):
        own = self.env.variation
        if self.vary:
            return own if own.varies else replace(TRAINING_VARIATION, push_interval=own.push_interval)
        return VariationConfig() if own == TRAINING_VARIATION else own
