"""The last layer of an exported policy, from the network's output to an action, in torch and as ONNX nodes."""

import numpy as np
import torch
from gymnasium import spaces
from onnx import NodeProto, TensorProto, helper
from torch import nn


class Clip(nn.Module):
    """Clips (n, a) float32 to the bounds of a Box."""

    constants = ("low", "high")

    def __init__(self, space: spaces.Box):
        super().__init__()
        self.low, self.high = (torch.from_numpy(bound.astype(np.float32)) for bound in (space.low, space.high))

    def forward(self, output: torch.Tensor) -> torch.Tensor:
        return torch.clip(output, self.low, self.high)

    def nodes(self, output: str) -> list[NodeProto]:
        return [helper.make_node("Max", [output, "low"], ["above"]), helper.make_node("Min", ["above", "high"], ["action"])]


class Rescale(nn.Module):
    """Scales (n, a) float32 from [-1, 1] to the bounds of a Box."""

    constants = ("half", "middle")

    def __init__(self, space: spaces.Box):
        super().__init__()
        low, high = space.low.astype(float), space.high.astype(float)
        constants = ((high - low) / 2, (high + low) / 2)
        self.half, self.middle = (torch.from_numpy(values.astype(np.float32)) for values in constants)

    def forward(self, output: torch.Tensor) -> torch.Tensor:
        return output * self.half + self.middle

    def nodes(self, output: str) -> list[NodeProto]:
        return [
            helper.make_node("Mul", [output, "half"], ["scaled_action"]),
            helper.make_node("Add", ["scaled_action", "middle"], ["action"]),
        ]


class Largest(nn.Module):
    """Returns the index, (n,) int64, of the largest value in each row of (n, values)."""

    constants = ()

    def __init__(self, space: spaces.Discrete):
        super().__init__()

    def forward(self, output: torch.Tensor) -> torch.Tensor:
        return torch.argmax(output, dim=1)

    def nodes(self, output: str) -> list[NodeProto]:
        return [helper.make_node("ArgMax", [output], ["action"], axis=1, keepdims=0)]


class LargestOfEach(nn.Module):
    """Returns the index, (n, a) int64, of the largest value of each action, from (n, sum of all actions' values)."""

    constants = ("sizes",)

    def __init__(self, space: spaces.MultiDiscrete):
        super().__init__()
        self.sizes = torch.from_numpy(space.nvec.astype(np.int64))
        self._sizes = space.nvec.tolist()

    def forward(self, output: torch.Tensor) -> torch.Tensor:
        return torch.stack([torch.argmax(part, dim=1) for part in torch.split(output, self._sizes, dim=1)], dim=1)

    def nodes(self, output: str) -> list[NodeProto]:
        parts, chosen = ([f"{name}{i}" for i in range(len(self._sizes))] for name in ("part", "chosen"))
        return [
            helper.make_node("Split", [output, "sizes"], parts, axis=1),
            *(helper.make_node("ArgMax", [part], [index], axis=1, keepdims=1) for part, index in zip(parts, chosen)),
            helper.make_node("Concat", chosen, ["action"], axis=1),
        ]


class Positive(nn.Module):
    """Returns (n, a) int64, 1 where (n, a) float32 is above 0."""

    constants = ("zero",)

    def __init__(self, space: spaces.MultiBinary):
        super().__init__()
        self.zero = torch.zeros(1)

    def forward(self, output: torch.Tensor) -> torch.Tensor:
        return (output > self.zero).long()

    def nodes(self, output: str) -> list[NodeProto]:
        return [
            helper.make_node("Greater", [output, "zero"], ["positive"]),
            helper.make_node("Cast", ["positive"], ["action"], to=TensorProto.INT64),
        ]


HEADS = {spaces.Discrete: Largest, spaces.MultiDiscrete: LargestOfEach, spaces.MultiBinary: Positive}


def head(space: spaces.Space, squashed: bool) -> nn.Module:
    """Returns the module that turns a policy's output into an action; a `squashed` output lies in [-1, 1]."""
    if isinstance(space, spaces.Box):
        return Rescale(space) if squashed else Clip(space)
    return HEADS[type(space)](space)
