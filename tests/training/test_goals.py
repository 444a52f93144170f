"""`--her`: hindsight solves sparse goals that plain SAC does not; its runs are saved, played and resumed like others."""

import gymnasium as gym
import numpy as np
import pytest
import torch

import export_policy
import play_residual_policy
import train
from algorithms.vec_env import BatchVecEnv, make_vector
from run_folder.observations import deterministic_policy, flat, parts, split
from run_folder.policy import normalizing
from run_folder.runs import load_run
from run_folder.training_state import read_training
from tests.helpers.foreign_package import unregistered_afterwards
from tests.helpers.goal_envs import register
from tests.helpers.training_runs import for_algo
from training.assembly import create_run, prepare
from utils.files import read_json
from utils.monitor_training import read_scalars

LEARN = """--env Point-v0 --algo sac --num-envs 4 --num-threads 1 --eval-every 2400 --eval-episodes 50 --total-timesteps 2400
--sac.learning-starts 200 --sac.net-arch 32 32 --sac.batch-size 128 --sac.gradient-steps 2 --sac.learning-rate 3e-3
--sac.gamma 0.9 --sac.activation relu --seed 3 --checkpoint-every 1200""".split()
SMALL = """--algo sac --num-envs 2 --num-threads 1 --eval-every 0 --total-timesteps 240 --sac.learning-starts 100
--sac.net-arch 8 --sac.gradient-steps 1 --sac.buffer-size 400 --checkpoint-every 90 --keep-checkpoints 9""".split()


@pytest.fixture(scope="module", autouse=True)
def goal_envs():
    """Registers the small goal environments for this file's tests."""
    with unregistered_afterwards():
        register()
        yield


@pytest.fixture(scope="module")
def solved(tmp_path_factory):
    """Returns a run with hindsight on a sparse task."""
    run = tmp_path_factory.mktemp("goals") / "her"
    assert train.main([*LEARN, "--her", "--run-dir", str(run)]) == 0
    return run


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """Returns a run of a goal environment without hindsight."""
    run = tmp_path_factory.mktemp("goals") / "plain"
    assert train.main([*SMALL, "--env", "Point-v0", "--run-dir", str(run)]) == 0
    return run


def test_a_limit_of_steps_may_be_given_where_none_is_known(tmp_path):
    command = [*SMALL, "--env", "EndlessPoint-v0", "--her", "--episode-steps", "30", "--run-dir", str(tmp_path / "run")]
    assert train.main(command) == 0


def test_hindsight_reaches_goals_that_plain_sac_does_not(solved, tmp_path):
    assert read_scalars(solved)["eval/successes"][1][-1] > 0.9
    assert train.main([*LEARN, "--run-dir", str(tmp_path / "plain")]) == 0
    assert read_scalars(tmp_path / "plain")["eval/successes"][1][-1] < 0.2


def test_its_run_is_played_from_a_folder_without_pickles(solved, tmp_path):
    assert play_residual_policy.main(f"--model {solved} --episodes 9 --no-render --json {tmp_path / 'x.json'}".split()) == 0
    assert read_json(tmp_path / "x.json")["summary"]["successes"] > 0.8
    suffixes = {path.suffix for path in solved.rglob("*") if path.is_file() and "tensorboard" not in path.parts}
    assert suffixes <= {".json", ".npz", ".safetensors", ".yaml", ".csv", ""}  # the last is that of .lock
    written = read_json(solved / "policy.json")
    assert (written["parts"], written["part_sizes"]) == (["achieved_goal", "desired_goal", "observation"], [2, 2, 2])


def test_the_policy_on_disk_acts_as_the_one_that_was_trained(solved):
    config = train.parse(["--resume", str(solved), "--total-timesteps", "2500"])
    training = prepare(config, solved, resume_run=True)
    model, env = training.model, training.model.get_env()
    draws = np.random.default_rng(0)
    observation = {name: draws.uniform(-1, 1, (40, 2)).astype(np.float32) for name in parts(env.observation_space)}
    wanted = model.predict(env.normalize_obs(observation), deterministic=True)[0]
    assert np.array_equal(load_run(solved).act(observation), wanted) and np.ptp(wanted) > 0.5
    assert np.array_equal(load_run(solved).act(flat(observation, (*observation,))), wanted)
    assert np.array_equal(deterministic_policy(model, normalizing(env))(observation), wanted)
    env.close()


def test_a_desired_goal_is_normalised_as_a_reached_one_and_rewards_are_not(tmp_path):
    config = train.parse([*SMALL, "--env", "Point-v0", "--her"])
    training = prepare(
        config, create_run(train.parse([*SMALL, "--env", "Point-v0", "--her", "--run-dir", str(tmp_path)]), [])
    )
    env = training.model.get_env()
    env.reset()
    for _ in range(5):
        _, rewards, _, _ = env.step(np.ones((2, 2)))
    assert {*rewards.tolist()} <= {0.0, -1.0}
    same = env.normalize_obs(dict.fromkeys(parts(env.observation_space), np.full((1, 2), 0.3)))
    assert np.array_equal(same["achieved_goal"], same["desired_goal"])
    env.close()


def test_a_resumed_run_keeps_all_of_its_replay_and_joins_no_two_episodes(tmp_path, capsys):
    run = tmp_path / "run"
    assert train.main([*SMALL, "--env", "Point-v0", "--her", "--run-dir", str(run), "--total-timesteps", "90"]) == 0
    held = read_training(run / "checkpoints/0000000090")["kept"]["replay_buffer"]
    assert train.main(["--resume", str(run), "--total-timesteps", "240"]) == 0
    assert "resumes with new episodes" in capsys.readouterr().err
    after = read_training(sorted((run / "checkpoints").iterdir())[-1])["kept"]["replay_buffer"]
    assert held["pos"] == 45 and after["pos"] == 120  # of 45 steps a simulation, the last 5 are of an unfinished episode
    for name, values in held["observations"].items():
        assert np.array_equal(after["observations"][name][:45], values)
    assert np.array_equal(after["rewards"][:45], held["rewards"])
    assert (held["ep_length"][40:45] == 0).all() and (after["ep_length"][40:45] == 5).all()
    assert (after["ep_start"][45:65] == 45).all() and (after["ep_length"][45:65] == 20).all()


def test_it_is_a_warm_start_and_is_exported_to_sb3(solved, tmp_path):
    arguments = [*LEARN, "--her", "--total-timesteps", "80", "--start-from", str(solved)]
    config = train.parse([*arguments, "--run-dir", str(tmp_path / "next")])
    model = prepare(config, create_run(config, arguments)).model
    weights = load_run(solved).policy.state_dict()
    assert all(torch.equal(values, weights[name]) for name, values in model.policy.state_dict().items())
    assert np.array_equal(normalizing(model.get_env()).mean, load_run(solved).normalizer.mean)
    assert export_policy.main([str(solved), str(tmp_path / "sb3"), "--format", "sb3"]) == 0
    assert (tmp_path / "sb3/model.zip").is_file()
    model.get_env().close()


@pytest.mark.parametrize("algo", ["ppo", "sac"])
def test_dictionary_observations_are_trained_without_hindsight_too(algo, tmp_path):
    arguments = [*(word if word != "sac" else algo for word in SMALL), "--env", "RWRLCartpoleBalance-v0"]
    arguments += [
        "--env-kwargs",
        "{observation: dict}",
        "--episode-steps",
        "40",
        "--ppo.n-steps",
        "60",
        "--ppo.batch-size",
        "60",
        "--ppo.net-arch",
        "8",
    ]
    assert train.main(for_algo([*arguments, "--run-dir", str(tmp_path / "run")])) == 0
    run = load_run(tmp_path / "run")
    env = run.make_env(3)
    assert run.act(env.reset(seed=0)[0]).shape == (3, 1) and len(run.normalizer.names) > 1
    env.close()
    assert train.main(["--resume", str(tmp_path / "run"), "--total-timesteps", "360"]) == 0


def test_a_shadow_hand_learns_from_hindsight(tmp_path):
    arguments = [*SMALL, "--env", "ShadowHandEgg-v0", "--her", "--episode-steps", "20", "--total-timesteps", "120"]
    arguments += ["--env-kwargs", "{observation: goal, reward: sparse}", "--run-dir", str(tmp_path / "run")]
    assert train.main(arguments) == 0
    assert play_residual_policy.main(f"--model {tmp_path / 'run'} --episodes 1 --no-render".split()) == 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("--env Point-v0 --algo ppo --her", "give --algo sac"),
        ("--env Pendulum-v1 --her", "Pendulum-v1 with {} has a vector (3,)"),
        ("--env ShadowHandPen-v0 --her", "--env-kwargs '{observation: goal}'"),
        ("--env SinglePoint-v0 --her", "must return n rewards for n goals (n, k)"),
        (
            "--env Point-v0 --her --sac.learning-starts 30",
            "sac.learning_starts must be at least 40 (20 steps x 2",
        ),
        ("--env Point-v0 --her --sac.buffer-size 30", "sac.buffer_size must be at least 40"),
        ("--env EndlessPoint-v0 --her", "EndlessPoint-v0 has no known limit of steps: give --episode-steps"),
        ("--env Point-v0 --her --start-from {plain}", "it normalises achieved_goal and desired_goal separately"),
        ("--env PictureGoal-v0", "supported is a Box of shape (k,), or a Dict of such Boxes with floats"),
    ],
)
def test_what_hindsight_cannot_learn_from_is_one_sentence_before_there_is_a_folder(
    arguments, sentence, plain, tmp_path, capsys
):
    arguments = arguments.replace("{plain}", str(plain))
    command = [*SMALL, *arguments.split(), "--run-dir", str(tmp_path / "run")]
    command = command if "ppo" not in command else [*arguments.split(), "--run-dir", str(tmp_path / "run")]
    assert train.main(command) == 2
    error = capsys.readouterr().err.split("train: ")[-1]  # gymnasium-robotics may print a line when it is imported
    assert sentence in error and error.count("\n") == 1 and not (tmp_path / "run").exists()


def test_a_vector_is_split_into_the_parts_it_was_made_of():
    vector, sizes = np.arange(12.0).reshape(2, 6), {"b": 1, "a": 3, "c": 2}
    named = split(vector, sizes)
    assert named["a"].tolist() == [[1, 2, 3], [7, 8, 9]] and np.array_equal(flat(named, ("b", "a", "c")), vector)


class Rewarded(gym.vector.VectorWrapper):
    """A vector that computes the rewards of goals itself, for many simulations at once."""

    def compute_reward(self, achieved_goal, desired_goal, info):
        return np.abs(achieved_goal - desired_goal).sum(-1)


def test_a_vector_that_has_the_reward_of_goals_itself_is_asked_for_any_number_of_them():
    env = BatchVecEnv(Rewarded(make_vector("envs:Point-v0", 3)))
    (rewards,) = env.env_method("compute_reward", np.ones((50, 2)), np.zeros((50, 2)), [{}] * 50, indices=[0])
    assert rewards.tolist() == [2.0] * 50 and env.episode_steps == 20
    env.close()
