"""Folders of a study's trials, and the file in each with its config, which `train.py --config` accepts."""

from pathlib import Path

from utils.files import write_aside
from utils.paths import expanded
from utils.plain_yaml import dump_yaml

STUDIES, TRIALS, RECIPE = Path("runs/studies"), "trials", "recipe.yaml"


def trial_folder(study: Path, number: int) -> Path:
    """Returns the folder of a trial inside the folder of its study."""
    return study / TRIALS / f"{number:04d}"


def write_recipe(path: Path, recipe: dict, comment: str = "") -> None:
    """Writes the changes of a training's config to a YAML file, atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_aside(path, lambda aside: aside.write_text(comment + dump_yaml(recipe)))


def find_recipe(trial: str) -> Path:
    """Returns the config file of the trial STUDY:NUMBER; STUDY is a name in runs/studies, or a folder.

    Raises:
        ValueError: `trial` has another form, or there is no such trial.
    """
    name, _, number = trial.rpartition(":")
    if not name or not number.isdigit():
        raise ValueError(f"a trial is STUDY:NUMBER, got {trial!r}")
    study = expanded(name) if expanded(name).is_dir() else STUDIES / name
    path = trial_folder(study, int(number)) / RECIPE
    if not path.is_file():
        raise ValueError(f"there is no {path}: {_there_are(study)}")
    return path


def _there_are(study):
    numbers = sorted(int(path.parent.name) for path in study.glob(f"{TRIALS}/[0-9]*/{RECIPE}"))
    if numbers:
        return f"the study has trials {numbers[0]} to {numbers[-1]}"
    return "studies there are " + (", ".join(sorted(path.name for path in STUDIES.glob("*/"))) or "none")
