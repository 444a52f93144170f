"""Layers with a left-right symmetry: mirrored inputs give mirrored outputs, whatever the weights are.

The hidden units form pairs that a mirror swaps, and mirrored weights are equal. An equivariant network: van der Pol et al.,
2020, arXiv:2006.16908.
"""

from collections.abc import Iterable

import torch
from torch import nn
from torch.nn.utils import parametrize

from algorithms.history_reader import HistoryReader
from utils.mirror import Mirror, joined, moved, unchanged


class Tied(nn.Module):
    """Parametrisation that makes a weight (out, in, ...), or a vector (out,), equal to its mirror image.

    Args:
        out: mirror of the outputs.
        into: mirror of the inputs; None for a vector.
        kernel: number of further axes of the weight, such as the positions of a kernel, which keep their places.
    """

    def __init__(self, out: Mirror, into: Mirror | None = None, kernel: int = 0):
        super().__init__()
        self._rows, signs = torch.tensor(out.order), torch.tensor(out.signs)
        self._columns = None if into is None else torch.tensor(into.order)
        signs = signs if into is None else signs[:, None] * torch.tensor(into.signs)
        self._signs = signs.reshape(*signs.shape, *[1] * kernel)

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        image = weight[self._rows] if self._columns is None else weight[self._rows][:, self._columns]
        return 0.5 * (weight + self._signs * image)


def tie(modules: Iterable[nn.Module], into: Mirror, out: Mirror | None = None) -> Mirror:
    """Makes consecutive layers symmetric; returns the mirror of the last outputs.

    Args:
        modules: linear layers and convolutions of even widths, with activations between them.
        into: mirror of the inputs; for a convolution, of the channels.
        out: mirror of the last layer's outputs; None for pairs, as in the hidden layers.
    """
    modules = [*modules]
    weighted = [module for module in modules if isinstance(module, (nn.Linear, nn.Conv1d))]
    for module in modules:
        if isinstance(module, nn.Flatten):
            into = _flat(into, weighted)
        elif module in weighted:
            pairs = moved((1, 0), unchanged(module.weight.shape[0] // 2))
            mirror = out if out is not None and module is weighted[-1] else pairs
            _tie_layer(module, mirror, into)
            into = mirror
    return into


def tie_reader(reader: HistoryReader, into: Mirror, estimates: Mirror | None) -> Mirror:
    """Makes the networks of a `HistoryReader` symmetric; returns the mirror of its outputs.

    Args:
        reader: the networks; an encoder must move its kernels along the time.
        into: mirror of the stacked observation, which maps every frame to itself.
        estimates: mirror of the estimated values; None without an estimator.
    """
    frame = into.part(slice(len(into) - reader.frame, len(into)))
    recent, read = (moved(range(count), frame) for count in (reader.shape.recent, reader.shape.read))
    parts = [read]
    if reader.encoder is not None:
        parts.append(tie(reader.encoder, frame))
    if reader.estimator is not None:
        seen = joined(recent, frame) if reader.shape.estimator_mean else recent
        parts.append(tie(reader.estimator, seen, estimates))
    return joined(*parts)


def _tie_layer(layer, out, into):
    layer.weight.data.mul_(2**0.5)  # the mean of two independent weights has half of their variance
    parametrize.register_parametrization(layer, "weight", Tied(out, into, layer.weight.dim() - 2))
    parametrize.register_parametrization(layer, "bias", Tied(out))


def _flat(channels, weighted):
    """Returns the mirror of the flattened outputs (positions, channels) of a convolution, whose positions stay."""
    behind = next(layer for layer in weighted if isinstance(layer, nn.Linear))
    return moved(range(behind.in_features // len(channels)), channels)
