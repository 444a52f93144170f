"""Robust SAC in trainings: options without effect, presets, logs, runs that are resumed, started from and exported."""

import numpy as np
import onnxruntime
import pytest

import export_policy
import train
from algorithms.robust_sac import RobustSacConfig
from algorithms.robust_value import ESTIMATORS
from run_folder.runs import load_run
from tests.helpers.foreign_package import unregistered_afterwards
from tests.helpers.goal_envs import register
from tests.helpers.training_runs import fingerprint, stopped_early
from utils.monitor_training import read_scalars

every_estimator = pytest.mark.parametrize("estimator", ESTIMATORS)
TOY = """--env Toy-v0 --algo robust_sac --num-envs 4 --num-threads 1 --episode-steps 20 --eval-every 0 --total-timesteps 384
--checkpoint-every 128 --keep-checkpoints 9 --seed 3 --robust-sac.net-arch 8 --robust-sac.learning-starts 64
--robust-sac.batch-size 16 --robust-sac.gradient-steps 1 --robust-sac.buffer-size 400""".split()


IDLE = [
    ("sigma 0.2", "--robust-sac.sigma has no effect: estimator is autograd"),
    ("samples 3", "--robust-sac.samples has no effect: estimator is autograd"),
    ("estimator legacy --robust-sac.samples 3", "samples has no effect: estimator is legacy"),
    ("robust-method l2_reg --robust-sac.estimator smoothed", "estimator has no effect: robust_method is l2_reg"),
    ("robust-method no --robust-sac.robust-coef 0.1", "robust-coef has no effect: robust_method is no"),
    ("robust-method no --robust-sac.coef-schedule linear", "coef-schedule has no effect: robust_method is no"),
    ("weight-coef 0.1", "weight-coef has no effect: weight_penalty is no"),
    ("coef-rise 9", "coef-rise has no effect: coef_schedule is constant"),
    ("coef-range 0 1", "coef-range has no effect: coef_schedule is constant"),
    ("coef-schedule adaptive --robust-sac.robust-coef 1", "robust-coef has no effect: coef_schedule is adaptive"),
    (
        "robust-method l2_reg --robust-sac.weight-penalty l1_reg",
        "robust_sac.weight_penalty must be no: robust_method l2_reg",
    ),
]


@pytest.mark.parametrize(("option", "sentence"), IDLE)
def test_an_option_without_effect_is_one_sentence_before_there_is_a_folder(option, sentence, tmp_path, capsys):
    arguments = f"--env Toy-v0 --algo robust_sac --run-dir {tmp_path / 'run'} --robust-sac.{option}"
    assert train.main(arguments.split()) == 2
    error = capsys.readouterr().err
    assert sentence in error and error.count("\n") == 1 and not (tmp_path / "run").exists()


def test_legacy_has_an_effect_on_every_method():
    for method in ("no", "l1_reg"):
        options = RobustSacConfig(robust_method=method, estimator="legacy")
        assert not {"estimator", "robust_coef"} & options.idle.keys() and {"sigma", "samples"} <= options.idle.keys()


def test_presets_have_the_sac_of_the_original_and_one_for_two_cores():
    config = train.parse(["--env", "Toy-v0", "--preset", "usr"])
    numbers = config.learner
    assert (config.algo, numbers.learning_rate, numbers.batch_size, numbers.net_arch) == (
        "robust_sac",
        1e-4,
        1024,
        (1024,) * 2,
    )
    assert (numbers.log_std_range, numbers.ent_coef, numbers.target_update_interval) == ((-5, 2), "auto_0.1", 2)
    fast = train.parse(["--env", "Toy-v0", "--preset", "usr_fast", "--robust-sac.robust-method", "l1_param"])
    walker = train.parse(["--env", "RWRLWalkerWalk-v0", "--algo", "robust_sac", "--robust-sac.robust-method", "l1_param"])
    assert fast.learner == walker.learner and fast.learner.net_arch == (128, 128) and fast.total_timesteps == 100_000


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """Returns the folder of a short run with samples, an adaptive coefficient and a penalty."""
    run = tmp_path_factory.mktemp("source") / "run"
    options = "--robust-sac.robust-method l1_adv_param --robust-sac.estimator smoothed --robust-sac.weight-penalty l2_reg"
    options += " --robust-sac.coef-schedule adaptive --robust-sac.target-update-interval 2 --robust-sac.log-std-range -5 2"
    assert train.main([*TOY, *options.split(), "--run-dir", str(run)]) == 0
    return run


def test_a_run_logs_what_the_regulariser_does(source):
    scalars = {name: values[1][-1] for name, values in read_scalars(source).items() if name.startswith("train/")}
    assert 1e-5 < scalars["train/robust_coef"] < 1e-3 and scalars["train/robust_regulariser"] > 0
    assert scalars["train/weight_penalty"] > 1 and scalars["train/value_scale"] > 0
    assert 0.5 < scalars["train/effective_discount"] < 1.5 and scalars["train/effective_discount"] != 0.99
    coefficients = read_scalars(source)["train/robust_coef"][1]
    assert len(set(coefficients)) > 1  # the returns of episodes arrive, and the adaptive schedule follows them


def test_a_run_resumes_exactly(source, tmp_path):
    run = stopped_early(source, tmp_path / "run")
    assert train.main(["--resume", str(run)]) == 0
    assert fingerprint(run) == fingerprint(source)


def test_a_run_is_exported_as_it_acts(source, tmp_path):
    assert export_policy.main([str(source), str(tmp_path / "policy.onnx")]) == 0
    rows = np.random.default_rng(0).normal(size=(9, len(load_run(source).normalizer.mean))).astype(np.float32)
    (actions,) = onnxruntime.InferenceSession(tmp_path / "policy.onnx").run(None, {"observation": rows})
    np.testing.assert_allclose(actions, load_run(source).act(rows), atol=1e-5)


def test_a_squashed_standard_deviation_is_no_part_of_sb3s_files_and_a_start_needs_the_same(source, tmp_path, capsys):
    assert export_policy.main([str(source), str(tmp_path / "sb3"), "--format", "sb3"]) == 0
    assert "SB3's files lack the log_std_range [-5.0, 2.0] of the training" in capsys.readouterr().err
    start = [*TOY, "--start-from", str(source), "--run-dir", str(tmp_path / "run")]
    assert train.main(start) == 2
    words = (
        "its log_std_range is [-5.0, 2.0], in this training None; give --algo robust_sac --robust-sac.log-std-range -5.0 2.0"
    )
    assert words in capsys.readouterr().err and not (tmp_path / "run").exists()
    assert train.main([*start, "--robust-sac.log-std-range", "-5", "2"]) == 0


@every_estimator
def test_goal_environments_are_trained_with_hindsight(estimator, tmp_path):
    options = f"--env Point-v0 --her --robust-sac.estimator {estimator} --robust-sac.learning-starts 80"
    with unregistered_afterwards():
        register()
        short = [*TOY[2:], *options.split(), "--total-timesteps", "120", "--run-dir", str(tmp_path / "run")]
        assert train.main(short) == 0
    assert read_scalars(tmp_path / "run")["train/robust_regulariser"][1][-1] > 0
