"""A sweep: what is tried how often and for how long, the study that remembers it, and the folder of its trials.

runs/studies/<name>/journal.log       the study, unless it is kept elsewhere
                    trials/<number>/  a run folder for every trial, with recipe.yaml: what was tried, as --config takes it
                    best.yaml report.md *.png    what came of it so far
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

from algorithms.learners import LEARNERS
from evaluation.held_out_seeds import EVALUATION, JUDGE, check_training_seed
from training.checks import idle_numbers
from training.command_line import starting_from
from training.config import TrainConfig
from training.recipes import STUDIES
from training.tasks import TaskRow, find_task
from tuning.spaces import Space, changes, distributions, merged, read_space
from utils.config import as_plain, nearest_name, read_yaml, updated
from utils.console.options import given_options
from utils.env_ids import DEFAULT_ID, file_name

# What the sweep itself says of a training; a space chooses among the rest.
FIXED = {"run_dir", "resume", "from_trial", "total_timesteps", "seed", "num_threads", "preset", "config", "env_id", "algo"}
FIRST_NEW_SEED = 1_000  # of --reseed, after the sweep's own
FIXED |= {"eval_every", "eval_episodes", "checkpoint_every", "keep_checkpoints"}
OVERRULED = FIXED - {"preset", "env_id", "algo"}  # by the sweep, where a --config file says something


@dataclass(frozen=True)
class SweepConfig:
    """Everything that decides a sweep. Files that it names are read once."""

    env: str = DEFAULT_ID
    """Any registered id."""
    algo: Literal[*LEARNERS] = "ppo"
    """Learning algorithm of the trials."""
    trials: int = 50
    """Trials of all workers together; a study that has fewer goes on."""
    steps: int = 100_000
    """Control steps of a trial."""
    study: str | None = None
    """Name of the study and of its folder in runs/studies; <env>_<algo>_<space> if not given."""
    storage: str | None = None
    """Path of a journal, a database's URL, or grpc://HOST:PORT; a journal in the study's folder if not given."""
    sampler: Literal["tpe", "gp", "random"] = "tpe"
    """What proposes the next trial: tree-structured Parzen estimators, a Gaussian process, or chance."""
    pruner: Literal["hyperband", "median", "none"] = "hyperband"
    """What ends trials early."""
    space: str = "plan"
    """plan, wide, or a YAML file of one's own."""
    seeds: int = 1
    """Trainings a trial, whose mean counts; the pruner looks at the first."""
    seed: int = 42
    """Of the first training of every trial, and of the sampler."""
    preset: str | None = None
    """Preset of the numbers that the space does not choose. Default: plan for the space plan, otherwise rough for a walk and
    default for other tasks."""
    config: Path | None = None
    """YAML file with any keys of a training's config, after the preset."""
    start_from: Path | None = None
    """Warm start: run or shipped policy that every trial begins with, as --start-from of a training."""
    objective: str | None = None
    """Number to maximise, measured on held-out seeds. Walks: distance_m (default, the mean distance, of 3 m), success (the
    rate of walking all of it) or return. A cube in a hand: return (default) or successes. Other tasks: return. The return is
    no measure where the space chooses weights of the reward."""
    evaluations: int = 5
    """How often a trial is judged while it trains, for the pruner."""
    eval_episodes: int = 32
    """Episodes each time."""
    final_episodes: int = 100
    """Episodes, on terrain of its own, that give a finished trial its value."""
    num_threads: int = 1
    """Threads of a worker, for physics and for torch. Start one worker for each core: threads of workers that share cores
    wait for each other."""
    reseed: int = 0
    """If above 0, no new trials: the best ones, and the numbers nobody tuned, are trained with so many new seeds each."""
    top: int = 3
    """How many of the best are trained again with --reseed."""
    serve: str | None = None
    """HOST:PORT or PORT: lets workers with --storage grpc://HOST:PORT reach this database, and does nothing else."""

    def __post_init__(self):
        for name in ("trials", "steps", "seeds", "evaluations", "eval_episodes", "final_episodes", "num_threads", "top"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.reseed < 0 or self.reseed == 1:
            raise ValueError(f"reseed must be 0, or at least 2 for an interval, got {self.reseed}")
        if not re.fullmatch(r"\w[\w.-]*", self.name):
            raise ValueError(f"a study's name is letters, digits, dots and dashes, got {self.name!r}")
        if self.objective is None:
            object.__setattr__(self, "objective", self.task.judge.objectives[0])
        if self.objective not in (known := self.task.judge.objectives):
            raise ValueError(f"{self.env} has no objective {self.objective!r}{nearest_name(self.objective, known)}")

    def idle(self, argv: list[str]) -> dict[str, str]:
        """Returns the options of a command line that have no effect -> why."""
        if self.serve is not None:
            return dict.fromkeys({*given_options(argv)} - {"serve", "storage"}, "--serve only serves the --storage")
        return {} if self.reseed else {"top": "it is for --reseed"}

    @property
    def task(self) -> TaskRow:
        """The environment's row in the table of tasks."""
        return find_task(self.env)

    @property
    def new_seeds(self) -> list[int]:
        """The seeds of --reseed, with which no trial was trained."""
        return [self.seed + FIRST_NEW_SEED + number for number in range(self.reseed)]

    def check_seeds(self) -> None:
        """Raises ValueError if a training would use seeds that are held out, or a judgement more than there are."""
        for seed in (*range(self.seed, self.seed + self.seeds), *self.new_seeds):
            check_training_seed(seed)
        EVALUATION.at(0, self.eval_episodes), JUDGE.at(0, self.final_episodes)

    @property
    def name(self) -> str:
        """The study's name."""
        return f"{file_name(self.env)}_{self.algo}_{Path(self.space).stem}" if self.study is None else self.study

    @property
    def folder(self) -> Path:
        """Where the study's trials are."""
        return STUDIES / self.name

    @cached_property
    def common(self) -> dict:
        """What all trainings share, as --config takes it."""
        own = read_yaml(self.config) if self.config else {}
        self._refuse_keys(own)
        own = own.get("config", own)  # a run's own config.yaml has more around it
        usual = self.task.sweep_preset
        name = self.preset or own.get("preset") or ("plan" if self.space == "plan" else usual)
        start = {} if self.start_from is None else {"start_from": str(self.start_from)}
        return merged(own, {"preset": name, "env_id": self.env, "algo": self.algo} | start)

    @cached_property
    def base(self) -> TrainConfig:
        """The training that a trial changes."""
        every = max(1, self.steps // self.evaluations)
        fixed = {"total_timesteps": self.steps, "seed": self.seed, "num_threads": self.num_threads, "run_dir": None}
        fixed |= {"eval_every": every, "eval_episodes": self.eval_episodes, "checkpoint_every": every}
        common = merged(self.common, fixed | {"keep_checkpoints": 1})
        return starting_from(common["preset"], self.env, common)

    @cached_property
    def choices(self) -> Space:
        """What a trial chooses, and from what."""
        return distributions(self.entries, self.base, FIXED)

    @cached_property
    def entries(self) -> dict:
        """The space as it is written; a named one without what has no effect in the environment.

        Raises:
            ValueError: the environment cannot be made, or a space of the user's has a number without effect.
        """
        entries = read_space(self.space, self.algo, self.task)
        idle = idle_numbers(self.base)
        for name in idle.keys() & entries.keys() if self.space not in LEARNERS[self.algo].spaces else ():
            raise ValueError(f"space: {name} has no effect: {idle[name]}")
        return {name: entry for name, entry in entries.items() if name not in idle}

    def recipe(self, params: Mapping) -> dict:
        """Returns a trial's parameters with what all trainings share: a file for --config, for as long as one likes."""
        return merged(self.common, changes(params))

    def training(self, params: Mapping, seed: int) -> TrainConfig:
        """Returns the training of a trial's parameters with a seed, as short as the sweep's are."""
        return replace(updated(self.base, changes(params)), seed=seed)

    def settings(self) -> dict:
        """Returns what must be the same for two trials to be compared, as plain data."""
        base = {name: value for name, value in as_plain(self.base).items() if name != "num_threads"}
        own = {name: getattr(self, name) for name in ("seeds", "objective", "evaluations", "final_episodes")}
        return own | {"space": as_plain(self.entries), "training": base}

    def _refuse_keys(self, own):
        """Raises ValueError for a key of the --config file that the sweep sets itself; a run's config.yaml has them all."""
        described = own.get("config", own)
        for name, value in (("env_id", self.env), ("algo", self.algo)):
            if described.get(name, value) != value:
                raise ValueError(f"{self.config}: {name} is {described[name]}, but the sweep is of {value}")
        for name in sorted(own.keys() & OVERRULED) if "config" not in own else ():
            raise ValueError(f"{self.config}: {name} has no effect: the sweep sets it")
