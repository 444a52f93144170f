"""An exported policy acts as the trained one, describes its numbers, and walks in the loop of docs/deploy.md."""

import json
import re
from pathlib import Path

import gymnasium as gym
import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from stable_baselines3 import PPO, SAC
from stable_baselines3.common.vec_env import VecNormalize
from stable_baselines3.sac.policies import SACPolicy

import export_policy
from algorithms.vec_env import BatchVecEnv
from controllers.leg_names import JOINTS
from envs.locomotion.terrain import TerrainConfig
from envs.residual_walk.variation import VariationConfig
from run_folder.policy import read_architecture, read_policy
from run_folder.runs import load_run
from run_folder.sb3_files import import_sb3
from tests.helpers.small_runs import trained
from training.tasks import TASKS

ROOT = Path(__file__).parents[2]
SHIPPED = sorted((ROOT / "assets" / "policies").iterdir())
PLAIN = [path for path in SHIPPED if read_architecture(path).shape.plain]  # without networks that read a history
SMALL = ("own", "sac")  # of other algorithms and layer sizes


def observations(run, n=1000):
    """Returns observations (n, k), some of them far outside of the training range."""
    spread = np.random.default_rng(0).normal(0, 4, (n, len(run.normalizer.mean)))
    return (run.normalizer.mean + spread * np.sqrt(run.normalizer.var)).astype(np.float32)


@pytest.fixture(params=SHIPPED, ids=lambda path: path.name)
def shipped(request):
    return request.param


@pytest.fixture(scope="module", params=[*SHIPPED, *SMALL], ids=lambda of: getattr(of, "name", of))
def policy(request, tmp_path_factory):
    """Returns the folder of a policy: every shipped one, and other kinds."""
    return trained(request.param, tmp_path_factory.mktemp("small"))[0] if request.param in SMALL else request.param


def exported(policy, out, form):
    assert export_policy.main([str(policy), str(out), "--format", form]) == 0
    return out


def test_onnx_acts_as_predict_does(policy, tmp_path):
    run = load_run(policy)
    session = onnxruntime.InferenceSession(exported(policy, tmp_path / "policy.onnx", "onnx"))
    rows = observations(run)
    (actions,) = session.run(None, {"observation": rows})
    wanted = run.act(rows)
    np.testing.assert_allclose(actions, wanted, atol=1e-5)
    assert (np.abs(wanted) < 0.99).any()
    if policy in SHIPPED:
        assert (np.abs(wanted) == 1.0).any()  # some of them clipped


def test_torchscript_acts_as_predict_does(policy, tmp_path):
    run, rows = load_run(policy), observations(load_run(policy))
    path = exported(policy, tmp_path / "policy.pt", "torchscript")
    with pytest.warns(DeprecationWarning, match="torch.jit.load"):
        module = torch.jit.load(path)
    np.testing.assert_allclose(module(torch.from_numpy(rows)).detach().numpy(), run.act(rows), atol=1e-5)


@pytest.mark.parametrize("policy", [*PLAIN, *SMALL], indirect=True, ids=lambda of: getattr(of, "name", of))
def test_sb3_reads_its_own_form_and_it_can_be_imported_again(policy, tmp_path):
    run, rows = load_run(policy), observations(load_run(policy))
    folder = exported(policy, tmp_path / "sb3", "sb3")
    env = VecNormalize.load(str(folder / "vecnormalize.pkl"), BatchVecEnv(run.make_env(1)))
    algo = "sac" if isinstance(run.policy, SACPolicy) else "ppo"
    model = {"ppo": PPO, "sac": SAC}[algo].load(folder / "model.zip", device="cpu")
    np.testing.assert_array_equal(model.predict(env.normalize_obs(rows), deterministic=True)[0], run.act(rows))
    import_sb3(folder / "model.zip", tmp_path / "again", algo, run.env_id)
    read, normalizer = read_policy(tmp_path / "again")
    np.testing.assert_array_equal(read.predict(normalizer(rows), deterministic=True)[0], run.act(rows))
    env.close()


def test_the_files_say_what_their_numbers_mean(shipped, tmp_path):
    path = exported(shipped, tmp_path / "policy.onnx", "onnx")
    meaning = json.loads((tmp_path / "policy.json").read_text())
    held = {entry.key: entry.value for entry in onnx.load(path).metadata_props}
    assert {key: value if isinstance(value, str) else json.dumps(value) for key, value in meaning.items()} == held
    env_id = load_run(shipped).env_id
    env = gym.make(f"envs:{env_id}")
    rows = [(row.name, row.size, row.unit) for row in env.unwrapped.task.observation.rows]
    assert [(row["name"], row["size"], row["unit"]) for row in meaning["observation"]][-len(rows) :] == rows
    assert len(meaning["observation"]) == len(rows) * load_run(shipped).env_kwargs.get("frames", 1)
    if "terrain" in TASKS[env_id].tables:
        assert meaning["joint_order"] == list(JOINTS) and meaning["control_rate_hz"] == 100.0
        assert meaning["action"][:4] == ["FL_x", "FL_y", "FL_z", "FR_x"] and meaning["action_scale_m"] == 0.04
    else:
        assert meaning["action"] == [env.unwrapped.model.actuator(i).name for i in range(env.unwrapped.model.nu)]
        rates = {"CubeInHand-v0": (25.0, 0.15), "A1-v0": (20.0, None), "RealAnt-v0": (20.0, None), "Biped-v0": (100.0, 2.0)}
        assert (meaning["control_rate_hz"], meaning.get("action_scale_rad")) == rates[env_id]
    if env_id == "A1-v0":
        hip = {"A1-v0": (-0.15, 0.25), "A1-v0-reset": (-0.803, 0.803)}[shipped.name]  # 0.05 +- 0.2 rad; the joint's range
        assert (meaning["target_low_rad"][0], meaning["target_high_rad"][0]) == pytest.approx(hip, abs=1e-3)
    assert len(meaning["action"]) == env.action_space.shape[0] and meaning["versions"]["mujoco"]


ON_FLAT_GROUND = {"command_vx": (0.3, 0.3), "variation": VariationConfig(), "terrain": TerrainConfig()}


class SimulatedRobot:
    """Reads the simulator's sensors; the same policy in torch takes the steps beside it."""

    def __init__(self, run, steps):
        self.run, self.left = run, steps
        self.env = run.make_env(1, config={**run.env_kwargs["config"], **ON_FLAT_GROUND})
        self.observation, self.info = self.env.reset(seed=0)
        self.env.unwrapped.task.controller.reset(phase=0.0)
        self.task, self.largest, self.reached = self.env.unwrapped.task, 0.0, 0.0
        self.observation = self.task.observation.pack(self.task.observe())

    def on(self):
        return self.left > 0

    def read(self):
        rows = self.task.observation.slices
        names = ("body_quat", "body_linvel", "body_angvel", "projected_gravity", "joint_pos", "joint_vel", "foot_contact")
        return {name: self.observation[0, rows[name]].astype(float) for name in names}

    def write(self, targets):
        self.left -= 1
        self.observation, _, ended, _, info = self.env.step(self.run.act(self.observation))
        assert not ended.any()
        self.largest = max(self.largest, np.abs(targets - self.task.commanded[0]).max())
        self.reached = info["distance"][0]


def test_the_loop_of_the_docs_walks_as_the_environment_does(tmp_path, monkeypatch):
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "deploy.md").read_text(), re.DOTALL)
    lines = [line for line in code.splitlines() if line.strip() and not line.startswith(("import", "from"))]
    assert len(lines) <= 30
    shipped = ROOT / "assets" / "policies" / "ResidualWalk-v0"
    exported(shipped, tmp_path / "policy.onnx", "onnx")
    monkeypatch.chdir(tmp_path)
    robot = SimulatedRobot(load_run(shipped), 1000)
    exec(compile(code, "docs/deploy.md", "exec"), {"robot": robot})
    assert robot.largest < 1e-4 and robot.reached == pytest.approx(3.0, abs=0.5)
