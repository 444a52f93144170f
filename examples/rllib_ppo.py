"""Trains ResidualWalk-v0 on rough ground with Ray RLlib's PPO; RLlib needs only the environment's id.

RLlib pins an older Gymnasium than this project, so use a separate virtual environment. In it, from the project's root:

    pip install torch==2.13.0
    pip install -r examples/requirements-rllib.txt
    pip install --no-deps -e .
    python examples/rllib_ppo.py

The initial policy is the gait alone. The trained policy is evaluated without exploration, on terrain not used in training.
"""

import argparse
import logging
import math
import os
import sys

import gymnasium
import numpy as np
import ray
import torch
from ray.rllib.algorithms.algorithm import Algorithm
from ray.rllib.algorithms.ppo import PPOConfig
from ray.rllib.algorithms.ppo.torch.default_ppo_torch_rl_module import DefaultPPOTorchRLModule
from ray.rllib.connectors.env_to_module.observation_preprocessor import SingleAgentObservationPreprocessor
from ray.rllib.core.rl_module.default_model_config import DefaultModelConfig
from ray.rllib.core.rl_module.rl_module import RLModuleSpec
from ray.rllib.utils.metrics import (
    ENV_RUNNER_RESULTS,
    EPISODE_LEN_MEAN,
    EPISODE_RETURN_MEAN,
    NUM_ENV_STEPS_SAMPLED_LIFETIME,
)
from ray.tune.result import TRAINING_ITERATION

from evaluation.held_out_seeds import EXAMPLE

ENV_ID = "envs:ResidualWalk-v0"
EPISODE_STEPS = 500
ENVS_PER_RUNNER = 8  # each takes EPISODE_STEPS steps per iteration
EVALUATION_EPISODES = 16
COMMAND = (0.3, 0.3)  # m/s: with one speed for all, returns depend on the policy and not on the command
RANGES = {"iterations": (1, 1_000_000), "env_runners": (1, 1_000), "level": (0, 1), "seed": (0, EXAMPLE.highest)}
LOG_STD = -2.0  # initial log standard deviation: with RLlib's default, 0, the gait's return on this ground is negative


class ResidualModule(DefaultPPOTorchRLModule):
    """RLlib's network for PPO; initial residuals are zero, and exploration has a standard deviation of exp(LOG_STD)."""

    def setup(self):
        super().setup()
        last = self.pi.net.mlp[-1]
        torch.nn.init.zeros_(last.weight), torch.nn.init.zeros_(last.bias)
        torch.nn.init.constant_(self.pi.log_std, LOG_STD)


class Normaliser(SingleAgentObservationPreprocessor):
    """Normalises observations with a fixed mean and standard deviation, and clips the result to [-10, 10].

    RLlib's MeanStdFilter learns both values. But in Ray 2.60.0 its mean drifts towards 0 and its deviation grows whenever
    the runners' statistics are merged, and `evaluate` uses other statistics than `train`.
    """

    def __init__(self, mean: np.ndarray, deviation: np.ndarray):
        super().__init__()
        self._mean, self._deviation = mean, deviation

    def recompute_output_observation_space(self, input_observation_space, input_action_space):
        return gymnasium.spaces.Box(-10.0, 10.0, input_observation_space.shape, np.float32)

    def preprocess(self, observation, episode):
        return np.clip((observation - self._mean) / self._deviation, -10.0, 10.0)


def main(argv: list[str] | None = None) -> int:
    """Runs the training of a command line and prints its results; returns the exit code."""
    args = parser().parse_args(argv)
    try:
        check(args)
    except ValueError as error:
        print(f"rllib_ppo: {error}", file=sys.stderr)
        return 2
    try:
        train(args)
    except KeyboardInterrupt:
        print("rllib_ppo: stopped", file=sys.stderr)
        return 130
    finally:
        ray.shutdown()
    return 0


def parser() -> argparse.ArgumentParser:
    """Returns the parser of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--iterations", type=int, default=40, help="iterations, each with 4,000 steps of every env runner (default 40)"
    )
    parser.add_argument("--env-runners", type=int, default=2, help="processes that step environments (default 2)")
    parser.add_argument("--level", type=float, default=0.8, help="level of the rough ground, 0 to 1 (default 0.8)")
    parser.add_argument("--seed", type=int, default=0, help="seed of network, exploration, ground and episodes (default 0)")
    return parser


def check(args: argparse.Namespace) -> None:
    """Raises ValueError if a number is outside its range."""
    for name, (low, high) in RANGES.items():
        value = getattr(args, name)
        if not low <= value <= high:
            raise ValueError(f"--{name.replace('_', '-')} must lie in {low:,} to {high:,}, got {value}")


def train(args: argparse.Namespace) -> None:
    """Trains, prints a line for each iteration, and compares the policy with the gait alone."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # otherwise Ray sends usage statistics
    ray.init(num_cpus=args.env_runners, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    logging.getLogger("ray.rllib").setLevel(logging.ERROR)
    algorithm = make_config(args).build_algo()
    gait_alone = evaluate(algorithm)  # residuals are still zero
    returns = [train_once(algorithm) for _ in range(args.iterations)]
    trained = evaluate(algorithm)
    print(f"Mean return with exploration: {returns[0]:.1f} in the first iteration, {returns[-1]:.1f} in the last")
    print(f"Without exploration, on other ground: {gait_alone:.1f} before (the gait alone), {trained:.1f} after")
    algorithm.stop()


def train_once(algorithm: Algorithm) -> float:
    """Trains for one iteration and prints a line; returns the mean return of the episodes that ended in it."""
    result = algorithm.train()
    ended = result[ENV_RUNNER_RESULTS]
    steps, mean, length = (ended[name] for name in (NUM_ENV_STEPS_SAMPLED_LIFETIME, EPISODE_RETURN_MEAN, EPISODE_LEN_MEAN))
    number = result[TRAINING_ITERATION]
    print(f"iteration {number}: {steps:,.0f} steps, mean return {mean:.1f}, mean length {length:.0f}", flush=True)
    return mean


def evaluate(algorithm: Algorithm) -> float:
    """Returns the mean return of EVALUATION_EPISODES episodes without exploration, always with the same initial states."""
    return algorithm.evaluate()[ENV_RUNNER_RESULTS][EPISODE_RETURN_MEAN]


def make_config(args: argparse.Namespace) -> PPOConfig:
    """Returns the complete configuration of the training."""
    usual = usual_observations(args)
    return (
        PPOConfig()
        .environment(ENV_ID, env_config=env_arguments(args.level, args.seed))
        .env_runners(
            num_env_runners=args.env_runners,
            num_envs_per_env_runner=ENVS_PER_RUNNER,
            env_to_module_connector=lambda env, spaces, device: Normaliser(*usual),
            sample_timeout_s=600,  # slower samples are dropped silently; the default, 60, is too short on a busy machine
        )
        .rl_module(
            rl_module_spec=RLModuleSpec(
                module_class=ResidualModule,
                model_config=DefaultModelConfig(
                    fcnet_hiddens=[256, 128], fcnet_activation="tanh", free_log_std=True, vf_share_layers=False
                ),
            )
        )
        .training(
            train_batch_size_per_learner=args.env_runners * ENVS_PER_RUNNER * EPISODE_STEPS,
            minibatch_size=500,
            num_epochs=10,
            lr=5e-4,
            gamma=0.99,
            lambda_=0.9,
            clip_param=0.2,
            vf_clip_param=math.inf,
            use_kl_loss=False,
        )
        .evaluation(
            evaluation_interval=args.iterations + 1,  # no automatic evaluation; this only sets up `evaluate`
            evaluation_duration=EVALUATION_EPISODES,
            evaluation_config=PPOConfig.overrides(
                explore=False, env_config=env_arguments(args.level, EXAMPLE.at(args.seed))
            ),
        )
        .fault_tolerance(restart_failed_env_runners=False)
        .reporting(metrics_num_episodes_for_smoothing=args.env_runners * ENVS_PER_RUNNER)
        .debugging(seed=args.seed, log_level="ERROR")
    )


def usual_observations(args: argparse.Namespace) -> tuple[np.ndarray, np.ndarray]:
    """Returns mean and standard deviation, (98,) float32 each, of observations under the untrained policy."""
    env = gymnasium.make_vec(ENV_ID, num_envs=32, **env_arguments(args.level, args.seed))
    env.reset(seed=args.seed)
    actions = np.random.default_rng(args.seed).normal(0.0, np.exp(LOG_STD), (EPISODE_STEPS, *env.action_space.shape))
    rows = np.concatenate([env.step(action)[0] for action in actions])
    env.close()
    return rows.mean(axis=0), rows.std(axis=0) + 1e-3  # some entries, for example the command, are constant


def env_arguments(level: float, terrain_seed: int) -> dict:
    """Returns the arguments of `gymnasium.make` for rough ground at `level`."""
    terrain = {"kinds": ["rough"], "levels": [level], "seed": terrain_seed}
    return {"terrain": terrain, "command_vx": COMMAND, "max_episode_steps": EPISODE_STEPS}


if __name__ == "__main__":
    sys.exit(main())
