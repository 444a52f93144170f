"""An option without effect is an error with one sentence, in every program; recorded values still load."""

from operator import attrgetter
from pathlib import Path

import pytest
import yaml

import evaluate_robustness
import play_residual_policy
import train
import train_residual_ppo
import tune_hyperparameters
from benchmarks import challenge_table, terrain_benchmark
from envs.residual_walk.variation import TRAINING_VARIATION
from training.tasks.cube_in_hand import CubeTrainConfig
from utils.console.options import given_options

POLICIES = Path(__file__).parents[2] / "assets" / "policies"
CUBE, WALK = POLICIES / "CubeInHand-v0", POLICIES / "ResidualWalk-v0"
TRAINED = " ".join(
    f"--env.variation.{name.replace('_', '-')} {' '.join(map(str, value)) if isinstance(value, tuple) else value}"
    for name, value in vars(TRAINING_VARIATION).items()
)
WRONG = [
    (train_residual_ppo, "--env.terrain-scale 0.3", "--env.terrain-scale has no effect: the config sets it to 1.0"),
    (train_residual_ppo, "--env.terrain_scale=0.3", "--env.terrain-scale has no effect"),
    (train_residual_ppo, "--env.terrain.kinds waves stairs", "--env.terrain.kinds has no effect"),
    (train_residual_ppo, "--env.terrain.seed 7", "--env.terrain.seed has no effect: the config sets it to 42"),
    (train_residual_ppo, f"--no-vary {TRAINED}", "has no effect"),
    (train_residual_ppo, "--no-vary --env.variation.mass 0.8 1.2", "--vary has no effect: env.variation sets the values"),
    (train_residual_ppo, "--preset rough --env.variation.push-interval 5", "push_speed is 0"),
    (train_residual_ppo, "--sac.tau 0.01", "--sac.tau has no effect: the training has --algo asymmetric_ppo"),
    (train_residual_ppo, "--algo sac --ppo.n-epochs 3", "--ppo.n-epochs has no effect: the training has --algo sac"),
    (train, "--env RWRLWalkerWalk-v0 --ppo.gamma 0.9", "--ppo.gamma has no effect: the training has --algo sac"),
    (
        train,
        "--env CartPole-v1 --ppo.log-std-init -1",
        "--ppo.log-std-init has no effect: the actions of CartPole-v1",
    ),
    (train, "--env Toy-v0 --algo sac --preset plan", "--preset has no effect: plan of Toy-v0 sets only ppo"),
    (train, "--env Toy-v0 --num-envs 4 --ppo.num-envs 8", "--ppo.num-envs has no effect: the config sets it to 4"),
    (train, "--env Toy-v0 --eval-every 0 --eval-episodes 9", "--eval-episodes has no effect"),
    (train_residual_ppo, "--curriculum success --curriculum-share 0.2", "--curriculum-share has no effect"),
    (train_residual_ppo, "--level 0.5 --start-level 0.8", "--start-level has no effect: --level 0.5 is lower"),
    (
        train_residual_ppo,
        "--level 0.5 --curriculum-share 0.3",
        "--curriculum-share has no effect: the training starts at --le",
    ),
    (
        train_residual_ppo,
        "--level 0.6 --curriculum success",
        "--curriculum has no effect: the training starts at --level 0.6",
    ),
    (train_residual_ppo, "--terrain flat --start-level 0.2", "--start-level has no effect: --terrain flat"),
    (train_residual_ppo, "--terrain flat --env.terrain.levels 0 1", "--env.terrain.levels has no effect"),
    (train, "--env A1-v0 --env.terrain.levels 0.5", "--env.terrain.levels has no effect: the ground is flat"),
    (train, "--env RealAnt-v0 --env.terrain-scale 0.5", "--env.terrain-scale has no effect: the ground is flat"),
    (train, "--env Biped-v0 --env.terrain.seed 7", "--env.terrain.seed has no effect: the ground is flat"),
    (train, "--env RealAnt-v0 --env.variation.push-interval 5", "--env.variation.push-interval has no effect: push_speed"),
    (
        train,
        "--env Biped-v0 --env.variation.mass 0.9 1.1 --env.variation.push-duration 0.5",
        "--env.variation.push-duration has no effect: push_speed and push_turn are 0",
    ),
    (train, f"--env CubeInHand-v0 --start-angle {3.141592653589793} --rise 3", "--rise has no effect"),
    (train, "--env CubeInHand-v0 --start-angle 1.5 --env-kwargs {target_angle:\\ 1.0}", "target_angle of 1, got 1.5"),
    (play_residual_policy, f"--model {CUBE} --terrain nonsense", "--terrain has no effect: CubeInHand-v0 has no choice"),
    (play_residual_policy, f"--model {CUBE} --level 0.5", "--level has no effect"),
    (play_residual_policy, f"--model {CUBE} --command 0.3", "--command has no effect"),
    (play_residual_policy, f"--model {WALK} --terrain flat --level 1", "--level has no effect: flat ground"),
    (play_residual_policy, "--replay nowhere --port 9000", "--port has no effect: --replay"),
    (play_residual_policy, "--replay nowhere --episodes 2", "--episodes has no effect: --replay"),
    (play_residual_policy, f"--model {CUBE} --baseline", "give one of"),
    (tune_hyperparameters, "--top 5", "--top has no effect: only --reseed uses it"),
    (tune_hyperparameters, "--serve 5000 --trials 3", "--trials has no effect: --serve"),
    (evaluate_robustness, f"--model {CUBE} --all --param gravity_scale", "give one of --param, --all and --pairs"),
    (evaluate_robustness, f"--model {CUBE} --all --pairs object_mass,gravity_scale", "give one of --param"),
    (challenge_table, "--no-training --workers 3", "--workers has no effect"),
    (terrain_benchmark, "--no-own-gaits", "--no-own-gaits has no effect without a --model"),
]


@pytest.mark.parametrize(("script", "arguments", "words"), WRONG)
def test_an_option_without_effect_is_refused(script, arguments, words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    words_given = [word.replace("\\", " ") for word in arguments.replace("\\ ", "\\").split()]
    try:
        code = script.main(words_given)
    except SystemExit as stop:  # tyro prints its errors in a frame
        code = stop.code
    message = " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert code == 2 and words in message and "Traceback" not in message and not [*tmp_path.rglob("*.yaml")]


ACCEPTED = [
    "--seed 7 --env.terrain.seed 7 --env.terrain-scale 1.0",
    "--preset rough --vary --env.variation.push-interval 5",
    "--env.variation.push-interval 5 --env.weights.heading 0.1",
    "--preset rough --env.variation.friction 0.5 1.5",
    "--algo sac --sac.tau 0.02 --curriculum success",
    "--terrain flat --seed 3",
    "--no-vary",
]


@pytest.mark.parametrize("arguments", ACCEPTED)
def test_an_option_with_effect_has_it(arguments):
    config = train_residual_ppo.parse(arguments.split())
    if "push-interval" in arguments:
        assert config.env.variation.push_interval == 5 and config.env.variation.mass == TRAINING_VARIATION.mass


@pytest.mark.parametrize("name", ["ResidualWalk-v0", "AdaptiveWalk-v0"])
def test_the_recorded_config_of_an_earlier_run_still_describes_a_training(name):
    config = train_residual_ppo.parse(["--config", str(POLICIES / name / "config.yaml"), "--seed", "9"])
    assert (config.env.terrain.seed, config.env.terrain_scale, config.env_id) == (9, 1.0, name)


FILES = [
    (train_residual_ppo, {"env": {"terrain_scale": 0.4}}, "env.terrain_scale has no effect: the training sets it to 1.0"),
    (train_residual_ppo, {"env": {"terrain": {"kinds": ["waves"]}}}, "env.terrain.kinds has no effect"),
    (train_residual_ppo, {"num_envs": 8, "ppo": {"num_envs": 16}}, "ppo.num_envs has no effect: the training sets it to 8"),
    (train_residual_ppo, {"eval_every": 0, "eval_episodes": 9}, "eval_episodes has no effect: --eval-every 0 turns"),
    (train_residual_ppo, {"terrain": "flat", "start_level": 0.2}, "start_level has no effect: --terrain flat"),
    (train_residual_ppo, {"algo": "robust_sac", "robust_sac": {"samples": 4}}, "robust_sac.samples has no effect: "),
    (train_residual_ppo, {"resume": "runs/old"}, "own.yaml: resume belongs on the command line"),
    (train_residual_ppo, {"config": "other.yaml"}, "own.yaml: config belongs on the command line"),
    (train_residual_ppo, {"config": 3}, "config must be Path or None, got 3"),
    (train_residual_ppo, {"env_id": None}, "env_id must be str, got None"),
    (train_residual_ppo, {"preset": ["rough"]}, "preset must be str, got ['rough']"),
    (train_residual_ppo, {"start_level": 0.8, "level": 0.5}, "start_level has no effect: --level 0.5 is lower"),
    (tune_hyperparameters, {"env": {"terrain": {"kinds": ["waves"]}}}, "env.terrain.kinds has no effect"),
    (tune_hyperparameters, {"config": {}, "total_timesteps": 9}, "total_timesteps has no effect: it belongs below config"),
    (train_residual_ppo, {"config": {}, "seed": 9}, "seed has no effect: it belongs below config"),
    (tune_hyperparameters, {"preset": 4}, "preset must be str, got 4"),
    (tune_hyperparameters, {"terrain": "flat", "level": 0.5}, "level has no effect: --terrain flat has no levels"),
    (tune_hyperparameters, {"config": None, "ppo": {"n_epochs": 3}}, "config has no effect: the sweep sets it"),
    (tune_hyperparameters, {"total_timesteps": 100}, "total_timesteps has no effect: the sweep sets it"),
    (tune_hyperparameters, {"env_id": "AdaptiveWalk-v0"}, "env_id is AdaptiveWalk-v0, but the sweep uses ResidualWalk-v0"),
]


@pytest.mark.parametrize(("script", "content", "words"), FILES)
def test_a_key_of_a_file_without_effect_is_refused(script, content, words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("own.yaml").write_text(yaml.safe_dump(content))
    assert script.main(["--config", "own.yaml"]) == 2
    message = capsys.readouterr().err
    assert words in message and len(message.splitlines()) == 1 and [*tmp_path.iterdir()] == [Path("own.yaml").absolute()]


def test_a_file_may_have_numbers_for_both_algorithms_and_values_that_hold_anyway(tmp_path):
    content = {"ppo": {"n_epochs": 3}, "sac": {"tau": 0.01}, "seed": 5, "env": {"terrain": {"seed": 5}}}
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(content))
    config = train_residual_ppo.parse(["--config", str(tmp_path / "own.yaml")])
    assert (config.ppo.n_epochs, config.sac.tau, config.env.terrain.seed) == (3, 0.01, 5)


USEFUL = [
    ({"eval_episodes": 9}, "--eval-every 0", "eval_episodes", 9),
    ({"asymmetric_ppo": {"critic_warm_up": 6}}, "--start-from policy", "asymmetric_ppo.critic_warm_up", 6),
    ({"sac": {"tau": 0.01}}, "--algo sac", "sac.tau", 0.01),
    ({"start_level": 0.2}, "--terrain flat", "start_level", 0.2),
]


@pytest.mark.parametrize(("content", "options", "name", "value"), USEFUL)
def test_a_file_serves_command_lines_that_use_some_of_its_values(content, options, name, value, tmp_path):
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(content))
    config = train_residual_ppo.parse(["--config", str(tmp_path / "own.yaml"), *options.split()])
    assert attrgetter(name)(config) == value


@pytest.mark.parametrize("name", ["ResidualWalk-v0", "AdaptiveWalk-v0"])
def test_a_file_may_be_the_whole_config_of_a_run(name, tmp_path):
    whole = yaml.safe_load((POLICIES / name / "config.yaml").read_text())["config"]
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(whole | {"eval_episodes": 16}))
    config = train_residual_ppo.parse(["--config", str(tmp_path / "own.yaml")])
    assert config.eval_episodes == 16 and config.total_timesteps == whole["total_timesteps"]


def test_the_curriculum_of_a_cube_ends_at_the_task_s_own_angle():
    curriculum = CubeTrainConfig(env_kwargs={"target_angle": 0.81}).task_callbacks()["curriculum"]
    curriculum._episodes = curriculum._window
    curriculum.init_callback(type("Model", (), {"get_env": lambda self: Silent(), "logger": Silent()})())
    curriculum.on_rollout_start()
    assert curriculum.angle == 0.81


class Silent:
    """Accepts the calls that a callback makes."""

    def env_method(self, *arguments):
        pass

    record = env_method


def test_options_are_read_as_field_names():
    assert given_options("--env.terrain-scale=1 --no-vary x --a_b -1".split()) == ["env.terrain_scale", "vary", "a_b"]
