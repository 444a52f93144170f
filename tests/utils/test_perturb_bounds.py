"""Every program refuses values outside the bounds before it makes a run; values at the bounds keep the physics finite."""

import gymnasium as gym
import numpy as np
import pytest

import envs  # noqa: F401
import evaluate_robustness
import train
from callbacks.guard_callback import GuardCallback
from envs.wrappers import Perturbation
from envs.wrappers.perturbed import MODEL_RANGES
from evaluation.robustness.sweep import make_axis
from utils.perturbation import Perturbable, check_values

# One id for each model.
MODELS = ["A1-v0", "CubeInHand-v0", "RealAnt-v0", "ResidualWalk-v0", "RWRLCartpoleSwingup-v0", "RWRLWalkerWalk-v0"]
MODELS += [
    "RWRLQuadrupedWalk-v0",
    "RWRLHumanoidWalk-v0",
    "ShadowHandBlock-v0",
    "ShadowHandPen-v0",
    "ShadowHandEgg-v0",
    "Toy-v0",
]
FOREIGN = ["HalfCheetah-v5", "Hopper-v5", "Ant-v5"]
SMALL = """--algo ppo --total-timesteps 128 --num-envs 2 --ppo.n-steps 32 --ppo.batch-size 32 --eval-every 0""".split()


def ends(env_id):
    known = MODEL_RANGES if env_id in FOREIGN else gym.make(env_id).unwrapped.perturbations
    return [(name, value) for name, own in known.items() for value in (own.lowest, own.highest)]


@pytest.mark.parametrize("env_id", [*MODELS, *FOREIGN])
def test_physics_stays_finite_at_the_bounds_of_every_parameter(env_id):
    for name, value in ends(env_id):
        env = Perturbation(gym.make(env_id), {"mode": "fixed", "params": {name: value}})
        env.reset(seed=0)
        env.action_space.seed(0)
        for _ in range(100):
            observation, reward, terminated, truncated, info = env.step(env.action_space.sample())
            assert np.isfinite(observation).all() and np.isfinite(reward), (name, value)
            assert not info.get("physics_failed") and "physics_failure" not in info, (name, value)
            if terminated or truncated:
                env.reset()


@pytest.mark.parametrize("env_id", ["ResidualWalk-v0", "CubeInHand-v0", "RWRLWalkerWalk-v0", "HalfCheetah-v5"])
@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("{PARAM: [-2, -1]}", "PARAM must lie in"),
        ("{PARAM: 0.0}", "PARAM must lie in"),
        ("{PARAM: [0.5, 1e9]}", "PARAM must lie in"),
        ("{PARAM: 1e-9}", "PARAM must lie in"),
        ("{PARAM: [.nan, 1]}", "PARAM must be a range"),
        ("{PARAM: heavy}", "PARAM must be a finite number, got 'heavy'"),
        ("{PARAM: [1, 2], PARAM: 3}", "the key 'PARAM' is given twice"),
        ("{mode: fixed, params: {PARAM: {start: -1}}}", "PARAM must lie in"),
        ("{enable: true, param: PARAM, min: 2, max: 1}", "perturb_spec.min must be at most perturb_spec.max"),
        ("{}", "perturb perturbs nothing"),
        ("{enable: false, param: PARAM}", "perturb perturbs nothing"),
        ("{PARAMS: [1, 1]}", "did you mean PARAM"),
        ("[1, 2]", "it must be a YAML mapping"),
    ],
)
def test_training_refuses_it_before_there_is_a_folder(env_id, given, words, tmp_path, capsys):
    param = {"CubeInHand-v0": "object_mass", "RWRLWalkerWalk-v0": "thigh_length"}.get(env_id, "mass")
    argv = ["--env", env_id, *SMALL, "--run-dir", str(tmp_path / "run"), "--perturb", given.replace("PARAM", param)]
    assert train.main(argv) == 2
    message = capsys.readouterr().err
    assert words.replace("PARAM", param) in message and len(message.splitlines()) == 1
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("given", ["{latency: [6, 9]}", "{latency: [0, 5.5]}", "{latency: -1}"])
def test_a_latency_beyond_what_is_remembered_is_refused_before_there_is_a_folder(given, tmp_path, capsys):
    argv = ["--env", "AdaptiveWalk-v0", *SMALL, "--run-dir", str(tmp_path / "run"), "--perturb", given]
    assert train.main(argv) == 2
    assert "latency must be a whole number in 0 to 5" in capsys.readouterr().err and not [*tmp_path.iterdir()]


@pytest.mark.parametrize("given", [1.5, [0.5, 3], {"start": 2.25}])
def test_a_joint_or_a_number_of_steps_that_is_not_whole_is_refused(given):
    with pytest.raises(ValueError, match="locked_joint must be a whole number in -1 to 7, got"):
        gym.make("RealAnt-v0", perturb_spec={"params": {"locked_joint": given}})


def test_a_latency_in_use_is_a_whole_number_of_control_steps():
    env = gym.make_vec("ResidualWalk-v0", num_envs=50, perturb_spec={"params": {"latency": [0, 5]}})
    _, info = env.reset(seed=0)
    assert set(info["perturb_spec"]["latency"]) == {0.0, 1.0, 2.0, 3.0, 4.0, 5.0}
    np.testing.assert_array_equal(env.unwrapped.task.randomisation.steps_late, info["perturb_spec"]["latency"])


@pytest.mark.parametrize("bounds", [("-1", "1"), ("0.5", "1e6"), ("nan", "1")])
def test_a_sweep_refuses_it_before_anything_is_written(bounds, tmp_path, capsys):
    run = "assets/policies/ResidualWalk-v0"
    low, high = bounds
    argv = ["--model", run, "--param", "mass", "--min", low, "--max", high, "--out", str(tmp_path / "out")]
    assert evaluate_robustness.main(argv) == 2
    message = capsys.readouterr().err
    assert "mass must" in message and len(message.splitlines()) == 1 and not (tmp_path / "out").exists()


@pytest.mark.parametrize("value", [-0.1, 3.1, np.nan, np.inf, "1", None, True, [1.0, 9.0], 10**400])
def test_bounds_refuse_numbers_outside_and_what_is_no_number(value):
    own = Perturbable(1.0, 0.5, 2.0, 0.1, highest=3.0)
    with pytest.raises(ValueError, match=r"^mass must lie in 0 to 3, got"):
        check_values({"mass": value}, {"mass": own})
    with pytest.raises(ValueError, match="'mas' cannot be perturbed here, did you mean mass"):
        check_values({"mas": 1.0}, {"mass": own})
    check_values({"mass": np.array([0.0, 3.0])}, {"mass": own})


def test_an_axis_lies_within_the_bounds():
    with pytest.raises(ValueError, match="mass must lie in 0 to 3, got 4"):
        make_axis({"mass": Perturbable(1.0, 0.5, 2.0, 0.1, highest=3.0)}, "mass", 1.0, 4.0)


def test_a_guard_has_nothing_to_say_before_the_first_reset(tmp_path):
    GuardCallback(tmp_path).check(ValueError("the environment refuses to start"))
