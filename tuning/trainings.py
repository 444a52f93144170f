"""One training of a sweep with its final evaluation. It resumes from any earlier state of its folder."""

import gc
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path

from evaluation.held_out_seeds import JUDGE, Seeds
from run_folder.records import CONFIG, read_run_config
from run_folder.runs import CARD, ended, load_run, locked
from training.assembly import create_run, prepare
from training.config import TrainConfig
from utils.config import updated
from utils.files import read_json, write_json

JUDGED = "judged"  # key of the final evaluation in the run's card


def trained(
    config: TrainConfig,
    run: Path,
    episodes: int,
    argv: list[str],
    watch: Callable[[int, dict], None] | None = None,
    seeds: Seeds = JUDGE,
) -> dict:
    """Trains to the end in the folder `run` if needed, then evaluates the final policy; returns the summary.

    The evaluation plays `episodes` episodes; the held-out `seeds` decide terrain and initial states. `watch` is called with
    the steps and the summary of every evaluation during the training.

    Raises:
        ValueError: the folder contains another training.
        TrainingInterrupted, TrainingDiverged: as `Training.learn` does. Exceptions of `watch` pass through.
    """
    started = (run / CONFIG).exists()
    if started and not _same(read_run_config(run), config):
        raise ValueError(f"{run} contains another training")
    if not started:
        create_run(replace(config, run_dir=run), argv)
    if not ended(run, config.total_timesteps):
        training = prepare(config, run, started, watch)
        try:
            with training.callbacks["interrupt"]:
                training.learn(run)
                training.callbacks["interrupt"].check()
        finally:
            del training
            gc.collect()  # reference cycles: without this, a worker would keep many trainings in memory
    card = read_json(run / CARD)
    if JUDGED not in card:
        card[JUDGED] = judge(config, run, episodes, seeds.at(0, episodes))
        write_json(run / CARD, card)
    return card[JUDGED]


def lock_if_free(folder: Path) -> ExitStack | None:
    """Returns the acquired lock of a folder, or None if another process has it. It ends with `close` or with the process."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = ExitStack()
    with suppress(ValueError):
        lock.enter_context(locked(folder))
        return lock
    return None


def judge(config: TrainConfig, run: Path, episodes: int, seed: int) -> dict:
    """Returns the summary of the run's final policy over episodes from `seed` on; the seed also decides the terrain."""
    env = config.make_evaluation_env(episodes, seed)
    try:
        return config.task.judge.summary(env, load_run(run).act, episodes, seed)
    finally:
        env.close()


def _same(record, config):
    """Returns whether the recorded config of a run equals `config`; the number of threads may differ."""
    wanted = replace(config, run_dir=None)
    try:
        recorded = updated(wanted, record)  # resolves the recorded values as the current code does
    except ValueError:
        return False
    return replace(recorded, num_threads=1) == replace(wanted, num_threads=1)
