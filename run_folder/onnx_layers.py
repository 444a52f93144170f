"""Layers of torch as nodes and constants of an ONNX graph."""

from collections.abc import Iterable

import numpy as np
import torch
from onnx import NodeProto, TensorProto, helper, numpy_helper
from torch import nn

from algorithms.history_reader import Convolution, Frames, HistoryReader

_ACTIVATIONS = {nn.ReLU: "Relu", nn.ELU: "Elu", nn.Tanh: "Tanh"}
_SWAPPED = (0, 2, 1)  # (b, positions, channels) to the (b, channels, positions) of ONNX, and back


class OnnxLayers:
    """Collects the nodes and constants of layers.

    Attributes:
        nodes: the nodes, in the order of the computation.
        constants: values by name.
    """

    def __init__(self):
        self.nodes: list[NodeProto] = []
        self.constants: dict[str, np.ndarray] = {}

    @property
    def initializers(self) -> list[TensorProto]:
        """The constants as ONNX has them."""
        return [numpy_helper.from_array(values, name) for name, values in self.constants.items()]

    def node(self, operator: str, *inputs: str, **attributes) -> str:
        """Adds a node with one output; returns the name of the output."""
        output = f"x{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, [*inputs], [output], **attributes))
        return output

    def constant(self, values: np.ndarray | torch.Tensor) -> str:
        """Adds a constant; returns its name."""
        name = f"constant{len(self.constants)}"
        self.constants[name] = values.detach().numpy() if isinstance(values, torch.Tensor) else np.asarray(values)
        return name

    def sequence(self, layers: Iterable[nn.Module], value: str) -> str:
        """Adds layers one after the other; returns the name of the last output. `value` is the name of the input."""
        for layer in layers:
            value = self.layer(layer, value)
        return value

    def layer(self, layer: nn.Module, value: str) -> str:
        """Adds a layer; returns the name of its output. `value` is the name of the input (b, ...) float32.

        Raises:
            ValueError: the layer has no translation.
        """
        if isinstance(layer, nn.Linear):
            return self.node("Gemm", value, self.constant(layer.weight), self.constant(layer.bias), transB=1)
        if isinstance(layer, HistoryReader):
            return self._reader(layer, value)
        if isinstance(layer, Frames):
            stacked = self.node("Reshape", value, self.constant(np.array([-1, layer.frames, layer.size])))
            return stacked if layer.axis == "time" else self.node("Transpose", stacked, perm=_SWAPPED)
        if isinstance(layer, Convolution):
            inputs = self.node("Transpose", value, perm=_SWAPPED), self.constant(layer.weight), self.constant(layer.bias)
            return self.node("Transpose", self.node("Conv", *inputs, strides=[*layer.stride]), perm=_SWAPPED)
        if isinstance(layer, nn.Flatten):
            return self.node("Flatten", value, axis=1)
        if type(layer) not in _ACTIVATIONS:
            raise ValueError(f"ONNX files of policies with the layer {type(layer).__name__} cannot be written")
        return self.node(_ACTIVATIONS[type(layer)], value)

    def _reader(self, reader, value):
        """Adds the newest frames, the encoder's features and the estimates, side by side."""
        shape = reader.shape
        parts = [self._newest(value, reader, shape.read)]
        if reader.encoder is not None:
            parts.append(self.sequence(reader.encoder, value))
        if reader.estimator is not None:
            seen = parts[0] if shape.recent == shape.read else self._newest(value, reader, shape.recent)
            if shape.estimator_mean:
                seen = self.node("Concat", seen, self._mean(value, reader), axis=1)
            parts.append(self.sequence(reader.estimator, seen))
        return self.node("Concat", *parts, axis=1)

    def _newest(self, value, reader, count):
        width = reader.shape.frames * reader.frame
        first, last, axis = (self.constant(np.array([n])) for n in (width - count * reader.frame, width, 1))
        return self.node("Slice", value, first, last, axis)

    def _mean(self, value, reader):
        frames = self.node("Reshape", value, self.constant(np.array([-1, reader.shape.frames, reader.frame])))
        return self.node("ReduceMean", frames, axes=[1], keepdims=0)
