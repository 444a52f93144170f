"""A policy for other programs: normaliser, network and clipping in one ONNX or TorchScript file, with its meaning."""

import json
import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from stable_baselines3.common.policies import ActorCriticPolicy, BasePolicy
from torch import nn

from utils.files import write_aside, write_json
from utils.outputs import MARK
from utils.provenance import versions
from utils.runs import Run

OPSET, IR_VERSION = 17, 8  # old enough for runtimes on robots
_ONNX_ACTIVATIONS = {nn.ReLU: "Relu", nn.ELU: "Elu", nn.Tanh: "Tanh"}


class DeployedPolicy(nn.Module):
    """Raw observations (n, k) float32 -> actions (n, a) float32, as `Run.act` gives them."""

    def __init__(self, run: Run):
        super().__init__()
        held, space = run.normalizer, run.policy.action_space
        self.mean, self.scale = (torch.from_numpy(values) for values in (held.mean, np.sqrt(held.var + held.eps)))
        self.clip = held.clip
        self.layers = nn.Sequential(*layers(run.policy))
        self.low, self.high = (torch.from_numpy(bound.copy()) for bound in (space.low, space.high))

    def forward(self, observation: torch.Tensor) -> torch.Tensor:
        normalized = torch.clip((observation.double() - self.mean) / self.scale, -self.clip, self.clip)
        return torch.clip(self.layers(normalized.float()), self.low, self.high)


def layers(policy: BasePolicy) -> list[nn.Module]:
    """Returns the layers from a normalised observation to the mean action; those of SAC end in a tanh.

    Raises:
        ValueError: SAC's actions do not lie in [-1, 1], so that the tanh would not be the end.
    """
    if isinstance(policy, ActorCriticPolicy):
        return [*policy.mlp_extractor.policy_net, policy.action_net]
    if not (np.all(policy.action_space.low == -1.0) and np.all(policy.action_space.high == 1.0)):
        raise ValueError("a SAC policy can be exported where its actions lie in [-1, 1]")
    return [*policy.actor.latent_pi, policy.actor.mu, nn.Tanh()]


def export_onnx(run: Run, out: Path) -> None:
    """Writes the policy as ONNX, what its numbers mean in the file's metadata and in a .json beside it."""
    module, meaning = DeployedPolicy(run), describe(run)
    graph = helper.make_graph(
        _nodes(module.layers),
        run.env_id,
        [helper.make_tensor_value_info("observation", TensorProto.FLOAT, ["n", len(run.normalizer.mean)])],
        [helper.make_tensor_value_info("action", TensorProto.FLOAT, ["n", len(module.low)])],
        [numpy_helper.from_array(values, name) for name, values in _constants(module).items()],
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name=MARK
    )
    helper.set_model_props(model, {name: _text(value) for name, value in meaning.items()})
    onnx.checker.check_model(model)
    write_aside(out, lambda aside: onnx.save(model, str(aside)))
    write_json(out.with_suffix(".json"), meaning)


def export_torchscript(run: Run, out: Path) -> None:
    """Writes the policy as TorchScript, and what its numbers mean in a .json beside it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # torch has a newer form; programs in C++ read this one
        traced = torch.jit.trace(DeployedPolicy(run).eval(), torch.zeros(2, len(run.normalizer.mean)))
    write_aside(out, lambda aside: traced.save(str(aside)))
    write_json(out.with_suffix(".json"), describe(run))


def describe(run: Run) -> dict:
    """Returns what a program on a robot must know: observation and action by name, order and unit, rates, versions."""
    env = run.make_env(1)
    try:
        return {"env_id": run.env_id, **env.unwrapped.task.describe(), "versions": versions()}
    finally:
        env.close()


def _nodes(sequence):
    nodes = [
        helper.make_node("Cast", ["observation"], ["double"], to=TensorProto.DOUBLE),
        helper.make_node("Sub", ["double", "mean"], ["centred"]),
        helper.make_node("Div", ["centred", "scale"], ["scaled"]),
        helper.make_node("Clip", ["scaled", "clip_low", "clip_high"], ["clipped"]),
        helper.make_node("Cast", ["clipped"], ["x0"], to=TensorProto.FLOAT),
    ]
    for i, layer in enumerate(sequence):
        if isinstance(layer, nn.Linear):
            nodes.append(helper.make_node("Gemm", [f"x{i}", f"weight{i}", f"bias{i}"], [f"x{i + 1}"], transB=1))
        else:
            nodes.append(helper.make_node(_ONNX_ACTIVATIONS[type(layer)], [f"x{i}"], [f"x{i + 1}"]))
    last = f"x{len(sequence)}"
    return [
        *nodes,
        helper.make_node("Max", [last, "low"], ["above"]),
        helper.make_node("Min", ["above", "high"], ["action"]),
    ]


def _constants(module):
    clip = {"clip_low": np.array(-module.clip), "clip_high": np.array(module.clip)}
    constants = {name: getattr(module, name).numpy() for name in ("mean", "scale", "low", "high")} | clip
    for i, layer in enumerate(module.layers):
        if isinstance(layer, nn.Linear):
            constants[f"weight{i}"], constants[f"bias{i}"] = layer.weight.detach().numpy(), layer.bias.detach().numpy()
    return constants


def _text(value):
    return value if isinstance(value, str) else json.dumps(value)
