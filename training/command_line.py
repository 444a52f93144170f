"""The command line of a training: parses it, runs the training, and reports every error in one sentence."""

import argparse
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from algorithms.learners import LEARNERS, with_variants
from callbacks.guard_callback import TrainingDiverged
from callbacks.interrupt_callback import TrainingInterrupted
from run_folder.records import CONFIG, change_length, read_record, read_run_config, recorded_config
from run_folder.runs import ended
from run_folder.training_state import keeps_simulations
from training.assembly import Training, locked_run, prepare
from training.config import TrainConfig
from training.recipes import find_recipe
from training.step_notes import step_notes
from training.tasks import find_task
from training.warm_start import describe_start
from utils.config import as_plain, read_yaml, updated
from utils.console.arguments import parse_arguments
from utils.console.options import overruled, reason_of
from utils.console.terminal import tolerant_output
from utils.env_ids import DEFAULT_ID
from utils.fields import fitting
from utils.paths import with_home
from utils.plain_yaml import dump_yaml
from utils.provenance import versions


@tolerant_output()
def train(argv: list[str] | None, parse: Callable[[list[str]], TrainConfig], script: str) -> int:
    """Trains as the command line says; returns the exit code. `script` is the program's name for messages."""
    argv = with_home(argv)
    try:
        config = parse(argv)
        with locked_run(config, argv) as run:
            training = prepare(config, run, resume_run=config.resume is not None)
            if config.resume is not None:
                note_changes(config, argv, training)
            elif config.start_from is not None:
                print(describe_start(run))
            for note in step_notes(config) if training.model.num_timesteps < config.total_timesteps else ():
                print(note)
            with training.callbacks["interrupt"]:
                print(f"Training in {run}; watch it with: tensorboard --logdir {run}", flush=True)
                training.learn(run)
    except TrainingInterrupted as stopped:
        print(f"Training {stopped}; resume with: python {script}.py --resume {shlex.quote(str(run))}")
        return stopped.exit_code
    except KeyboardInterrupt:  # before the training could save anything
        return 130
    except OSError as error:  # logs on a full disk
        print(f"{script}: {error}; resume with --resume when that is fixed", file=sys.stderr)
        return 2
    except MemoryError as error:
        print(f"{script}: not enough memory: {error or 'fewer num_envs need less'}", file=sys.stderr)
        return 2
    except (ValueError, TrainingDiverged) as error:
        print(f"{script}: {error}", file=sys.stderr)
        return 1 if isinstance(error, TrainingDiverged) else 2
    print(f"Done. Play it: python play_residual_policy.py --model {shlex.quote(str(run))}")
    return 0


def note_changes(config: TrainConfig, argv: list[str], training: Training) -> None:
    """Warns if a resumed run will differ from an uninterrupted run, and records a new length."""
    run, record = config.resume, read_record(config.resume)
    if record.get("versions") != versions():
        print(f"{run} was made with other versions: it resumes, but results are not bit for bit the same", file=sys.stderr)
    if not keeps_simulations(training.model):
        notice = f"{config.env_id} cannot be saved in the middle of an episode: {run} resumes with new episodes"
        print(notice, file=sys.stderr)
    if (before := record["config"]["total_timesteps"]) != config.total_timesteps:
        print(new_length(config, before, training.model.num_timesteps), file=sys.stderr)
        change_length(run, config.total_timesteps, argv)


def new_length(config: TrainConfig, planned: int, steps: int) -> str:
    """Returns a sentence about a run with `steps` steps that does not end at `planned` steps, and what that changes."""
    run, total = config.resume, config.total_timesteps
    if steps >= total:
        return f"{run} has {steps:,} steps already: it ends at its newest checkpoint"
    changed = followers(config, replace(config, total_timesteps=planned))
    effect = f", which changes {' and '.join(changed)}" if changed else ""
    return f"{run} ends at {total:,} steps instead of {planned:,}{effect}"


def followers(config: TrainConfig, other: TrainConfig) -> list[str]:
    """Returns the names of the schedules that differ between two trainings because their lengths differ."""
    last, first = getattr(config.learner, "final_learning_rate", None), config.learner.learning_rate
    fixed = last in (None, first) or "final_learning_rate" in config.learner.idle
    rate = [] if fixed else ["the learning rate's schedule"]
    ends = getattr(config.learner, "std_schedule", None) or (0.0,)
    rate += [] if ends[0] == ends[-1] else ["the schedule of the standard deviation"]
    callbacks, others = (each.task_callbacks() for each in (config, other))
    return rate + [f"the {name}" for name in callbacks if _plain(callbacks[name]) != _plain(others[name])]


def parse(argv: list[str], about: str, default_id: str = DEFAULT_ID) -> TrainConfig:
    """Returns the config: the preset, changed by the file of --config, changed by the command line; or that of --resume.

    The id of the environment decides which options and presets there are. `about` is the first line of --help.

    Raises:
        ValueError: a name or value is wrong; the message is one sentence.
    """
    first = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    first.add_argument("--preset")
    first.add_argument("--env-id", "--env_id", "--env")
    first.add_argument("--config", type=Path)
    first.add_argument("--from-trial", "--from_trial")
    first.add_argument("--resume", type=Path)
    known, rest = first.parse_known_args(argv)
    if known.resume is not None and not {"-h", "--help"} & {*rest}:
        return resumed(known.resume, argv, about)
    if known.config and known.from_trial:
        raise ValueError("--config and --from-trial both give a config: give one of them")
    file = find_recipe(known.from_trial) if known.from_trial else known.config
    content = read_yaml(file) if file else {}
    recorded = recorded_config(content)
    written = recorded is None  # by a user; the config that a run records is complete, also with values without effect
    content = content if written else recorded
    env_id = known.env_id or fitting(content.get("env_id", default_id), str, "env_id")
    name = known.preset or fitting(content.get("preset", "default"), str, "preset")
    if written and isinstance(content.get("env_kwargs"), dict):
        content = content | {"env_kwargs": starting_from(name, env_id, {}).env_kwargs | content["env_kwargs"]}
    start = starting_from(name, env_id, content)
    if known.config:
        refuse_keys(known.config, content, start) if written else refuse_beside_config(known.config, read_yaml(file), start)
    config = parse_over(start, argv, about)
    config.refuse_ignored(argv)
    if known.config and written:
        refuse_idle_keys(known.config, content, starting_from(name, env_id, {}), [start, config])
    return config


def parse_over(start: TrainConfig, argv: list[str], about: str) -> TrainConfig:
    """Returns the config of a command line over `start`; arguments of the environment that it leaves out stay the same."""
    config = parse_arguments(type(start), argv, start, about)
    whole = start.env_kwargs | config.env_kwargs
    if whole == config.env_kwargs:
        return config
    return parse_arguments(type(start), [*argv, "--env-kwargs", dump_yaml(whole, flow=True).strip()], start, about)


def refuse_keys(file: Path, content: dict, config: TrainConfig) -> None:
    """Raises ValueError if the training overrules a value of a YAML file, or a value is an option of the command line."""
    nested = {name: value for name, value in content.items() if name in ("env", *LEARNERS)}
    for name, value in overruled(as_plain(nested), as_plain(config)):
        raise ValueError(f"{file}: {name} has no effect: the training sets it to {value!r}")
    for name in ("config", "from_trial", "resume"):
        if content.get(name) is not None:
            raise ValueError(f"{file}: {name} belongs on the command line")


def refuse_beside_config(file: Path, content: dict, config: TrainConfig) -> None:
    """Raises ValueError if a file in the form of a run's config.yaml has an option of the training outside of `config`."""
    for name in content.keys() & vars(config).keys() - {"config"}:
        raise ValueError(f"{file}: {name} has no effect: it belongs below config")


def refuse_idle_keys(file: Path, content: dict, before: TrainConfig, configs: Sequence[TrainConfig]) -> None:
    """Raises ValueError if a value in a YAML file has no effect in any of the configs.

    A file may have numbers of several algorithms, and values that the config has without the file.

    Args:
        file: the YAML file.
        content: its values.
        before: the config without the file.
        configs: configs with the values of the file; other values may differ.
    """
    own = {name: value for name, value in content.items() if name not in LEARNERS.keys() - {configs[-1].algo}}
    for name, _ in overruled(as_plain(own), as_plain(before)):
        reasons = [reason_of(name, config.idle) for config in configs]
        if all(reasons):
            raise ValueError(f"{file}: {name} has no effect: {reasons[-1]}")


def starting_from(name: str, env_id: str, changes: dict) -> TrainConfig:
    """Returns the config of an id with the changes of a preset, then with `changes`.

    Raises:
        ValueError: there is no such preset or id, or a change does not fit.
    """
    start = updated(_blank(env_id), with_variants(find_task(env_id).preset(name, env_id)))
    return updated(start, changes | {"preset": name, "env_id": env_id})


def config_of_run(run: Path, num_threads: int) -> TrainConfig:
    """Returns the config that a run, checkpoint or shipped policy was trained with, with another number of threads.

    Raises:
        ValueError: there is no config, or it is wrong.
    """
    content = read_run_config(run)
    if not content:
        raise ValueError(f"{run} is not in a run folder with a config.yaml")
    return _recorded(content, {"num_threads": num_threads})


def resumed(run: Path, argv: list[str], about: str) -> TrainConfig:
    """Returns the config of a run to resume, with more or fewer steps if the command line says so.

    Raises:
        ValueError: the run's config cannot be read or is wrong, or the command line changes another option.
    """
    content = read_record(run).get("config") if (run / CONFIG).is_file() else None
    if content is None:
        raise ValueError(f"{run} contains no config.yaml: --resume needs the folder of a run")
    if content.get("run_dir") is not None:
        raise ValueError(f"{run / CONFIG}: the config of a run must not contain run_dir")
    recorded = _recorded(content, {"resume": run})
    config = parse_arguments(type(recorded), argv, recorded, about)
    planned = recorded.total_timesteps
    if replace(config, total_timesteps=planned) != recorded:
        raise ValueError("--resume takes everything from the run; only --total-timesteps may come with it")
    if config.total_timesteps < planned and ended(run, planned):
        has_ended = f"{run} has ended with its {planned:,} steps, and cannot have fewer"
        raise ValueError(f"--resume takes everything from the run; only --total-timesteps may come with it: {has_ended}")
    return config


def _plain(callback):
    """Returns the settings of a callback that are plain values."""
    return {name: value for name, value in vars(callback).items() if isinstance(value, (int, float, str, tuple))}


def _recorded(content, changes):
    """Returns the recorded config of a run, with changes."""
    env_id = fitting(content.get("env_id", DEFAULT_ID), str, "env_id")
    config = updated(_blank(env_id), content | changes)
    config.check()
    return config


def _blank(env_id):
    return find_task(env_id).config(env_id=env_id)
