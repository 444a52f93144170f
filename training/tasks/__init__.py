"""The table of tasks: config, presets, curriculum, judge and sweep spaces for each environment id.

A new robot is one row of TASKS. Ids without a row use the row ANY.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from stable_baselines3.common.callbacks import BaseCallback

from envs.a1.config import A1Config
from envs.biped.config import BipedConfig
from envs.realant.config import RealAntConfig
from evaluation.judges import RETURNS, SUCCESSES, Judge
from evaluation.posture_judge import PostureJudge
from evaluation.terrain_judge import TerrainJudge
from evaluation.walk_judge import WalkJudge
from training.config import EnvTrainConfig, TrainConfig
from training.tasks import a1, biped, common, cube_in_hand, realant, walk
from utils.config import nearest_name


@dataclass(frozen=True)
class TaskRow:
    """Training, evaluation and tuning of one task."""

    judge: Judge = RETURNS
    """Evaluates policies of the task."""
    config: type[TrainConfig] = EnvTrainConfig
    """Class of the training config."""
    presets: Mapping[str, Mapping] = field(default_factory=dict)
    """Preset name -> changes of the config. A preset here replaces the preset of the same name in `common.PRESETS`."""
    curriculum: Callable[[TrainConfig], BaseCallback | None] | None = None
    """Makes the callback that raises the difficulty during a training, or None if the config turns it off; None without a
    curriculum."""
    sweep_preset: str = "default"
    """Default preset of a sweep in every space except `plan`."""
    space: Mapping[str, Mapping] = field(default_factory=dict)
    """Entries that this task adds to every named sweep space, in the format of `tuning.spaces`."""
    reward_space: Mapping[str, Mapping] = field(default_factory=dict)
    """Entries that this task adds to the sweep space `wide`: weights of the reward."""
    script: str = "train"
    """Training program that the card of a shipped policy names."""
    tables: tuple[str, ...] = ("successes",)
    """CSV files with the benchmark results of a shipped policy."""

    def preset(self, name: str, env_id: str) -> Mapping:
        """Returns the changes of a training's config that a preset makes.

        Raises:
            ValueError: there is no such preset. The message names the nearest.
        """
        known = {**common.PRESETS, **self.presets}
        if name not in known:
            raise ValueError(f"no preset of {env_id} is called {name!r}{nearest_name(name, known)}")
        return known[name]


WALK = TaskRow(
    WalkJudge(),
    walk.WalkTrainConfig,
    walk.PRESETS,
    walk.curriculum,
    "rough",
    walk.SPACE,
    walk.REWARD_SPACE,
    "train_residual_ppo",
    ("terrain", "flat"),
)
EPISODES = ("episodes",)
SMALL_NETWORK = TaskRow(presets={"default": common.FREQUENT_SAC})
ANY = TaskRow()
# Id, or prefix of ids -> row. The longest matching prefix counts.
TASKS: dict[str, TaskRow] = {
    "ResidualWalk-v0": WALK,
    "AdaptiveWalk-v0": WALK,
    "A1-v0": TaskRow(
        PostureJudge(config=A1Config, has_gait=False, steered_time=5.0), a1.A1TrainConfig, a1.PRESETS, tables=EPISODES
    ),
    "CubeInHand-v0": TaskRow(SUCCESSES, cube_in_hand.CubeTrainConfig, cube_in_hand.PRESETS, cube_in_hand.curriculum),
    "RealAnt-v0": TaskRow(
        TerrainJudge(SUCCESSES.score, objectives=SUCCESSES.objectives, config=RealAntConfig),
        realant.RealAntTrainConfig,
        realant.PRESETS,
    ),
    "Biped-v0": TaskRow(
        WalkJudge(config=BipedConfig, has_gait=False),
        biped.BipedTrainConfig,
        biped.PRESETS,
        biped.curriculum,
        tables=EPISODES,
    ),
    "RWRL": SMALL_NETWORK,
    "ShadowHand": SMALL_NETWORK,
}


def find_task(env_id: str) -> TaskRow:
    """Returns the row of the longest prefix in TASKS that `env_id` starts with, or ANY."""
    return TASKS.get(max(filter(env_id.startswith, TASKS), key=len, default=""), ANY)
