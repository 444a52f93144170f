"""Kinds of policies that a run folder can contain: their SB3 classes, their layers, and the layers to export."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import stable_baselines3
import torch
from gymnasium.spaces import Box, Dict, Space
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.policies import ActorCriticPolicy, BasePolicy, MultiInputActorCriticPolicy
from stable_baselines3.sac.policies import MultiInputPolicy, SACPolicy
from torch import nn

from algorithms.history_reader import TwoReaders
from algorithms.reader_shape import ReaderShape

_CRITIC = ("mlp_extractor.value_net.", "value_net.")  # prefixes of weights of the critic in ActorCriticPolicy
ACTIVATIONS = {"relu": nn.ReLU, "elu": nn.ELU, "tanh": nn.Tanh}


class NoOptimizer:
    """The optimizer of a policy that only plays. A process's first real one takes seconds: it loads torch's compiler."""

    def __init__(self, parameters, lr: float, **settings):
        pass


@dataclass(frozen=True)
class PolicyKind:
    """A kind of policies. A saved policy names its kind; loading builds it from plain data, then loads its weights.

    Attributes:
        flat: SB3's class for observations (n, k).
        multi_input: SB3's class for dictionary observations, with the same weights: it concatenates the parts.
        stock: SB3's algorithm whose .zip files contain such policies.
        critic: key of the critic's layers in `net_arch`; the actor's key is "pi".
        squashed: whether the actor's output lies in [-1, 1] and is scaled to the action space.
        reading: class for stacked observations that the actor reads through networks; None if there is none.
        actor_layers: returns the layers from a normalised observation (n, k) to the mean action or the logits.
    """

    flat: type[BasePolicy]
    multi_input: type[BasePolicy]
    stock: type[BaseAlgorithm]
    critic: str
    squashed: bool
    actor_layers: Callable[[BasePolicy], list[nn.Module]]
    reading: type[BasePolicy] | None = None

    @property
    def name(self) -> str:
        """The name of the kind in policy.json."""
        return self.flat.__name__

    def matches(self, policy: BasePolicy) -> bool:
        """Returns whether a policy is of this kind."""
        return type(policy).__name__ in {kind.__name__ for kind in (self.flat, self.multi_input, self.reading) if kind}

    def policy_class(self, observation: Space) -> type[BasePolicy]:
        """Returns SB3's class for an observation space."""
        return self.multi_input if isinstance(observation, Dict) else self.flat

    def build(
        self,
        observation: Space,
        action: Space,
        layers: Mapping | list[int],
        activation: str,
        shape: ReaderShape = ReaderShape(),
    ) -> BasePolicy:
        """Returns an untrained policy without optimizer; `layers` gives the widths of its layers, as `net_arch` of SB3.

        `shape` gives the networks before the hidden layers of a kind with `reading`. Drawing the initial weights does not
        change the state of torch's global generator.

        Raises:
            ValueError: policies of this kind have no such networks.
        """
        if not shape.plain and self.reading is None:
            raise ValueError(f"a {self.name} has no networks before its hidden layers")
        settings = {"net_arch": layers, "activation_fn": ACTIVATIONS[activation], "optimizer_class": NoOptimizer}
        settings |= {} if shape.plain else {"shape": shape}
        with torch.random.fork_rng(devices=[]):
            kind = self.policy_class(observation) if shape.plain else self.reading
            return kind(observation, action, lambda _: 0.0, **settings)

    def layer_widths(self, policy: BasePolicy) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Returns the widths of the hidden layers of actor and critic."""
        layers = policy.net_arch
        actor, critic = (layers["pi"], layers[self.critic]) if isinstance(layers, dict) else (layers, layers)
        return tuple(actor), tuple(critic)


class ReadingPolicy(ActorCriticPolicy):
    """SB3's actor-critic whose actor reads stacked observations through the networks of `shape`."""

    def __init__(self, *args, shape: ReaderShape, **kwargs):
        self.shape = shape
        super().__init__(*args, **kwargs)

    def _build_mlp_extractor(self) -> None:
        self.mlp_extractor = TwoReaders(slice(None), self.features_dim, self.net_arch, self.activation_fn, shape=self.shape)


def actor_alone(policy: BasePolicy, part: slice) -> ActorCriticPolicy:
    """Returns an ActorCriticPolicy for a part of the observation, with the actor of `policy` and a critic of 0.

    The weights of the actor must have the names that ActorCriticPolicy gives them, or `ReadingPolicy` if it has a `shape`.
    """
    whole, layers = policy.observation_space, policy.net_arch
    space = Box(whole.low[part], whole.high[part], dtype=whole.dtype)
    layers = {"pi": layers["pi"] if isinstance(layers, dict) else layers, "vf": []}
    (activation,) = [name for name, layer in ACTIVATIONS.items() if layer is policy.activation_fn]
    alone = ACTOR_CRITIC.build(space, policy.action_space, layers, activation, getattr(policy, "shape", ReaderShape()))
    critic = {name: torch.zeros_like(tensor) for name, tensor in alone.state_dict().items() if name.startswith(_CRITIC)}
    alone.load_state_dict(actor_weights(policy) | critic)
    alone.set_training_mode(False)
    return alone


def actor_weights(policy: ActorCriticPolicy) -> dict[str, torch.Tensor]:
    """Returns all weights of a policy except the critic's, by name."""
    weights = getattr(policy, "plain_weights", policy.state_dict)()
    return {name: tensor for name, tensor in weights.items() if not name.startswith(_CRITIC)}


def _actor_critic_layers(policy):
    return [*policy.mlp_extractor.policy_net, policy.action_net]


def _sac_layers(policy):
    return [*policy.actor.latent_pi, policy.actor.mu, nn.Tanh()]


ACTOR_CRITIC = PolicyKind(
    flat=ActorCriticPolicy,
    multi_input=MultiInputActorCriticPolicy,
    stock=stable_baselines3.PPO,
    critic="vf",
    squashed=False,
    actor_layers=_actor_critic_layers,
    reading=ReadingPolicy,
)
SQUASHED_GAUSSIAN = PolicyKind(
    flat=SACPolicy,
    multi_input=MultiInputPolicy,
    stock=stable_baselines3.SAC,
    critic="qf",
    squashed=True,
    actor_layers=_sac_layers,
)
