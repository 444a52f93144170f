"""PPO with a privileged critic: the actor reads its part alone, and minibatches are joined by their exact mirror images."""

import numpy as np
import pytest
import torch
from stable_baselines3.common.type_aliases import RolloutBufferSamples
from stable_baselines3.common.vec_env import VecNormalize

import train
from algorithms.asymmetric_ppo import AsymmetricPPO, affine, joined_with_images, normalised
from algorithms.ppo import PPO
from algorithms.vec_env import make_batch_vec_env
from run_folder.policy import deployable
from run_folder.runs import load_run
from tests.helpers.training_runs import fingerprint
from training.assembly import create_run, prepare

ID, N = "envs:ResidualWalk-v0", 4
NUMBERS = {"n_steps": 16, "batch_size": 32, "n_epochs": 2, "seed": 0, "policy_kwargs": {"net_arch": [16, 8]}}
WALK = """--env ResidualWalk-v0 --algo asymmetric_ppo --preset rough --total-timesteps 512 --num-envs 4 --episode-steps 40
--num-threads 1 --eval-every 256 --eval-episodes 2 --checkpoint-every 128 --seed 3 --asymmetric-ppo.n-steps 32
--asymmetric-ppo.batch-size 64 --asymmetric-ppo.net-arch 16""".split()


def made(algorithm, privileged=True, **numbers):
    env = VecNormalize(make_batch_vec_env(ID, N, seed=0, privileged=privileged))
    return algorithm("MlpPolicy", env, **NUMBERS | numbers)


@pytest.fixture(scope="module")
def trained():
    return made(AsymmetricPPO).learn(2 * 16 * N)


def test_the_actor_reads_its_part_and_the_critic_reads_everything(trained):
    policy, part = trained.policy, trained.get_env().observation_groups["policy"]
    observation = torch.randn(5, *trained.observation_space.shape)
    other = observation.clone()
    other[:, part.stop :] += 1.0
    with torch.no_grad():
        means = [policy.get_distribution(seen).distribution.mean for seen in (observation, other)]
        values = [policy.predict_values(seen) for seen in (observation, other)]
    assert part.stop == 98 and torch.equal(*means) and not torch.isclose(*values).any()


def test_without_its_options_it_trains_as_ppo_weight_for_weight():
    models = [made(kind, False, **more) for kind, more in ((PPO, {}), (AsymmetricPPO, {"mirror": False}))]
    models[1].policy.load_state_dict(models[0].policy.state_dict())
    for model in models:
        torch.manual_seed(1), np.random.seed(1)
        model.learn(3 * 16 * N)
    weights, others = (model.policy.state_dict() for model in models)
    assert weights.keys() == others.keys() and all(torch.equal(weights[name], others[name]) for name in weights)


def test_minibatches_are_joined_by_the_images_of_observations_as_they_were_before_normalisation(trained):
    env, size = trained.get_env(), 32
    raw = env.unnormalize_obs(trained.rollout_buffer.observations[:N])
    symmetry = env.get_attr("symmetry", [0])[0]
    wanted = env.normalize_obs(symmetry.observation(raw))
    random = torch.randn(N, 12)
    numbers = [torch.randn(N) for _ in range(4)]
    data = RolloutBufferSamples(torch.tensor(env.normalize_obs(raw)), random, *numbers)
    joined = joined_with_images(data, normalised(symmetry.observation, env), affine(symmetry.action))
    np.testing.assert_allclose(joined.observations[N:], wanted, rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(joined.observations[:N], data.observations)
    np.testing.assert_array_equal(joined.actions, np.concatenate([random, symmetry.action(random.numpy())]))
    for values, given in zip(joined[2:], numbers):
        assert torch.equal(values, torch.cat([given, given]))
    assert {len(batch.observations) for batch in trained._minibatches()} == {2 * size}


def test_mirrored_minibatches_make_the_policy_symmetric():
    """Without a reward that tells left from right, only the mirror images can bring both sides together."""
    asymmetry = {}
    for mirror in (True, False):
        model = made(AsymmetricPPO, mirror=mirror, learning_rate=3e-3, n_epochs=10).learn(8 * 16 * N)
        env = model.get_env()
        symmetry, seen = env.get_attr("symmetry", [0])[0], torch.tensor(model.rollout_buffer.observations.reshape(-1, 202))
        image = normalised(symmetry.observation, env)(seen)
        with torch.no_grad():
            means = [model.policy.get_distribution(part).distribution.mean for part in (seen, image)]
        asymmetry[mirror] = (affine(symmetry.action)(means[0]) - means[1]).square().mean().item()
    assert asymmetry[True] < 0.5 * asymmetry[False]


def test_a_run_saves_the_actor_plays_it_and_resumes_exactly(tmp_path):
    for name in ("whole", "cut"):
        assert train.main([*WALK, "--run-dir", str(tmp_path / name)]) == 0
    run = load_run(tmp_path / "whole")
    assert run.act(np.zeros((3, 98))).shape == (3, 12)
    assert fingerprint(tmp_path / "whole") == fingerprint(tmp_path / "cut")


def test_it_starts_from_the_actor_of_a_shipped_policy(tmp_path, capsys):
    start = ["--start-from", "assets/policies/ResidualWalk-v0", "--asymmetric-ppo.net-arch", "256", "128"]
    arguments = [*WALK[:-2], *start, "--run-dir", str(tmp_path / "run")]
    config = train.parse(arguments)
    training = prepare(config, create_run(config, arguments))
    policy, normalizer = deployable(training.model, training.model.get_env())
    source, observation = load_run(config.start_from), np.random.default_rng(0).normal(size=(5, 98))
    actions = policy.predict(normalizer(observation), deterministic=True)[0]
    np.testing.assert_array_equal(actions, source.act(observation))
    assert training.model.get_env().obs_rms.count < source.normalizer.count
    training.model.get_env().close()
    assert train.main([*arguments[:-1], str(tmp_path / "other")]) == 0
    assert "It starts from the actor and observation statistics of" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--env", "Toy-v0"], "asymmetric_ppo.privileged must be False: Toy-v0 has no privileged observations"),
        (["--env", "Pendulum-v1"], "asymmetric_ppo.privileged must be False: Pendulum-v1 has no privileged observations"),
        (
            ["--env", "CubeInHand-v0", "--asymmetric-ppo.no-privileged"],
            "asymmetric_ppo.mirror must be False: the environment declares no left-right symmetry",
        ),
    ],
)
def test_an_environment_without_what_it_needs_is_refused(options, sentence, tmp_path, capsys):
    arguments = ["--algo", "asymmetric_ppo", *options, "--run-dir", str(tmp_path / "run")]
    assert train.main(arguments) == 2 and not (tmp_path / "run").exists()
    assert capsys.readouterr().err.strip() == f"train: {sentence}"
