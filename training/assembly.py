"""What a training is made of: environment, learner, callbacks, and the run that all of it goes into."""

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
from training.checks import check
from training.config import TrainConfig
from training.goals import make_normalizer
from training.hyperparameters import hyperparameters, metrics
from training.learners import make_model
from training.warm_start import apply_start, find_start, write_start


@dataclass(frozen=True)
class Training:
    """A learner on its environment, and the callbacks by name, in the order in which they are called."""

    model: BaseAlgorithm
    callbacks: Mapping[str, BaseCallback]
    total_timesteps: int

    def learn(self, run: Path) -> None:
        """Trains to the end; the run's own policy and card are then those of this moment.

        Raises:
            TrainingInterrupted: a signal came in a `with` of the callback "interrupt"; a checkpoint is saved.
            TrainingDiverged: a loss or weight is no longer finite.
        """
        callbacks, left = CallbackList([*self.callbacks.values()]), self.total_timesteps - self.model.num_timesteps
        every = learner_of(self.model).log_interval
        try:
            if left > 0:  # else it was killed after its last checkpoint
                self.model.learn(left, callbacks, log_interval=every, reset_num_timesteps=False)
            self.model.logger.dump(self.model.num_timesteps)  # SB3 leaves what came after its last line
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
    """Creates the folder of a new run; returns it. The folder's name is no part of its config: folders move.

    Raises:
        ValueError: the environment refuses its arguments, the seed is held out for evaluations, the policy to start from
            does not fit, the folder already contains a run, or cannot be made.
    """
    return _write_run(config, _checked(config, argv), argv)


@contextmanager
def locked_run(config: TrainConfig, argv: list[str]) -> Iterator[Path]:
    """Gives the folder of the run to train, a new one or the one to resume, while no other training can use it.

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
    config: TrainConfig, run: Path, goes_on: bool = False, on_evaluation: Callable[[int, dict], None] | None = None
) -> Training:
    """Returns the training that `config` describes, in the folder `run`; where that stands if it `goes_on`.

    `on_evaluation` is called with the steps and the summary of every evaluation, and may end the training by raising.

    Raises:
        ValueError: the run's checkpoints cannot be read, or there is nothing left to train.
    """
    if goes_on and ended(run, config.total_timesteps):
        raise ValueError(f"{run} has all of its {config.total_timesteps:,} steps; --total-timesteps can ask for more")
    try:
        env = make_normalizer(config, config.make_env())
        model = make_model(config, env)
        env.seed(first_simulation_seed(config.seed))  # SB3 has given it those from config.seed on
    except BaseException:
        if not goes_on:
            forget_record(run)  # so that a corrected command can have the folder
        raise
    training = Training(model, make_callbacks(config, run, on_evaluation), config.total_timesteps)
    checkpoint = None
    if goes_on:
        checkpoint = resume(run, model, training.callbacks["checkpoint"].callbacks)
    else:
        model.set_logger(make_logger(run))
    if checkpoint is None:  # else logs and weights are those of the checkpoint
        write_hparams(model.logger, hyperparameters(config), metrics(config))
        if config.start_from is not None:
            apply_start(run, model)
    return training


def make_callbacks(config: TrainConfig, run: Path, on_evaluation=None) -> dict[str, BaseCallback]:
    """Returns all callbacks: those that look and save before those that change what the next rollout is like."""
    progress, episodes = ProgressCallback(config.total_timesteps), EpisodeCallback(config.task.judge.finals)
    watched = config.own_callbacks() | {"progress": progress, "episodes": episodes}
    if config.eval_every:
        watched |= evaluations(config, run, on_evaluation)
    checkpoint = CheckpointCallback(run, config.checkpoint_every, watched, config.keep_checkpoints)
    first = {"threads": ThreadsCallback(config.num_threads), "guard": GuardCallback(run), "checkpoint": checkpoint}
    return first | {"interrupt": InterruptCallback(checkpoint.save)} | watched


def evaluations(config: TrainConfig, run: Path, on_evaluation=None) -> dict[str, EvaluationCallback]:
    """Returns the evaluations on seeds that training does not use: nominal, and with the training's perturbations if any.

    The first one chooses the best policy.
    """
    seed, judge = EVALUATION.at(0, config.eval_episodes), config.task.judge
    make_env = partial(config.make_evaluation_env, config.eval_episodes, seed)
    summary = partial(judge.summary, episodes=config.eval_episodes, seed=seed)
    # Some learners log only after several episodes, and several evaluations may come before that.
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
    """Returns the policy to start from, if any, of a config that a training can follow."""
    check(config, argv)
    return find_start(config)


def _write_run(config, start, argv):
    run = make_run(config.run_dir, replace(config, run_dir=None), argv, config.env_id, config.env_arguments)
    if start is not None:
        write_start(run, start)
    return run
