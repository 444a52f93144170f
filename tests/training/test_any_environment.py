"""Environments of other packages and all kinds of actions: trained, saved, resumed, played, evaluated, or refused early."""

import json
import subprocess
import sys
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec

import evaluate_robustness
import play_residual_policy
import train
import tune_hyperparameters
from envs.toy_env import ToyVectorEnv
from run_folder.runs import load_run
from tests.helpers.foreign_package import SHORT, SMALL, importable, write_package
from tests.helpers.training_runs import fingerprint
from training import assembly
from utils.env_ids import registered

ROOT = Path(__file__).parents[2]
ACTIONS = ("Discrete", "MultiDiscrete", "MultiBinary", "Box", "Single")


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """Returns the name of a package that can be imported from the current directory."""
    with importable(tmp_path_factory.mktemp("package")) as name:
        yield name


@pytest.fixture(scope="module", params=ACTIONS)
def run(request, package, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / request.param
    command = ["--env", f"{package}:{request.param}-v0", "--env-kwargs", "{gain: 2.0}", "--run-dir", str(folder)]
    assert train.main([*SMALL, *command]) == 0
    return folder


def test_every_kind_of_action_is_trained_and_saved_and_acts_inside_of_its_space(run, package):
    loaded = load_run(run)
    assert loaded.env_id == f"{package}:{run.name}-v0" and loaded.env_kwargs == {"gain": 2.0}
    env = loaded.make_env(3)
    assert env.unwrapped.envs[0].unwrapped.gain == 2.0
    actions = loaded.act(np.random.default_rng(0).normal(0, 9, (3, 2)))
    assert len(actions) == 3 and np.shape(actions)[1:] == env.single_action_space.shape
    for action in actions:
        assert env.single_action_space.contains(action.astype(env.single_action_space.dtype))
    assert (run / "best").is_dir()
    env.close()


def test_it_is_played(run, tmp_path):
    out = tmp_path / "out.json"
    assert play_residual_policy.main(f"--model {run} --episodes 2 --no-render --json {out}".split()) == 0
    assert [episode["steps"] for episode in json.loads(out.read_text())["episodes"]] == [8, 8]


def test_a_stopped_training_goes_on_with_new_episodes_and_says_so(run, package, tmp_path, capsys):
    short = ["--env", f"{package}:{run.name}-v0", "--run-dir", str(tmp_path / "run")]
    assert train.main([*SMALL, *short, "--total-timesteps", "256"]) == 0
    assert train.main(["--resume", str(tmp_path / "run"), "--total-timesteps", "512"]) == 0
    assert "resumes with new episodes" in capsys.readouterr().err
    assert (tmp_path / "run" / "checkpoints" / "0000000512").is_dir()


class SteppedToy(ToyVectorEnv):
    """The toy, pushed by one of five discrete actions."""

    pushes = np.array([[0, 0], [1, 0], [-1, 0], [0, 1], [0, -1]], np.float32)

    def __init__(self, num_envs, **settings):
        super().__init__(num_envs, **settings)
        self.single_action_space = gym.spaces.Discrete(5)
        self.action_space = gym.spaces.MultiDiscrete([5] * num_envs)

    def step(self, actions):
        return super().step(self.pushes[actions])


SteppedToy.__module__ = "envs.stepped_toy"  # snapshots save only objects of this project's classes


def test_discrete_actions_go_on_to_the_bit_where_the_simulations_can_be_kept(tmp_path, monkeypatch):
    monkeypatch.setitem(gym.registry, "SteppedToy-v0", EnvSpec("SteppedToy-v0", vector_entry_point=SteppedToy))
    command = [*SMALL, "--env", "SteppedToy-v0", "--episode-steps", "10", "--run-dir"]
    assert train.main([*command, str(tmp_path / "straight")]) == 0
    assert train.main([*command, str(tmp_path / "stopped"), "--total-timesteps", "256"]) == 0
    assert train.main(["--resume", str(tmp_path / "stopped"), "--total-timesteps", "512"]) == 0
    assert fingerprint(tmp_path / "straight")["files"] == fingerprint(tmp_path / "stopped")["files"]


def test_an_environment_of_a_package_is_judged_under_perturbations_and_swept(package, tmp_path):
    run = tmp_path / "run"
    assert train.main([*SMALL, "--env", f"{package}:Perturbable-v0", "--run-dir", str(run)]) == 0
    sweep = f"--model {run} --param factor --values 3 --episodes 2 --out {tmp_path / 'sweep'}"
    assert evaluate_robustness.main(sweep.split()) == 0
    tune = f"--env {package}:space/Circle-v0 --trials 1 --steps 8192 --eval-episodes 2 --final-episodes 2 --evaluations 1"
    assert tune_hyperparameters.main([*tune.split(), "--num-threads", "1"]) == 0
    assert Path(f"runs/studies/{package}_space_Circle-v0_ppo_plan/best.yaml").is_file()


@pytest.mark.parametrize("id", ["CartPole-v1", "Acrobot-v1"])
def test_a_vector_environment_that_restarts_a_step_later_is_stepped_one_by_one_instead(id, tmp_path):
    assert train.main([*SMALL, "--env", id, "--run-dir", str(tmp_path / "run")]) == 0
    env = load_run(tmp_path / "run").make_env(2)
    assert env.metadata["autoreset_mode"] == gym.vector.AutoresetMode.SAME_STEP
    actions = load_run(tmp_path / "run").act(np.random.default_rng(0).normal(size=(50, *env.single_observation_space.shape)))
    assert actions.shape == (50,) and {*map(int, actions)} <= {*range(env.single_action_space.n)}
    env.close()


REFUSED = [
    (["--env", "{}:Unbounded-v0"], "supported are Box of shape (k,)"),
    (["--env", "{}:Scalar-v0"], "supported are Box of shape (k,)"),
    (["--env", "{}:Matrix-v0"], "supported are Box of shape (k,)"),
    (["--env", "{}:Shifted-v0"], "all counted from 0"),
    (["--env", "{}:Text-v0"], "supported are Box"),
    (["--env", "{}:Dict-v0"], "supported are Box"),
    (["--env", "{}:Discrete-v0", "--env-kwargs", "{{observation: Dict}}"], "gymnasium.wrappers.FlattenObservation"),
    (["--env", "{}:Discrete-v0", "--env-kwargs", "{{observation: Image}}"], "supported is a Box of shape (k,)"),
    (["--env", "{}:Discrete-v0", "--env-kwargs", "{{observation: Discrete}}"], "its observations are Discrete(5)"),
    (["--env", "{}:Discrete-v0", "--env-kwargs", "{{observation: Tuple}}"], "its observations are Tuple"),
    (["--env", "{}:Discrete-v0", "--env-kwargs", "{{observation: Scalar}}"], "supported is a Box of shape (k,)"),
    (["--env", "{}:Discrete-v0", "--algo", "sac"], "SAC needs a Box: train it with --algo ppo"),
    (["--env", "{}:MultiBinary-v0", "--algo", "sac"], "SAC needs a Box: train it with --algo ppo"),
    (["--env", "{}:Discrete-v0", "--env-kwargs", "{{gane: 1.0}}"], "gane"),
    (["--env", "{}:Discrete-v0", "--ppo.batch-size", "512"], "at most num_envs x n_steps, 4 x 64 = 256, got 512"),
    (["--env", "{}:Discrete-v0", "--ppo.n-steps", "1000000000000"], "GB of memory"),
    (["--env", "{}:Box-v0", "--algo", "sac", "--sac.buffer-size", "1000000000000"], "GB of memory"),
    (["--env", "{}:Box-v0", "--algo", "sac", "--sac.buffer-size", "2"], "sac.buffer_size must be at least num_envs, 4"),
]


@pytest.mark.parametrize(("arguments", "sentence"), REFUSED, ids=lambda of: of if isinstance(of, str) else None)
def test_what_cannot_be_trained_is_said_before_there_is_a_folder(arguments, sentence, package, tmp_path, capsys):
    arguments = [word.format(package) for word in arguments]
    small = SHORT if "sac" in arguments else SMALL
    assert train.main([*small, *arguments, "--run-dir", str(tmp_path / "run")]) == 2
    error = capsys.readouterr().err
    assert sentence in error and error.count("\n") == 1 and not (tmp_path / "run").exists()


@pytest.mark.parametrize("kept", [None, "notes.txt"])
def test_a_training_that_does_not_get_its_memory_leaves_the_folder_to_the_corrected_command(kept, tmp_path, monkeypatch):
    command = [*SMALL, "--env", "Pendulum-v1", "--run-dir", str(tmp_path / "run")]
    if kept:
        (tmp_path / "run").mkdir()
        (tmp_path / "run" / kept).touch()

    def out_of_memory(*_):
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(assembly, "make_model", out_of_memory)
        assert train.main(command) == 2
    assert (tmp_path / "run").exists() == bool(kept)
    assert train.main(command) == 0


MISSING = {
    "nowhere_at_all:My-v0": "no such module is installed or in the current directory",
    "strange_circle:Circel-v0": "no environment is called 'strange_circle:Circel-v0', did you mean",
    "broken_module:My-v0": "cannot import broken_module for 'broken_module:My-v0': SyntaxError",
    "leaving_module:My-v0": "cannot import leaving_module for 'leaving_module:My-v0': SystemExit",
    "silent_module:My-v0": "no environment is called 'silent_module:My-v0': silent_module registers none",
    "json:CartPole-v1": "json does not register CartPole-v1: give it without a module",
    "envs:Toy-v0": "ids of this project are given without a module, as Toy-v0",
    "../evil:My-v0": "an environment is Name-v0 or package.module:Name-v0",
    "a:b:My-v0": "an environment is Name-v0 or package.module:Name-v0",
}


@pytest.mark.parametrize("id", MISSING)
def test_a_module_that_is_not_there_or_does_not_register_the_id_is_one_sentence(id, package, tmp_path, capsys):
    Path("broken_module.py").write_text("def (")
    Path("leaving_module.py").write_text("raise SystemExit('usage')")
    Path("silent_module.py").write_text("")
    assert train.main([*SMALL, "--env", id, "--run-dir", str(tmp_path / "run")]) == 2
    error = capsys.readouterr().err
    assert MISSING[id] in error and error.count("\n") == 1 and not (tmp_path / "run").exists()


def test_nothing_that_lies_in_a_run_is_imported(run, tmp_path, monkeypatch):
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in run.iterdir():
        if file.is_file():
            (copy / file.name).write_bytes(file.read_bytes())
    (copy / "trap.py").write_text("raise RuntimeError('the trap was executed')")
    (copy / "env.json").write_text('{"id": "trap:My-v0", "kwargs": {}}')
    monkeypatch.chdir(copy)
    monkeypatch.syspath_prepend(copy)
    with pytest.raises(ValueError, match="code of a run is never executed"):
        load_run(copy)
    assert "trap" not in sys.modules


def test_the_script_finds_a_module_in_the_current_directory(tmp_path):
    write_package(tmp_path, "lone_circle")
    command = [sys.executable, str(ROOT / "train.py"), "--env", "lone_circle:Discrete-v0", *SMALL, "--run-dir", "run"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=200).returncode == 0
    play = [sys.executable, str(ROOT / "play_residual_policy.py"), "--model", "run", "--no-render", "--episodes", "1"]
    assert b"| all |" in subprocess.run(play, cwd=tmp_path, capture_output=True, timeout=200).stdout


def test_ids_with_a_namespace_are_known(package):
    assert registered(f"{package}:space/Circle-v0").id == "space/Circle-v0"
