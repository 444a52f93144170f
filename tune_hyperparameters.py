"""Tunes hyperparameters with Optuna: `python tune_hyperparameters.py --help` lists all options.

The same command in another terminal starts a second worker. After Ctrl-C, a kill or a crash it resumes the sweep.
"""

import sys

import optuna

from callbacks.interrupt_callback import TrainingInterrupted
from training.checks import check_environment
from tuning.report import refused, write_report
from tuning.reseed import reseed
from tuning.storages import of_storage, reason, serve
from tuning.studies import JOURNAL, open_study
from tuning.sweep import SweepConfig
from tuning.worker import work
from utils.console.arguments import parse_arguments
from utils.console.interrupts import ends_in_order
from utils.console.options import refuse_idle
from utils.console.terminal import tolerant_output
from utils.paths import with_home


@tolerant_output()
@ends_in_order()
def main(argv: list[str] | None = None) -> int:
    """Runs a sweep or serves a storage, as the command line says; returns the exit code."""
    argv = sys.argv[1:] if argv is None else argv
    optuna.logging.set_verbosity(optuna.logging.ERROR)  # this program prints the important messages
    try:
        sweep = parse_arguments(SweepConfig, with_home(argv), about=__doc__)
        refuse_idle(argv, sweep.idle(argv))
        if sweep.serve is not None:
            serve(sweep.storage or JOURNAL, sweep.serve)
            return 0
        run(sweep, argv)
    except (TrainingInterrupted, KeyboardInterrupt) as stopped:
        print("Stopped; the same command resumes the sweep.")
        return getattr(stopped, "exit_code", 130)
    except (ValueError, OSError) as error:
        print(f"tune_hyperparameters: {error}", file=sys.stderr)
        return 2
    except Exception as error:  # a storage that fails during the sweep raises errors of its driver
        if not of_storage(error):
            raise
        print(
            f"tune_hyperparameters: the storage failed: {reason(error)}; the same command resumes the sweep", file=sys.stderr
        )
        return 2
    return 0


def run(sweep: SweepConfig, argv: list[str]) -> None:
    """Runs trials and writes the report; with --reseed, trains the best trials again."""
    _ = sweep.choices  # raises before any file is written
    sweep.check_file()
    sweep.check_seeds()
    check_environment(sweep.base)
    study = open_study(sweep)
    if sweep.reseed:
        print(reseed(study, sweep, argv))
        return
    print(f"Sweeping in {sweep.folder}; the same command in another terminal starts a second worker", flush=True)
    work(study, sweep, argv)
    print(write_report(study, sweep))
    if everything := refused(study):
        raise ValueError(everything)
    print(f"Train the best trial in full: python train_residual_ppo.py --config {sweep.folder / 'best.yaml'}")


if __name__ == "__main__":
    sys.exit(main())
