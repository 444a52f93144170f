"""A short training and its judgement, whatever became of it so far: the piece that sweeps and comparisons repeat."""

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

JUDGED = "judged"  # in the run's card


def trained(
    config: TrainConfig,
    run: Path,
    episodes: int,
    argv: list[str],
    watch: Callable[[int, dict], None] | None = None,
    seeds: Seeds = JUDGE,
) -> dict:
    """Returns how good the policy at the end of a training is, after training what is left of it in the folder `run`.

    It plays so many episodes, from starts and on terrain of the held-out `seeds`. `watch` sees every evaluation before.

    Raises:
        ValueError: the folder holds another training.
        TrainingInterrupted, TrainingDiverged: see there; what `watch` raises goes through as well.
    """
    begun = (run / CONFIG).exists()
    if begun and not _same(read_run_config(run), config):
        raise ValueError(f"{run} holds another training than this one")
    if not begun:
        create_run(replace(config, run_dir=run), argv)
    if not ended(run, config.total_timesteps):
        training = prepare(config, run, begun, watch)
        try:
            with training.callbacks["interrupt"]:
                training.learn(run)
                training.callbacks["interrupt"].check()
        finally:
            del training
            gc.collect()  # it is full of cycles: a worker of many trials would hold many of them at once
    card = read_json(run / CARD)
    if JUDGED not in card:
        card[JUDGED] = judge(config, run, episodes, seeds.at(0, episodes))
        write_json(run / CARD, card)
    return card[JUDGED]


def lock_if_free(folder: Path) -> ExitStack | None:
    """Returns a folder's lock, held until it is closed or the process ends; None while another trains there."""
    folder.mkdir(parents=True, exist_ok=True)
    held = ExitStack()
    with suppress(ValueError):
        held.enter_context(locked(folder))
        return held
    return None


def judge(config: TrainConfig, run: Path, episodes: int, seed: int) -> dict:
    """Returns the summary of the run's last policy in episodes from that seed on, which decides the terrain too."""
    env = config.make_evaluation_env(episodes, seed)
    try:
        return config.task.judge.summary(env, load_run(run).act, episodes, seed)
    finally:
        env.close()


def _same(record, config):
    """Tells whether a run's record is of this training; how many threads it has does not matter."""
    wanted = replace(config, run_dir=None)
    try:
        recorded = updated(wanted, record)  # as the record's values resolve today
    except ValueError:
        return False
    return replace(recorded, num_threads=1) == replace(wanted, num_threads=1)
