"""Training of a robot that walks: presets, config, terrain curriculum, and the sweep spaces."""

from dataclasses import dataclass, field, replace
from typing import Annotated, ClassVar, Literal

import tyro
from stable_baselines3.common.callbacks import BaseCallback

from algorithms.vec_env import BatchVecEnv
from callbacks.curriculum_callback import SuccessCurriculumCallback, TerrainCurriculumCallback
from callbacks.terrain_sampling_callback import TerrainSamplingCallback
from envs.locomotion.terrain import KINDS, check_kind, check_level
from envs.residual_walk.config import ResidualWalkConfig
from envs.residual_walk.variation import TRAINING_VARIATION, VariationConfig
from evaluation.steering import steers
from training.task_config import LeggedTrainConfig
from training.tasks.common import PLAN
from utils.fields import FieldError, within

MIXED = tuple(kind for kind in KINDS if kind != "flat")

# Feet swing more slowly and higher than in the default gait. Its cycle is too short for the servos to lift a foot 40 mm.
_WALK = {
    "residual_scale": 0.04,
    "gait": {"step_height": 0.05, "slow_cycle": 0.36, "fast_cycle": 0.32, "duty_factor": 0.5},
    "velocity_width": 0.03,
    "relative_velocity_width": 0.4,
    "weights": {"lateral_stability": -2.5, "orientation": -3.0, "smoothness": -0.04, "fall": -500.0},
    "command_vx": (0.15, 0.5),  # starts below the default 0.2 m/s: the slowest commands are the hardest on rough ground
    "terrain": {"levels": (0.4, 0.6, 0.75, 0.85, 0.95, 1.0), "start_length": 6.0},  # starts on every part of a tile
}
# A critic that also reads what only the simulator knows, networks with the robot's symmetry, and tiles where robots still
# fail drawn more often: in three million steps a policy walks about as well as plain PPO's does after nine.
_DEFAULT = {
    "algo": "asymmetric_ppo",
    "total_timesteps": 9_000_000,
    "terrain": "mixed",
    "vary": True,
    "start_level": 0.6,
    "curriculum_share": 0.05,
    "sampling": "failures",
    "env": _WALK,
    "eval_every": 2_000_000,
    "episode_steps": 2000,  # in 10 s the slowest robots rarely get to walk down the slopes that they climbed
    "ppo": {"log_std_init": -1.6, "final_learning_rate": 5e-5},  # for the variants of PPO, too
    "asymmetric_ppo": {"learning_rate": 6e-4},
}
# Walks forward, backward and sideways, turns, and stands, on flat and rough ground; starts in the middle of square tiles.
_STEER = _DEFAULT | {
    "terrain": "rough",
    "curriculum_share": 0.1,
    "sampling": "even",
    "env": _WALK
    | {
        "command_vx": (-0.3, 0.5),
        "command_vy": (-0.2, 0.2),
        "command_yaw_rate": (-0.8, 0.8),
        "command_segments": {"duration": (2.0, 6.0), "stand_share": 0.1},
        "velocity_width": 0.08,  # a robot that turns on the spot rocks back and forth with every step
        "relative_velocity_width": 0.3,
        "terrain": {
            "levels": (0.0, 0.4, 0.6, 0.75, 0.85, 0.95, 1.0),
            "length": 8.0,
            "width": 8.0,
            "start_length": 4.0,
            "start_distance": 2.0,
        },
    },
}
# The default hyperparameters, large batches of many simulations and few epochs, learn fastest on two cores.
PRESETS = {
    "default": _DEFAULT,  # half an hour
    "long": _DEFAULT | {"total_timesteps": 20_000_000},  # about an hour
    "fast": _DEFAULT | {"total_timesteps": 3_000_000, "curriculum_share": 0.15, "eval_every": 1_000_000},  # ten minutes
    "steer": _STEER,  # half an hour
    "rough": {},  # rough ground only: a quarter of an hour
    "plan": {"total_timesteps": 5_000_000, "ppo": PLAN},
}
SPACE = {"env.residual_scale": {"low": 0.01, "high": 0.05}}
REWARD_SPACE = {
    "env.weights.orientation": {"low": -6.0, "high": -0.5},
    "env.weights.smoothness": {"low": -0.1, "high": -0.005, "log": False},
    "env.weights.heading": {"low": 0.0, "high": 1.0},
    "env.weights.fall": {"low": -500.0, "high": 0.0},
}


@dataclass(frozen=True)
class WalkTrainConfig(LeggedTrainConfig):
    """Config of a training of a walking robot."""

    VARIATION: ClassVar[VariationConfig] = TRAINING_VARIATION  # the default randomisation of --vary

    preset: str = "default"
    """Named set of values that replaces defaults: default (half an hour on two cores), long (an hour), fast
    (ten minutes), steer (half an hour; commands in every direction), rough or plan."""
    env_id: Annotated[str, tyro.conf.arg(aliases=["--env"])] = "ResidualWalk-v0"
    """Id of the environment to train."""
    episode_steps: int = within(1000, 1)
    """Length of a training episode, control steps of env.control_dt (10 ms by default)."""
    terrain: str = "rough"
    """A terrain kind, or `mixed` for all kinds except flat."""
    level: float = 1.0
    """Hardest terrain level of the curriculum, 0 to 1."""
    start_level: float = 0.1
    """Terrain level at the start of the curriculum; `level` if that is lower."""
    vary: bool = False
    """Randomise body, servos and ground in every episode, delay controls and push the robot. Use env.variation if set,
    otherwise the default randomisation TRAINING_VARIATION."""
    curriculum: Literal["time", "success"] = "time"
    """Raise the terrain level with time, or the level of each terrain kind with the success on it."""
    curriculum_share: float = within(0.4, 0, 1)
    """Fraction of the training after which the terrain has its hardest level; only for the curriculum `time`."""
    sampling: Literal["even", "failures"] = "even"
    """Draw all terrain tiles up to the highest level equally often, or in proportion to the failures on them."""
    env: ResidualWalkConfig = field(default_factory=ResidualWalkConfig)
    """Config of the task. The options terrain, seed and level set the kinds, seed and scale of its terrain."""

    def __post_init__(self):
        super().__post_init__()
        if self.terrain != "mixed":
            check_kind(self.terrain)
        check_level(self.level), check_level(self.start_level)
        kinds = MIXED if self.terrain == "mixed" else (self.terrain,)
        terrain = replace(self.env.terrain, kinds=kinds, seed=self.seed)
        env = replace(self.env, terrain=terrain, terrain_scale=self.level, variation=self._variation())
        object.__setattr__(self, "env", env)
        self._check_steering()

    @property
    def idle(self) -> dict[str, str]:
        varied, idle = self.env.variation, super().idle
        if self.terrain == "flat":
            names = ("level", "start_level", "curriculum", "curriculum_share", "sampling")
            idle |= dict.fromkeys(names, "--terrain flat has no levels")
        elif self.start_level > self.level:
            idle["start_level"] = f"--level {self.level:g} is lower"
        if self.terrain != "flat" and self.first_level == self.level:
            idle |= dict.fromkeys(("curriculum", "curriculum_share"), f"the training starts at --level {self.level:g}")
        elif self.curriculum == "success":
            idle["curriculum_share"] = "--curriculum success raises the terrain with success, not with time"
        if varied.varies and not self.vary:
            idle["vary"] = "env.variation sets the values"
        return idle

    @property
    def first_level(self) -> float:
        """Terrain level at the start of the training."""
        return min(self.start_level, self.level)

    def make_env(self) -> BatchVecEnv:
        """Returns the simulations to train on; the terrain of their first episodes is at most `first_level`."""
        env = super().make_env()
        env.env_method("set_terrain_scale", self.first_level)
        return env

    def task_callbacks(self) -> dict[str, BaseCallback]:
        """Returns the curriculum, and the callback that draws the terrain tiles if they are not drawn evenly."""
        terrain = self.env.terrain
        drawn = {"sampling": TerrainSamplingCallback(terrain.kinds, terrain.levels)} if self.sampling == "failures" else {}
        return super().task_callbacks() | drawn

    def _check_steering(self):
        """Raises FieldError if an option judges robots by their distance ahead, and the commands lead elsewhere."""
        for name, value in (("curriculum", "success"), ("sampling", "failures")):
            if getattr(self, name) == value and steers(self.env):
                words = "it measures the distance straight ahead, and some commands of this training lead elsewhere"
                raise FieldError(name, f"must not be {value}: {words}")

    def _variation(self):
        asked, off = self.env.variation, type(self.VARIATION)()
        if self.vary:
            return asked if asked.varies else replace(self.VARIATION, push_interval=asked.push_interval)
        return off if asked == self.VARIATION else asked


def curriculum(config: WalkTrainConfig) -> BaseCallback:
    """Returns the callback that raises the terrain from `first_level` to level."""
    if config.curriculum == "success":
        return SuccessCurriculumCallback(config.env.terrain.kinds, config.first_level, config.level)
    rise = max(1, round(config.curriculum_share * config.total_timesteps))
    return TerrainCurriculumCallback(config.first_level, config.level, rise)
