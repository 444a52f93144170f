"""Builds a training from its config: environment, learner, callbacks and run folder."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback, CallbackList

from algorithms.learners import LEARNERS, learner_of
from callbacks.episode_callback import EpisodeCallback
from callbacks.guard_callback import GuardCallback
from callbacks.interrupt_callback import InterruptCallback
from callbacks.progress_callback import ProgressCallback
from callbacks.saving_callbacks import CheckpointCallback, EvaluationCallback
from callbacks.threads_callback import ThreadsCallback
from evaluation.held_out_seeds import EVALUATION, first_simulation_seed
from run_folder.logs import make_logger, write_hparams
from run_folder.records import forget_record, make_folder, make_run
from run_folder.runs import ended, locked, resume, save_last
from run_folder.snapshot import capture
from training.checks import check
from training.config import TrainConfig
from training.goals import make_normalizer
from training.hyperparameters import hyperparameters, metrics
from training.learners import make_model
from training.step_notes import steps_taken
from training.warm_start import apply_start, find_start, write_start


@dataclass(frozen=True)
class Training:
    """A learner with its environment, and its callbacks by name in the order of their calls."""

    model: BaseAlgorithm
    callbacks: Mapping[str, BaseCallback]
    total_timesteps: int

    def learn(self, run: Path) -> None:
        """Trains to the end, then saves the final policy and card in the run folder.

        Raises:
            TrainingInterrupted: a signal came inside `with callbacks["interrupt"]`; a checkpoint is saved.
            TrainingDiverged: a loss or a weight is not finite.
        """
        callbacks, left = CallbackList([*self.callbacks.values()]), self.total_timesteps - self.model.num_timesteps
        every = learner_of(self.model).log_interval
        try:
            if left > 0:  # else the process was killed after its last checkpoint
                self.model.learn(left, callbacks, log_interval=every, reset_num_timesteps=False)
            self.model.logger.dump(self.model.num_timesteps)  # SB3 does not write values recorded after its last dump
            save_last(run, self.model, self.callbacks["progress"].state)
        except ValueError as error:
            self.callbacks["guard"].check(error)
            raise
        finally:
            self.model.logger.close()
            self.model.get_env().close()
            for callback in self.callbacks.values():
                getattr(callback, "close", lambda: None)()


def create_run(config: TrainConfig, argv: list[str]) -> Path:
    """Creates the folder of a new run; returns it. The config does not contain the folder's name, so that folders can move.

    Raises:
        ValueError: the environment refuses its arguments, the seed is held out for evaluations, the policy to start from
            does not fit, or the folder already contains a run or cannot be created.
    """
    return _write_run(config, _checked(config, argv), argv)


@contextmanager
def locked_run(config: TrainConfig, argv: list[str]) -> Iterator[Path]:
    """Yields the folder of the run to train, new or resumed, and locks it against other trainings until the `with` ends.

    Raises:
        ValueError: as `create_run` does, or another training uses the folder.
    """
    start = None
    if config.resume is None:
        start = _checked(config, argv)
        config = replace(config, run_dir=make_folder(config.run_dir))
    with locked(config.resume or config.run_dir):
        yield config.resume or _write_run(config, start, argv)


def prepare(
    config: TrainConfig, run: Path, resume_run: bool = False, on_evaluation: Callable[[int, dict], None] | None = None
) -> Training:
    """Builds the training in the folder `run`; resumes from its newest checkpoint if `resume_run`.

    `on_evaluation` is called with the steps and the summary of every evaluation, and may end the training by raising.

    Raises:
        ValueError: the run's checkpoints cannot be read, or there is nothing left to train.
    """
    if resume_run and ended(run, config.total_timesteps):
        raise ValueError(f"{run} has all of its {config.total_timesteps:,} steps; --total-timesteps can ask for more")
    try:
        env = make_normalizer(config, config.make_env())
        model = make_model(config, env)
        env.seed(first_simulation_seed(config.seed))  # replaces the seeds that SB3 set, which start at config.seed
        capture(env.venv)  # a checkpoint is refused if a constant that it does not keep differs from now
        if config.start_from is not None and not resume_run:
            apply_start(run, model, config)
        training = Training(model, make_callbacks(config, run, on_evaluation), config.total_timesteps)
    except BaseException:
        if not resume_run:
            forget_record(run)  # so that a corrected command can use the folder
        raise
    checkpoint = None
    if resume_run:
        checkpoint = resume(run, model, training.callbacks["checkpoint"].callbacks)
    else:
        model.set_logger(make_logger(run))
    if checkpoint is None:  # else the checkpoint has set logs and weights
        write_hparams(model.logger, hyperparameters(config), metrics(config))
        if config.start_from is not None and resume_run:
            apply_start(run, model, config)
    return training


def make_callbacks(config: TrainConfig, run: Path, on_evaluation=None) -> dict[str, BaseCallback]:
    """Returns all callbacks by name: callbacks that check and save come before callbacks that change the next rollout."""
    progress, episodes = ProgressCallback(steps_taken(config)), EpisodeCallback(config.task.judge.finals)
    watched = config.task_callbacks() | config.learner_callbacks() | {"progress": progress, "episodes": episodes}
    if config.eval_every:
        watched |= evaluations(config, run, on_evaluation)
    checkpoint = CheckpointCallback(run, config.checkpoint_every, watched, config.keep_checkpoints)
    first = {"threads": ThreadsCallback(config.num_threads), "guard": GuardCallback(run), "checkpoint": checkpoint}
    return first | {"interrupt": InterruptCallback(checkpoint.save)} | watched


def evaluations(config: TrainConfig, run: Path, on_evaluation=None) -> dict[str, EvaluationCallback]:
    """Returns the evaluations on seeds that training does not use: nominal, and perturbed if the training is perturbed.

    The nominal evaluation chooses the best policy.
    """
    seed, judge = EVALUATION.at(0, config.eval_episodes), config.task.judge
    make_env = partial(config.make_evaluation_env, config.eval_episodes, seed)
    summary = partial(judge.summary, episodes=config.eval_episodes, seed=seed)
    # Some learners log only after several episodes; several evaluations may come before.
    writes = LEARNERS[config.algo].log_episodes is not None
    shared = {"judge": summary, "logged": judge.logged, "writes": writes}
    nominal = EvaluationCallback(
        run, config.eval_every, make_env, score=judge.score, watch=on_evaluation or (lambda *_: None), **shared
    )
    if config.perturb is None:
        return {"evaluation": nominal}
    perturbed = EvaluationCallback(
        run, config.eval_every, lambda: config.perturbed(make_env()), score=(), prefix="eval_perturbed", **shared
    )
    return {"evaluation": nominal, "evaluation_perturbed": perturbed}


def _checked(config, argv):
    """Checks the config of a new training; returns the policy to start from, or None."""
    check(config, argv)
    return find_start(config)


def _write_run(config, start, argv):
    run = make_run(config.run_dir, replace(config, run_dir=None), argv, config.env_id, config.env_arguments)
    if start is not None:
        write_start(run, start)
    return run
