"""The study of smooth walking: methods are valid trainings, conditions change what they say, idle options are refused."""

import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import train
from algorithms.vec_env import make_vector
from benchmarks.smooth_claims import CLAIMED
from benchmarks.smooth_study import CLAIMS, COUNT, ENV_ID, METHODS, TRAINED, conditions, nominal
from benchmarks.smooth_table import main
from benchmarks.study_trainings import Training, options
from envs.realant.config import RealAntConfig
from envs.realant.scene import JOINTS
from evaluation.study.conditions import target_cell
from evaluation.study.results import ALL
from evaluation.study.tally import METRICS
from run_folder.export import describe
from run_folder.runs import load_run
from tests.helpers.refusals import refusal
from utils.config import as_plain, updated

ROOT = Path(__file__).parents[2]
BY_NAME = {condition.name: condition for condition in conditions()}
STEPS = 2_000_000
_FAILING = {"joint_failures": {"share": 1.0}}
TRAINED_CONFIG = as_plain(updated(RealAntConfig(), {"legacy_reward": True, "variation": TRAINED | _FAILING}))


def config_of(name):
    (method,) = (method for method in (*METHODS, *CLAIMS) if method.name == name)
    config = train.parse(options(Training(method, 1), ENV_ID, STEPS, Path("out")))
    config.check_learner()
    return config


def env_of(condition, n=2):
    """Returns simulations of a policy that was trained with randomisation and noise, under a condition."""
    recorded = {"config": TRAINED_CONFIG, "noise_spec": {"gaussian": {"enable": True, "observations": 9.0}}}
    return make_vector(f"envs:{ENV_ID}", n, 1, **{**nominal(recorded), **condition.arguments})


def rollout(condition, steps=12):
    """Returns the observations (t, n, k) and the positions (t, n, nq) of random actions under a condition."""
    env = env_of(condition)
    observations, positions = [env.reset(seed=3)[0]], []
    for action in np.random.default_rng(0).uniform(-1, 1, (steps, 2, 8)):
        observations.append(env.step(action)[0])
        positions.append(env.unwrapped.task.sim.bind("qpos").copy())
    env.close()
    return np.array(observations), np.array(positions)


@pytest.mark.parametrize("method", (*METHODS, *CLAIMS), ids=lambda method: method.name)
def test_each_method_is_a_training_whose_options_all_have_an_effect(method):
    config = config_of(method.name)
    assert config.env_id == ENV_ID and config.total_timesteps == STEPS and config.eval_every == 0


def test_every_training_for_a_claim_decides_one_and_every_section_has_a_claim():
    compared = {name for claim in CLAIMED for name in (claim.better, claim.worse)}
    assert {method.name for method in CLAIMS} <= compared <= {method.name for method in (*METHODS, *CLAIMS)}
    assert {claim.section for claim in CLAIMED} == {*range(1, 11)}
    groups = {condition.group for condition in conditions()} | {ALL, None}
    assert {group for claim in CLAIMED for group in (claim.group, claim.worse_group)} <= groups
    assert {claim.metric for claim in CLAIMED} <= {*METRICS}


def test_the_methods_differ_in_what_they_are_named_for():
    learners = {method.name: config_of(method.name) for method in METHODS}
    smooth = {name: config.smooth_ppo for name, config in learners.items() if config.algo == "smooth_ppo"}
    assert {name: options.pairs for name, options in smooth.items()} == {
        "sr2l_joints": "ball_max",
        "sr2l_all": "ball_max",
        "caps_next": "next",
        "caps_ball": "ball_random",
        "lcp": "lcp",
        "sr2l_dr": "ball_max",
    }
    assert smooth["sr2l_joints"].rows == smooth["sr2l_dr"].rows == ("joint_pos", "joint_vel") and not smooth["sr2l_all"].rows
    assert {options.warm_up_steps for options in smooth.values()} == {STEPS // 10}
    randomised = {name for name, config in learners.items() if config.env.variation.varies}
    assert randomised == {"dr", "sr2l_dr", "dr_history"}
    assert learners["dr"].env.variation.joint_failures.share == 0.5 and learners["dr"].algo == "ppo"
    assert learners["dr_history"].env_kwargs == {"frames": 4}
    noise = learners["noise"].env_kwargs["noise_spec"]["gaussian"]["observations"]
    assert noise["joint_pos"] == pytest.approx(2 * COUNT, rel=1e-3)


def test_each_training_that_tests_a_claim_differs_from_the_study_in_one_thing():
    nets = {name: config_of(name) for name in ("ppo_small", "ppo_large", "sr2l_small", "sr2l_large")}
    nets = {name: getattr(config, config.algo) for name, config in nets.items()}
    assert {name: (own.net_arch, own.activation) for name, own in nets.items()} == {
        **dict.fromkeys(("ppo_small", "sr2l_small"), ((64, 128), "relu")),
        **dict.fromkeys(("ppo_large", "sr2l_large"), ((256, 256), "tanh")),
    }
    at_once, usual = (config_of(name).smooth_ppo for name in ("sr2l_at_once", "sr2l_joints"))
    assert (
        usual == replace(at_once, warm_up_steps=usual.warm_up_steps, rise_steps=usual.rise_steps)
        and not at_once.warm_up_steps
    )
    base = config_of("ppo")
    assert config_of("ppo_again") == base
    assert config_of("slow_rate").ppo == replace(base.ppo, learning_rate=1e-4)
    assert config_of("long_rollouts").ppo == replace(base.ppo, n_steps=2 * base.ppo.n_steps)
    assert config_of("legacy_reward").env == replace(base.env, legacy_reward=True)
    failures = [config_of(name).env.variation.joint_failures for name in ("dr", "dr_locked", "dr_passive")]
    assert failures[1:] == [replace(failures[0], kinds=("lock",)), replace(failures[0], kinds=("passive",))]
    for name, usual in (("ppo_longer", "ppo"), ("sr2l_pretrained", "sr2l_joints"), ("dr_pretrained", "dr")):
        assert config_of(name) == replace(config_of(usual), start_from=Path("out/ppo_seed_1"))


def test_conditions_have_unique_names_and_the_reach_of_the_trained_ranges():
    assert len(BY_NAME) == len(conditions()) == 1 + 3 + 3 * len(JOINTS) + 3 + 2 + 4 + 4
    for name in ("friction", "mass"):
        found = {float(key.rpartition("_")[2]): own.reach for key, own in BY_NAME.items() if key.startswith(f"{name}_")}
        low, high = TRAINED[name]
        assert {value for value, reach in found.items() if reach == "in"} == {low, high}
        assert all(value < low or value > high for value, reach in found.items() if reach == "out") and len(found) == 4
    assert [BY_NAME[f"latency_{steps}"].reach for steps in (1, 2, 3)] == ["in", "out", "out"]


# Of the failures, one joint of each kind; pushes come later than the steps of a test.
CHANGING = [own.name for own in conditions() if own.group not in ("clean", "pushes_in", "pushes_out")]
CHANGING = [name for name in CHANGING if name.endswith("_RR_ankle") or not name.startswith(("passive", "weak", "locked"))]


@pytest.fixture(scope="module")
def clean():
    return rollout(BY_NAME["clean"])


@pytest.mark.parametrize("name", CHANGING)
def test_every_condition_changes_the_episode(name, clean):
    observations, positions = rollout(BY_NAME[name])
    if name.startswith("noise"):
        assert np.array_equal(positions, clean[1]) and not np.array_equal(observations, clean[0])
    else:
        assert not np.array_equal(positions, clean[1])


def test_the_training_s_randomisation_and_noise_are_gone_when_clean(clean):
    assert "legacy_reward" not in nominal({"config": TRAINED_CONFIG})["config"]
    env = make_vector(f"envs:{ENV_ID}", 2, 1)
    np.testing.assert_array_equal(env.reset(seed=3)[0], clean[0][0])
    env.close()


@pytest.mark.parametrize("scale", [1, 2, 4])
def test_noise_has_the_standard_deviation_of_the_servos(scale, clean):
    env = env_of(BY_NAME[f"noise_x{scale}"], 400)
    error = env.reset(seed=3)[0] - env_of(BY_NAME["clean"], 400).reset(seed=3)[0]
    rows = env.observation_rows
    assert error[:, rows["joint_pos"]].std() == pytest.approx(scale * np.deg2rad(300 / 1024), rel=0.1)
    assert error[:, rows["joint_vel"]].std() == pytest.approx(scale * 0.1446, rel=0.1)  # sqrt(2) 0.00511 rad / 0.05 s
    assert not error[:, rows["body_pos"]].any() and not error[:, rows["target"]].any()


def test_pushes_reach_the_named_speed():
    for name, speed in (("pushes_0.15", 0.15), ("pushes_0.3", 0.3)):
        task = env_of(BY_NAME[name]).unwrapped.task
        assert task.randomisation.pushes.speed == speed


def test_a_locked_joint_stays_a_passive_one_has_no_torque_and_a_weak_one_less():
    for index, joint in enumerate(JOINTS[:2]):
        tasks = {}
        for kind in ("locked", "passive", "weak"):
            env = env_of(BY_NAME[f"{kind}_{joint}"])
            env.reset(seed=3)
            start = env.unwrapped.task.joint_pos.copy()
            for _ in range(4):
                env.step(np.ones((2, 8)))
            task = env.unwrapped.task
            tasks[kind] = task, np.abs(task.joint_pos - start)[:, index]
        assert (tasks["locked"][1] < 0.02).all()
        assert not tasks["passive"][0].sim.bind("actuator_force")[:, index].any()
        strength = tasks["weak"][0].joint_failures.strength[:, index]
        assert ((strength >= 0.2) & (strength <= 0.6)).all()


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_latency_delays_the_controls(steps):
    env = env_of(BY_NAME[f"latency_{steps}"])
    env.reset(seed=3)
    assert (env.unwrapped.task.randomisation.steps_late == steps).all()


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        ("--only pppo", "invalid choice 'pppo'"),
        ("--groups latency_9", "invalid choice 'latency_9'"),
        ("--steps 0", "steps must be at least 1"),
        ("--seeds 1 1", "--seeds must name each value once, got 1 1"),
        ("--only", "at least one"),
        ("--no-training --no-evaluation", "leave nothing to do"),
        ("--no-evaluation --episodes 3", "--episodes has no effect: --no-evaluation evaluates nothing"),
        ("--tables-from", "--tables-from must name at least one CSV"),
        ("--tables-from nowhere.csv", "cannot read nowhere.csv"),
        ("--tables-from nowhere.csv --steps 5", "--steps has no effect: --tables-from"),
        ("--episodes 99999999", "episodes are too many"),
    ],
)
def test_an_option_that_is_wrong_or_has_no_effect_is_one_sentence(argv, words, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert words in refusal(main, argv, capsys)
    assert not [*tmp_path.iterdir()]


def test_a_policy_with_a_history_and_noise_is_trained_resumed_and_played_under_a_condition(tmp_path):
    spec = "{noise_spec: {gaussian: {enable: true, observations: {joint_pos: 0.01}}}, frames: 3}"
    small = "--algo ppo --num-envs 2 --ppo.n-steps 16 --ppo.batch-size 32 --ppo.net-arch 4 --eval-every 0".split()
    run = tmp_path / "run"
    command = ["--env", ENV_ID, *small, "--total-timesteps", "32", "--num-threads", "1", "--env-kwargs", spec]
    assert train.main([*command, "--preset", "dr", "--variation-warm-up", "8", "--run-dir", str(run)]) == 0
    assert train.main(["--resume", str(run), "--total-timesteps", "64"]) == 0
    trained = load_run(run)
    assert len(trained.normalizer.mean) == 3 * 32
    assert 0.0 <= json.loads((run / "card.json").read_text())["cpu_time_s"] < 60.0
    rows = describe(trained)["observation"]
    assert sum(row["size"] for row in rows) == 96 and rows[0]["name"] == "body_pos-2" and rows[-1]["unit"] == "m"
    found = target_cell(trained, BY_NAME["passive_FL_hip"], nominal, 2, 5, 1_500_003)
    assert found["time_to_target_s"] == 0.25 and found["success"] == 0.0 and found["smoothness"] is None
    assert found == target_cell(trained, BY_NAME["passive_FL_hip"], nominal, 2, 5, 1_500_003)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_study_that_is_stopped_and_started_again_ends_like_one_that_was_not(tmp_path, number):
    words = "--only ppo --seeds 1 --steps 40960 --groups clean --episodes 2 --episode-steps 70 --out".split()
    command = [sys.executable, str(ROOT / "benchmarks" / "smooth_table.py"), *words]
    subprocess.run([*command, str(tmp_path / "whole")], check=True, capture_output=True)
    study = subprocess.Popen([*command, str(tmp_path / "stopped")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not [*(tmp_path / "stopped").glob("ppo_seed_1/checkpoints/0*")]:
        time.sleep(0.05)
    study.send_signal(number)
    assert study.wait() in (129, 130, 143) and not (tmp_path / "stopped" / "results.csv").exists()
    subprocess.run([*command, str(tmp_path / "stopped")], check=True, capture_output=True)
    whole, stopped = (
        (tmp_path / name / "results.csv").read_text().splitlines()[1].split(",") for name in ("whole", "stopped")
    )
    assert whole[:4] + whole[5:] == stopped[:4] + stopped[5:]  # all but the CPU time


def test_the_page_shows_the_tables_of_its_csvs(capsys):
    assert main(["--tables-from", *(str(ROOT / f"docs/robust_walking{part}.csv") for part in ("", "_claims"))]) == 0
    assert capsys.readouterr().out in (ROOT / "docs/robust_walking_results.md").read_text()
