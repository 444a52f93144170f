"""Networks that read a history: encoder and estimator learn, mirror and are saved; rollouts store every frame once."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from gymnasium.spaces import Box
from torch.nn import functional

from algorithms.asymmetric_policy import AsymmetricPolicy
from algorithms.frame_statistics import FrameMeanStd
from algorithms.history_options import HistoryOptions
from algorithms.history_reader import Convolution
from algorithms.reader_shape import EncoderShape, ReaderShape
from tests.helpers.drifting_points import drifting
from training.tasks.biped import PRESETS
from utils.fields import FieldError
from utils.mirror import Mirror, Symmetry, joined, moved, signs

ENCODER = EncoderShape("time", (4, 6), (3, 2), (2, 1), (8,), 6)
FRAMES, FRAME, KNOWN = 9, 5, 4  # of the policies below: frames, size of a frame, privileged values
SHAPE = ReaderShape(FRAMES, 3, ENCODER, (8, 4), 3)
ESTIMATOR = HistoryOptions(estimate=True, estimator_arch=(32, 32), recent_frames=2)
MIRROR = Mirror((1, 0, 2, 4, 3), (1.0, 1.0, -1.0, -1.0, -1.0))  # of a frame
PRIVILEGED = signs(-1.0, 1.0, 1.0, -1.0)
SYMMETRY = Symmetry(joined(moved(range(FRAMES), MIRROR), PRIVILEGED), Mirror((1, 0, 2), (1.0, 1.0, -1.0)))


def policy_of(shape=SHAPE, **options):
    torch.manual_seed(0)
    size, part = FRAMES * FRAME + KNOWN, slice(0, FRAMES * FRAME)
    spaces = Box(-np.inf, np.inf, (size,), np.float32), Box(-1, 1, (3,), np.float32)
    estimated = range(part.stop, part.stop + shape.estimated)
    return AsymmetricPolicy(
        *spaces, lambda _: 1e-3, net_arch=[16, 8], actor_slice=part, shape=shape, estimated=estimated, **options
    )


def means(policy, observations):
    return policy.get_distribution(observations).distribution.mean


def test_a_convolution_is_that_of_torch():
    layer, rows = Convolution(5, 7, 4, 3), torch.randn(6, 20, 5)
    wanted = functional.conv1d(rows.transpose(1, 2), layer.weight, layer.bias, stride=3).transpose(1, 2)
    torch.testing.assert_close(layer(rows), wanted)


def test_the_preset_x1_has_the_networks_of_the_source():
    numbers = PRESETS["x1"]["asymmetric_ppo"]
    history = HistoryOptions(**{name: numbers[name] for name in numbers if name in HistoryOptions.__dataclass_fields__})
    shape = ReaderShape(66, 5, history._encoder, history.estimator_arch, 3)
    policy = AsymmetricPolicy(
        *(Box(-np.inf, np.inf, (66 * 47 + 219,), np.float32), Box(-1, 1, (12,), np.float32), lambda _: 1e-5),
        net_arch={"pi": list(numbers["net_arch"]), "vf": list(numbers["critic_arch"])},
        **{"actor_slice": slice(0, 3102), "critic_slice": slice(3102, 3321), "shape": shape, "estimated": [0, 1, 2]},
    )
    reader, *actor = policy.mlp_extractor.policy_net
    parts = (reader.encoder, reader.estimator, torch.nn.ModuleList([*actor, policy.action_net]))
    parts += (torch.nn.ModuleList([policy.mlp_extractor.value_net, policy.value_net]),)
    counts = [sum(weight.numel() for weight in part.parameters()) for part in parts]
    assert counts == [35_440, 101_763, 320_908, 398_849] and policy.log_std.numel() == 12


@pytest.mark.parametrize("direct", [None, 1, 5])
def test_the_actor_reads_the_newest_frames_the_features_and_the_estimates(direct):
    policy = policy_of(replace(SHAPE, direct=direct))
    observations, own = torch.randn(4, FRAMES * FRAME + KNOWN, requires_grad=True), FRAME * (direct or 3)
    reader, part = policy.mlp_extractor.policy_net[0], slice(0, FRAMES * FRAME)
    features = reader(observations[:, part])
    torch.testing.assert_close(features[:, :own], observations[:, 45 - own : 45])
    torch.testing.assert_close(features[:, own : own + 6], reader.encoder(observations[:, part]))
    torch.testing.assert_close(features[:, own + 6 :], reader.estimator(observations[:, 30:45]))
    (read,) = torch.autograd.grad(features[:, own : own + 6].sum(), observations, retain_graph=True)
    assert read[:, :45].reshape(4, FRAMES, FRAME).any(dim=2).any(dim=0).all() and not read[:, 45:].any()
    (read,) = torch.autograd.grad(features[:, own + 6 :].sum(), observations)
    assert not read[:, :30].any() and read[:, 30:45].any()


def test_a_mean_for_no_estimator_is_refused():
    with pytest.raises(FieldError, match="estimator_mean must be False without an estimator, got True"):
        ReaderShape(FRAMES, 3, ENCODER, estimator_mean=True).frame_size(FRAMES * FRAME)


def test_an_estimator_of_the_mean_reads_the_newest_frames_and_the_mean_of_all():
    policy, observations = policy_of(replace(SHAPE, estimator_mean=True)), torch.randn(4, FRAMES * FRAME + KNOWN)
    reader, seen = policy.mlp_extractor.policy_net[0], observations[:, : FRAMES * FRAME]
    mean = sum(seen[:, start : start + FRAME] for start in range(0, FRAMES * FRAME, FRAME)) / FRAMES
    wanted = reader.estimator(torch.cat([seen[:, 30:45], mean], dim=1))
    torch.testing.assert_close(reader.estimate(seen), wanted)
    torch.testing.assert_close(reader(seen)[:, -3:], wanted)


@pytest.mark.parametrize("detached", [True, False])
def test_a_detached_estimator_learns_from_its_error_alone(detached):
    shape = ReaderShape(FRAMES, 3, ENCODER, (8, 4), 3, detached)
    policy, observations = policy_of(shape), torch.randn(4, FRAMES * FRAME + KNOWN)
    weights = [*policy.mlp_extractor.policy_net[0].estimator.parameters()]
    means(policy, observations).sum().backward()
    assert all((weight.grad is None or not weight.grad.any()) == detached for weight in weights)
    policy.zero_grad()
    policy.estimator_loss(observations).backward()
    assert all(weight.grad.any() for weight in weights)


@pytest.mark.parametrize("change", [{}, {"direct": 1}, {"estimator_mean": True}], ids=str)
@pytest.mark.parametrize("critic", [slice(FRAMES * FRAME, FRAMES * FRAME + KNOWN), None])
def test_symmetric_networks_with_encoder_and_estimator_mirror_their_actions(critic, change):
    shape, observations = replace(SHAPE, **change), torch.randn(50, FRAMES * FRAME + KNOWN)
    # The three estimated values are the first privileged ones.
    symmetric = policy_of(shape, symmetry=SYMMETRY, critic_slice=critic)
    images = torch.as_tensor(SYMMETRY.observation(observations.numpy()))
    estimate, part = symmetric.mlp_extractor.policy_net[0].estimate, slice(0, FRAMES * FRAME)
    with torch.no_grad():
        acted = [means(symmetric, seen).numpy() for seen in (observations, images)]
        values = [symmetric.predict_values(seen) for seen in (observations, images)]
        estimates = [estimate(seen[:, part]).numpy() for seen in (observations, images)]
    np.testing.assert_allclose(acted[1], SYMMETRY.action(acted[0]), atol=1e-6)
    np.testing.assert_allclose(estimates[1], PRIVILEGED.part(slice(0, 3))(estimates[0]), atol=1e-6)
    torch.testing.assert_close(*values)
    assert np.ptp(acted[0], axis=0).min() > 1e-3 and np.abs(acted[0] - acted[1]).max() > 1e-3
    plain = policy_of(shape, critic_slice=critic)
    plain.load_state_dict(symmetric.plain_weights())
    with torch.no_grad():
        np.testing.assert_allclose(means(plain, observations).numpy(), acted[0], atol=1e-6)


def test_the_encoder_learns_what_only_the_oldest_frames_show():
    policy, observations = policy_of(ReaderShape(FRAMES, 1, ENCODER)), torch.randn(512, FRAMES * FRAME + KNOWN)
    optimizer, wanted = torch.optim.Adam(policy.parameters(), 1e-2), observations[:, :1]
    for _ in range(150):
        loss = functional.mse_loss(means(policy, observations)[:, :1], wanted)
        optimizer.zero_grad(), loss.backward(), optimizer.step()
    assert loss < 0.2 * wanted.var()


def test_the_estimator_learns_a_velocity_that_only_the_history_shows():
    model = drifting(history=ESTIMATOR, learning_rate=3e-3).learn(15 * 512)
    assert model.logger.name_to_value["train/estimator_loss"] < 0.2  # the best constant has 1, the variance


def test_the_estimator_learns_a_velocity_from_the_newest_frame_and_the_mean_of_all():
    history = replace(ESTIMATOR, recent_frames=1, estimate_from="mean")  # the newest frame alone does not show it: see below
    model = drifting(history=history, learning_rate=3e-3).learn(15 * 512)
    assert model.logger.name_to_value["train/estimator_loss"] < 0.2


@pytest.mark.slow
def test_the_newest_frame_alone_does_not_show_the_velocity():
    history = HistoryOptions(estimate=True, estimator_arch=(32, 32), recent_frames=1)
    model = drifting(history=history, learning_rate=3e-3).learn(15 * 512)
    assert model.logger.name_to_value["train/estimator_loss"] > 0.5


@pytest.mark.parametrize("symmetric", [True, False])  # symmetric statistics of a position have the mean 0
def test_a_rollout_stores_every_frame_once_and_returns_the_stacks_that_the_policy_read(symmetric):
    model, seen = drifting(7, 3, history=ESTIMATOR, batch_size=96, symmetric=symmetric), []
    forward = model.policy.forward
    model.policy.forward = lambda observations: seen.append(observations.clone()) or forward(observations)
    compared = []

    def compare():
        *_, last = model.rollout_buffer.get(96)
        acted = torch.stack(seen[-32:]).transpose(0, 1).reshape(96, 8)  # simulation by simulation
        torch.testing.assert_close(model.rollout_buffer.observations_of(np.arange(96)), acted, rtol=1e-5, atol=1e-5)
        compared.append(last.observations.shape)

    model.train = compare
    model.learn(3 * 96)  # episodes of 40 steps end in the second and the third rollout
    assert compared == [(96, 8)] * 3 and model.rollout_buffer._received.shape == (3, 32 + 7 - 1, 1)


@pytest.mark.parametrize("mirror", [None, SYMMETRY.observation])
def test_all_frames_have_the_statistics_of_the_newest(mirror):
    newest = np.array([*range(40, 45)] * FRAMES + [*range(45, 49)])
    seen, statistics = np.random.default_rng(0).normal(2.0, 3.0, (600, 49)), FrameMeanStd(newest, mirror)
    statistics.update(seen[:200]), statistics.update(seen[200:])
    counted = seen if mirror is None else np.concatenate([seen, mirror(seen)])
    np.testing.assert_allclose(statistics.mean, counted.mean(axis=0)[newest], atol=2e-3)
    np.testing.assert_allclose(statistics.var, counted.var(axis=0)[newest], rtol=2e-3)
