"""Config of a training: run folder, length, seed, simulations, learner, evaluations."""

from contextlib import closing
from dataclasses import dataclass, field, fields, make_dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import tyro
from gymnasium.vector import VectorEnv
from stable_baselines3.common.callbacks import BaseCallback

from algorithms.configs import LearnerConfig
from algorithms.learners import LEARNERS, names_with, with_variants
from algorithms.vec_env import BatchVecEnv, make_vector
from callbacks.sr2l_callback import SR2LCallback
from envs.wrappers import Perturbation
from envs.wrappers.perturbed import made_perturbable
from evaluation.held_out_seeds import EVALUATION, check_training_seed
from evaluation.judges import Setting
from utils.config import as_plain
from utils.console.arguments import YAML_MAPPING
from utils.console.options import refuse_idle, refuse_overruled
from utils.env_ids import DEFAULT_ID, qualified, registered
from utils.fields import Checked, FieldError, shown, within
from utils.perturbation import spec_of_params
from utils.plain_yaml import parse_mapping

HER_HELP = (
    f"Use hindsight experience replay (--algo {' or '.join(names_with('hindsight'))} and goal environments only): in four "
    "of five replayed steps, a goal that the episode reached later replaces the desired one, and the reward is recomputed."
)

# One field for the config of each learner, so that the options --<name>.* exist for every row of the table.
Learners = make_dataclass(
    "Learners",
    [
        (name, Annotated[row.config, tyro.conf.arg(help=f"Config of {row.title}.")], field(default_factory=row.config))
        for name, row in LEARNERS.items()
    ],
    bases=(Checked,),
    frozen=True,
    kw_only=True,
)


@dataclass(frozen=True)
class TrainConfig(Learners):
    """Fields of every training. Subclasses in `training.tasks` add the fields of a task."""

    run_dir: Path | None = None
    """Folder of the run. Default: runs/<date>_<time>."""
    resume: Path | None = None
    """Run folder to resume from its newest checkpoint. The config of the run is used. The only other option allowed is
    --total-timesteps, which lengthens or shortens the training; the schedules of learning rate, standard deviation and
    curriculum then follow the new length. A run that already has that many steps ends at its newest checkpoint."""
    start_from: Path | None = None
    """Warm start: run folder, checkpoint or shipped policy that gives a new run its weights and normaliser. Task, terrain
    and perturbations may differ. The kind of policy (PPO and its variants have one, SAC and its variants another), the
    network and the sizes of observation and action must be the same."""
    total_timesteps: int = within(4_000_000, 1)
    """Length of the training, control steps of all simulations together."""
    num_envs: int | None = within(None, 1)
    """Number of parallel simulations. Default: the number of the preset."""
    num_threads: int = within(2, 1)
    """Number of threads for physics, and for torch."""
    seed: int = within(42, 0, 2**32 - 1)
    """Seed of initial states, network and exploration, and of the terrain of ResidualWalk-v0 and AdaptiveWalk-v0. Seeds held
    out for evaluations are refused."""
    preset: str = "default"
    """Named set of values that replaces defaults."""
    config: Path | None = None
    """YAML file with values for any of these options. The command line overrides it."""
    from_trial: str | None = None
    """Trial of a sweep to train in full, STUDY:NUMBER. Its config takes the place of --config."""
    env_id: Annotated[str, tyro.conf.arg(aliases=["--env"])] = DEFAULT_ID
    """Id of the environment to train."""
    episode_steps: int | None = within(None, 1)
    """Length of a training episode, control steps. Default: the limit of the environment."""
    eval_every: int = within(1_000_000, 0)
    """Steps between evaluations on seeds that training does not use; 0 turns evaluations off."""
    eval_episodes: int = within(32, 1)
    """Number of episodes of an evaluation."""
    checkpoint_every: int = within(500_000, 1)
    """Steps between checkpoints."""
    keep_checkpoints: int = within(2, 1)
    """Number of the newest checkpoints that --resume can use. Older checkpoints keep only their policy."""
    perturb: str | None = None
    """Perturb the physics: each episode draws new values. `default` perturbs every parameter over its default range; YAML
    such as '{object_mass: [0.7, 1.3]}', or any perturb_spec, chooses parameters. Evaluations then play the nominal physics
    and, separately, the perturbed physics."""
    env_kwargs: Annotated[dict, YAML_MAPPING] = field(default_factory=dict)
    """Arguments of the environment: '{combined_challenge: easy}', or '{perturb_spec: {params: {mass: [0.8, 1.2]}}}'. Those
    of the preset that are left out keep their values."""
    algo: Literal[*LEARNERS] = "ppo"
    """Learning algorithm of the training."""
    her: Annotated[bool, tyro.conf.arg(help=HER_HELP)] = False

    def __post_init__(self):
        super().__post_init__()
        registered(self.env_id)
        # The values before other fields overrule them; `refuse_ignored` compares them with the final values.
        object.__setattr__(self, "asked", {entry.name: getattr(self, entry.name) for entry in fields(self)})
        if self.num_envs is not None:
            for name in LEARNERS:
                object.__setattr__(self, name, replace(getattr(self, name), num_envs=self.num_envs))

    @property
    def learner(self) -> LearnerConfig:
        """The config of the chosen algorithm."""
        return getattr(self, self.algo)

    @property
    def idle_from_scratch(self) -> dict[str, str]:
        """Fields of the learner that have no effect without a policy to start from -> the reason; empty with one."""
        names = self.learner.after_start if self.start_from is None else ()
        return {f"{self.algo}.{name}": "there is no --start-from" for name in names}

    @property
    def numbers(self) -> LearnerConfig:
        """The config of the chosen algorithm, with what it needs after a warm start or without one."""
        return self.learner.from_scratch if self.start_from is None else self.learner.started(self.total_timesteps)

    @property
    def task(self):
        """The environment's row in the table of tasks."""
        from training.tasks import find_task  # imported here because its rows contain subclasses of this class

        return find_task(self.env_id)

    @property
    def env_arguments(self) -> dict:
        """Arguments of the training environment, as the run records them."""
        length = {} if self.episode_steps is None else {"max_episode_steps": self.episode_steps}
        return self.task_arguments | length

    @property
    def task_arguments(self) -> dict:
        """Arguments of the environment without the length of training episodes."""
        return dict(self.env_kwargs)

    @property
    def idle(self) -> dict[str, str]:
        """Fields, or prefixes of dotted fields, that have no effect in this config -> the reason."""
        given = self.task.preset(self.preset, self.env_id)
        idle = {name: f"the training has --algo {self.algo}" for name in LEARNERS if name != self.algo}
        idle |= {f"{self.algo}.{name}": reason for name, reason in self.learner.idle.items()}
        if given and given.keys() <= LEARNERS.keys() and self.algo not in with_variants(given):
            names = " and ".join(given)
            idle["preset"] = f"{self.preset} of {self.env_id} sets only {names}, and the training has --algo {self.algo}"
        if self.start_from is not None and (std := LEARNERS[self.algo].std_field):
            idle[f"{self.algo}.{std}"] = "--start-from sets the standard deviation of actions, like all weights"
        idle |= self.idle_from_scratch
        return idle | ({} if self.eval_every else {"eval_episodes": "--eval-every 0 turns evaluations off"})

    def check_learner(self) -> None:
        """Raises FieldError, with names as on the command line, if hyperparameters contradict each other."""
        try:
            self.numbers.check()
            self.numbers.check_length(self.total_timesteps)
        except FieldError as error:
            raise error.inside(self.algo) from None

    def refuse_ignored(self, argv: list[str]) -> None:
        """Raises ValueError if an option in `argv`, the command line of this config, has no effect."""
        refuse_idle(argv, self.idle)
        refuse_overruled(argv, as_plain(self.asked), as_plain(self))

    def check(self) -> None:
        """Raises ValueError if the environment refuses its arguments or perturbations; makes one to find out."""
        try:
            with closing(self.perturbed(self.make_evaluation_env(1, 0))) as env:
                env.reset(seed=0)
        except ValueError:
            raise
        except Exception as error:  # a third-party environment may raise anything for arguments that it does not expect
            reason = (str(error) or type(error).__name__).splitlines()[0]
            raise ValueError(f"{self.env_id} refuses {shown(self.env_arguments)}: {reason}") from error

    def check_new(self) -> None:
        """Raises ValueError as `check` does, or if seeds of a new training are held out for evaluations."""
        self.check()
        self.check_seeds()

    def check_seeds(self) -> None:
        """Raises ValueError if a seed is held out for evaluations, or an evaluation needs more seeds than there are."""
        check_training_seed(self.seed)
        EVALUATION.at(0, self.eval_episodes)

    def make_env(self) -> BatchVecEnv:
        """Returns the simulations to train on, without seeds."""
        return BatchVecEnv(self.perturbed(self._vector(self.learner.num_envs, self.env_arguments | self._privileged)))

    def make_trial_env(self, num_envs: int = 1, nominal: bool = False) -> BatchVecEnv:
        """Returns simulations with the observations that the learner receives, for use before a training.

        They are those of an evaluation, as `make_evaluation_env` says: all of the randomisation, unless `nominal`.

        Raises:
            FieldError: the environment lacks something that the learner needs.
        """
        setting = Setting(self.env_id, self.task_arguments | self._privileged, self.num_threads)
        try:
            env = BatchVecEnv(self.perturbed(self.task.judge.evaluation_env(setting, num_envs, 0, nominal)))
        except Exception as error:
            if not self.learner.privileged:
                raise
            words = f"must be False: {self.env_id} has no privileged observations"
            raise FieldError("privileged", words).inside(self.algo) from error
        try:
            self.learner.check_env(env)
        except FieldError as error:
            env.close()
            raise error.inside(self.algo) from None
        return env

    def make_evaluation_env(self, num_envs: int, seed: int, nominal: bool = False) -> VectorEnv:
        """Returns simulations to evaluate a policy on, as `Judge.evaluation_env` does."""
        setting = Setting(self.env_id, self.task_arguments, self.num_threads)
        return self.task.judge.evaluation_env(setting, num_envs, seed, nominal)

    def perturbed(self, env: VectorEnv) -> VectorEnv:
        """Returns the simulations with this training's perturbations of the physics, or unchanged without perturbations.

        Raises:
            ValueError: the environment has no parameters to perturb, or a parameter or range is wrong.
        """
        if self.perturb is None:
            return env
        env, target = made_perturbable(env)
        if self.perturb == "default":
            ranges = {name: (value.low, value.high) for name, value in target.perturbations.items()}
            return Perturbation(env, {"params": ranges})
        try:
            spec = parse_mapping(self.perturb)
        except ValueError as error:
            raise ValueError(f"perturb: {error}") from error
        env = Perturbation(env, spec_of_params(spec))
        if not env.perturbed_names:
            raise ValueError(f"perturb perturbs nothing, got {shown(self.perturb)}: leave it out")
        return env

    def task_callbacks(self) -> dict[str, BaseCallback]:
        """Returns the callbacks that only trainings of this task have, by name."""
        curriculum = self.task.curriculum and self.task.curriculum(self)
        return {} if curriculum is None else {"curriculum": curriculum}

    def learner_callbacks(self) -> dict[str, BaseCallback]:
        """Returns the callbacks that only trainings with this learner have, by name."""
        smoothing = self.learner.smoothing
        return {} if smoothing is None else {"smoothing": SR2LCallback(**smoothing)}

    @property
    def _privileged(self):
        """Arguments that give the learner privileged observations."""
        return {"privileged": True} if self.learner.privileged else {}

    def _vector(self, num_envs, arguments):
        return make_vector(qualified(self.env_id), num_envs, self.num_threads, **arguments)


@dataclass(frozen=True)
class EnvTrainConfig(TrainConfig):
    """Config of a training of any registered environment."""
