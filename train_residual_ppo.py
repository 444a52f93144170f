"""Trains a residual policy for ResidualWalk-v0 with PPO: `python train_residual_ppo.py --help` lists everything."""

import argparse
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import gymnasium as gym
import torch
import tyro
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import CallbackList
from stable_baselines3.common.logger import configure
from stable_baselines3.common.utils import LinearSchedule
from stable_baselines3.common.vec_env import VecNormalize

from callbacks.curriculum_callback import SuccessCurriculumCallback, TerrainCurriculumCallback
from callbacks.episode_callback import EpisodeCallback
from callbacks.progress_callback import ProgressCallback
from callbacks.saving_callbacks import CheckpointCallback, EvaluationCallback
from callbacks.threads_callback import ThreadsCallback
from envs.residual_walk_config import ResidualWalkConfig
from envs.walk_variation import TRAINING_VARIATION, VariationConfig
from utils.config import read_yaml, updated
from utils.presets import PpoConfig, preset
from utils.runs import CARD, make_run, save_policy, write_json
from utils.terrain import KINDS, TerrainConfig, check_kind, check_level
from utils.vec_env import make_batch_vec_env

MODULE = "envs:"
MIXED = tuple(kind for kind in KINDS if kind != "flat")
ACTIVATIONS = {"relu": torch.nn.ReLU, "elu": torch.nn.ELU, "tanh": torch.nn.Tanh}
EVALUATION_SEED = 1_000_003  # terrain and episodes that no training seed below it makes


@dataclass(frozen=True)
class TrainConfig:
    """Everything that decides a training run."""

    run_dir: Path | None = None
    """Folder of the run; runs/<date>_<time> if not given."""
    total_timesteps: int = 4_000_000
    """Control steps of all simulations together."""
    num_envs: int | None = None
    """Simulations at once; the preset's number if not given."""
    num_threads: int = 2
    """Threads for physics, and for torch."""
    seed: int = 42
    """Decides everything: starts, terrain, network, exploration."""
    preset: str = "default"
    """What is trained how long: default (half an hour on two cores), long (two hours), rough or plan."""
    config: Path | None = None
    """YAML file with any of these keys; the command line comes after it."""
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
    env: ResidualWalkConfig = field(default_factory=ResidualWalkConfig)
    """The task. Its terrain follows from terrain, level and seed."""
    ppo: PpoConfig = field(default_factory=PpoConfig)
    """PPO's numbers."""

    def __post_init__(self):
        kinds = MIXED if self.terrain == "mixed" else (self.terrain,)
        if self.terrain != "mixed":
            check_kind(self.terrain)
        check_level(self.level), check_level(self.start_level)
        for name in ("total_timesteps", "num_threads", "episode_steps", "checkpoint_every", "eval_episodes"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.num_envs is not None and self.num_envs < 1:
            raise ValueError(f"num_envs must be at least 1, got {self.num_envs}")
        terrain = replace(self.env.terrain, kinds=kinds, seed=self.seed)
        env = replace(self.env, terrain=terrain, terrain_scale=self.start_level, variation=self._variation())
        object.__setattr__(self, "env", env)
        if self.num_envs is not None:
            object.__setattr__(self, "ppo", replace(self.ppo, num_envs=self.num_envs))

    def _variation(self):
        own = self.env.variation
        if self.vary:
            return own if own.varies else TRAINING_VARIATION
        return VariationConfig() if own == TRAINING_VARIATION else own


def main(argv: list[str] | None = None) -> int:
    """Trains as the command line says; returns the exit code."""
    argv = sys.argv[1:] if argv is None else argv
    try:
        config = parse(argv)
        run = make_run(config.run_dir, config, argv)
    except ValueError as error:
        print(f"train_residual_ppo: {error}", file=sys.stderr)
        return 2
    print(f"Training in {run}; watch it with: tensorboard --logdir {run}")
    train(config, run)
    print(f"Done. Play it: python play_residual_policy.py --model {run} --terrain rough --level {config.level}")
    return 0


def parse(argv: list[str]) -> TrainConfig:
    """Returns the config that preset, then --config's file, then the command line make.

    Raises:
        ValueError: a name or value is wrong; the message is one sentence.
    """
    first = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    first.add_argument("--preset")
    first.add_argument("--config", type=Path)
    known, _ = first.parse_known_args(argv)
    content = read_yaml(known.config) if known.config else {}
    content = content.get("config", content)  # a run's own config.yaml has more around it
    name = known.preset or content.get("preset", "default")
    base = updated(updated(TrainConfig(), preset(name)), content | {"preset": name})
    return tyro.cli(TrainConfig, args=argv, default=base, description=__doc__)


def train(config: TrainConfig, run: Path) -> PPO:
    """Trains into the folder `run`; saves policy, normaliser and what they took there at the end, and returns the model."""
    walk = {"config": config.env, "num_threads": config.num_threads}
    env = make_batch_vec_env(
        MODULE + config.env_id, config.ppo.num_envs, config.seed, max_episode_steps=config.episode_steps, **walk
    )
    normalizer = VecNormalize(env, clip_obs=config.ppo.clip_obs, gamma=config.ppo.gamma)
    model, progress = make_model(config, normalizer, run), ProgressCallback(config.total_timesteps)
    try:
        model.learn(config.total_timesteps, callback=make_callbacks(config, run, progress))
    finally:
        save_policy(run, model, normalizer)
        write_json(run / CARD, progress.state)
        env.close()
    return model


def make_model(config: TrainConfig, env: VecNormalize, run: Path) -> PPO:
    """Returns SB3's PPO with the config's numbers."""
    p = config.ppo
    policy = {
        "net_arch": list(p.net_arch),
        "activation_fn": ACTIVATIONS[p.activation],
        "log_std_init": p.log_std_init,
    }
    numbers = ("n_steps", "batch_size", "n_epochs", "gamma", "gae_lambda", "clip_range")
    numbers += ("ent_coef", "vf_coef", "max_grad_norm", "target_kl")
    last = p.learning_rate if p.final_learning_rate is None else p.final_learning_rate
    model = PPO(
        "MlpPolicy",
        env,
        learning_rate=LinearSchedule(p.learning_rate, last, end_fraction=1.0),
        **{name: getattr(p, name) for name in numbers},
        policy_kwargs=policy,
        seed=config.seed,
        device="cpu",  # a GPU is slower here: the network is small and the simulations are on the CPU
    )
    model.set_logger(configure(str(run / "tensorboard"), ["tensorboard"]))
    return model


def make_callbacks(config: TrainConfig, run: Path, progress: ProgressCallback) -> CallbackList:
    """Returns curriculum, logging, `progress`, checkpoints and, unless eval_every is 0, evaluation."""
    curriculum = make_curriculum(config)
    callbacks = [
        ThreadsCallback(config.num_threads),
        curriculum,
        EpisodeCallback(),
        CheckpointCallback(run, config.checkpoint_every, {"curriculum": curriculum, "progress": progress}),
        progress,
    ]
    if config.eval_every:
        callbacks.insert(3, evaluation(config, run))
    return CallbackList(callbacks)


def make_curriculum(config: TrainConfig) -> TerrainCurriculumCallback | SuccessCurriculumCallback:
    """Returns what raises the terrain from start_level to level."""
    if config.curriculum == "success":
        return SuccessCurriculumCallback(config.env.terrain.kinds, config.start_level, config.level)
    rise = max(1, round(config.curriculum_share * config.total_timesteps))
    return TerrainCurriculumCallback(config.start_level, config.level, rise)


def evaluation(config: TrainConfig, run: Path) -> EvaluationCallback:
    """Returns the evaluation on terrain of another seed at the hardest level, over a way that fits 20 s."""
    kinds = config.env.terrain.kinds
    other = replace(config.env.terrain, seed=EVALUATION_SEED, levels=(config.level,))
    task = replace(config.env, terrain=other if kinds != ("flat",) else TerrainConfig(), terrain_scale=1.0)

    def make_env():
        env_id, threads = MODULE + config.env_id, config.num_threads
        return gym.make_vec(
            env_id, config.eval_episodes, config=task, num_threads=threads, max_episode_steps=EVALUATION_STEPS
        )

    return EvaluationCallback(run, config.eval_every, make_env, config.eval_episodes, EVALUATION_SEED, EVALUATION_GOAL)


EVALUATION_STEPS, EVALUATION_GOAL = 2000, 3.0  # 3 m in 20 s: short, as it interrupts the training

if __name__ == "__main__":
    sys.exit(main())
