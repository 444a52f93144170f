"""`train.py` trains any registered environment: same run folder, evaluation by return, play and resume."""

from pathlib import Path

import pytest
import yaml

import play_residual_policy
import train
from evaluation.held_out_seeds import PLAY
from run_folder.runs import load_run
from tests.helpers.training_runs import for_algo
from training.tasks.cube_in_hand import CubeTrainConfig
from training.tasks.walk import WalkTrainConfig
from utils import monitor_training

SMALL = """--env Pendulum-v1 --total-timesteps 512 --num-envs 2 --episode-steps 60 --num-threads 1 --eval-every 256
--eval-episodes 3 --checkpoint-every 256 --seed 3 --ppo.n-steps 64 --ppo.batch-size 64 --ppo.net-arch 8
--sac.learning-starts 64 --sac.gradient-steps 1 --sac.net-arch 8""".split()


@pytest.fixture(scope="module", params=["ppo", "sac"])
def run(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / request.param
    assert train.main(for_algo([*SMALL, "--algo", request.param, "--run-dir", str(folder)])) == 0
    return folder


def test_a_foreign_environments_run_holds_what_every_run_holds(run):
    record = yaml.safe_load((run / "config.yaml").read_text())
    assert record["config"]["env_id"] == "Pendulum-v1"
    assert load_run(run).env_kwargs == {"max_episode_steps": 60}
    assert all((run / name).is_dir() for name in ("best", "checkpoints/0000000256", "checkpoints/0000000512"))


def test_its_evaluations_log_the_return_of_whole_episodes(run):
    steps, returns = monitor_training.read_scalars(run)["eval/return"]
    assert steps[-1] == 512 and all(-16.3 * 200 <= value < 0 for value in returns)  # -16.27 per step is the minimum
    assert (run / "best").is_dir() and monitor_training.read_scalars(run)["eval/steps"][1][-1] == 200


def test_it_is_played_and_tells_the_returns_of_its_episodes(run, tmp_path, capsys):
    out = tmp_path / "out.json"
    assert play_residual_policy.main(f"--model {run} --episodes 2 --no-render --json {out}".split()) == 0
    episodes = yaml.safe_load(out.read_text())["episodes"]
    assert [episode["seed"] for episode in episodes] == [PLAY.first + i for i in (0, 1)]
    env, policy = load_run(run).make_env(), load_run(run).act
    for episode in episodes:
        observation, total = env.reset(seed=episode["seed"])[0], 0.0
        for _ in range(60):
            observation, reward, *_ = env.step(policy(observation))
            total += reward[0]
        assert (episode["return"], episode["steps"]) == (pytest.approx(total), 60)
    assert "| all |" in capsys.readouterr().out


def test_it_goes_on_with_new_episodes_and_says_so(run, capsys):
    assert train.main(["--resume", str(run), "--total-timesteps", "640"]) == 0
    assert "resumes with new episodes" in capsys.readouterr().err
    assert (run / "checkpoints" / "0000000640").is_dir()


def test_the_id_decides_what_can_be_said():
    config = train.parse(["--env", "AdaptiveWalk-v0", "--terrain", "stairs"])
    assert isinstance(config, WalkTrainConfig) and config.env.terrain.kinds == ("stairs",)
    config = train.parse(["--env", "CubeInHand-v0", "--start-angle", "1.5"])
    assert isinstance(config, CubeTrainConfig) and (config.start_angle, config.ppo.num_envs) == (1.5, 128)
    config = train.parse(["--env", "RWRLWalkerRun-v0"])
    assert (config.algo, config.sac.num_envs, config.total_timesteps) == ("sac", 4, 100_000)
    config = train.parse(["--env", "Pendulum-v1", "--env-kwargs", "{g: 5.0}", "--preset", "plan"])
    assert (config.env_arguments, config.ppo.n_steps) == ({"g": 5.0}, 2048)
    with pytest.raises(SystemExit):
        train.parse(["--env", "Pendulum-v1", "--terrain", "stairs"])


HEAVY = "{perturb_spec: {params: {mass: [0.9, 1.1]}}}"


@pytest.mark.parametrize(
    ("arguments", "frames"),
    [
        (["--env-kwargs", HEAVY], 66),
        (["--config", "heavy.yaml"], 66),
        (["--config", "heavy.yaml", "--preset", "one_frame"], None),
        (["--config", "heavy.yaml", "--env-kwargs", "{frames: 3}"], 3),
        (["--config", "run.yaml"], None),  # the config of a run is complete
    ],
)
def test_arguments_of_the_environment_that_are_left_out_stay_those_of_the_preset(arguments, frames, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("heavy.yaml").write_text(f"env_id: Biped-v0\nenv_kwargs: {HEAVY}\n")
    Path("run.yaml").write_text(f"config: {{env_id: Biped-v0, env_kwargs: {HEAVY}}}\n")
    kwargs = train.parse(["--env", "Biped-v0", *arguments]).env_kwargs
    assert kwargs.get("frames") == frames and kwargs["perturb_spec"]["params"] == {"mass": [0.9, 1.1]}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("--env ResidulWalk-v0", "did you mean ResidualWalk-v0"),
        ("--env Pendulum-v1 --preset rough", "There are default, plan"),
        ("--env Pendulum-v1 --resume nowhere", "contains no config.yaml"),
    ],
)
def test_a_wrong_word_is_one_sentence(arguments, sentence, capsys):
    assert train.main(for_algo(arguments.split())) == 2
    error = capsys.readouterr().err
    assert sentence in error and error.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--env-kwargs", "{gravity: 5}"], "gravity"),
        (["--perturb", "default"], "it cannot be perturbed"),
        (["--env", "RWRLCartpoleBalance-v0", "--perturb", "{pole_lenght: [1, 2]}"], "did you mean pole_length"),
        (["--env", "RWRLCartpoleBalance-v0", "--perturb", "pole_length"], "must be a YAML mapping"),
    ],
)
def test_what_the_environment_refuses_is_said_before_there_is_a_folder(arguments, sentence, tmp_path, capsys):
    assert train.main(for_algo([*SMALL, *arguments, "--run-dir", str(tmp_path / "run")])) == 2
    error = capsys.readouterr().err
    assert sentence in error and error.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_a_perturbed_training_is_judged_on_the_nominal_and_apart_on_the_perturbed_physics(tmp_path):
    perturb = ["--perturb", "{pole_length: [2.5, 2.6]}"]
    small = [word if word != "Pendulum-v1" else "RWRLCartpoleBalance-v0" for word in SMALL]
    assert train.main(for_algo([*small, "--algo", "ppo", *perturb, "--run-dir", str(tmp_path / "run")])) == 0
    scalars = monitor_training.read_scalars(tmp_path / "run")
    assert scalars["eval/return"][1][-1] != scalars["eval_perturbed/return"][1][-1]
    config = train.parse(["--resume", str(tmp_path / "run")])
    env = config.make_env()
    env.reset()
    lengths = [own.unwrapped.model.geom("pole_1").size[1] * 2 for own in env.env.unwrapped.envs]
    assert all(2.5 <= length <= 2.6 for length in lengths) and lengths[0] != lengths[1]
