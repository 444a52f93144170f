"""Trains a residual policy for ResidualWalk-v0 with PPO: `python train_residual_ppo.py --help` lists everything."""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import tyro

from callbacks.guard_callback import TrainingDiverged
from callbacks.interrupt_callback import TrainingInterrupted
from train import TrainConfig, create_run, prepare
from tuning.recipes import find_recipe
from utils.config import read_yaml, updated
from utils.presets import preset
from utils.provenance import versions
from utils.run_records import CONFIG, lengthen, read_record
from utils.runs import locked


def main(argv: list[str] | None = None) -> int:
    """Trains as the command line says; returns the exit code."""
    argv = sys.argv[1:] if argv is None else argv
    try:
        config = parse(argv)
        run = config.resume or create_run(config, argv)
        with locked(run):
            training = prepare(config, run, goes_on=config.resume is not None)
            if config.resume is not None:
                note_changes(config, argv)
            with training.callbacks["interrupt"]:
                print(f"Training in {run}; watch it with: tensorboard --logdir {run}", flush=True)
                training.learn(run)
    except TrainingInterrupted as stopped:
        print(f"Training {stopped}; go on with: python train_residual_ppo.py --resume {run}")
        return stopped.exit_code
    except KeyboardInterrupt:  # before there was anything to save
        return 130
    except OSError as error:  # logs on a full disk
        print(f"train_residual_ppo: {error}; go on with --resume when that is mended", file=sys.stderr)
        return 2
    except (ValueError, TrainingDiverged) as error:
        print(f"train_residual_ppo: {error}", file=sys.stderr)
        return 1 if isinstance(error, TrainingDiverged) else 2
    print(f"Done. Play it: python play_residual_policy.py --model {run} --terrain rough --level {config.level}")
    return 0


def note_changes(config: TrainConfig, argv: list[str]) -> None:
    """Says what keeps a run from going on to the bit, and keeps a new length."""
    run, record = config.resume, read_record(config.resume)
    if record.get("versions") != versions():
        print(f"{run} was made with other versions: it goes on, but not to the bit", file=sys.stderr)
    if record["config"]["total_timesteps"] != config.total_timesteps:
        lengthen(run, config.total_timesteps, argv)


def parse(argv: list[str]) -> TrainConfig:
    """Returns the config that preset, then --config's file, then the command line make; with --resume, the run's own.

    Raises:
        ValueError: a name or value is wrong; the message is one sentence.
    """
    first = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    first.add_argument("--preset")
    first.add_argument("--config", type=Path)
    first.add_argument("--from-trial")
    first.add_argument("--resume", type=Path)
    known, rest = first.parse_known_args(argv)
    if known.resume is not None and not {"-h", "--help"} & {*rest}:
        return resumed(known.resume, argv)
    if known.config and known.from_trial:
        raise ValueError("--config and --from-trial both say what to train: give one of them")
    file = find_recipe(known.from_trial) if known.from_trial else known.config
    content = read_yaml(file) if file else {}
    content = content.get("config", content)  # a run's own config.yaml has more around it
    name = known.preset or content.get("preset", "default")
    base = updated(updated(TrainConfig(), preset(name)), content | {"preset": name})
    return tyro.cli(TrainConfig, args=argv, default=base, description=__doc__)


def resumed(run: Path, argv: list[str]) -> TrainConfig:
    """Returns the config of a run to go on with, for more steps if the command line says so.

    Raises:
        ValueError: the run's config cannot be read or is wrong, or the command line wants to change something else.
    """
    content = read_record(run).get("config") if (run / CONFIG).is_file() else None
    if content is None:
        raise ValueError(f"{run} holds no config.yaml: --resume wants the folder of a run")
    if content.get("run_dir") is not None:
        raise ValueError(f"{run / CONFIG}: a run lies where it lies, its run_dir must be left out")
    own = updated(updated(TrainConfig(), content), {"resume": run})
    config = tyro.cli(TrainConfig, args=argv, default=own, description=__doc__)
    if replace(config, total_timesteps=own.total_timesteps) != own or config.total_timesteps < own.total_timesteps:
        raise ValueError("--resume takes everything from the run; only --total-timesteps may come with it, and not fewer")
    return config


if __name__ == "__main__":
    sys.exit(main())
