"""PPO with a privileged critic: the actor reads its part alone, and both networks are symmetric."""

from pathlib import Path

import numpy as np
import pytest
import torch
from stable_baselines3.common.vec_env import VecNormalize

import train
from algorithms.asymmetric_policy import AsymmetricPolicy
from algorithms.asymmetric_ppo import AsymmetricPPO
from algorithms.frame_statistics import SymmetricMeanStd
from algorithms.ppo import PPO
from algorithms.vec_env import make_batch_vec_env
from run_folder.policy import deployable
from run_folder.runs import load_run
from tests.helpers.training_runs import fingerprint, stopped_early
from training.assembly import create_run, prepare
from training.warm_start import apply_start, describe_start, find_start, write_start

PLAIN = Path(__file__).parents[1] / "golden/old_runs/walk"  # of plain PPO
ID, N = "envs:ResidualWalk-v0", 4
NUMBERS = {"n_steps": 16, "batch_size": 32, "n_epochs": 2, "seed": 0, "policy_kwargs": {"net_arch": [16, 8]}}
WALK = """--env ResidualWalk-v0 --algo asymmetric_ppo --preset rough --total-timesteps 384 --num-envs 4 --episode-steps 40
--num-threads 1 --eval-every 0 --checkpoint-every 128 --keep-checkpoints 9 --seed 3 --asymmetric-ppo.n-steps 32
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
    models = [made(kind, False, **more) for kind, more in ((PPO, {}), (AsymmetricPPO, {"symmetric": False}))]
    models[1].policy.load_state_dict(models[0].policy.state_dict())
    for model in models:
        torch.manual_seed(1), np.random.seed(1)
        model.learn(3 * 16 * N)
    weights, others = (model.policy.state_dict() for model in models)
    assert weights.keys() == others.keys() and all(torch.equal(weights[name], others[name]) for name in weights)


def images(model, observations):
    """Returns the normalised mirror images of normalised observations (n, k): mirrored as they were before."""
    env = model.get_env()
    return env.normalize_obs(env.get_attr("symmetry", [0])[0].observation(env.unnormalize_obs(observations)))


def outputs(model, observations):
    """Returns mean actions, standard deviations and values for normalised observations (n, k)."""
    seen = torch.as_tensor(observations, dtype=torch.float32)
    with torch.no_grad():
        normal = model.policy.get_distribution(seen).distribution
        return normal.mean.numpy(), normal.stddev.numpy(), model.policy.predict_values(seen).numpy()


def test_the_image_of_an_observation_has_the_image_of_its_action_and_its_value(trained):
    observations = np.random.default_rng(0).normal(size=(50, *trained.observation_space.shape))
    action = trained.get_env().get_attr("symmetry", [0])[0].action
    (means, stds, values), (image_means, image_stds, image_values) = (
        outputs(trained, seen) for seen in (observations, images(trained, observations))
    )
    np.testing.assert_allclose(image_means, action(means), atol=1e-5)
    np.testing.assert_allclose(image_values, values, atol=1e-5)
    np.testing.assert_allclose(image_stds, np.abs(action(stds)), rtol=1e-6)
    assert np.abs(means - image_means).max() > 0.01 and np.ptp(stds, axis=1).max() > 0.0


def test_a_policy_without_symmetric_networks_is_not_symmetric():
    model = made(AsymmetricPPO, symmetric=False)
    observations = np.random.default_rng(0).normal(size=(50, *model.observation_space.shape))
    assert np.abs(outputs(model, observations)[2] - outputs(model, images(model, observations))[2]).max() > 0.1


def test_untrained_symmetric_networks_have_outputs_as_large_as_those_of_others():
    spreads = []
    for symmetric in (True, False):
        model = made(AsymmetricPPO, symmetric=symmetric, policy_kwargs={"net_arch": [256, 128]})
        spreads.append(outputs(model, np.random.default_rng(0).normal(size=(500, 202)))[2].std())
    assert spreads[0] == pytest.approx(spreads[1], rel=0.3)


def test_statistics_of_observations_are_those_of_both_sides(trained):
    env = trained.get_env()
    mirror, running = env.get_attr("symmetry", [0])[0].observation, env.obs_rms
    np.testing.assert_allclose(mirror(running.mean), running.mean, atol=1e-6)
    np.testing.assert_allclose(np.abs(mirror(running.var)), running.var, rtol=1e-6)
    seen = np.random.default_rng(0).normal(1.0, 2.0, size=(1000, 202))
    statistics = SymmetricMeanStd(mirror)
    statistics.update(seen[:300]), statistics.update(seen[300:])
    both = np.concatenate([seen, mirror(seen)])
    np.testing.assert_allclose(statistics.mean, both.mean(axis=0), atol=1e-3)
    np.testing.assert_allclose(statistics.var, both.var(axis=0), rtol=1e-3)


def test_plain_weights_make_an_equal_policy(trained):
    policy = AsymmetricPolicy(
        trained.observation_space, trained.action_space, lambda _: 0.0, net_arch=[16, 8], actor_slice=slice(0, 98)
    )
    policy.load_state_dict(trained.policy.plain_weights())
    observation = torch.randn(5, 202)
    with torch.no_grad():
        for ours, wanted in zip(policy(observation, deterministic=True), trained.policy(observation, deterministic=True)):
            torch.testing.assert_close(ours, wanted)
    trained.policy.copy_plain(trained.policy.plain_weights())
    with torch.no_grad():
        assert torch.equal(trained.policy.predict_values(observation), policy.predict_values(observation))


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """Returns the folder of a short run."""
    run = tmp_path_factory.mktemp("source") / "run"
    assert train.main([*WALK, "--run-dir", str(run)]) == 0
    return run


def test_a_run_saves_the_actor_and_resumes_exactly(source, tmp_path):
    assert load_run(source).act(np.zeros((3, 98))).shape == (3, 12)
    run = stopped_early(source, tmp_path / "run")
    assert train.main(["--resume", str(run)]) == 0
    assert fingerprint(run) == fingerprint(source)


@pytest.mark.parametrize("symmetric", [True, False])
def test_it_starts_from_the_actor_of_another_run(symmetric, source, tmp_path):
    source = source if symmetric else PLAIN
    layers = ["16"] if symmetric else ["8", "8", "--asymmetric-ppo.no-symmetric"]
    arguments = [*WALK[:-1], *layers, "--start-from", str(source), "--run-dir", str(tmp_path / "run")]
    config = train.parse(arguments)
    training = prepare(config, create_run(config, arguments))
    write_start(tmp_path / "run", find_start(config)), apply_start(tmp_path / "run", training.model, config)
    policy, normalizer = deployable(training.model, training.model.get_env())
    source, observation = load_run(config.start_from), np.random.default_rng(0).normal(size=(5, 98))
    actions = policy.predict(normalizer(observation), deterministic=True)[0]
    np.testing.assert_allclose(actions, source.act(observation), atol=1e-6)
    assert training.model.get_env().obs_rms.count == source.normalizer.count
    training.model.get_env().close()
    words, said = "fresh: optimizer, critic, statistics of privileged observations", describe_start(tmp_path / "run")
    assert said.startswith(f"It starts from the {'weights' if symmetric else 'actor'}") and (words in said) != symmetric
    assert "warm up" not in said


def test_symmetric_networks_do_not_start_from_a_policy_that_is_not_symmetric(tmp_path, capsys):
    arguments = [*WALK[:-1], "8", "8", "--start-from", str(PLAIN), "--run-dir", str(tmp_path / "run")]
    assert train.main(arguments) == 2 and not (tmp_path / "run").exists()
    wanted = "asymmetric_ppo.symmetric must be False: that policy is not symmetric"
    assert wanted in capsys.readouterr().err


def test_without_both_it_trains_an_environment_that_has_neither(tmp_path):
    options = "--asymmetric-ppo.no-privileged --asymmetric-ppo.no-symmetric --asymmetric-ppo.n-steps 32".split()
    small = "--total-timesteps 64 --num-envs 2 --num-threads 1 --eval-every 0 --asymmetric-ppo.batch-size 32".split()
    run = ["--env", "Pendulum-v1", "--algo", "asymmetric_ppo", *options, *small, "--run-dir", str(tmp_path / "run")]
    assert train.main(run) == 0 and load_run(tmp_path / "run").act(np.zeros((2, 3))).shape == (2, 1)


def test_symmetric_networks_have_even_widths(capsys):
    assert train.main([*WALK[:-1], "15"]) == 2
    assert "asymmetric_ppo.net_arch must have even widths for symmetric networks, got (15,)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--env", "Toy-v0"], "asymmetric_ppo.privileged must be False: Toy-v0 has no privileged observations"),
        (["--env", "Pendulum-v1"], "asymmetric_ppo.privileged must be False: Pendulum-v1 has no privileged observations"),
        *(
            (
                ["--env", env_id, "--asymmetric-ppo.no-privileged"],
                "asymmetric_ppo.symmetric must be False: the environment declares no left-right symmetry",
            )
            for env_id in ("CubeInHand-v0", "Pendulum-v1", "RWRLCartpoleSwingup-v0")
        ),
    ],
)
def test_an_environment_without_what_it_needs_is_refused(options, sentence, tmp_path, capsys):
    arguments = ["--algo", "asymmetric_ppo", *options, "--run-dir", str(tmp_path / "run")]
    assert train.main(arguments) == 2 and not (tmp_path / "run").exists()
    assert capsys.readouterr().err.strip() == f"train: {sentence}"
