"""Descriptions and exported policies of Biped-v0 for tests of its deployment."""

import json
from copy import deepcopy
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from stable_baselines3.common.vec_env import VecNormalize

from algorithms.vec_env import make_vector
from envs.biped.config import BipedConfig
from run_folder.export import describe
from run_folder.runs import Run, load_run, make_run, save_last
from training.command_line import starting_from
from training.learners import make_model

MODEL = Path(__file__).parents[2] / "assets" / "biped" / "world.xml"
SMALLEST = {"num_envs": 2, "n_steps": 8, "batch_size": 8, "net_arch": (8,)}


def untrained(folder: Path, preset: str = "one_frame", **arguments) -> Run:
    """Returns a run of a policy of random weights, with normaliser statistics of one step.

    The networks are as small as possible with the preset `one_frame`, and otherwise those of the preset.
    """
    plain = SMALLEST | {"symmetric": False} if preset == "one_frame" else {"num_envs": 2, "n_steps": 8, "batch_size": 8}
    task = {name: arguments.pop(name) for name in BipedConfig.__dataclass_fields__ if name in arguments}
    networks = {"algo": "asymmetric_ppo", "asymmetric_ppo": plain, "ppo": SMALLEST}
    settings = networks | {"env": task, "env_kwargs": arguments}
    config = starting_from(preset, "Biped-v0", settings)
    env = VecNormalize(config.make_env())
    model = make_model(config, env)
    env.seed(0), env.reset()
    with torch.no_grad():
        # The actor first, so that its weights do not depend on what the critic reads.
        for _, parameter in sorted(model.policy.named_parameters(), key=lambda named: "value_net" in named[0]):
            parameter.normal_(0.0, 1.0 / max(1.0, parameter.shape[-1]) ** 0.5)
    save_last(make_run(folder, config, [], "Biped-v0", config.env_arguments), model, {})
    env.close()
    return load_run(folder)


class _OfAnySize:
    names = None

    def __call__(self, observation):
        return observation


@cache
def _content(**arguments):
    class Untrained:
        env_id, env_kwargs = "Biped-v0", arguments

        class policy:
            action_space = None

        normalizer = _OfAnySize()

        @staticmethod
        def make_env(n):
            return make_vector("envs:Biped-v0", n, 1, **arguments)

    env = Untrained.make_env(1)
    Untrained.policy.action_space = env.single_action_space
    env.close()
    return json.loads(json.dumps(describe(Untrained)))


def description(**arguments) -> dict:
    """Returns the content of the policy.json of a biped with these arguments of the environment."""
    return deepcopy(_content(**arguments))


def constant_policy(folder: Path, content: dict, action: np.ndarray) -> Path:
    """Writes a pair policy.onnx and policy.json whose action is always `action` (a,); returns the ONNX file."""
    size, n = sum(row["size"] for row in content["observation"]), len(action)
    weights = {"weight": np.zeros((size, n), np.float32), "bias": np.asarray(action, np.float32)}
    graph = helper.make_graph(
        [helper.make_node("Gemm", ["observation", "weight", "bias"], ["action"])],
        "constant",
        [helper.make_tensor_value_info("observation", TensorProto.FLOAT, ["n", size])],
        [helper.make_tensor_value_info("action", TensorProto.FLOAT, ["n", n])],
        [numpy_helper.from_array(values, name) for name, values in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, str(folder / "policy.onnx"))
    (folder / "policy.json").write_text(json.dumps(content))
    return folder / "policy.onnx"
