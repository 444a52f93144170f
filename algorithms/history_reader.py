"""Networks that read a stacked observation: a convolution over its history, and an estimator of quantities that it hides.

Both follow the training configuration of AgiBot's X1 (2024). An estimator that is trained together with the policy is that
of Ji et al., 2022, arXiv:2202.05481; a convolution over a long history is that of Kumar et al., 2021, arXiv:2107.04034.
"""

from collections.abc import Mapping
from itertools import pairwise

import torch
from stable_baselines3.common.torch_layers import MlpExtractor
from torch import nn
from torch.nn import functional

from algorithms.reader_shape import ReaderShape


class HistoryReader(nn.Module):
    """Turns stacked observations (b, frames * size), oldest first, into the inputs of the hidden layers.

    Args:
        shape: the networks.
        size: size of the observation.
        activation: activation of the layers, except the convolutions.

    Attributes:
        frame: size of a frame.
        size: number of outputs: newest frames, features of the encoder, estimates, in this order.
        encoder, estimator: the networks; None without one.

    Raises:
        FieldError: as `ReaderShape.frame_size` does.
    """

    def __init__(self, shape: ReaderShape, size: int, activation: type[nn.Module]):
        super().__init__()
        self.shape, self.frame = shape, shape.frame_size(size)
        recent, read = (count * self.frame for count in (shape.recent, shape.read))
        self._recent, self._read = slice(size - recent, size), slice(size - read, size)
        features = shape.encoder.size if shape.encoder.channels else 0
        self.encoder = _encoder(shape, self.frame, activation) if features else None
        seen = recent + self.frame * shape.estimator_mean
        self.estimator = _dense((seen, *shape.estimator, shape.estimated), activation) if shape.estimated else None
        self.size = read + features + shape.estimated

    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        parts = [observations[:, self._read]]
        if self.encoder is not None:
            parts.append(self.encoder(observations))
        if self.estimator is not None:
            estimates = self.estimate(observations)
            parts.append(estimates.detach() if self.shape.detached else estimates)
        return torch.cat(parts, dim=1)

    def estimate(self, observations: torch.Tensor) -> torch.Tensor:
        """Returns the estimates (b, estimated) for stacked observations; they keep their gradient if `detached`."""
        seen = observations[:, self._recent]
        if self.shape.estimator_mean:
            seen = torch.cat([seen, observations.unflatten(1, (self.shape.frames, self.frame)).mean(dim=1)], dim=1)
        return self.estimator(seen)


class TwoReaders(nn.Module):
    """Hidden layers of an actor that reads a part of the observation, and of a critic that reads another part.

    The layers have the names that SB3's MlpExtractor gives them; a `HistoryReader` is the actor's first layer.

    Args:
        part: the part of the observation (n, size) for the actor.
        size: size of the observation.
        net_arch, activation: as in MlpExtractor.
        critic_part: the part for the critic; all of the observation by default.
        shape: networks between the observation and the actor's layers; a plain one adds none.
    """

    def __init__(
        self,
        part: slice,
        size: int,
        net_arch: list[int] | Mapping[str, list[int]],
        activation: type[nn.Module],
        critic_part: slice = slice(None),
        shape: ReaderShape = ReaderShape(),
    ):
        super().__init__()
        self.part, self.critic_part = part, critic_part
        width = len(range(size)[part])
        reader = None if shape.plain else HistoryReader(shape, width, activation)
        actor = MlpExtractor(width if reader is None else reader.size, net_arch, activation, "cpu")
        critic = MlpExtractor(len(range(size)[critic_part]), net_arch, activation, "cpu")
        self.policy_net, self.value_net = actor.policy_net, critic.value_net
        if reader is not None:
            self.policy_net = nn.Sequential(reader, *self.policy_net)
        self.latent_dim_pi, self.latent_dim_vf = actor.latent_dim_pi, critic.latent_dim_vf

    def forward(self, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.forward_actor(features), self.forward_critic(features)

    def forward_actor(self, features: torch.Tensor) -> torch.Tensor:
        return self.policy_net(features[:, self.part])

    def forward_critic(self, features: torch.Tensor) -> torch.Tensor:
        return self.value_net(features[:, self.critic_part])


class Frames(nn.Module):
    """Arranges stacked observations (b, frames * size) as (b, positions, channels) for convolutions along `axis`."""

    def __init__(self, frames: int, size: int, axis: str):
        super().__init__()
        self.frames, self.size, self.axis = frames, size, axis

    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        stacked = observations.reshape(-1, self.frames, self.size)
        return stacked if self.axis == "time" else stacked.transpose(1, 2)


class Convolution(nn.Conv1d):
    """A Conv1d from (b, positions, channels) to (b, positions, channels).

    The windows of a stacked observation are blocks of its memory, so that this is one product of matrices: with 66 frames,
    kernels of 6 and strides of 6 it takes 0.6 of the time of Conv1d.
    """

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        (kernel,), (stride,), channels = self.kernel_size, self.stride, rows.shape[2]
        windows = rows.flatten(1).unfold(1, kernel * channels, stride * channels)  # (b, positions, kernel * channels)
        return functional.linear(windows, self.weight.transpose(1, 2).flatten(1), self.bias)


def _encoder(shape, frame, activation):
    """Returns the layers from a stacked observation to the features."""
    encoder, ends = shape.encoder, (frame, shape.frames)
    channels, length = ends if encoder.axis == "time" else ends[::-1]
    modules = [Frames(shape.frames, frame, encoder.axis)]
    for (into, out), kernel, stride in zip(pairwise((channels, *encoder.channels)), encoder.kernels, encoder.strides):
        modules += [Convolution(into, out, kernel, stride), nn.ReLU()]
    flat = encoder.channels[-1] * encoder.lengths(length)[-1]
    return nn.Sequential(*modules, nn.Flatten(), *_dense((flat, *encoder.arch, encoder.size), activation))


def _dense(widths, activation):
    """Returns linear layers of these widths, with activations between them."""
    modules = [module for pair in pairwise(widths) for module in (nn.Linear(*pair), activation())]
    return nn.Sequential(*modules[:-1])
