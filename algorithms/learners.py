"""The table of learners: all differences between algorithms, for training, resume, import, export and sweeps.

A new learner is a file with its config and its class, and one row in `LEARNERS`; see "Add an algorithm" in README.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from gymnasium.spaces import Dict
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.vec_env import VecEnv

from algorithms.asymmetric_ppo import AsymmetricPPO, AsymmetricPpoConfig
from algorithms.configs import LearnerConfig
from algorithms.policies import ACTIVATIONS, ACTOR_CRITIC, SQUASHED_GAUSSIAN, PolicyKind
from algorithms.ppo import PPO, PpoConfig
from algorithms.robust_sac import RobustSAC, RobustSacConfig
from algorithms.sac import SAC, SacConfig
from algorithms.smooth_ppo import SmoothPPO, SmoothPpoConfig

Spaces = Mapping[str, Mapping[str, Mapping]]  # name of a sweep's space -> field of the config -> range or choices


@dataclass(frozen=True)
class LearnedNumber:
    """A number that is learned if its option is `auto` or `auto_<initial value>`.

    Attributes:
        variable: the learner's attribute, a tensor.
        words: the name in sentences.
        option: the field of the config.
    """

    variable: str
    words: str
    option: str


@dataclass(frozen=True)
class Learner:
    """A row of the table.

    Attributes:
        name: value of --algo, and field of the training's config for the hyperparameters: --<name>.*.
        config: class of the hyperparameters; gives the arguments of the algorithm.
        algorithm: class of the model.
        policy: kind of the policies that it trains; decides how they are saved, loaded and exported.
        smallest: hyperparameters of the smallest and fastest model, for checks before a training.
        memory_field: hyperparameter that an error names if the buffer is larger than the memory.
        kept: attributes of the model that a checkpoint saves besides those of all learners, dotted names allowed: numbers,
            containers of numbers, arrays, tensors, replay buffers and objects with a `state_dict`, such as optimisers.
        transient: attributes that a checkpoint does not save, because they never change or no rollout depends on them.
        learned: numbers that can be learned; a warm start copies them.
        std_field: field with the initial standard deviation of continuous actions; None if there is no such field.
        log_episodes: number of episodes between two lines of the logs; None for a line after every rollout.
        hindsight: whether it supports hindsight experience replay.
        discrete: whether it supports discrete actions.
        dictionaries: whether it supports dictionary observations.
        spaces: sweep spaces by name: field of the config -> range or choices.
        saves_critic: whether a saved policy contains the critic; otherwise only a checkpoint does.
        presets_of: learner whose presets also apply to this learner, for the fields that both have; None without one.
    """

    name: str
    config: type[LearnerConfig]
    algorithm: type[BaseAlgorithm]
    policy: PolicyKind
    smallest: Mapping[str, int]
    memory_field: str
    kept: tuple[str, ...] = ()
    transient: tuple[str, ...] = ()
    learned: tuple[LearnedNumber, ...] = ()
    std_field: str | None = None
    log_episodes: int | None = None
    hindsight: bool = False
    discrete: bool = True
    dictionaries: bool = True
    spaces: Spaces = field(default_factory=dict)
    saves_critic: bool = True
    presets_of: str | None = None

    @property
    def title(self) -> str:
        """The name in sentences."""
        return self.name.replace("_", " ").upper()

    @property
    def option(self) -> str:
        """The prefix of its options on the command line."""
        return f"--{self.name.replace('_', '-')}"

    @property
    def log_interval(self) -> int:
        """SB3's log interval: the number of rollouts, or of episodes, between two lines of the logs."""
        return self.log_episodes or 1

    def make(self, numbers: LearnerConfig, env: VecEnv, seed: int, **extra) -> BaseAlgorithm:
        """Returns an untrained model with these hyperparameters; `extra` are further arguments of its class."""
        policy = {"net_arch": list(numbers.net_arch), "activation_fn": ACTIVATIONS[numbers.activation]}
        policy |= numbers.policy_arguments()
        kind = "MultiInputPolicy" if isinstance(env.observation_space, Dict) else "MlpPolicy"
        # A GPU is slower here: the network is small and the simulations run on the CPU.
        shared = {"env": env, "seed": seed, "device": "cpu", "policy_kwargs": policy}
        return self.algorithm(kind, **numbers.arguments(), **extra, **shared)


def variant(of: Learner, name: str, **changes) -> Learner:
    """Returns the row `of` under another name, with `changes`. The presets of the row `of` also apply to the variant."""
    return replace(of, name=name, presets_of=of.presets_of or of.name, **changes)


def learner_of(model: BaseAlgorithm) -> Learner:
    """Returns the row of a model: the row of its class or of the nearest base class, SB3's classes included.

    Raises:
        ValueError: the model belongs to no row.
    """
    for kind in type(model).__mro__:
        for row in LEARNERS.values():
            if kind in (row.algorithm, row.policy.stock):
                return row
    raise ValueError(f"{type(model).__name__} has no row in algorithms/learners.py. There are {', '.join(LEARNERS)}")


def kind_of(policy: BasePolicy) -> PolicyKind:
    """Returns the kind of a policy.

    Raises:
        ValueError: no learner trains such policies.
    """
    for row in LEARNERS.values():
        if row.policy.matches(policy):
            return row.policy
    raise ValueError(f"no learner trains a {type(policy).__name__}")


def kinds() -> dict[str, PolicyKind]:
    """Returns the kinds of policies of all learners, by name of the kind."""
    return {row.policy.name: row.policy for row in LEARNERS.values()}


def names_with(condition: str) -> list[str]:
    """Returns the names of the learners whose rows have a true attribute `condition`."""
    return [name for name, row in LEARNERS.items() if getattr(row, condition)]


def with_variants(changes: Mapping) -> dict:
    """Returns changes of a training's config, extended: changes of a learner also apply to its variants.

    A variant ignores fields that it does not have. Changes of the variant itself override those of its learner.
    """
    extended = dict(changes)
    for row in LEARNERS.values():
        if row.presets_of in changes:
            fields = row.config.__dataclass_fields__
            shared = {name: value for name, value in changes[row.presets_of].items() if name in fields}
            extended[row.name] = shared | dict(changes.get(row.name, {}))
    return extended


_NETS = {"choices": [[64, 64], [128, 128], [256, 128], [256, 256, 128]]}
# Ranges of the original project plan. Steps and batches are powers of two, because SB3 needs whole minibatches.
_PPO_PLAN = {
    "learning_rate": {"low": 1e-5, "high": 1e-3, "log": True},
    "n_steps": {"choices": [1024, 2048, 4096]},
    "batch_size": {"choices": [32, 64, 128, 256]},
    "ent_coef": {"low": 0.0, "high": 0.1},
    "gamma": {"low": 0.95, "high": 0.995},
    "clip_range": {"low": 0.1, "high": 0.3},
}
_PPO_WIDE = _PPO_PLAN | {
    "learning_rate": {"low": 5e-5, "high": 3e-3, "log": True},
    "n_steps": {"choices": [64, 128, 256]},  # for 64 simulations, as in all presets except `plan`
    "batch_size": {"choices": [512, 1024, 2048, 4096]},
    "ent_coef": {"low": 0.0, "high": 0.01},
    "n_epochs": {"low": 2, "high": 10},
    "gae_lambda": {"low": 0.9, "high": 0.99},
    "net_arch": _NETS,
    "activation": {"choices": ["relu", "elu", "tanh"]},
    "log_std_init": {"low": -2.5, "high": 0.0},
}
_SAC_PLAN = {name: _PPO_PLAN[name] for name in ("learning_rate", "batch_size", "gamma")}
_SAC_WIDE = _SAC_PLAN | {
    "batch_size": {"choices": [128, 256, 512, 1024]},
    "tau": {"low": 0.002, "high": 0.05, "log": True},
    "gradient_steps": {"choices": [2, 4, 8, 16]},
    "net_arch": _NETS,
}
_PPO = Learner(
    name="ppo",
    config=PpoConfig,
    algorithm=PPO,
    policy=ACTOR_CRITIC,
    smallest={"num_envs": 1, "n_steps": 2, "batch_size": 2},
    memory_field="n_steps",
    std_field="log_std_init",
    spaces={"plan": _PPO_PLAN, "wide": _PPO_WIDE},
)
_SAC = Learner(
    name="sac",
    config=SacConfig,
    algorithm=SAC,
    policy=SQUASHED_GAUSSIAN,
    smallest={"num_envs": 1, "buffer_size": 1},
    memory_field="buffer_size",
    kept=("replay_buffer",),
    learned=(LearnedNumber("log_ent_coef", "entropy coefficient", "ent_coef"),),
    log_episodes=16,
    hindsight=True,
    discrete=False,
    spaces={"plan": _SAC_PLAN, "wide": _SAC_WIDE},
)
_ASYMMETRIC_PPO = variant(
    _PPO,
    "asymmetric_ppo",
    config=AsymmetricPpoConfig,
    algorithm=AsymmetricPPO,
    kept=("critic_warm_up",),
    discrete=False,
    saves_critic=False,
)
_SMOOTH_PPO = variant(
    _PPO,
    "smooth_ppo",
    config=SmoothPpoConfig,
    algorithm=SmoothPPO,
    kept=("random_stream",),
    transient=("coef_share", "radius_share", "half_widths"),  # a callback sets both shares before each rollout
    discrete=False,
    dictionaries=False,
    spaces={"plan": _PPO_PLAN, "wide": _PPO_WIDE | {"coef": {"low": 1e-3, "high": 1.0, "log": True}}},
)
_ROBUST_SAC = variant(
    _SAC,
    "robust_sac",
    config=RobustSacConfig,
    algorithm=RobustSAC,
    kept=(*_SAC.kept, "extra_random", "episode_returns"),
    transient=("movable_columns",),
    spaces={"plan": _SAC_PLAN, "wide": _SAC_WIDE | {"robust_coef": {"low": 1e-4, "high": 0.1, "log": True}}},
)
LEARNERS: dict[str, Learner] = {
    "ppo": _PPO,
    "sac": _SAC,
    "asymmetric_ppo": _ASYMMETRIC_PPO,
    "smooth_ppo": _SMOOTH_PPO,
    "robust_sac": _ROBUST_SAC,
}
