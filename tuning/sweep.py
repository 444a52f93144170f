"""Config of a sweep, and the folder of its study.

runs/studies/<name>/journal.log       the study, unless --storage names another place
                    trials/<number>/  a run folder for every trial, with recipe.yaml: its config, which --config accepts
                    best.yaml report.md *.png    results so far
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations_with_replacement
from pathlib import Path
from typing import Literal

from algorithms.learners import LEARNERS
from evaluation.held_out_seeds import JUDGE, check_training_seed
from run_folder.records import recorded_config
from training.checks import idle_numbers
from training.command_line import refuse_beside_config, refuse_idle_keys, refuse_keys, starting_from
from training.config import TrainConfig
from training.recipes import STUDIES
from training.tasks import TaskRow, find_task
from tuning.spaces import Space, changes, distributions, merged, read_space
from utils.config import as_plain, nearest_name, read_yaml, updated
from utils.console.options import given_options, reason_of
from utils.env_ids import DEFAULT_ID, file_name
from utils.fields import fitting

# Fields of a training that the sweep sets. A space may choose the other fields.
FIXED = {"run_dir", "resume", "from_trial", "total_timesteps", "seed", "num_threads", "preset", "config", "env_id", "algo"}
FIRST_NEW_SEED = 1_000  # distance from --seed to the first seed of --reseed
FIXED |= {"eval_every", "eval_episodes", "checkpoint_every", "keep_checkpoints"}
OVERRULED = FIXED - {"preset", "env_id", "algo"}  # a user's --config file must not have them; those of a run are left out


@dataclass(frozen=True)
class SweepConfig:
    """Config of a sweep. Its files are read once."""

    env: str = DEFAULT_ID
    """Id of the environment; any registered id."""
    algo: Literal[*LEARNERS] = "ppo"
    """Learning algorithm of the trials."""
    trials: int = 50
    """Number of trials of all workers together. A study with fewer trials is resumed."""
    steps: int = 100_000
    """Length of each training, control steps."""
    study: str | None = None
    """Name of the study and of its folder in runs/studies. Default: <env>_<algo>_<space>."""
    storage: str | None = None
    """Path of a journal, URL of a database, or grpc://HOST:PORT. Default: a journal in the folder of the study."""
    sampler: Literal["tpe", "gp", "random"] = "tpe"
    """Sampler that proposes the next trial: tree-structured Parzen estimators, a Gaussian process, or random values."""
    pruner: Literal["hyperband", "median", "none"] = "hyperband"
    """Pruner that ends trials early."""
    space: str = "plan"
    """Search space: plan, wide, or the path of a YAML file."""
    seeds: int = 1
    """Number of trainings per trial. Their mean is the value of the trial; the pruner uses the first training only."""
    seed: int = 42
    """Seed of the first training of every trial, and of the sampler."""
    preset: str | None = None
    """Preset for everything that the space does not choose. Default: plan for the space plan, otherwise rough for a walk
    and default for other tasks."""
    config: Path | None = None
    """YAML file with values for any option of a training. It overrides the preset."""
    start_from: Path | None = None
    """Warm start of every trial: run folder, checkpoint or shipped policy, as --start-from of a training."""
    objective: str | None = None
    """Objective to maximise, measured on held-out seeds. Walks: distance_m (default; mean distance, at most 3 m), success
    (the share of episodes that reach 3 m) or return. A cube in a hand: return (default) or successes. Other tasks: return.
    The return is meaningless if the space changes reward weights."""
    evaluations: int = 5
    """Number of evaluations during a training, for the pruner."""
    eval_episodes: int = 32
    """Number of episodes of each evaluation."""
    final_episodes: int = 100
    """Number of episodes, on separate terrain, that give a finished trial its value."""
    num_threads: int = 1
    """Number of threads of a worker, for physics and for torch. Start one worker per core: workers that share cores slow
    each other down."""
    reseed: int = 0
    """Number of new seeds. If above 0, no new trials run; instead the best trials and the untuned config are trained again,
    with this number of new seeds each."""
    top: int = 3
    """Number of the best trials that --reseed trains again."""
    serve: str | None = None
    """HOST:PORT or PORT of a proxy for the database of --storage. Workers reach it with --storage grpc://HOST:PORT. This
    process then does nothing else."""

    def __post_init__(self):
        for name in ("trials", "steps", "seeds", "evaluations", "eval_episodes", "final_episodes", "num_threads", "top"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.reseed < 0 or self.reseed == 1:
            raise ValueError(f"reseed must be 0, or at least 2 for an interval, got {self.reseed}")
        if not re.fullmatch(r"\w[\w.-]*", self.name):
            raise ValueError(f"a study's name must consist of letters, digits, dots and dashes, got {self.name!r}")
        if self.objective is None:
            object.__setattr__(self, "objective", self.task.judge.objectives[0])
        if self.objective not in (known := self.task.judge.objectives):
            raise ValueError(f"{self.env} has no objective {self.objective!r}{nearest_name(self.objective, known)}")

    def idle(self, argv: list[str]) -> dict[str, str]:
        """Returns the options of a command line that have no effect -> the reason."""
        if self.serve is not None:
            return dict.fromkeys(
                {*given_options(argv)} - {"serve", "storage"}, "--serve only serves the database of --storage"
            )
        return {} if self.reseed else {"top": "only --reseed uses it"}

    @property
    def task(self) -> TaskRow:
        """The environment's row in the table of tasks."""
        return find_task(self.env)

    @property
    def new_seeds(self) -> list[int]:
        """The seeds of --reseed. No trial was trained with them."""
        return [self.seed + FIRST_NEW_SEED + number for number in range(self.reseed)]

    def check_seeds(self) -> None:
        """Raises ValueError if a training would use held-out seeds, or an evaluation needs more seeds than there are."""
        for seed in (*range(self.seed, self.seed + self.seeds), *self.new_seeds):
            check_training_seed(seed)
        self.base.check_seeds(), JUDGE.at(0, self.final_episodes)

    @property
    def name(self) -> str:
        """The study's name."""
        return f"{file_name(self.env)}_{self.algo}_{Path(self.space).stem}" if self.study is None else self.study

    @property
    def folder(self) -> Path:
        """Folder of the study."""
        return STUDIES / self.name

    @cached_property
    def common(self) -> dict:
        """Config values of all trainings, in the format of --config."""
        content = read_yaml(self.config) if self.config else {}
        recorded = recorded_config(content)
        values = content if recorded is None else {name: recorded[name] for name in recorded if name not in OVERRULED}
        self._refuse_keys(values)
        default = "plan" if self.space == "plan" else self.task.sweep_preset
        name = self.preset or fitting(values.get("preset", default), str, "preset")
        start = {} if self.start_from is None else {"start_from": str(self.start_from)}
        return merged(values, {"preset": name, "env_id": self.env, "algo": self.algo} | start)

    @cached_property
    def base(self) -> TrainConfig:
        """Config of a training before a trial changes it."""
        every = max(1, self.steps // self.evaluations)
        fixed = {"total_timesteps": self.steps, "seed": self.seed, "num_threads": self.num_threads, "run_dir": None}
        fixed |= {"eval_every": every, "eval_episodes": self.eval_episodes, "checkpoint_every": every}
        common = merged(self.common, fixed | {"keep_checkpoints": 1})
        return starting_from(common["preset"], self.env, common)

    @cached_property
    def choices(self) -> Space:
        """Distributions that a trial draws from, by dotted name."""
        return distributions(self.entries, self.base, FIXED)

    @cached_property
    def entries(self) -> dict:
        """The entries of the space; a named space loses the entries that have no effect in the trainings.

        Raises:
            ValueError: the environment cannot be made, or an entry of a user's file has no effect.
        """
        entries = read_space(self.space, self.algo, self.task)
        idle = idle_numbers(self.base)
        varied = [name.removeprefix(f"{self.algo}.") for name in entries]
        idle |= {f"{self.algo}.{name}": reason for name, reason in self.base.learner.replaced(varied).items()}
        idle |= self._idle_in_all(entries)
        for name in idle.keys() & entries.keys() if self.space not in LEARNERS[self.algo].spaces else ():
            raise ValueError(f"space: {name} has no effect: {idle[name]}")
        return {name: entry for name, entry in entries.items() if name not in idle}

    def recipe(self, params: Mapping) -> dict:
        """Returns a trial's parameters with the shared config values; the length is left open.

        The format is that of a run's config.yaml, in which values without effect are allowed: another trial may need them.
        """
        return {"config": merged(self.common, changes(params))}

    def check_file(self) -> None:
        """Raises ValueError if a value in a user's --config file has no effect, whatever two values of the space are."""
        content = read_yaml(self.config) if self.config else {}
        if recorded_config(content) is not None:
            refuse_beside_config(self.config, content, self.base)
            return
        refuse_keys(self.config, content, self.base)
        before = starting_from(self.common["preset"], self.env, {})
        try:
            refuse_idle_keys(self.config, content, before, [self.base])
        except ValueError:  # it may have an effect with other values
            refuse_idle_keys(self.config, content, before, [*self._varied(self.entries), self.base])

    def training(self, params: Mapping, seed: int) -> TrainConfig:
        """Returns the config of a training with a trial's parameters and a seed, as long as all trainings of the sweep."""
        return replace(updated(self.base, changes(params)), seed=seed)

    def settings(self) -> dict:
        """Returns the settings that two trials must share to be comparable, as plain data."""
        base = {name: value for name, value in as_plain(self.base).items() if name != "num_threads"}
        values = {name: getattr(self, name) for name in ("seeds", "objective", "evaluations", "final_episodes")}
        return values | {"space": as_plain(self.entries), "training": base}

    def _idle_in_all(self, entries):
        """Returns the entries that have no effect, whatever two values of the space are -> the reason."""
        found = {name: reason for name in entries if (reason := reason_of(name, self.base.idle))}
        for config in self._varied(entries) if found else ():
            found = {name: reason for name, reason in found.items() if reason_of(name, config.idle)}
            if not found:
                break
        return found

    def _varied(self, entries):
        """Yields the config of a training for every pair of ends and choices of a space, as far as the config takes it."""
        ends = [
            (name, value)
            for name, entry in entries.items()
            for value in entry.get("choices") or (entry["low"], entry["high"])
        ]
        for pair in combinations_with_replacement(ends, 2):
            with suppress(ValueError):
                yield updated(self.base, changes(dict(pair)))

    def _refuse_keys(self, values):
        """Raises ValueError for a key of the --config file that the sweep sets."""
        for name, value in (("env_id", self.env), ("algo", self.algo)):
            if values.get(name, value) != value:
                raise ValueError(f"{self.config}: {name} is {values[name]}, but the sweep uses {value}")
        for name in sorted(values.keys() & OVERRULED):
            raise ValueError(f"{self.config}: {name} has no effect: the sweep sets it")
