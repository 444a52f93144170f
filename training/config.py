"""Config of a training of any environment: run, length, seed, simulations, learner, evaluations."""

from contextlib import closing
from dataclasses import dataclass, field, fields, make_dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import tyro
from gymnasium.vector import VectorEnv
from stable_baselines3.common.callbacks import BaseCallback

from algorithms.configs import LearnerConfig
from algorithms.learners import LEARNERS, with_variants
from algorithms.vec_env import BatchVecEnv, make_vector
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

# One field for the numbers of each learner, so that --<name>.* exists for every row of the table.
Learners = make_dataclass(
    "Learners",
    [
        (name, Annotated[row.config, tyro.conf.arg(help=f"Numbers of {row.title}.")], field(default_factory=row.config))
        for name, row in LEARNERS.items()
    ],
    bases=(Checked,),
    frozen=True,
    kw_only=True,
)


@dataclass(frozen=True)
class TrainConfig(Learners):
    """Fields that every training has. Subclasses in `training.tasks` add those of a task."""

    run_dir: Path | None = None
    """Folder of the run; runs/<date>_<time> if not given."""
    resume: Path | None = None
    """Run to go on with as if it had never stopped. Its own config holds; only --total-timesteps may come with this, to
    train beyond what was planned or to end before (learning rate and curriculum then follow the new number). A run that has
    so many steps already ends at its newest checkpoint."""
    start_from: Path | None = None
    """Warm start: run folder, checkpoint or shipped policy whose weights and normaliser a new run begins with, perhaps on
    another task, terrain or perturbation. Algorithm, network and the sizes of observation and action must be the same."""
    total_timesteps: int = within(4_000_000, 1)
    """Control steps of all simulations together."""
    num_envs: int | None = within(None, 1)
    """Simulations at once; the preset's number if not given."""
    num_threads: int = within(2, 1)
    """Threads for physics, and for torch."""
    seed: int = within(42, 0, 2**32 - 1)
    """Decides everything: starts, terrain, network, exploration. Those held out for evaluations are refused."""
    preset: str = "default"
    """Named training to start from."""
    config: Path | None = None
    """YAML file with any of these keys; the command line comes after it."""
    from_trial: str | None = None
    """Trial of a sweep to train in full, STUDY:NUMBER: what it tried comes in the place of --config."""
    env_id: Annotated[str, tyro.conf.arg(aliases=["--env"])] = DEFAULT_ID
    """Id of the environment to train."""
    episode_steps: int | None = within(None, 1)
    """Length of a training episode, control steps; the environment's own if not given."""
    eval_every: int = within(1_000_000, 0)
    """Steps between evaluations that training does not see; 0 for none."""
    eval_episodes: int = within(32, 1)
    """Episodes of an evaluation."""
    checkpoint_every: int = within(500_000, 1)
    """Steps between checkpoints."""
    keep_checkpoints: int = within(2, 1)
    """How many of the last checkpoints hold all that --resume needs; those before keep their policy."""
    perturb: str | None = None
    """Perturb the physics anew in every episode: default for every parameter over its usual range, or YAML such as
    '{object_mass: [0.7, 1.3]}' or any perturb_spec. Policies are then judged on the nominal physics and, apart from it, on
    the perturbed."""
    env_kwargs: Annotated[dict, YAML_MAPPING] = field(default_factory=dict)
    """Arguments of the environment, as '{combined_challenge: easy}' or '{perturb_spec: {params: {mass: [0.8, 1.2]}}}'."""
    algo: Literal[*LEARNERS] = "ppo"
    """Learning algorithm of the training."""
    her: bool = False
    """Hindsight experience replay, of SAC, for goal environments: four of five replayed steps have the desired goal replaced
    by one that the episode reached later, with its reward computed again."""

    def __post_init__(self):
        super().__post_init__()
        registered(self.env_id)
        # What was asked for, before other fields overrule it: options without effect are refused by it.
        object.__setattr__(self, "asked", {own.name: getattr(self, own.name) for own in fields(self)})
        if self.num_envs is not None:
            for name in LEARNERS:
                object.__setattr__(self, name, replace(getattr(self, name), num_envs=self.num_envs))

    @property
    def learner(self) -> LearnerConfig:
        """The numbers of the chosen algorithm."""
        return getattr(self, self.algo)

    @property
    def task(self):
        """The environment's row in the table of tasks."""
        from training.tasks import find_task  # its rows hold subclasses of this class

        return find_task(self.env_id)

    @property
    def env_arguments(self) -> dict:
        """Arguments of the training's environment, as the run records them."""
        length = {} if self.episode_steps is None else {"max_episode_steps": self.episode_steps}
        return self.task_arguments | length

    @property
    def task_arguments(self) -> dict:
        """Arguments of the environment without the length of training episodes."""
        return dict(self.env_kwargs)

    @property
    def idle(self) -> dict[str, str]:
        """Fields, or beginnings of dotted fields, that have no effect in this config -> why."""
        given = self.task.preset(self.preset, self.env_id)
        idle = {name: f"the training has --algo {self.algo}" for name in LEARNERS if name != self.algo}
        if given and given.keys() <= LEARNERS.keys() and self.algo not in with_variants(given):
            names = " and ".join(given)
            idle["preset"] = f"{self.preset} of {self.env_id} is numbers of {names}, and the training has --algo {self.algo}"
        if self.start_from is not None and (std := LEARNERS[self.algo].std_field):
            idle[f"{self.algo}.{std}"] = "--start-from gives the standard deviation of actions, as all weights"
        return idle | ({} if self.eval_every else {"eval_episodes": "--eval-every 0 turns evaluations off"})

    def check_learner(self) -> None:
        """Raises FieldError, named as on the command line, if the algorithm's numbers contradict each other."""
        try:
            self.learner.check()
        except FieldError as error:
            raise error.inside(self.algo) from None

    def refuse_ignored(self, argv: list[str]) -> None:
        """Raises ValueError if an option on the command line that made this config has no effect."""
        refuse_idle(argv, self.idle)
        refuse_overruled(argv, as_plain(self.asked), as_plain(self))

    def check(self) -> None:
        """Raises ValueError if the environment refuses its arguments or perturbations; costs making one."""
        try:
            with closing(self.perturbed(self.make_evaluation_env(1, 0))) as env:
                env.reset(seed=0)
        except ValueError:
            raise
        except Exception as error:  # of an environment of others, with arguments that it does not expect
            reason = (str(error) or type(error).__name__).splitlines()[0]
            raise ValueError(f"{self.env_id} refuses {shown(self.env_arguments)}: {reason}") from error

    def check_new(self) -> None:
        """Raises ValueError if a new training may not be: as `check` does, or its seeds are held out for evaluations."""
        self.check()
        check_training_seed(self.seed)
        EVALUATION.at(0, self.eval_episodes)

    def make_env(self) -> BatchVecEnv:
        """Returns the simulations to train on, not yet seeded."""
        return BatchVecEnv(self.perturbed(self._vector(self.learner.num_envs, self.env_arguments)))

    def make_evaluation_env(self, num_envs: int, seed: int, nominal: bool = False) -> VectorEnv:
        """Returns simulations to judge a policy on, as `Judge.evaluation_env` does."""
        setting = Setting(self.env_id, self.task_arguments, self.num_threads)
        return self.task.judge.evaluation_env(setting, num_envs, seed, nominal)

    def perturbed(self, env: VectorEnv) -> VectorEnv:
        """Returns the simulations with this training's perturbations of the physics; unchanged if it has none.

        Raises:
            ValueError: nothing of them can be perturbed, or a parameter or range is wrong.
        """
        if self.perturb is None:
            return env
        env, target = made_perturbable(env)
        if self.perturb == "default":
            return Perturbation(env, {"params": {name: (own.low, own.high) for name, own in target.perturbations.items()}})
        try:
            spec = parse_mapping(self.perturb)
        except ValueError as error:
            raise ValueError(f"perturb: {error}") from error
        env = Perturbation(env, spec_of_params(spec))
        if not env.perturbed_names:
            raise ValueError(f"perturb perturbs nothing, got {shown(self.perturb)}: leave it out")
        return env

    def own_callbacks(self) -> dict[str, BaseCallback]:
        """Returns the callbacks that this task's trainings have beyond those of all; each has a `state`."""
        curriculum = self.task.curriculum
        return {} if curriculum is None else {"curriculum": curriculum(self)}

    def _vector(self, num_envs, arguments):
        return make_vector(qualified(self.env_id), num_envs, self.num_threads, **arguments)


@dataclass(frozen=True)
class EnvTrainConfig(TrainConfig):
    """A training of any registered environment."""
