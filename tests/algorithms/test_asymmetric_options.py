"""Options of asymmetric PPO: learning rate by KL, floor of the standard deviation, clipped values, and whole runs."""

import json
import shutil
from types import SimpleNamespace

import numpy as np
import onnxruntime
import pytest
import torch

import export_policy
import train
from algorithms.adaptive_update import UpdateOptions
from algorithms.asymmetric_ppo import AsymmetricPPO
from algorithms.history_options import HistoryOptions
from algorithms.ppo import Minibatch, Update
from run_folder.policy import deployable
from run_folder.runs import load_run
from tests.helpers.drifting_points import drifting
from tests.helpers.training_runs import fingerprint, stopped_early

PREFIX = "--asymmetric-ppo."
SMALL = """--env Biped-v0 --algo asymmetric_ppo --preset one_frame --total-timesteps 384 --num-envs 4 --episode-steps 20
--num-threads 1 --eval-every 0 --checkpoint-every 128 --keep-checkpoints 9 --seed 3 --asymmetric-ppo.n-steps 32
--asymmetric-ppo.batch-size 64 --asymmetric-ppo.n-epochs 2 --asymmetric-ppo.net-arch 8""".split()
HISTORY = """--privileged-frames 2 --asymmetric-ppo.encoder time --asymmetric-ppo.encoder-channels 4 4
--asymmetric-ppo.encoder-kernels 3 2 --asymmetric-ppo.encoder-strides 2 1 --asymmetric-ppo.encoder-arch 6
--asymmetric-ppo.encoder-size 4 --asymmetric-ppo.estimate --asymmetric-ppo.estimator-arch 8
--asymmetric-ppo.direct-frames 2""".split()
HISTORY += ["--env-kwargs", "{frames: 6}"]
UPDATE = """--asymmetric-ppo.desired-kl 0.01 --asymmetric-ppo.std-floor 0.1 --asymmetric-ppo.clip-range-vf 0.2
--asymmetric-ppo.critic-reads privileged --asymmetric-ppo.critic-arch 6""".split()


@pytest.mark.parametrize(
    ("rate", "divergence", "wanted"),
    [
        (1e-3, 0.0201, 1e-3 / 1.5),
        (1e-3, 0.0199, 1e-3),
        (1e-3, 0.0051, 1e-3),
        (1e-3, 0.0049, 1.5e-3),
        (1e-3, 0.0, 1e-3),  # the policy has not changed
        (1.2e-5, 1.0, 1e-5),
        (9e-3, 0.001, 1e-2),
    ],
)
def test_the_learning_rate_falls_above_twice_the_desired_kl_and_rises_below_half_of_it(rate, divergence, wanted):
    assert UpdateOptions(desired_kl=0.01).adapted(rate, divergence) == pytest.approx(wanted, rel=1e-12)


def test_a_training_follows_the_rule_after_every_minibatch_but_the_first_of_an_update(monkeypatch):
    steps = []

    def watched(self, batch, epoch, update):
        stops = ordinary(self, batch, epoch, update)
        with torch.no_grad():
            ratio = (batch.log_prob - batch.data.old_log_prob).double()
        steps.append((self._n_updates - epoch, (ratio.exp() - 1 - ratio).mean().item(), self.policy.optimizer))
        rates.append(self.policy.optimizer.param_groups[0]["lr"])
        return stops

    ordinary, rates = AsymmetricPPO._should_stop, []
    monkeypatch.setattr(AsymmetricPPO, "_should_stop", watched)
    limits = UpdateOptions(desired_kl=0.005, rate_range=(1e-4, 3e-3))
    drifting(limits=limits, learning_rate=1e-3).learn(3 * 512)
    rate, update = 1e-3, None
    for (of, divergence, _), found in zip(steps, rates, strict=True):
        if of == update:
            lower, higher = divergence > 2 * 0.005, divergence < 0.5 * 0.005
            rate = max(1e-4, rate / 1.5) if lower else min(3e-3, rate * 1.5) if higher else rate
        update = of
        assert found == pytest.approx(rate, rel=1e-9)
    assert len({*rates}) > 3


def test_the_first_minibatch_of_an_update_does_not_change_the_rate():
    model, update = drifting(limits=UpdateOptions(desired_kl=0.01), learning_rate=3e-4), Update(0.2, None)
    for wanted in (3e-4, 2e-4, 2e-4 / 1.5):  # the divergence is exp(0.5) - 1.5 = 0.15
        model._should_stop(SimpleNamespace(log_ratio=torch.full((4,), 0.5)), 0, update)
        assert model.policy.optimizer.param_groups[0]["lr"] == pytest.approx(wanted)


@pytest.mark.parametrize("symmetric", [True, False])
def test_the_standard_deviation_stays_above_its_floor(symmetric):
    numbers = {"symmetric": symmetric, "ent_coef": -5.0, "learning_rate": 0.1}  # a loss that wants no exploration
    floored, free = (drifting(limits=UpdateOptions(std_floor=floor), **numbers).learn(512) for floor in (0.6, None))
    assert floored.policy.log_std.exp().min().item() == pytest.approx(0.6, rel=1e-6)
    assert free.policy.log_std.exp().min().item() < 0.5


@pytest.mark.parametrize("symmetric", [True, False])
def test_a_scheduled_standard_deviation_changes_by_equal_factors_and_is_not_learned(symmetric, monkeypatch):
    seen, ordinary = [], AsymmetricPPO.collect_rollouts

    def watched(self, *args, **kwargs):
        collected = ordinary(self, *args, **kwargs)
        seen.append(self.policy.log_std.detach().exp().numpy())
        return collected

    monkeypatch.setattr(AsymmetricPPO, "collect_rollouts", watched)
    model = drifting(limits=UpdateOptions(std_schedule=(0.8, 0.1)), symmetric=symmetric, learning_rate=0.1).learn(3 * 512)
    np.testing.assert_allclose(seen, np.array([[0.8], [0.4], [0.2]]) * np.ones(len(seen[0])), rtol=1e-6)
    np.testing.assert_array_equal(model.policy.log_std.detach().exp().numpy(), seen[-1])  # after the last update


def test_the_clipped_value_loss_is_the_larger_one_of_both():
    data = SimpleNamespace(old_values=torch.zeros(3), returns=torch.tensor([1.0, -2.0, 0.0]))
    batch, model = Minibatch(data, None, torch.tensor([0.5, -1.0, 2.0]), None, None), drifting(clip_range_vf=0.2)
    # Clipped to 0.2, -0.2, 0.2: max(0.25, 0.64), max(1, 3.24), max(4, 0.04).
    assert model._value_loss(batch, Update(0.2, 0.2)).item() == pytest.approx((0.64 + 3.24 + 4.0) / 3)
    assert model.clip_range_vf(1.0) == 0.2
    assert model._value_loss(batch, Update(0.2, None)).item() == pytest.approx((0.25 + 1.0 + 4.0) / 3)


def test_a_critic_of_privileged_values_reads_nothing_else():
    model, seen = drifting(critic_reads="privileged", symmetric=False), torch.randn(5, 9)
    other = torch.cat([seen[:, :8] + 1.0, seen[:, 8:]], dim=1)
    with torch.no_grad():
        assert torch.equal(model.policy.predict_values(seen), model.policy.predict_values(other))
        assert not torch.isclose(model.policy.predict_values(seen), model.policy.predict_values(seen + 1.0)).any()


@pytest.mark.parametrize("frames", [{"recent_frames": 2}, {"recent_frames": 4, "direct_frames": 2}])
@pytest.mark.parametrize("symmetric", [True, False])
def test_a_critic_of_the_newest_frames_reads_what_the_actor_s_layers_read(symmetric, frames):
    options = HistoryOptions(estimate=True, estimator_arch=(4,), **frames)
    model, seen = drifting(critic_reads="newest", symmetric=symmetric, history=options), torch.randn(5, 9)
    with torch.no_grad():
        values = model.policy.predict_values(seen)
        for column in range(9):
            other = seen.clone()
            other[:, column] += 1.0
            assert torch.equal(model.policy.predict_values(other), values) == (column not in (6, 7))


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """Returns the folder of a short run with every option."""
    run = tmp_path_factory.mktemp("source") / "run"
    assert train.main([*SMALL, *HISTORY, *UPDATE, "--run-dir", str(run)]) == 0
    return run


def test_a_run_with_all_options_resumes_exactly(source, tmp_path):
    run = stopped_early(source, tmp_path / "run")
    assert train.main(["--resume", str(run)]) == 0
    assert fingerprint(run) == fingerprint(source)


def test_a_run_with_a_scheduled_standard_deviation_resumes_and_starts_another_one(tmp_path):
    scheduled = [*SMALL, "--asymmetric-ppo.std-schedule", "0.2", "0.05"]
    assert train.main([*scheduled, "--run-dir", str(tmp_path / "whole")]) == 0
    run = stopped_early(tmp_path / "whole", tmp_path / "run")
    assert train.main(["--resume", str(run)]) == 0
    assert fingerprint(run) == fingerprint(tmp_path / "whole")
    assert train.main([*scheduled, "--start-from", str(run), "--run-dir", str(tmp_path / "next")]) == 0
    std = load_run(tmp_path / "next").policy.log_std.detach().exp()
    np.testing.assert_allclose(std, 0.2 * 0.25 ** (2 / 3), rtol=1e-5)  # of the third and last rollout


def test_a_policy_of_other_networks_is_no_start(source, tmp_path, capsys):
    other = [*SMALL, *HISTORY, *UPDATE, "--asymmetric-ppo.recent-frames", "3", "--start-from", str(source)]
    assert train.main([*other, "--run-dir", str(tmp_path / "run")]) == 2
    assert "recent of its networks is 5, in this training 3" in capsys.readouterr().err


def test_it_is_exported_as_one_file_with_all_networks(source, tmp_path, capsys):
    seen, run = np.random.default_rng(0).normal(size=(1000, 6 * 47)).astype(np.float32), load_run(source)
    for form, name in (("torchscript", "policy.pt"), ("onnx", "policy.onnx")):
        assert export_policy.main([str(source), str(tmp_path / name), "--format", form]) == 0
    with pytest.warns(DeprecationWarning, match="torch.jit.load"):
        traced = torch.jit.load(tmp_path / "policy.pt")
    with torch.no_grad():
        np.testing.assert_allclose(traced(torch.from_numpy(seen)).numpy(), run.act(seen), atol=1e-5)
    (actions,) = onnxruntime.InferenceSession(tmp_path / "policy.onnx").run(None, {"observation": seen})
    np.testing.assert_allclose(actions, run.act(seen), atol=1e-5)
    assert np.ptp(actions, axis=0).min() > 0.0
    assert export_policy.main([str(source), str(tmp_path / "sb3"), "--format", "sb3"]) == 2
    assert "SB3 has no policies with" in capsys.readouterr().err


@pytest.mark.parametrize(
    "change",
    [
        {"frames": 10**9},
        {"frames": 5},
        {"recent": 7},
        {"direct": 7},
        {"direct": 0},
        {"estimated": -1},
        {"estimator": [10**9]},
        {"encoder": {"kernels": [7, 2]}},
        {"encoder": {"channels": [4]}},
        {"encoder": {"axis": "space"}},
        {"encoder": 3},
        {"unknown": 1},
    ],
)
def test_a_policy_with_damaged_networks_is_refused(change, source, tmp_path):
    run = shutil.copytree(source, tmp_path / "run")
    content = json.loads((run / "policy.json").read_text())
    shape = content["shape"]
    content["shape"] = shape | {
        name: shape[name] | value if isinstance(value, dict) else value for name, value in change.items()
    }
    (run / "policy.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"policy\.json"):
        load_run(run)


def test_without_networks_a_policy_is_written_as_before():
    options = HistoryOptions()
    assert options.shape(None).plain and options.columns(None) == []


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ("encoder time", "encoder must be none: the observation has no history (give the environment more frames)"),
        ("estimate .recent-frames 2", "recent_frames must be at most the frames of the observation, 1, got 2"),
        ("estimate .direct-frames 2", "direct_frames must be at most the frames of the observation, 1, got 2"),
        ("estimate .estimated body_linvle", "estimated must not contain 'body_linvle', no privileged row, did you mean"),
        ("estimate .no-privileged", "estimate must be False without privileged observations"),
        ("critic-reads privileged .no-privileged", "critic_reads must be everything without privileged observations"),
        ("critic-reads newest", "critic_reads must be everything or privileged without an encoder and without"),
        ("encoder time .critic-reads newest", "privileged must be False: neither the critic nor an estimator reads it"),
        ("encoder features", "encoder must be time or none for symmetric networks"),
        ("encoder time .encoder-size 3", "encoder_size must be even for symmetric networks, got 3"),
        ("critic-arch 7", "critic_arch must have even widths for symmetric networks, got (7,)"),
        ("desired-kl 0.01 .learning-rate 0.1", "learning_rate must be inside of rate_range, 1e-05 to 0.01, got 0.1"),
        ("std-floor 2", "std_floor must be at most the initial standard deviation, exp(log_std_init) = 0.183, got 2.0"),
        ("encoder-size 8", "--asymmetric-ppo.encoder-size has no effect: encoder is none"),
        ("detach-estimator", "--asymmetric-ppo.detach-estimator has no effect: estimate is False"),
        ("encoder time .estimate-from mean", "--asymmetric-ppo.estimate-from has no effect: estimate is False"),
        ("recent-frames 1", "--asymmetric-ppo.recent-frames has no effect: there is no encoder and no estimator"),
        ("encoder time .encoder-channels .encoder-kernels .encoder-strides", "encoder_channels must name at least one"),
        ("encoder time .direct-frames 1", "--asymmetric-ppo.direct-frames has no effect: there is no estimator: use recent"),
        ("std-schedule 0.1 0.1 .log-std-init -1", "log-std-init has no effect: std_schedule replaces it"),
        ("rate-range 0.1 0.2", "--asymmetric-ppo.rate-range has no effect: desired_kl is not set"),
        (
            "desired-kl 0.01 .final-learning-rate 0.001",
            "--asymmetric-ppo.final-learning-rate has no effect: the learning rate follows desired_kl",
        ),
    ],
)
def test_an_option_that_cannot_work_is_refused_in_one_sentence(options, sentence, tmp_path, capsys):
    words = " ".join(f"{PREFIX}{option}" for option in options.split(" .")).split()
    assert train.main([*SMALL, *words, "--run-dir", str(tmp_path / "run")]) == 2 and not (tmp_path / "run").exists()
    error = capsys.readouterr().err.strip()
    assert sentence in error and error.startswith("train: ") and "\n" not in error


def test_a_file_with_a_floor_that_the_schedule_replaces_is_refused(tmp_path, capsys):
    (tmp_path / "floor.yaml").write_text("asymmetric_ppo: {std_floor: 0.1}")
    arguments = [*SMALL, "--config", str(tmp_path / "floor.yaml"), f"{PREFIX}std-schedule", "0.15", "0.05"]
    assert train.main([*arguments, "--run-dir", str(tmp_path / "run")]) == 2 and not (tmp_path / "run").exists()
    assert "asymmetric_ppo.std_floor must be None: std_schedule replaces it" in capsys.readouterr().err


def test_privileged_frames_need_a_privileged_critic(capsys):
    assert train.main([*SMALL, "--privileged-frames", "3", f"{PREFIX}no-privileged"]) == 2
    assert "--privileged-frames has no effect: the learner reads no privileged observation" in capsys.readouterr().err


def test_the_estimator_works_without_a_history_and_for_rows_by_name():
    model = drifting(1, history=HistoryOptions(estimate=True, estimated=("velocity",), estimator_arch=(4,))).learn(512)
    policy, normalizer = deployable(model, model.get_env())
    assert policy.predict(normalizer(np.zeros((2, 1))))[0].shape == (2, 1) and policy.shape.recent == 1
