"""The numbers of a training as TensorBoard's HParams tab compares them: flat, by dotted name."""

from collections.abc import Mapping

from algorithms.learners import LEARNERS
from training.config import TrainConfig
from utils.config import as_plain

# Fields that say where a run lies, how it is watched or on what it runs: they do not change what is learned.
ASIDE = {"run_dir", "resume", "config", "from_trial", "num_envs", "num_threads", "checkpoint_every", "keep_checkpoints"}
ASIDE |= {"eval_every", "eval_episodes"}
RETURN = "rollout/ep_rew_mean"  # what every training logs


def hyperparameters(config: TrainConfig) -> dict[str, bool | float | str]:
    """Returns the resolved config by dotted name, without other learners' numbers and without fields that are None.

    Lists are text. total_timesteps is that of the start: a run that is resumed with more keeps what it has logged.
    """
    other = {*LEARNERS} - {config.algo}
    fields = {name: value for name, value in as_plain(config).items() if name not in ASIDE | other}
    return dict(_flat(fields))


def metrics(config: TrainConfig) -> list[str]:
    """Returns the names of the logged scalars that judge a training: the last and the best evaluation, and the return."""
    if not config.eval_every:
        return [RETURN]
    names = [f"eval/{kind}{name}" for name in config.task.judge.score for kind in ("", "best_")]
    perturbed = [f"eval_perturbed/{name}" for name in config.task.judge.score] if config.perturb is not None else []
    return [*names, *perturbed, RETURN]


def _flat(values: Mapping, before: str = ""):
    """Yields dotted names and the values that TensorBoard can hold."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{name}.")
        elif value is not None:
            yield f"{before}{name}", value if isinstance(value, (bool, int, float, str)) else str(value)
