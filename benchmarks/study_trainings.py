"""Trainings of a study: each is a run folder that train.py makes in its own process, or resumes."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from filelock import FileLock, Timeout

from run_folder.records import read_record, read_run_config
from run_folder.runs import ended
from utils.files import read_json
from utils.run_file_names import CARD, CHECKPOINTS, CONFIG, POLICY_FILES

TRAIN = Path(__file__).parents[1] / "train.py"
CHECKPOINTS_PER_TRAINING = 20  # the policy after equal time is one of them
STOPPED = (129, 130, 143)  # exit codes of a training that a signal has stopped


@dataclass(frozen=True)
class Share:
    """An option's value that is a share of the length of the training, control steps."""

    share: float


@dataclass(frozen=True)
class RunOf:
    """An option's value that is the run folder of another method with the same seed. That training must have ended."""

    method: str


@dataclass(frozen=True)
class Method:
    """A row of a study: a name, its words in tables, the options of train.py, and its length, 1 for that of the study.

    A method that others start from has the length of the study.
    """

    name: str
    title: str
    options: tuple[str | Share | RunOf, ...]
    length: float = 1.0


class Training(NamedTuple):
    """A training of a study."""

    method: Method
    seed: int

    @property
    def name(self) -> str:
        """The name of the run folder."""
        return run_name(self.method.name, self.seed)

    def steps(self, steps: int) -> int:
        """Returns its control steps in a study of `steps`."""
        return round(self.method.length * steps)

    @property
    def sources(self) -> list[str]:
        """The names of the run folders of other trainings that this one starts from."""
        return [run_name(value.method, self.seed) for value in self.method.options if isinstance(value, RunOf)]


def run_name(method: str, seed: int) -> str:
    """Returns the name of the run folder of a training."""
    return f"{method}_seed_{seed}"


class Busy(Exception):
    """Another process works on a training."""


class Failed(Exception):
    """A training has failed; the message names its log."""


class Saved(NamedTuple):
    """A policy that a training has saved: its training steps, the CPU time since the start, min, and its folder."""

    steps: int
    cpu_minutes: float
    folder: Path


def options(training: Training, env_id: str, steps: int, out: Path) -> list[str]:
    """Returns the options of train.py that decide a training of a study in the folder `out`."""
    steps = training.steps(steps)
    words = [_word(value, training.seed, steps, out) for value in training.method.options]
    every = max(1, steps // CHECKPOINTS_PER_TRAINING)
    fixed = ("--env", env_id, "--seed", training.seed, "--total-timesteps", steps)
    return [*map(str, (*fixed, "--eval-every", 0, "--checkpoint-every", every, *words))]


def _word(value, seed, steps, out):
    match value:
        case Share(share):
            return round(share * steps)
        case RunOf(method):
            return out / run_name(method, seed)
    return value


@contextmanager
def reserved(out: Path, training: Training) -> Iterator[None]:
    """Reserves a training for this process, so that several processes can share a study.

    Raises:
        Busy: another process has reserved it.
    """
    lock = FileLock(out / f".{training.name}.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise Busy(training.name) from error
    try:
        yield
    finally:
        lock.release()


def train(training: Training, env_id: str, steps: int, out: Path, num_threads: int = 1) -> None:
    """Trains to the end in the folder `out`/NAME, or resumes; does nothing if the training has ended.

    The output of the program is appended to `out`/NAME.log.

    Raises:
        Failed: the program has failed, or the training starts from another one that has not ended.
        KeyboardInterrupt: a signal has stopped the program, which has saved its state.
        ValueError: the folder contains a training with other options.
    """
    run, wanted = out / training.name, options(training, env_id, steps, out)
    started = (run / CONFIG).is_file()
    if started:
        check_same(run, wanted)
    if ended(run, training.steps(steps)):
        return
    if missing := [name for name in training.sources if not ended_at(out / name, steps)]:
        raise Failed(f"the training {training.name} starts from {missing[0]}, which has not ended: train that first")
    arguments = ["--resume", run] if started else [*wanted, "--num-threads", num_threads, "--run-dir", run]  # see check_same
    log = out / f"{training.name}.log"
    code = run_program([*map(str, arguments)], log)
    if code in STOPPED:
        raise KeyboardInterrupt
    if code:
        raise Failed(f"the training {training.name} has failed with exit code {code}: see {log}")


def ended_at(run: Path, steps: int) -> bool:
    """Returns whether a run has ended, and its training had exactly this length."""
    return ended(run, steps) and read_run_config(run).get("total_timesteps") == steps


def check_same(run: Path, wanted: Sequence[str]) -> None:
    """Raises ValueError if the training in the folder `run` was started with other options than `wanted`."""
    given = read_record(run).get("argv", [])[:-4]  # without the number of threads and the folder
    if _portable([*map(str, given)]) != _portable([*wanted]):
        raise ValueError(f"{run} was started with other options or another length: give another --out, or remove it")


def _portable(words):
    """Returns the words of a command line with the name of the folder to start from instead of its path."""
    return [Path(word).name if option == "--start-from" else word for option, word in zip(["", *words], words)]


def run_program(arguments: Sequence[str], log: Path) -> int:
    """Runs train.py with `arguments`, and appends its output to `log`; returns its exit code.

    If a signal stops this process, the program is told to save and to end. It gets no Ctrl-C itself: a second signal would
    end it before it has saved.
    """
    with log.open("a") as file:
        command = [sys.executable, str(TRAIN), *arguments]
        program = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            return program.wait()
        except BaseException:
            program.terminate()
            program.wait()
            raise


def saved(run: Path) -> list[Saved]:
    """Returns the policies that a training has saved, with the final one last.

    Raises:
        ValueError: a policy has no CPU time, because an earlier version of the program has trained it.
    """
    cards = [*sorted((run / CHECKPOINTS).glob(f"*/{CARD}")), run / CARD]
    return [_saved(card) for card in cards if all((card.parent / name).is_file() for name in POLICY_FILES)]


def within_time(policies: Sequence[Saved], minutes: float) -> Saved | None:
    """Returns the last policy that was saved within this CPU time, min; None if there is none."""
    in_time = [policy for policy in policies if policy.cpu_minutes <= minutes]
    return in_time[-1] if in_time else None


def _saved(card):
    progress = read_json(card)
    if "cpu_time_s" not in progress:
        raise ValueError(f"{card} has no cpu_time_s: train again in another --out")
    return Saved(progress["steps"], progress["cpu_time_s"] / 60, card.parent)
