"""The scripts end to end: train, inspect the run, play it; and one sentence for every wrong input."""

import json

import imageio.v3 as iio
import numpy as np
import pytest
import yaml
from stable_baselines3.common.vec_env import VecNormalize

import play_residual_policy
import train_residual_ppo
from algorithms.vec_env import make_batch_vec_env
from envs.residual_walk.variation import TRAINING_VARIATION, VariationConfig
from evaluation import walk_judge
from evaluation.held_out_seeds import EVALUATION
from evaluation.walks import evaluate, summarise
from run_folder.policy import POLICY_FILES
from run_folder.runs import load_policy
from training import assembly
from training.tasks import WALK
from utils import monitor_training

# A tilt of 0.1 rad counts as a fall: an evaluation, in which a robot walks up to 10 m, then takes little time.
SMALL = """--preset rough --total-timesteps 1024 --num-envs 8 --ppo.n-steps 64 --ppo.batch-size 256 --ppo.net-arch 16
--episode-steps 30 --env.max-tilt 0.1 --eval-every 512 --eval-episodes 2 --checkpoint-every 512 --level 0.3
--seed 3 --num-threads 1""".split()
KEYS = "distance_m success fall mean_speed_mps speed_rmse_mps max_roll_deg max_pitch_deg steps return".split()


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "small"
    assert train_residual_ppo.main([*SMALL, "--run-dir", str(folder)]) == 0
    return folder


def test_a_run_holds_its_config_the_last_the_best_and_the_checkpoints(run):
    record = yaml.safe_load((run / "config.yaml").read_text())
    assert record["config"]["seed"] == 3 and record["config"]["env"]["terrain"]["kinds"] == ["rough"]
    assert record["argv"][:4] == SMALL[:4] and record["versions"]["mujoco"]
    for folder in (run, run / "best", run / "checkpoints" / "0000000512", run / "checkpoints" / "0000001024"):
        assert {path.name for path in folder.iterdir()} >= set(POLICY_FILES)


def test_the_same_seed_trains_the_same_policy(run, tmp_path):
    assert train_residual_ppo.main([*SMALL, "--run-dir", str(tmp_path / "again")]) == 0
    rows = np.random.default_rng(0).normal(size=(50, 98))
    np.testing.assert_array_equal(load_policy(run)(rows), load_policy(tmp_path / "again")(rows))


def test_a_runs_own_config_trains_it_again_and_the_command_line_has_the_last_word(run):
    config = train_residual_ppo.parse(["--config", str(run / "config.yaml"), "--seed", "4"])
    assert (config.total_timesteps, config.ppo.net_arch, config.seed, config.env.terrain.seed) == (1024, (16,), 4, 4)


def test_the_preset_plan_has_the_plans_numbers():
    ppo = train_residual_ppo.parse(["--preset", "plan"]).ppo
    assert (ppo.num_envs, ppo.n_steps, ppo.batch_size, ppo.n_epochs, ppo.ent_coef) == (4, 2048, 64, 10, 0.01)
    assert (ppo.learning_rate, ppo.gamma, ppo.gae_lambda, ppo.clip_range) == (3e-4, 0.99, 0.95, 0.2)


def test_curves_are_drawn_with_every_reward_term(run):
    scalars = monitor_training.read_scalars(run)
    wanted = {"rollout/ep_rew_mean", "rollout/survival_rate", "rollout/terrain_level", "eval/success", "train/learning_rate"}
    assert wanted <= scalars.keys() and sum(tag.startswith("reward/") for tag in scalars) == 10
    assert monitor_training.main([str(run)]) == 0
    assert iio.imread(run / "training_curves.png").std() > 5


def test_playing_a_run_writes_the_promised_json(run, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(walk_judge, "GOAL_DISTANCE", 1.0)  # m
    out = tmp_path / "out.json"
    command = f"--model {run} --terrain flat --episodes 2 --command 0.5 --no-render --json {out}"
    assert play_residual_policy.main(command.split()) == 0
    result = json.loads(out.read_text())
    assert len(result["episodes"]) == 2 and set(KEYS) <= result["episodes"][0].keys() & result["summary"].keys()
    mean = np.mean([episode["distance_m"] for episode in result["episodes"]])
    assert result["summary"]["distance_m"] == pytest.approx(mean)
    printed = capsys.readouterr()
    assert "| all |" in printed.out and not printed.err
    assert play_residual_policy.main([*command.split(), "--command", "0.7"]) == 0
    assert "note: command_vx is 0.7 m/s, outside the range of the training" in capsys.readouterr().err


def test_the_baseline_plays_without_a_model_and_reaches_ten_metres_on_flat_ground(tmp_path):
    out = tmp_path / "out.json"
    arguments = f"--baseline --terrain flat --command 0.5 --episodes 1 --no-render --json {out}"
    assert play_residual_policy.main(arguments.split()) == 0
    (episode,) = json.loads(out.read_text())["episodes"]
    assert episode["success"] and not episode["fall"]
    assert episode["steps"] == pytest.approx(10 / 0.5 * 100, rel=0.1)


# The reader of imageio-ffmpeg, which only this test uses, leaves its pipes to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_video_shows_the_robot_walk(tmp_path, gl, monkeypatch):
    monkeypatch.setattr(walk_judge, "GOAL_DISTANCE", 0.2)  # m
    path = tmp_path / "walk.mp4"
    assert play_residual_policy.main(["--baseline", "--terrain", "flat", "--episodes", "1", "--video", str(path)]) == 0
    with iio.imopen(path, "r", plugin="FFMPEG") as video:
        frames = list(video.iter())
    assert len(frames) > 10 and frames[0].std() > 10
    assert np.abs(frames[0].astype(int) - frames[-1].astype(int)).mean() > 1


@pytest.mark.parametrize(
    ("script", "arguments", "words"),
    [
        (train_residual_ppo, "--preset defualt", "did you mean default"),
        (train_residual_ppo, "--config nowhere.yaml", "cannot read nowhere.yaml"),
        (play_residual_policy, "--model nowhere --no-render", "contains no env.json"),
        (play_residual_policy, "--baseline --terrain ruogh", "did you mean rough"),
        (play_residual_policy, "--baseline --level 7", "[0, 1], got 7"),
        (play_residual_policy, "--baseline --command nan", "finite"),
        (monitor_training, "nowhere", "no TensorBoard scalars"),
    ],
)
def test_a_wrong_input_gets_one_sentence_and_exit_code_2(script, arguments, words, capsys):
    assert script.main(arguments.split()) == 2
    message = capsys.readouterr().err
    assert words in message and "Traceback" not in message and len(message.splitlines()) == 1


@pytest.mark.parametrize(
    ("script", "arguments", "words"),
    [
        (train_residual_ppo, "--level 5", "[0, 1]"),
        (train_residual_ppo, "--total-timesteps 0", "at least 1"),
        (train_residual_ppo, "--terrain ruogh", "did you mean rough"),
        (play_residual_policy, "--episodes 0 --baseline", "at least 1"),
        (play_residual_policy, "", "--baseline"),
    ],
)
def test_a_wrong_value_on_the_command_line_is_explained_without_a_traceback(script, arguments, words, capsys):
    with pytest.raises(SystemExit) as stop:
        script.main(arguments.split())
    message = " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert stop.value.code == 2 and words in message and "Traceback" not in message


def test_a_folder_that_holds_a_run_is_not_written_over(run, capsys):
    before = (run / "config.yaml").read_bytes()
    assert train_residual_ppo.main([*SMALL, "--run-dir", str(run)]) == 2
    assert "already contains a run" in capsys.readouterr().err
    assert (run / "config.yaml").read_bytes() == before


def test_the_learning_rate_goes_straight_from_the_first_to_the_final_one(tmp_path):
    config = train_residual_ppo.parse([*SMALL, "--ppo.learning-rate", "4e-4", "--ppo.final-learning-rate", "1e-4"])
    env = make_batch_vec_env("envs:ResidualWalk-v0", 8)
    model = assembly.make_model(config, VecNormalize(env))
    assert [model.lr_schedule(left) for left in (1.0, 0.5, 0.0)] == pytest.approx([4e-4, 2.5e-4, 1e-4])
    env.close()


def test_the_evaluation_that_chose_the_best_policy_can_be_repeated_exactly(tmp_path):
    config = train_residual_ppo.parse([*SMALL, "--run-dir", str(tmp_path), "--eval-every", "1024"])
    run = assembly.create_run(config, [])
    assembly.prepare(config, run).learn(run)
    again = assembly.evaluations(config, tmp_path)["evaluation"]
    env = again._make_env()
    arguments = (env, load_policy(tmp_path / "best"), config.eval_episodes)
    summary = summarise(evaluate(*arguments, EVALUATION.at(), WALK.judge.goal))
    logged = monitor_training.read_scalars(tmp_path)
    for name in ("success", "distance_m", "return"):
        assert logged[f"eval/{name}"][1][-1] == np.float32(summary[name])
    env.close()


def test_robots_vary_in_training_if_the_preset_or_the_command_line_says_so():
    assert train_residual_ppo.parse(["--preset", "rough"]).env.variation == VariationConfig()
    assert train_residual_ppo.parse(["--no-vary"]).env.variation == VariationConfig()
    assert train_residual_ppo.parse(["--preset", "rough", "--vary"]).env.variation == TRAINING_VARIATION
    assert train_residual_ppo.parse([]).env.variation == TRAINING_VARIATION
