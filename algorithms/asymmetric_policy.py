"""An actor-critic whose actor reads a part of the observation, and whose networks can be symmetric.

A symmetric network gives the mirrored action for the mirrored observation, whatever its weights are: its hidden units form
pairs that a mirror swaps, and mirrored weights are equal. An equivariant policy: van der Pol et al., 2020, arXiv:2006.16908.
"""

from collections.abc import Mapping
from operator import attrgetter

import torch
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.torch_layers import MlpExtractor
from torch import nn
from torch.nn.utils import parametrize

from utils.mirror import Mirror, Symmetry, moved, unchanged


class TwoReaders(nn.Module):
    """Hidden layers of an actor that reads a part of the observation, and of a critic that reads all of it.

    The layers have the names that SB3's MlpExtractor gives them.

    Args:
        part: the part of the observation (n, size) for the actor.
        size: size of the observation.
        net_arch, activation: as in MlpExtractor.
    """

    def __init__(self, part: slice, size: int, net_arch: list[int] | Mapping[str, list[int]], activation: type[nn.Module]):
        super().__init__()
        self.part = part
        actor = MlpExtractor(len(range(size)[part]), net_arch, activation, "cpu")
        critic = MlpExtractor(size, net_arch, activation, "cpu")
        self.policy_net, self.value_net = actor.policy_net, critic.value_net
        self.latent_dim_pi, self.latent_dim_vf = actor.latent_dim_pi, critic.latent_dim_vf

    def forward(self, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.forward_actor(features), self.forward_critic(features)

    def forward_actor(self, features: torch.Tensor) -> torch.Tensor:
        return self.policy_net(features[:, self.part])

    def forward_critic(self, features: torch.Tensor) -> torch.Tensor:
        return self.value_net(features)


class Tied(nn.Module):
    """Parametrisation that makes a weight (out, in), or a vector (out,), equal to its mirror image.

    Args:
        out: mirror of the outputs.
        into: mirror of the inputs; None for a vector.
    """

    def __init__(self, out: Mirror, into: Mirror | None = None):
        super().__init__()
        self._rows, signs = torch.tensor(out.order), torch.tensor(out.signs)
        self._columns = None if into is None else torch.tensor(into.order)
        self._signs = signs if into is None else signs[:, None] * torch.tensor(into.signs)

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        image = weight[self._rows] if self._columns is None else weight[self._rows][:, self._columns]
        return 0.5 * (weight + self._signs * image)


class AsymmetricPolicy(ActorCriticPolicy):
    """SB3's actor-critic with an actor that reads only the part `actor_slice` of the observation.

    With a `symmetry`, the mirrored observation gives the mirrored mean action, the same standard deviations on the other
    side, and the same value. The widths of the hidden layers must then be even.
    """

    def __init__(self, *args, actor_slice: slice, symmetry: Symmetry | None = None, **kwargs):
        self.actor_slice, self._symmetry = actor_slice, symmetry
        super().__init__(*args, **kwargs)

    def plain_weights(self) -> dict[str, torch.Tensor]:
        """Returns the weights of an equal policy without parametrisations, by the names of its `state_dict`."""
        return {name: attrgetter(name)(self).detach() for name in map(_plain, self.state_dict())}

    def copy_plain(self, weights: Mapping[str, torch.Tensor]) -> None:
        """Copies the weights that are given by the names of `plain_weights`; the others stay as they are.

        The symmetric part of the weights has an effect in a symmetric policy.
        """
        for name, tensor in self.state_dict().items():
            if (plain := _plain(name)) in weights:
                tensor.copy_(weights[plain])

    def _build_mlp_extractor(self) -> None:
        self.mlp_extractor = TwoReaders(self.actor_slice, self.features_dim, self.net_arch, self.activation_fn)

    def _build(self, lr_schedule) -> None:
        super()._build(lr_schedule)
        if self._symmetry is None:
            return
        observation, action = self._symmetry
        _tie(self.mlp_extractor.policy_net, self.action_net, observation.part(self.actor_slice), action)
        _tie(self.mlp_extractor.value_net, self.value_net, observation, unchanged(1))
        parametrize.register_parametrization(self, "log_std", Tied(Mirror(action.order, (1.0,) * len(action))))
        self.optimizer = self.optimizer_class(self.parameters(), lr=lr_schedule(1), **self.optimizer_kwargs)


def _plain(name):
    """Returns the name that a weight has without its parametrisation."""
    return name.replace("parametrizations.", "").removesuffix(".original")


def _tie(hidden, head, into, out):
    """Makes a network, from inputs with the mirror `into` to outputs with the mirror `out`, symmetric."""
    for layer in (*hidden, head):
        if isinstance(layer, nn.Linear):
            mirror = out if layer is head else moved((1, 0), unchanged(layer.out_features // 2))
            layer.weight.data.mul_(2**0.5)  # the mean of two independent weights has half of their variance
            parametrize.register_parametrization(layer, "weight", Tied(mirror, into))
            parametrize.register_parametrization(layer, "bias", Tied(mirror))
            into = mirror
