"""Options of a learner whose actor reads a history: an encoder of all frames, and an estimator of privileged values."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from stable_baselines3.common.vec_env import VecEnv

from algorithms.reader_shape import LONGEST, EncoderShape, ReaderShape, layers, sizes
from utils.config import nearest_name
from utils.fields import Checked, FieldError, within

RECENT = 5  # frames that the layers behind the encoder read, as in the training configuration of AgiBot's X1 (2024)
_ENCODER = ("encoder_channels", "encoder_kernels", "encoder_strides", "encoder_arch", "encoder_size")
_ESTIMATOR = ("estimated", "estimate_from", "estimator_arch", "estimator_coef", "detach_estimator")


@dataclass(frozen=True)
class HistoryOptions(Checked):
    """Options of the networks between a stacked observation and the hidden layers of the actor."""

    encoder: Literal["none", "time", "features"] = "none"
    """Convolution over all frames of the observation, whose features the actor reads. The kernels move along the time
    (time), or along the values of a frame, with frames as channels (features). The actor then reads only the newest frames
    itself, and all frames share the statistics of the normaliser."""
    encoder_channels: tuple[int, ...] = sizes((32, 16))
    """Channels of each convolution."""
    encoder_kernels: tuple[int, ...] = sizes((6, 4))
    """Size of the kernels of each convolution."""
    encoder_strides: tuple[int, ...] = sizes((3, 2))
    """Stride of the kernels of each convolution."""
    encoder_arch: tuple[int, ...] = layers((128,))
    """Widths of the hidden layers behind the convolutions."""
    encoder_size: int = within(64, 1, LONGEST)
    """Number of features of the history."""
    recent_frames: int | None = within(None, 1, LONGEST)
    """Newest frames that the actor's layers and the estimator read, with an encoder or an estimator; None for 5, or for all
    frames if there are fewer."""
    direct_frames: int | None = within(None, 1, LONGEST)
    """Newest frames that the actor's layers read, if the estimator reads another number; None for as many. Old actions and
    velocities in them carry the noise of exploration, by which a network can memorise single samples."""
    estimate: bool = False
    """Train a network that estimates privileged values, such as the velocity of the body, from the newest frames. The actor
    reads the estimates."""
    estimated: tuple[str, ...] = ()
    """Rows of the privileged observation to estimate; none names those that the task declares, or all."""
    estimate_from: Literal["newest", "mean"] = "newest"
    """What the estimator reads: the newest frames (newest), or these and the mean of all frames (mean), in which properties
    of the robot show."""
    estimator_arch: tuple[int, ...] = layers((256, 128, 64))
    """Widths of the hidden layers of the estimator."""
    estimator_coef: float = within(1.0, above=0)
    """Weight of the estimates' mean squared error, in variances of the estimated values, in the loss."""
    detach_estimator: bool = False
    """Train the estimator by its error only, without the gradient of the PPO loss."""

    @property
    def encodes(self) -> bool:
        """Whether there is an encoder."""
        return self.encoder != "none"

    @property
    def idle_networks(self) -> dict[str, str]:
        """Fields of this class that have no effect -> the reason."""
        idle = {} if self.encodes else dict.fromkeys(_ENCODER, "encoder is none")
        idle |= {} if self.estimate else dict.fromkeys(_ESTIMATOR, "estimate is False")
        idle |= {} if self.estimate else {"direct_frames": "there is no estimator: use recent_frames"}
        return idle if self.encodes or self.estimate else idle | {"recent_frames": "there is no encoder and no estimator"}

    def check_symmetric(self) -> None:
        """Raises FieldError if these networks cannot be symmetric."""
        if self.encoder == "features":
            words = "must be time or none for symmetric networks: a mirror moves the values that its kernels move along"
            raise FieldError("encoder", words)
        wide = {"encoder_channels": self.encoder_channels, "encoder_arch": self.encoder_arch}
        wide = wide | {"encoder_size": (self.encoder_size,)} if self.encodes else {}
        wide |= {"estimator_arch": self.estimator_arch} if self.estimate else {}
        for name, widths in wide.items():
            if any(width % 2 for width in widths):
                raise FieldError(name, f"must be even for symmetric networks, got {' '.join(map(str, widths))}")

    def shape(self, env: VecEnv) -> ReaderShape:
        """Returns the networks for an environment, a BatchVecEnv or a wrapper of one.

        Raises:
            FieldError: the observation has too few frames, or has no such rows.
        """
        if not (self.encodes or self.estimate):
            return ReaderShape()
        frames, size = env.policy_frames, len(range(*env.observation_space.shape)[env.observation_groups["policy"]])
        recent = min(RECENT, frames) if self.recent_frames is None else self.recent_frames
        if self.encodes and not self.encoder_channels:
            raise FieldError("encoder_channels", "must name at least one convolution; encoder none needs none")
        if self.encodes and frames == 1:
            raise FieldError("encoder", "must be none: the observation has no history (give the environment more frames)")
        for name, count in (("recent_frames", recent), ("direct_frames", self.direct_frames or 1)):
            if count > frames:
                raise FieldError(name, f"must be at most the frames of the observation, {frames}, got {count}")
        count, arch = len(self.columns(env)), self.estimator_arch if self.estimate else ()
        mean = self.estimate and self.estimate_from == "mean"
        shape = ReaderShape(frames, recent, self._encoder, arch, count, self.detach_estimator, self.direct_frames, mean)
        try:
            shape.frame_size(size)
        except FieldError as error:
            raise FieldError(f"encoder_{error.path}", error.words) from None
        return shape

    def columns(self, env: VecEnv) -> list[int]:
        """Returns the columns of the observation that the estimator learns; empty without an estimator.

        Raises:
            FieldError: there are no privileged values, or no such rows.
        """
        if not self.estimate:
            return []
        declared, policy = env.estimated_rows, env.observation_groups["policy"]
        if not declared:
            raise FieldError("estimate", "must be False: the observation has no privileged values to estimate")
        known = {name: place for name, place in env.observation_rows.items() if place.start >= policy.stop}
        for name in self.estimated:
            if name not in known:
                raise FieldError("estimated", f"must not contain {name!r}, no privileged row{nearest_name(name, known)}")
        numbers = np.arange(*env.observation_space.shape)
        return [int(column) for name in dict.fromkeys(self.estimated or declared) for column in numbers[known[name]]]

    @property
    def _encoder(self):
        if not self.encodes:
            return EncoderShape()
        sizes = self.encoder_channels, self.encoder_kernels, self.encoder_strides
        return EncoderShape(self.encoder, *sizes, self.encoder_arch, self.encoder_size)
