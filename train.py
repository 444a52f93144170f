"""What a training is made of: environment, learner, callbacks, and the run that all of it goes into."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Literal

import gymnasium as gym
from stable_baselines3 import PPO, SAC
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback, CallbackList
from stable_baselines3.common.utils import LinearSchedule
from stable_baselines3.common.vec_env import VecNormalize

from callbacks.curriculum_callback import SuccessCurriculumCallback, TerrainCurriculumCallback
from callbacks.episode_callback import EpisodeCallback
from callbacks.guard_callback import GuardCallback
from callbacks.interrupt_callback import InterruptCallback
from callbacks.progress_callback import ProgressCallback
from callbacks.saving_callbacks import CheckpointCallback, EvaluationCallback
from callbacks.threads_callback import ThreadsCallback
from envs.residual_walk_config import ResidualWalkConfig
from envs.walk_variation import TRAINING_VARIATION, VariationConfig
from utils.policy_files import ACTIVATIONS
from utils.presets import PpoConfig, SacConfig
from utils.run_logs import make_logger
from utils.run_records import make_run
from utils.runs import ended, resume, save_last
from utils.terrain import KINDS, TerrainConfig, check_kind, check_level
from utils.vec_env import make_batch_vec_env

MODULE = "envs:"
COUNTS = ("total_timesteps", "num_threads", "episode_steps", "checkpoint_every", "eval_episodes", "keep_checkpoints")
MIXED = tuple(kind for kind in KINDS if kind != "flat")
EVALUATION_SEED = 1_000_003  # terrain and episodes that no training seed below it makes
EVALUATION_STEPS, EVALUATION_GOAL = 2000, 3.0  # 3 m in 20 s: short, as it interrupts the training


@dataclass(frozen=True)
class TrainConfig:
    """Everything that decides a training run."""

    run_dir: Path | None = None
    """Folder of the run; runs/<date>_<time> if not given."""
    resume: Path | None = None
    """Run to go on with as if it had never stopped. Its own config holds; only --total-timesteps may come with this, to
    train on beyond what was planned (learning rate and curriculum then follow the new number)."""
    total_timesteps: int = 4_000_000
    """Control steps of all simulations together."""
    num_envs: int | None = None
    """Simulations at once; the preset's number if not given."""
    num_threads: int = 2
    """Threads for physics, and for torch."""
    seed: int = 42
    """Decides everything: starts, terrain, network, exploration."""
    preset: str = "default"
    """What is trained how long: default (half an hour on two cores), long (an hour), rough or plan."""
    config: Path | None = None
    """YAML file with any of these keys; the command line comes after it."""
    from_trial: str | None = None
    """Trial of a sweep to train in full, STUDY:NUMBER: what it tried comes in the place of --config."""
    env_id: Literal["ResidualWalk-v0", "AdaptiveWalk-v0"] = "ResidualWalk-v0"
    """What is trained."""
    terrain: str = "rough"
    """A terrain kind, or mixed for all of them."""
    level: float = 1.0
    """Hardest terrain level of the curriculum, 0 to 1."""
    start_level: float = 0.1
    """Terrain level the curriculum starts from."""
    vary: bool = False
    """Train robots that differ in body, servos and ground, with late controls and pushes: as env.variation says if it says
    anything, else as TRAINING_VARIATION does."""
    curriculum: Literal["time", "success"] = "time"
    """Whether the terrain rises with time, or each kind of it with success there."""
    curriculum_share: float = 0.4
    """Part of the training in which the terrain rises to its hardest level with time."""
    episode_steps: int = 1000
    """Length of a training episode, control steps of 10 ms."""
    eval_every: int = 1_000_000
    """Steps between evaluations on other terrain; 0 for none."""
    eval_episodes: int = 32
    """Episodes of an evaluation."""
    checkpoint_every: int = 500_000
    """Steps between checkpoints."""
    keep_checkpoints: int = 2
    """How many of the last checkpoints hold all that --resume needs; those before keep their policy."""
    algo: Literal["ppo", "sac"] = "ppo"
    """What learns."""
    env: ResidualWalkConfig = field(default_factory=ResidualWalkConfig)
    """The task. Its terrain follows from terrain, level and seed."""
    ppo: PpoConfig = field(default_factory=PpoConfig)
    """PPO's numbers."""
    sac: SacConfig = field(default_factory=SacConfig)
    """SAC's numbers."""

    def __post_init__(self):
        kinds = MIXED if self.terrain == "mixed" else (self.terrain,)
        if self.terrain != "mixed":
            check_kind(self.terrain)
        check_level(self.level), check_level(self.start_level)
        for name in COUNTS:
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.num_envs is not None and self.num_envs < 1:
            raise ValueError(f"num_envs must be at least 1, got {self.num_envs}")
        terrain = replace(self.env.terrain, kinds=kinds, seed=self.seed)
        env = replace(self.env, terrain=terrain, terrain_scale=self.start_level, variation=self._variation())
        object.__setattr__(self, "env", env)
        if self.num_envs is not None:
            for name in ("ppo", "sac"):
                object.__setattr__(self, name, replace(getattr(self, name), num_envs=self.num_envs))

    @property
    def learner(self) -> PpoConfig | SacConfig:
        """The numbers of the algorithm that learns."""
        return getattr(self, self.algo)

    def _variation(self):
        own = self.env.variation
        if self.vary:
            return own if own.varies else TRAINING_VARIATION
        return VariationConfig() if own == TRAINING_VARIATION else own


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
        every = SAC_LOG_EPISODES if isinstance(self.model, SAC) else 1  # rollouts
        try:
            if left > 0:  # else it was killed after its last checkpoint
                self.model.learn(left, callbacks, log_interval=every, reset_num_timesteps=False)
            save_last(run, self.model, self.callbacks["progress"].state)
        except ValueError as error:
            self.callbacks["guard"].check(error)
            raise
        finally:
            self.model.get_env().close()
            if "evaluation" in self.callbacks:
                self.callbacks["evaluation"].close()


def create_run(config: TrainConfig, argv: list[str]) -> Path:
    """Creates the folder of a new run; returns it. The folder's name is no part of its config: folders move.

    Raises:
        ValueError: the folder already holds a run, or cannot be made.
    """
    env = {"config": config.env, "max_episode_steps": config.episode_steps}
    return make_run(config.run_dir, replace(config, run_dir=None), argv, config.env_id, env)


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
    walk = {"config": config.env, "num_threads": config.num_threads}
    env = make_batch_vec_env(
        MODULE + config.env_id, config.learner.num_envs, config.seed, max_episode_steps=config.episode_steps, **walk
    )
    model = make_model(config, VecNormalize(env, clip_obs=config.learner.clip_obs, gamma=config.learner.gamma))
    training = Training(model, make_callbacks(config, run, on_evaluation), config.total_timesteps)
    if goes_on:
        resume(run, model, training.callbacks["checkpoint"].callbacks)
    else:
        model.set_logger(make_logger(run))
    return training


def make_model(config: TrainConfig, env: VecNormalize) -> BaseAlgorithm:
    """Returns SB3's PPO or SAC with the config's numbers."""
    numbers = config.learner
    policy = {"net_arch": list(numbers.net_arch), "activation_fn": ACTIVATIONS[numbers.activation]}
    # A GPU is slower here: the network is small and the simulations are on the CPU.
    shared = {"env": env, "seed": config.seed, "device": "cpu"}
    if config.algo == "sac":
        return SAC("MlpPolicy", policy_kwargs=policy, **_named(numbers, SAC_NUMBERS), **shared)
    last = numbers.learning_rate if numbers.final_learning_rate is None else numbers.final_learning_rate
    rate = LinearSchedule(numbers.learning_rate, last, end_fraction=1.0)
    policy["log_std_init"] = numbers.log_std_init
    return PPO("MlpPolicy", learning_rate=rate, policy_kwargs=policy, **_named(numbers, PPO_NUMBERS), **shared)


def make_callbacks(config: TrainConfig, run: Path, on_evaluation=None) -> dict[str, BaseCallback]:
    """Returns all callbacks: those that look and save before those that change what the next rollout is like."""
    curriculum, progress, episodes = make_curriculum(config), ProgressCallback(config.total_timesteps), EpisodeCallback()
    watched = {"curriculum": curriculum, "progress": progress, "episodes": episodes}
    if config.eval_every:
        watched["evaluation"] = evaluation(config, run, on_evaluation)
    checkpoint = CheckpointCallback(run, config.checkpoint_every, watched, config.keep_checkpoints)
    first = {"threads": ThreadsCallback(config.num_threads), "guard": GuardCallback(run), "checkpoint": checkpoint}
    return first | {"interrupt": InterruptCallback(checkpoint.save)} | watched


def make_curriculum(config: TrainConfig) -> TerrainCurriculumCallback | SuccessCurriculumCallback:
    """Returns what raises the terrain from start_level to level."""
    if config.curriculum == "success":
        return SuccessCurriculumCallback(config.env.terrain.kinds, config.start_level, config.level)
    rise = max(1, round(config.curriculum_share * config.total_timesteps))
    return TerrainCurriculumCallback(config.start_level, config.level, rise)


def evaluation(config: TrainConfig, run: Path, on_evaluation=None) -> EvaluationCallback:
    """Returns the evaluation on terrain of another seed at the hardest level, over a way that fits 20 s."""
    make_env, episodes = partial(evaluation_env, config, config.eval_episodes, EVALUATION_SEED), config.eval_episodes
    return EvaluationCallback(
        run, config.eval_every, make_env, episodes, EVALUATION_SEED, EVALUATION_GOAL, on_evaluation or (lambda *_: None)
    )


def evaluation_env(config: TrainConfig, num_envs: int, terrain_seed: int) -> gym.vector.VectorEnv:
    """Returns simulations of the task on terrain of that seed, all of the hardest level, for episodes of 20 s."""
    kinds = config.env.terrain.kinds
    other = replace(config.env.terrain, seed=terrain_seed, levels=(config.level,))
    task = replace(config.env, terrain=other if kinds != ("flat",) else TerrainConfig(), terrain_scale=1.0)
    return gym.make_vec(
        MODULE + config.env_id,
        num_envs,
        config=task,
        num_threads=config.num_threads,
        max_episode_steps=EVALUATION_STEPS,
    )


def _named(numbers, names):
    return {name: getattr(numbers, name) for name in names}


PPO_NUMBERS = ("n_steps", "batch_size", "n_epochs", "gamma", "gae_lambda", "clip_range")
PPO_NUMBERS += ("ent_coef", "vf_coef", "max_grad_norm", "target_kl")
SAC_NUMBERS = ("learning_rate", "buffer_size", "learning_starts", "batch_size", "tau", "gamma", "gradient_steps", "ent_coef")
SAC_LOG_EPISODES = 16
