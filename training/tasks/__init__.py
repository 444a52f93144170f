"""The table of tasks: everything that training, tuning and judging ask about an environment's id.

A new robot is one row of TASKS. Ids without a row have the row ANY.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from stable_baselines3.common.callbacks import BaseCallback

from evaluation.judges import RETURNS, SUCCESSES, Judge
from evaluation.walk_judge import WalkJudge
from training.config import EnvTrainConfig, TrainConfig
from training.tasks import common, cube_in_hand, walk
from utils.config import nearest_name


@dataclass(frozen=True)
class TaskRow:
    """What is known of a task beyond its environment."""

    judge: Judge = RETURNS
    """How its policies are judged."""
    config: type[TrainConfig] = EnvTrainConfig
    """Class of its training's config."""
    presets: Mapping[str, Mapping] = field(default_factory=dict)
    """Named trainings: preset -> changes of the config. They replace those of `common.PRESETS`."""
    curriculum: Callable[[TrainConfig], BaseCallback] | None = None
    """Makes the callback that raises the difficulty during a training."""
    sweep_preset: str = "default"
    """Preset of a sweep in any space but `plan`."""
    space: Mapping[str, Mapping] = field(default_factory=dict)
    """Entries that every named space of a sweep has for this task beside the learner's, as `tuning.spaces` reads them."""
    reward_space: Mapping[str, Mapping] = field(default_factory=dict)
    """Entries that the space `wide` adds: weights of the reward."""
    script: str = "train"
    """Program that the card of a shipped policy names."""
    tables: tuple[str, ...] = ("successes",)
    """CSV files of the benchmark that judges a shipped policy."""

    def preset(self, name: str, env_id: str) -> Mapping:
        """Returns the changes that a preset makes in a training's config.

        Raises:
            ValueError: there is no such preset; the nearest is named.
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
SMALL_NETWORK = TaskRow(presets={"default": common.FREQUENT_SAC})
ANY = TaskRow()
# Id, or prefix of ids -> row. The longest that fits counts.
TASKS: dict[str, TaskRow] = {
    "ResidualWalk-v0": WALK,
    "AdaptiveWalk-v0": WALK,
    "CubeInHand-v0": TaskRow(SUCCESSES, cube_in_hand.CubeTrainConfig, cube_in_hand.PRESETS, cube_in_hand.curriculum),
    "RWRL": SMALL_NETWORK,
    "ShadowHand": SMALL_NETWORK,
}


def find_task(env_id: str) -> TaskRow:
    """Returns the row of the longest prefix in TASKS that `env_id` starts with, or ANY."""
    return TASKS.get(max(filter(env_id.startswith, TASKS), key=len, default=""), ANY)
