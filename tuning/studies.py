"""Optuna's side of a sweep: the study that remembers its trials, what proposes them and what ends them early."""

import uuid

import numpy as np
import optuna
from filelock import FileLock

from tuning.storages import open_storage, quiet, reason
from tuning.sweep import SweepConfig
from utils.files import read_json, write_json

JOURNAL, LOCK, PLACE = "journal.log", ".claims", "place.json"
SETTINGS = "settings"  # of the study: what must be the same for its trials to be compared
REDUCTION = 3  # of Hyperband: of three trials at a rung one goes on
WARM_UP_TRIALS, FIRST_EVALUATION = 5, 2  # trials that MedianPruner lets pass, and the evaluation it begins with


def open_study(sweep: SweepConfig) -> optuna.Study:
    """Opens the sweep's study, or begins it.

    Raises:
        ValueError: the storage cannot be opened, or the study was begun with other settings.
    """
    sweep.folder.mkdir(parents=True, exist_ok=True)
    storage = open_storage(sweep.storage or str(sweep.folder / JOURNAL))
    try:
        with FileLock(sweep.folder / LOCK):
            study = optuna.create_study(
                study_name=sweep.name, storage=storage, direction="maximize", load_if_exists=True, pruner=make_pruner(sweep)
            )
            _check(study, sweep)
    except ValueError:
        raise
    except Exception as error:  # the drivers' own
        raise ValueError(f"cannot open the study {sweep.name}: {reason(error)}") from error
    return study


def place(sweep: SweepConfig) -> str:
    """Returns what tells this study's folder from one of the same name on another machine."""
    file = sweep.folder / PLACE
    if not file.exists():
        write_json(file, {"place": uuid.uuid4().hex})
    return read_json(file)["place"]


def make_sampler(sweep: SweepConfig, number: int) -> optuna.samplers.BaseSampler:
    """Returns the sampler for the trial of that number: a study goes on with the same draws, and workers' draws differ."""
    seed = int(np.random.SeedSequence([sweep.seed, number]).generate_state(1)[0])  # adjacent studies must not share any
    if sweep.sampler == "random":
        return optuna.samplers.RandomSampler(seed=seed)
    with quiet():
        if sweep.sampler == "gp":
            return optuna.samplers.GPSampler(seed=seed)
        return optuna.samplers.TPESampler(seed=seed, multivariate=True, constant_liar=True)


def make_pruner(sweep: SweepConfig) -> optuna.pruners.BasePruner:
    """Returns what ends trials early, by their evaluations 1, 2, ..."""
    if sweep.pruner == "none":
        return optuna.pruners.NopPruner()
    if sweep.pruner == "median":
        return optuna.pruners.MedianPruner(WARM_UP_TRIALS, FIRST_EVALUATION)
    return optuna.pruners.HyperbandPruner(min_resource=1, max_resource=sweep.evaluations, reduction_factor=REDUCTION)


def _check(study, sweep):
    """Writes the settings to a new study; of an old one wants the same."""
    settings, before = sweep.settings(), study.user_attrs.get(SETTINGS)
    if before is None:
        with quiet():
            study.set_metric_names([sweep.objective])  # what the dashboard calls it
        study.set_user_attr(SETTINGS, settings)
    elif name := _difference(before, settings):
        raise ValueError(f"the study {sweep.name} was begun with another {name}: give another --study")


def _difference(first, second, name=""):
    """Returns the dotted name of the first place where two plain values differ, or nothing."""
    if isinstance(first, dict) and isinstance(second, dict):
        inner = (_difference(first.get(key), second.get(key), f"{name}.{key}" if name else key) for key in first | second)
        return next((found for found in inner if found), None)
    return None if first == second else name
