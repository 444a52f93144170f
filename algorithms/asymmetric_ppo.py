"""PPO whose critic reads privileged observations, and whose minibatches are joined by their left-right mirror images.

Asymmetric actor-critic: Pinto et al., 2017, arXiv:1710.06542. Mirror images as data augmentation: Mittal et al., 2024,
arXiv:2403.04359. The average of weights: Polyak and Juditsky, 1992, SIAM J. Control Optim. 30(4).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.torch_layers import MlpExtractor
from stable_baselines3.common.type_aliases import RolloutBufferSamples
from stable_baselines3.common.vec_env import VecEnv, VecNormalize
from torch import nn

from algorithms.ppo import PPO, PpoConfig
from utils.fields import FieldError
from utils.mirror import Mirror, Symmetry


@dataclass(frozen=True)
class AsymmetricPpoConfig(PpoConfig):
    """Config of PPO with a privileged critic and mirror images."""

    privileged: bool = True
    """Let the critic read what only the simulator knows, such as the ground's heights. The trained policy does not."""
    mirror: bool = True
    """Join every minibatch with its left-right mirror image, for environments that declare a symmetry."""

    def check_env(self, env: VecEnv) -> None:
        """Raises FieldError if `mirror` is True and the environment declares no symmetry."""
        if self.mirror:
            _symmetry(env)

    def arguments(self) -> dict:
        """Returns the arguments of `AsymmetricPPO`."""
        return super().arguments() | {"mirror": self.mirror}


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


class AsymmetricPolicy(ActorCriticPolicy):
    """SB3's actor-critic with an actor that reads only the part `actor_slice` of the observation."""

    def __init__(self, *args, actor_slice: slice, **kwargs):
        self.actor_slice = actor_slice
        super().__init__(*args, **kwargs)

    def _build_mlp_extractor(self) -> None:
        self.mlp_extractor = TwoReaders(self.actor_slice, self.features_dim, self.net_arch, self.activation_fn)


class AsymmetricPPO(PPO):
    """PPO with an `AsymmetricPolicy`.

    Args:
        policy: ignored; SB3 passes the name of a policy.
        env: its `observation_groups` give the part of the observation for the actor.
        mirror: join minibatches with their mirror images.
        policy_kwargs: as in SB3.

    Raises:
        FieldError: `mirror` is True, and the environment declares no symmetry.
    """

    def __init__(self, policy, env: VecEnv, mirror: bool = True, policy_kwargs: dict | None = None, **kwargs):
        part = env.get_attr("observation_groups", [0])[0]["policy"]
        self.symmetry = _symmetry(env) if mirror else None
        super().__init__(AsymmetricPolicy, env, policy_kwargs={**(policy_kwargs or {}), "actor_slice": part}, **kwargs)

    def _minibatches(self) -> Iterator[RolloutBufferSamples]:
        if self.symmetry is None:
            yield from super()._minibatches()
            return
        observation = normalised(self.symmetry.observation, self.get_vec_normalize_env())
        action = affine(self.symmetry.action)
        for data in super()._minibatches():
            yield joined_with_images(data, observation, action)


class Affine:
    """Maps vectors (n, k) to clip(scale * v[order] + offset, -limit, limit)."""

    def __init__(self, order, scale, offset=None, limit: float | None = None):
        self.order = torch.as_tensor(np.array(order))
        self.scale = torch.as_tensor(np.asarray(scale, np.float32))
        self.offset = None if offset is None else torch.as_tensor(np.asarray(offset, np.float32))
        self.limit = limit

    def __call__(self, vectors: torch.Tensor) -> torch.Tensor:
        image = vectors.index_select(1, self.order).mul_(self.scale)
        if self.offset is not None:
            image.add_(self.offset)
        return image if self.limit is None else image.clamp_(-self.limit, self.limit)


def affine(mirror: Mirror) -> Affine:
    """Returns a mirror as a map of tensors."""
    return Affine(mirror.order, mirror.signs)


def normalised(mirror: Mirror, normalizer: VecNormalize | None) -> Affine:
    """Returns the mirror of observations that `normalizer` has normalised: it mirrors the observations themselves."""
    if normalizer is None:
        return affine(mirror)
    mean, std = normalizer.obs_rms.mean, np.sqrt(normalizer.obs_rms.var + normalizer.epsilon)
    order, signs = list(mirror.order), np.array(mirror.signs)
    return Affine(order, signs * std[order] / std, (signs * mean[order] - mean) / std, normalizer.clip_obs)


def joined_with_images(data: RolloutBufferSamples, observation: Affine, action: Affine) -> RolloutBufferSamples:
    """Returns a minibatch followed by its mirror image, which has the same probabilities, advantages and returns."""
    same = [torch.cat([values, values]) for values in data[2:6]]
    images = observation(data.observations), action(data.actions)
    joined = [torch.cat(pair) for pair in zip(data[:2], images)]
    return RolloutBufferSamples(*joined, *same)


def _symmetry(env: VecEnv) -> Symmetry:
    symmetry = env.get_attr("symmetry", [0])[0]
    if symmetry is None:
        raise FieldError("mirror", "must be False: the environment declares no left-right symmetry")
    return symmetry
