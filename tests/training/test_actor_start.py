"""A warm start of PPO with a privileged critic keeps the policy: actor, estimates, critic and statistics fit each other."""

import shutil

import numpy as np
import pytest
import torch

import train
from algorithms.adaptive_update import UpdateOptions
from algorithms.asymmetric_ppo import AsymmetricPPO
from run_folder.runs import load_run
from run_folder.training_state import read_training
from tests.helpers.drifting_points import drifting
from training import actor_start, warm_start
from training.actor_start import scale_of
from training.assembly import create_run, prepare
from training.tasks.biped import BipedTrainConfig
from training.warm_start import describe_start

STACK, SIZE = 6 * 47, 6 * 47 + 2 * 76
SMALL = """--env Biped-v0 --algo asymmetric_ppo --preset one_frame --total-timesteps 384 --num-envs 4 --episode-steps 20
--num-threads 1 --eval-every 0 --checkpoint-every 128 --keep-checkpoints 9 --seed 3 --asymmetric-ppo.n-steps 32
--asymmetric-ppo.batch-size 64 --asymmetric-ppo.n-epochs 2 --asymmetric-ppo.net-arch 8 --privileged-frames 2
--asymmetric-ppo.encoder time --asymmetric-ppo.encoder-channels 4 --asymmetric-ppo.encoder-kernels 3
--asymmetric-ppo.encoder-strides 2 --asymmetric-ppo.encoder-arch 6 --asymmetric-ppo.encoder-size 4
--asymmetric-ppo.estimate --asymmetric-ppo.estimator-arch 8 --asymmetric-ppo.direct-frames 2
--asymmetric-ppo.critic-reads privileged""".split()
SMALL += ["--env-kwargs", "{frames: 6}"]
WARM_UP = "--asymmetric-ppo.critic-warm-up"


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """Returns the folder of a short run on nominal robots."""
    run = tmp_path_factory.mktemp("source") / "run"
    assert train.main([*SMALL, "--run-dir", str(run)]) == 0
    return run


@pytest.fixture
def lone(source, tmp_path):
    """Returns the folder of the same policy without checkpoints, as a shipped one."""
    folder = shutil.copytree(source, tmp_path / "lone")
    shutil.rmtree(folder / "checkpoints")
    return folder


def started(source, run, *options):
    """Returns a training that starts from `source`, before its first step."""
    arguments = [*SMALL, "--start-from", str(source), "--run-dir", str(run), *options]
    config = train.parse(arguments)
    return prepare(config, create_run(config, arguments))


def test_with_a_checkpoint_critic_and_statistics_are_those_of_the_source(source, tmp_path):
    training, newest = started(source, tmp_path / "run"), max((source / "checkpoints").iterdir())
    everything, running = read_training(newest), training.model.get_env().obs_rms
    for name, tensor in training.model.policy.state_dict().items():
        if "value_net" in name:
            assert torch.equal(tensor, everything["learner"]["policy"][name]), name
    saved = everything["statistics"][0]
    varied = saved["var"] > 1e-3
    np.testing.assert_allclose(running.mean[varied], saved["mean"][varied])
    np.testing.assert_allclose(running.var[varied], saved["var"][varied])
    assert varied[STACK:].sum() > 100 and running.count == saved["count"]
    assert "It starts from the weights, observation statistics" in describe_start(tmp_path / "run")
    training.model.get_env().close()


def test_columns_that_were_constant_and_are_drawn_now_get_measured_statistics(source, tmp_path):
    training = started(source, tmp_path / "run", "--env.variation.mass", "0.8", "1.2")
    env = training.model.get_env()
    masses = [env.observation_rows[name].start for name in ("trunk_mass", "trunk_mass-1")]
    variance = env.obs_rms.var[masses]
    np.testing.assert_allclose(variance, (2.13 * 0.4) ** 2 / 12, rtol=0.3)  # of uniform draws, 10 kg
    env.close()


def test_columns_that_do_not_vary_while_they_are_measured_count_in_their_own_unit(source, tmp_path):
    pushes = ("--env.variation.push-speed", "0.5", "--env.variation.push-interval", "60.0")  # none in the first seconds
    training = started(source, tmp_path / "run", *pushes)
    env = training.model.get_env()
    running, rows = env.obs_rms, env.observation_rows
    assert (running.var[rows["push_linear"]] == 1.0).all() and (running.mean[rows["push_linear"]] == 0.0).all()
    assert running.var[rows["friction"]] == 1.0 and running.mean[rows["friction"]] == pytest.approx(0.8)
    env.close()


def test_the_scale_of_estimates_does_not_depend_on_the_randomisation_of_the_new_training(lone, tmp_path, monkeypatch):
    asked = []

    def seen(estimates, values):
        asked.append((estimates, values))
        return np.full(6, 0.5), np.full(6, 4.0)

    monkeypatch.setattr(actor_start, "scale_of", seen)
    for name, options in (("nominal", ()), ("varied", ("--env.variation.noise", "1.0", "1.0"))):
        training = started(lone, tmp_path / name, *options)
        env = training.model.get_env()
        rows = env.observation_rows["body_linvel"]
        assert (env.obs_rms.mean[rows] == 0.5).all() and (env.obs_rms.var[rows] == 4.0).all()
        env.close()
    for first, second in zip(asked[0], asked[2]):  # of each start, on nominal robots
        np.testing.assert_array_equal(first, second)
    assert asked[0][1][:, :3].std(axis=0).min() > 0.01


def test_a_property_that_nominal_robots_share_gets_the_scale_of_randomised_ones(lone, tmp_path):
    training = started(lone, tmp_path / "run", "--env.variation.mass-offset-y", "-0.03", "0.03")
    env = training.model.get_env()
    variance = env.obs_rms.var[env.observation_rows["mass_offset"]]
    env.close()
    assert variance[1] == pytest.approx(0.6**2 / 3, rel=0.3) and variance[0] == variance[2] == 1.0


@pytest.mark.parametrize("kind", ["source", "lone"])
def test_it_acts_as_the_saved_policy_also_on_randomised_robots(kind, request, tmp_path):
    folder = request.getfixturevalue(kind)
    training = started(folder, tmp_path / "run", "--env.variation.noise", "1.0", "1.0")
    seen = np.random.default_rng(0).normal(size=(5, SIZE))
    acted = training.model.predict(training.model.get_env().normalize_obs(seen), deterministic=True)[0]
    training.model.get_env().close()
    np.testing.assert_allclose(load_run(folder).act(seen[:, :STACK]), acted, atol=1e-5)
    assert np.ptp(acted, axis=0).min() > 0.0


def test_without_a_checkpoint_the_critic_is_new_and_other_networks_make_it_new_too(source, lone, tmp_path):
    for folder, options in ((lone, ()), (source, ("--asymmetric-ppo.critic-arch", "6"))):
        run = tmp_path / f"run {folder.name}"
        started(folder, run, *options).model.get_env().close()
        words = "fresh: optimizer, critic, statistics of privileged observations"
        assert "It starts from the actor" in describe_start(run) and words in describe_start(run)


def test_a_start_without_a_checkpoint_measures_the_same_each_time(lone, tmp_path):
    arguments = [*SMALL, "--start-from", str(lone), WARM_UP, "128"]
    runs = [tmp_path / "first", tmp_path / "second"]
    for run in runs:
        assert train.main([*arguments, "--run-dir", str(run)]) == 0
    for name in ("policy.safetensors", "normalizer.npz"):
        assert (runs[0] / name).read_bytes() == (runs[1] / name).read_bytes()


def test_normalised_values_are_what_an_estimator_that_knows_a_part_of_them_returns():
    generator, scale, shift = np.random.default_rng(0), np.array([0.38, 2.0, 0.5]), np.array([0.1, -1.0, 0.0])
    known, hidden = generator.normal(0.4, 0.9, (2, 100_000, 3))
    known[:, 2] = generator.normal(size=100_000)  # an estimator that has learned nothing
    true = np.where([True, True, False], known + 0.3 * hidden - 0.12, hidden)
    mean, variance = scale_of(known, shift + scale * true)
    np.testing.assert_allclose(mean[:2], shift[:2], atol=0.02)
    np.testing.assert_allclose(np.sqrt(variance[:2]), scale[:2], rtol=0.01)
    values = shift + scale * true
    np.testing.assert_allclose([mean[2], variance[2]], [values[:, 2].mean(), values[:, 2].var()])


@pytest.mark.parametrize("size", [1.0, 1e-3, 1e-5])
def test_estimates_that_say_nothing_about_the_values_leave_the_values_their_own_scale(size):
    generator = np.random.default_rng(1)
    values = generator.normal(0.3, 0.2, (19_200, 3))
    mean, variance = scale_of(size * generator.normal(size=values.shape), values)
    np.testing.assert_allclose([mean, variance], [values.mean(axis=0), values.var(axis=0)])


NOT_FINITE, NEGATIVE = "are not finite numbers of the right size", "a variance of its observations is negative"
DAMAGES = {
    "no policy": (lambda state: state["learner"].pop("policy"), "there is no 'policy'"),
    "no statistics": (lambda state: state.update(statistics=[]), "list index out of range"),
    "a negative variance": (lambda state: state["statistics"][0]["var"].__setitem__(-1, -1.0), NEGATIVE),
    "no number": (lambda state: state["statistics"][0]["mean"].__setitem__(3, np.nan), NOT_FINITE),
    "a short variance": (lambda state: state["statistics"][0].update(var=np.ones(3)), NOT_FINITE),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_checkpoint_is_one_sentence_and_leaves_no_run(damage, source, tmp_path, monkeypatch, capsys):
    change, words = DAMAGES[damage]

    def damaged(folder):
        state = read_training(folder)
        change(state)
        return state

    monkeypatch.setattr(warm_start, "read_training", damaged)
    arguments = [*SMALL, "--start-from", str(source), "--run-dir", str(tmp_path / "run")]
    assert train.main(arguments) == 2 and not (tmp_path / "run").exists()
    assert words in capsys.readouterr().err


def test_a_start_that_fails_leaves_its_folder_to_a_corrected_command(source, tmp_path, monkeypatch):
    arguments = [*SMALL, "--start-from", str(source), "--run-dir", str(tmp_path / "run")]
    with monkeypatch.context() as patch:
        patch.setattr(actor_start, "_start_critic", lambda *_: torch.zeros(2) + torch.zeros(3))
        with pytest.raises(RuntimeError):
            train.main(arguments)
    assert train.main(arguments) == 0


def test_callbacks_that_fail_leave_the_folder_to_a_corrected_command(tmp_path, monkeypatch):
    arguments = [*SMALL, "--run-dir", str(tmp_path / "run")]
    with monkeypatch.context() as patch:
        patch.setattr(BipedTrainConfig, "task_callbacks", lambda self: {}["curriculum"])
        with pytest.raises(KeyError):
            train.main(arguments)
    create_run(train.parse(arguments), arguments)


def test_a_policy_that_estimates_other_rows_is_no_start(source, tmp_path, capsys):
    arguments = [*SMALL, "--start-from", str(source), "--run-dir", str(tmp_path / "run"), "--asymmetric-ppo.estimated"]
    assert train.main([*arguments, "true_angvel"]) == 2
    assert "it estimates body_linvel mass_offset, this training true_angvel" in capsys.readouterr().err
    create_run(train.parse([*arguments, "body_linvel", "mass_offset"]), [])  # the rows of the task, by name


def test_by_default_the_warm_up_takes_a_twentieth_of_the_training_and_at_most_200_000_steps(source):
    for total, wanted in ((384, 19), (1_000_000, 50_000), (12_000_000, 200_000)):
        arguments = [*SMALL, "--start-from", str(source)]
        arguments[arguments.index("--total-timesteps") + 1] = str(total)
        assert train.parse(arguments).numbers.critic_warm_up == wanted
    assert train.parse(SMALL).numbers.critic_warm_up == 0


def test_a_training_that_becomes_longer_does_not_warm_up_again(source, tmp_path, monkeypatch):
    run, seen = tmp_path / "run", []
    assert train.main([*SMALL, "--start-from", str(source), "--run-dir", str(run)]) == 0
    monkeypatch.setattr(AsymmetricPPO, "train", lambda self: seen.append(self.critic_warm_up))
    assert train.main(["--resume", str(run), "--total-timesteps", "12800"]) == 0
    assert {*seen} == {19}


def test_in_the_warm_up_only_the_critic_learns():
    model = drifting(critic_warm_up=2 * 512, limits=UpdateOptions(std_floor=1.5))
    before = {name: tensor.clone() for name, tensor in model.policy.state_dict().items()}

    def changed():
        return {name for name, tensor in model.policy.state_dict().items() if not torch.equal(tensor, before[name])}

    model.learn(2 * 512)
    assert changed() and all("value_net" in name for name in changed())
    model.learn(512, reset_num_timesteps=False)
    assert {"log_std", "parametrizations.log_std.original"} & changed() and any("policy_net" in name for name in changed())


def test_a_warm_up_needs_a_start_and_must_end(source, tmp_path, capsys):
    assert train.main([*SMALL, WARM_UP, "100"]) == 2
    assert "--asymmetric-ppo.critic-warm-up has no effect: there is no --start-from" in capsys.readouterr().err
    arguments = [*SMALL, "--start-from", str(source), "--run-dir", str(tmp_path / "run")]
    assert train.main([*arguments, WARM_UP, "384"]) == 2 and not (tmp_path / "run").exists()
    wanted = "asymmetric_ppo.critic_warm_up must be below total_timesteps, 384, got 384: the actor would never learn"
    assert wanted in capsys.readouterr().err
