"""Hyperparameters and metrics of a training for TensorBoard's HParams tab: flat, by dotted name."""

from collections.abc import Mapping

from algorithms.learners import LEARNERS
from training.config import TrainConfig
from utils.config import as_plain

# Fields for folder, evaluation and hardware. They do not change the learned policy.
EXCLUDED = {"run_dir", "resume", "config", "from_trial", "num_envs", "num_threads", "checkpoint_every", "keep_checkpoints"}
EXCLUDED |= {"eval_every", "eval_episodes"}
RETURN = "rollout/ep_rew_mean"  # every training logs it


def hyperparameters(config: TrainConfig) -> dict[str, bool | float | str]:
    """Returns the resolved config by dotted name, without the configs of other learners and without fields that are None.

    Lists become text. The value of total_timesteps is logged once, at the start of the run; resuming does not change it.
    """
    other = {*LEARNERS} - {config.algo}
    fields = {name: value for name, value in as_plain(config).items() if name not in EXCLUDED | other}
    return dict(_flat(fields))


def metrics(config: TrainConfig) -> list[str]:
    """Returns the names of the logged scalars that rate a training: the last and the best evaluation, and the return."""
    if not config.eval_every:
        return [RETURN]
    names = [f"eval/{kind}{name}" for name in config.task.judge.score for kind in ("", "best_")]
    perturbed = [f"eval_perturbed/{name}" for name in config.task.judge.score] if config.perturb is not None else []
    return [*names, *perturbed, RETURN]


def _flat(values: Mapping, before: str = ""):
    """Yields dotted names and values of types that TensorBoard accepts."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{name}.")
        elif value is not None:
            yield f"{before}{name}", value if isinstance(value, (bool, int, float, str)) else str(value)
