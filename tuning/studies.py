"""Study, sampler and pruner of a sweep."""

import uuid

import numpy as np
import optuna
from filelock import FileLock

from tuning.storages import open_storage, quiet, reason
from tuning.sweep import SweepConfig
from utils.files import read_json, write_json

JOURNAL, LOCK, PLACE = "journal.log", ".claims", "place.json"
SETTINGS = "settings"  # key in the study: settings that all its trials share
REDUCTION = 3  # of Hyperband: one of three trials at a rung continues
WARM_UP_TRIALS, FIRST_EVALUATION = 5, 2  # MedianPruner prunes after 5 trials, from evaluation 2 on


def open_study(sweep: SweepConfig) -> optuna.Study:
    """Opens the study of a sweep, or creates it.

    Raises:
        ValueError: the storage cannot be opened, or the study was created with other settings.
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
    except Exception as error:  # each driver has different errors
        raise ValueError(f"cannot open the study {sweep.name}: {reason(error)}") from error
    return study


def place(sweep: SweepConfig) -> str:
    """Returns an id of this study folder, which differs from a folder of the same name on another machine."""
    file = sweep.folder / PLACE
    if not file.exists():
        write_json(file, {"place": uuid.uuid4().hex})
    return read_json(file)["place"]


def make_sampler(sweep: SweepConfig, number: int) -> optuna.samplers.BaseSampler:
    """Returns the sampler for a trial. Its seed depends on the trial's number: a resumed study draws the same values."""
    # A SeedSequence hashes both numbers: studies with adjacent seeds must not share draws.
    seed = int(np.random.SeedSequence([sweep.seed, number]).generate_state(1)[0])
    if sweep.sampler == "random":
        return optuna.samplers.RandomSampler(seed=seed)
    with quiet():
        if sweep.sampler == "gp":
            return optuna.samplers.GPSampler(seed=seed)
        return optuna.samplers.TPESampler(seed=seed, multivariate=True, constant_liar=True)


def make_pruner(sweep: SweepConfig) -> optuna.pruners.BasePruner:
    """Returns the pruner; its steps are the evaluations 1, 2, ..."""
    if sweep.pruner == "none":
        return optuna.pruners.NopPruner()
    if sweep.pruner == "median":
        return optuna.pruners.MedianPruner(WARM_UP_TRIALS, FIRST_EVALUATION)
    return optuna.pruners.HyperbandPruner(min_resource=1, max_resource=sweep.evaluations, reduction_factor=REDUCTION)


def _check(study, sweep):
    """Writes the settings to a new study; raises ValueError if an existing study has other settings."""
    settings, before = sweep.settings(), study.user_attrs.get(SETTINGS)
    if before is None:
        with quiet():
            study.set_metric_names([sweep.objective])  # the name in the dashboard
        study.set_user_attr(SETTINGS, settings)
    elif name := _difference(before, settings):
        raise ValueError(f"the study {sweep.name} was created with another {name}: give another --study")


def _difference(first, second, name=""):
    """Returns the dotted name of the first difference between two plain values, or None."""
    if isinstance(first, dict) and isinstance(second, dict):
        # Plain values come first: another preset explains all differences of hyperparameters.
        keys = sorted(first | second, key=lambda key: isinstance(first.get(key), dict))
        inner = (_difference(first.get(key), second.get(key), f"{name}.{key}" if name else key) for key in keys)
        return next((found for found in inner if found), None)
    return None if first == second else name
