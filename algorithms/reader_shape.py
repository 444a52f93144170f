"""Shapes of networks as plain data, with the limits that a saved policy must keep."""

from dataclasses import dataclass
from typing import Literal

from utils.fields import Checked, FieldError, checked, within

WIDEST, DEEPEST = 8192, 16  # width and number of hidden layers that a saved policy may have
LONGEST = 1024  # largest number of frames, channels, kernel or stride that a saved policy may have


def layers(default: tuple[int, ...] | None):
    """Returns a field for the widths of hidden layers; an empty tuple gives a linear policy. None is a possible default."""

    def check(widths):
        return widths is None or (len(widths) <= DEEPEST and all(1 <= width <= WIDEST for width in widths))

    return checked(default, check, f"be up to {DEEPEST} widths from 1 to {WIDEST}")


def sizes(default: tuple[int, ...]):
    """Returns a field for one size of each of up to DEEPEST convolutions."""

    def check(numbers):
        return len(numbers) <= DEEPEST and all(1 <= number <= LONGEST for number in numbers)

    return checked(default, check, f"be up to {DEEPEST} numbers from 1 to {LONGEST}")


@dataclass(frozen=True)
class EncoderShape(Checked):
    """A convolution over the frames of a stacked observation, and layers behind it. No channels mean no encoder."""

    axis: Literal["time", "features"] = "time"
    """Direction in which the kernels move. The other direction gives the channels: `features` takes frames as channels."""
    channels: tuple[int, ...] = sizes(())
    """Channels of each convolution; ReLU follows."""
    kernels: tuple[int, ...] = sizes(())
    """Sizes of the kernels."""
    strides: tuple[int, ...] = sizes(())
    """Strides of the kernels."""
    arch: tuple[int, ...] = layers(())
    """Widths of the hidden layers behind the convolutions."""
    size: int = within(64, 1, LONGEST)
    """Number of features that the encoder gives."""

    def lengths(self, length: int) -> list[int]:
        """Returns the positions of each convolution for `length` entries along `axis`; the first is `length` itself.

        Raises:
            FieldError: the numbers of channels, kernels and strides differ, or a kernel is longer than its input.
        """
        for name in ("kernels", "strides"):
            if len(getattr(self, name)) != len(self.channels):
                words = f"must have one number for each of the {len(self.channels)} channels, got {getattr(self, name)}"
                raise FieldError(name, words)
        lengths = [length]
        for kernel, stride in zip(self.kernels, self.strides):
            if kernel > lengths[-1]:
                raise FieldError("kernels", f"must fit into {lengths[-1]} entries along {self.axis}, got {kernel}")
            lengths.append((lengths[-1] - kernel) // stride + 1)
        return lengths


@dataclass(frozen=True)
class ReaderShape(Checked):
    """What an actor computes from a stacked observation for its hidden layers, as plain data.

    The hidden layers read the newest frames, the features of the encoder, and the estimates.
    """

    frames: int = within(1, 1, LONGEST)
    """Number of frames of the observation, oldest first."""
    recent: int = within(1, 1, LONGEST)
    """Number of newest frames that the estimator reads, and, without `direct`, the hidden layers."""
    encoder: EncoderShape = EncoderShape()
    """The encoder of all frames."""
    estimator: tuple[int, ...] = layers(())
    """Widths of the hidden layers of the estimator."""
    estimated: int = within(0, 0, LONGEST)
    """Number of estimated values; 0 for no estimator."""
    detached: bool = False
    """Whether the policy's loss has no gradient with respect to the estimates."""
    direct: int | None = within(None, 1, LONGEST)
    """Number of newest frames that the hidden layers read; None for as many as the estimator."""
    estimator_mean: bool = False
    """Whether the estimator also reads the mean of all frames."""

    @property
    def read(self) -> int:
        """Number of newest frames that the hidden layers read."""
        return self.recent if self.direct is None else self.direct

    @property
    def plain(self) -> bool:
        """Whether the hidden layers read the observation itself."""
        return not (self.encoder.channels or self.estimated)

    def frame_size(self, observation_size: int) -> int:
        """Returns the size of a frame.

        Raises:
            FieldError: the observation does not consist of so many frames, or the encoder does not fit them.
        """
        size, rest = divmod(observation_size, self.frames)
        if rest or max(self.recent, self.read) > self.frames:
            newest = max(self.recent, self.read)
            words = f"must be whole frames of {observation_size} values, and at least the {newest} newest ones"
            raise FieldError("frames", f"{words}, got {self.frames}")
        if self.estimator_mean and not self.estimated:
            raise FieldError("estimator_mean", "must be False without an estimator, got True")
        self.encoder.lengths(self.frames if self.encoder.axis == "time" else size)
        return size

    def newest(self, part: slice) -> slice:
        """Returns the newest frames in `part` of an observation, the part for the actor."""
        return slice(part.stop - self.read * self.frame_size(part.stop - part.start), part.stop)
