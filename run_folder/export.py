"""Exports a policy for other programs: normaliser, network and clipping in one ONNX or TorchScript file."""

import json
import warnings
from contextlib import closing, suppress
from pathlib import Path

import numpy as np
import onnx
import torch
from gymnasium.spaces import Box, Discrete
from onnx import TensorProto, helper
from torch import nn

from algorithms.action_heads import head
from algorithms.learners import kind_of
from run_folder.action_spaces import described
from run_folder.onnx_layers import OnnxLayers
from run_folder.runs import Run
from utils.config import as_plain
from utils.console.outputs import MARK, marked
from utils.files import read_json, write_aside, write_json
from utils.observation import ObservationTable
from utils.provenance import versions
from utils.vector_infos import control_dt

MODEL_MARKS = {"onnx": MARK, "torchscript": "DeployedPolicy"}  # marks of files that this module wrote
OPSET, IR_VERSION = 17, 8  # old enough for runtimes on robots
OUTPUTS = {
    "box": "(n, a) float32: actions inside of low and high",
    "discrete": "(n,) int64: index of the action",
    "multi_discrete": "(n, a) int64: index of every action",
    "multi_binary": "(n, a) int64: 0 or 1",
}


class DeployedPolicy(nn.Module):
    """Computes the actions of `Run.act`, (n, a) float32 for a Box, else int64, from raw observations (n, k) float32."""

    def __init__(self, run: Run):
        super().__init__()
        source = run.normalizer
        self.mean, self.scale = (torch.from_numpy(values) for values in (source.mean, np.sqrt(source.var + source.eps)))
        self.clip = source.clip
        kind = kind_of(run.policy)
        self.layers = nn.Sequential(*kind.actor_layers(run.policy))
        self.head = head(run.policy.action_space, kind.squashed)

    def forward(self, observation: torch.Tensor) -> torch.Tensor:
        normalized = torch.clip((observation.double() - self.mean) / self.scale, -self.clip, self.clip)
        return self.head(self.layers(normalized.float()))


def export_onnx(run: Run, out: Path) -> None:
    """Writes the policy as ONNX, with its description in the metadata and in a .json file beside it."""
    layers, meaning = _graph(DeployedPolicy(run)), describe(run)
    box = isinstance(run.policy.action_space, Box)
    shape = ["n", *(() if isinstance(run.policy.action_space, Discrete) else run.policy.action_space.shape)]
    graph = helper.make_graph(
        layers.nodes,
        run.env_id,
        [helper.make_tensor_value_info("observation", TensorProto.FLOAT, ["n", len(run.normalizer.mean)])],
        [helper.make_tensor_value_info("action", TensorProto.FLOAT if box else TensorProto.INT64, shape)],
        layers.initializers,
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name=MARK
    )
    helper.set_model_props(model, {name: _text(value) for name, value in meaning.items()})
    onnx.checker.check_model(model, full_check=True)
    _write_both(out, lambda aside: onnx.save(model, str(aside)), meaning)


def export_torchscript(run: Run, out: Path) -> None:
    """Writes the policy as TorchScript, with its description in a .json file beside it."""
    meaning = describe(run)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # deprecated in torch, but programs in C++ read TorchScript
        traced = torch.jit.trace(DeployedPolicy(run).eval().requires_grad_(False), torch.zeros(2, len(run.normalizer.mean)))
    _write_both(out, lambda aside: traced.save(str(aside)), meaning)


def describe(run: Run) -> dict:
    """Returns the description for a program on a robot: names, order and units of observation and action, rates, versions.

    Entries from `describe` of the environment or of its task take precedence over entries from the spaces. The parts of a
    dictionary observation are rows, in their order in the vector that the exported policy takes.

    Raises:
        ValueError: the observations of the environment do not fit the policy.
    """
    with closing(run.make_env(1)) as env:
        run.normalizer(env.single_observation_space.sample())  # refuses a wrong size
        base = _single(env)
        task = getattr(base, "task", None)
        known = next((source.describe() for source in (base, task) if hasattr(source, "describe")), {})
        known |= {"observation": _parts(env, run)} if run.normalizer.names else {}
        rows = known.get("observation") or _rows(env, task)
        if _has_past(env, rows):
            stack = _with_past(env.observation_rows, rows)
            known |= {"observation": stack, "history": _history(stack)}
        plain = {"observation": rows, **_rate(env), "action_space": _action(run.policy.action_space)}
        made = {"env_id": run.env_id, "env_kwargs": as_plain(run.env_kwargs)}
        return {**made, **plain, **known, "versions": versions()}


def _has_past(env, rows):
    """Returns whether the observation of `env` consists of earlier frames of the described rows."""
    slices = env.observation_rows if hasattr(env, "layout") else {}
    return len(slices) > len(rows) and {name.partition("-")[0] for name in slices} == {row["name"] for row in rows}


def _with_past(slices, rows):
    """Returns the rows of an observation with earlier frames, NAME-1 for the previous one, in the order of the vector."""
    known = {row["name"]: row for row in rows}
    names = sorted(slices, key=lambda name: slices[name].start)
    return [known[name.partition("-")[0]] | {"name": name} for name in names]


def _history(stack):
    """Returns the number of frames in an observation with earlier frames, their order, and the frames after a reset."""
    ages = [int(row["name"].partition("-")[2] or 0) for row in stack]
    return {
        "frames": max(ages) + 1,
        "order": "oldest first" if ages == sorted(ages, reverse=True) else "as in observation",
        "names": "NAME-1 is NAME one control step before",
        "start": "all frames are the first one",
    }


def _parts(env, run):
    """Returns name, size and bounds of every part of a dictionary observation, in their order in the vector."""
    space = env.single_observation_space
    return [_row(name, space[name].low, space[name].high) for name in run.normalizer.names]


def _single(env):
    """Returns the environment without wrappers, or the first single environment of a vector of single environments."""
    singles = getattr(env.unwrapped, "envs", None)
    return (singles[0] if singles else env).unwrapped


def _rows(env, task):
    """Returns name, size and bounds of every named block of the observation, else of all of it; None is no bound."""
    table = getattr(task, "observation", None)
    if isinstance(table, ObservationTable):
        return [{name: getattr(row, name) for name in ("name", "size", "low", "high", "unit")} for row in table.rows]
    space = env.single_observation_space
    outer = (getattr(env.unwrapped, "envs", None) or [env])[0]
    slices = {}
    with suppress(AttributeError):  # only our wrappers have named blocks
        slices = outer.get_wrapper_attr("layout").slices
    blocks = slices or {"observation": slice(0, space.shape[0])}
    return [_row(name, space.low[block], space.high[block]) for name, block in blocks.items()]


def _row(name, low, high):
    return {"name": name, "size": len(low), "low": _bound(low.min()), "high": _bound(high.max())}


def _bound(value):
    return float(value) if np.isfinite(value) else None


def _rate(env):
    """Returns the control step, s, and the control rate, Hz, if the environment reports them."""
    dt = control_dt(env)
    return {"control_dt_s": dt, "control_rate_hz": 1.0 / dt} if dt else {}


def _action(space):
    """Returns a policy's action space as plain data, with a sentence about the exported policy's output."""
    kind = described(space)
    bounds = {"low": list(kind.low), "high": list(kind.high)} if kind.kind == "box" else {"values": list(kind.values)}
    return {"kind": kind.kind, "output": OUTPUTS[kind.kind], **bounds}


def _write_both(out, save, meaning):
    """Writes the model and the .json beside it, or neither of them."""
    _check_description(out, meaning)

    def write(aside):
        save(aside)
        write_json(out.with_suffix(".json"), meaning)

    write_aside(out, write)


def _check_description(out, meaning):
    """Raises ValueError if the .json beside `out` describes another model file.

    x.onnx and x.pt share x.json.
    """
    beside = out.with_suffix(".json")
    if not beside.is_file() or beside.stat().st_size == 0 or _timeless(read_json(beside)) == _timeless(meaning):
        return
    for path in out.parent.iterdir():
        if path.with_suffix(".json") == beside and path not in (out, beside) and _is_model(path):
            raise ValueError(f"{beside} describes {path}, which is another policy: give another file, or remove {path}")


def _is_model(path):
    return path.is_file() and any(marked(mark)(path) for mark in MODEL_MARKS.values())


def _timeless(meaning):
    """Returns a description in the types of JSON, without versions."""
    return {name: value for name, value in json.loads(json.dumps(meaning)).items() if name != "versions"}


def _graph(module):
    """Returns the nodes and constants from the raw observation to the action."""
    graph = OnnxLayers()
    low, high = graph.constant(np.array(-module.clip)), graph.constant(np.array(module.clip))
    double = graph.node("Cast", "observation", to=TensorProto.DOUBLE)
    centred = graph.node("Sub", double, graph.constant(module.mean))
    clipped = graph.node("Clip", graph.node("Div", centred, graph.constant(module.scale)), low, high)
    output = graph.sequence(module.layers, graph.node("Cast", clipped, to=TensorProto.FLOAT))
    graph.nodes += module.head.nodes(output)
    graph.constants |= {name: getattr(module.head, name).numpy() for name in module.head.constants}
    return graph


def _text(value):
    return value if isinstance(value, str) else json.dumps(value)
