"""Policies of every environment export as ONNX and TorchScript, and act as `Run.act` does."""

import json
import shutil

import gymnasium as gym
import numpy as np
import onnxruntime
import pytest
import torch
from stable_baselines3.common.vec_env import VecNormalize

import envs  # noqa: F401  (registers the ids)
import export_policy
from run_folder import export
from run_folder.runs import load_run, make_run, save_last
from tests.helpers.foreign_package import importable
from training.command_line import starting_from
from training.learners import make_model

OURS = [name for name, spec in gym.registry.items() if str(spec.entry_point).startswith("envs.")]
BOXES = [*OURS, "Pendulum-v1", "MountainCarContinuous-v0"]
PPO = [*BOXES, "CartPole-v1", "strange_exports:MultiDiscrete-v0", "strange_exports:MultiBinary-v0", "strange_exports:Box-v0"]
SAC = ["Toy-v0", "Pendulum-v1", "RWRLCartpoleSwingup-v0", "strange_exports:Box-v0"]


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    with importable(tmp_path_factory.mktemp("exports"), "strange_exports") as name:
        yield name


def untrained(id, algo, folder, **arguments):
    """Returns a run of an untrained policy with statistics of a few steps; its raw actions exceed their bounds."""
    smallest = {"ppo": {"num_envs": 2, "n_steps": 8, "batch_size": 8}, "sac": {"num_envs": 2, "buffer_size": 8}}[algo]
    config = starting_from("default", id, {"algo": algo, algo: {**smallest, "net_arch": (8,)}, "env_kwargs": arguments})
    env = VecNormalize(config.make_env())
    model = make_model(config, env)
    env.seed(0), env.reset()
    with torch.no_grad():
        for parameter in model.policy.parameters():
            parameter.normal_(0.0, 0.1)  # larger raw actions may differ by 1e-5, by the rounding of another processor
    run = make_run(folder, config, [], id, config.env_arguments)
    save_last(run, model, {})
    env.close()
    return load_run(run)


@pytest.fixture(params=[*((id, "ppo") for id in PPO), *((id, "sac") for id in SAC)], ids=" ".join)
def run(request, package, tmp_path):
    return untrained(*request.param, tmp_path / "run")


def test_both_forms_act_as_the_policy_does_and_say_what_their_numbers_mean(run, tmp_path):
    check_both_forms(run, tmp_path)


DICTIONARIES = [("RWRLWalkerWalk-v0", "sac", {"observation": "dict"}), ("ShadowHandPen-v0", "ppo", {"observation": "goal"})]


@pytest.mark.parametrize(("id", "algo", "arguments"), DICTIONARIES, ids=["RWRL", "goal"])
def test_the_description_of_a_dictionary_policy_gives_its_parts_in_the_order_of_the_vector(id, algo, arguments, tmp_path):
    run = untrained(id, algo, tmp_path / "run", **arguments)
    check_both_forms(run, tmp_path)
    env = run.make_env(5)
    observation, _ = env.reset(seed=0)
    env.close()
    described = [(row["name"], row["size"]) for row in json.loads((tmp_path / "policy.json").read_text())["observation"]]
    assert dict(described) == {name: part.shape[1] for name, part in observation.items()}
    vector = np.concatenate([observation[name] for name, _ in described], axis=1, dtype=np.float32)
    (actions,) = onnxruntime.InferenceSession(tmp_path / "policy.onnx").run(None, {"observation": vector})
    np.testing.assert_allclose(actions, run.act(observation), atol=1e-5, rtol=1e-6)


def check_both_forms(run, tmp_path):
    rows = np.random.default_rng(0).normal(0, 3, (200, len(run.normalizer.mean))).astype(np.float32)
    wanted = run.act(rows)
    assert len(np.unique(wanted)) > 1
    for form, name in (("onnx", "policy.onnx"), ("torchscript", "policy.pt")):
        assert export_policy.main([str(run.folder), str(tmp_path / name), "--format", form]) == 0
        meaning = json.loads((tmp_path / "policy.json").read_text())
        assert meaning["env_id"] == run.env_id and meaning["action_space"]["output"]
        assert sum(row["size"] for row in meaning["observation"]) == rows.shape[1]
    (actions,) = onnxruntime.InferenceSession(tmp_path / "policy.onnx").run(None, {"observation": rows})
    with pytest.warns(DeprecationWarning, match="torch.jit.load"):
        traced = torch.jit.load(tmp_path / "policy.pt")(torch.from_numpy(rows)).detach().numpy()
    for given in (actions, traced):
        assert given.shape == wanted.shape
        np.testing.assert_allclose(given, wanted, atol=1e-5, rtol=1e-6)


@pytest.mark.parametrize(("form", "name"), [("onnx", "policy.onnx"), ("torchscript", "policy.pt")])
def test_an_export_that_fails_leaves_no_file(form, name, tmp_path, monkeypatch, capsys):
    run = untrained("Toy-v0", "ppo", tmp_path / "run")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(export, "write_json", full)
    assert export_policy.main([str(run.folder), str(tmp_path / "out" / name), "--format", form]) == 2
    assert "No space left" in capsys.readouterr().err and not [*(tmp_path / "out").iterdir()]


def test_a_run_whose_environment_refuses_an_argument_gets_one_sentence(run, tmp_path, capsys):
    copy = shutil.copytree(run.folder, tmp_path / "copy")
    (copy / "env.json").write_text(json.dumps({"id": "CartPole-v1", "kwargs": {"foo": 1}}))
    assert export_policy.main([str(copy), str(tmp_path / "policy.onnx")]) == 2
    error = capsys.readouterr().err
    assert "CartPole-v1 cannot be made: " in error and "foo" in error and len(error.splitlines()) == 1


def test_two_models_share_a_description_only_if_it_is_true_of_both(tmp_path, capsys):
    for name, env_id in (("point", "Toy-v0"), ("pendulum", "Pendulum-v1")):
        untrained(env_id, "ppo", tmp_path / name)
    out = tmp_path / "out"

    def export(run, name, form):
        return export_policy.main([str(tmp_path / run), str(out / name), "--format", form])

    assert export("point", "robot.onnx", "onnx") == export("point", "robot.pt", "torchscript") == 0
    before = {path: path.read_bytes() for path in out.iterdir()}
    for name, form in (("robot.pt", "torchscript"), ("robot.v2", "onnx"), ("robot", "torchscript")):
        assert export("pendulum", name, form) == 2
        assert len(capsys.readouterr().err.splitlines()) == 1
        assert {path: path.read_bytes() for path in out.iterdir()} == before
    (out / "robot.pt").unlink()
    (out / "robot.txt").write_text("mine")
    assert export("pendulum", "robot.onnx", "onnx") == 0  # the only model that robot.json describes
    assert json.loads((out / "robot.json").read_text())["env_id"] == "Pendulum-v1"
