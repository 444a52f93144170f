"""TensorBoard's HParams tab lists the options of every training with its last and best evaluation, and compares trials."""

from pathlib import Path
from shutil import copytree, rmtree

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

import train
import tune_hyperparameters
from run_folder.logs import read_progress
from tests.helpers.training_runs import for_algo
from training.hyperparameters import hyperparameters, metrics
from utils.monitor_training import read_scalars

SMALL = """--env Pendulum-v1 --total-timesteps 512 --num-envs 2 --num-threads 1 --eval-every 128
--checkpoint-every 128 --keep-checkpoints 9 --ppo.n-steps 64 --ppo.batch-size 64 --ppo.net-arch 8 6
--sac.net-arch 8 --sac.learning-starts 32 --sac.gradient-steps 1""".split()


def hparams(run: Path) -> tuple[dict, list[str], int]:
    """Returns the data of a run in the HParams tab: options by name, the tags of its metrics, and the number of writes."""
    log = EventAccumulator(str(run / "tensorboard"), size_guidance={"tensors": 0})
    log.Reload()
    read = lambda tag: HParamsPluginData.FromString(log.SummaryMetadata(tag).plugin_data.content)  # noqa: E731
    started, experiment = (read(f"_hparams_/{name}") for name in ("session_start_info", "experiment"))
    values = {name: getattr(v, v.WhichOneof("kind")) for name, v in started.session_start_info.hparams.items()}
    tags = [info.name.tag for info in experiment.experiment.metric_infos]
    written = sum(file.read_bytes().count(b"_hparams_/session_start_info") for file in (run / "tensorboard").iterdir())
    return values, tags, written


@pytest.fixture(scope="module", params=["ppo", "sac"])
def run(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / request.param
    arguments = ["--algo", request.param, "--env-kwargs", "{g: 5.5}", "--seed", "7", "--run-dir", str(folder)]
    arguments += ["--eval-episodes", "2"]
    assert train.main(for_algo([*SMALL, *arguments])) == 0
    return folder


def test_the_resolved_numbers_of_a_training_are_its_hyperparameters(run):
    values, _, written = hparams(run)
    algo, other = (run.name, "sac") if run.name == "ppo" else (run.name, "ppo")
    assert (values["algo"], values["env_id"], values["seed"], values["env_kwargs.g"]) == (algo, "Pendulum-v1", 7, 5.5)
    assert values["total_timesteps"] == 512 and values[f"{algo}.gamma"] == 0.99 and values[f"{algo}.num_envs"] == 2
    assert values[f"{algo}.net_arch"] == ("[8, 6]" if algo == "ppo" else "[8]")
    assert not [name for name in values if name.startswith((f"{other}.", "run_dir", "num_threads", "resume"))]
    assert written == 1


def test_its_metrics_are_the_last_and_the_best_evaluation(run):
    scalars, (_, tags, _) = read_scalars(run), hparams(run)
    assert tags == ["eval/return", "eval/best_return", "rollout/ep_rew_mean"] and {*tags[:2]} <= {*scalars}
    returns, best = scalars["eval/return"][1], scalars["eval/best_return"][1]
    if run.name == "ppo":
        assert best == [max(returns[: i + 1]) for i in range(len(returns))] and len(returns) == 4
    assert best[-1] >= max(returns)  # SAC writes a row every few episodes, and evaluates in between


def test_progress_csv_gets_no_line_for_them(run):
    steps = [int(row["step"]) for row in read_progress(run / "progress.csv")]
    assert min(steps) > 0 and not any("hparams" in name for name in read_progress(run / "progress.csv")[0])


@pytest.mark.parametrize("left", [1, 0])
def test_a_resumed_run_has_them_once(run, left, tmp_path):
    wanted, copy = hparams(run), tmp_path / run.name
    copy_without_end(run, copy, left)
    assert train.main(["--resume", str(copy)]) == 0
    assert hparams(copy) == wanted
    assert read_scalars(copy)["eval/return"][0] == read_scalars(run)["eval/return"][0]


def copy_without_end(run, copy, left):
    """Copies a run in the state after a kill that leaves `left` checkpoints."""
    copytree(run, copy)
    for checkpoint in sorted((copy / "checkpoints").glob("0*"))[left:]:
        rmtree(checkpoint)
    if not left:
        rmtree(copy / "checkpoints")
    for name in ("policy.json", "policy.safetensors", "normalizer.npz"):
        (copy / name).unlink()


def test_without_evaluations_the_return_of_training_episodes_is_the_metric(tmp_path):
    arguments = [*SMALL, "--eval-every", "0", "--total-timesteps", "128", "--run-dir", str(tmp_path / "run")]
    assert train.main(for_algo(arguments)) == 0
    assert hparams(tmp_path / "run")[1] == ["rollout/ep_rew_mean"]


def test_a_walk_has_the_numbers_of_its_task_and_the_score_of_walks(tmp_path):
    config = train.parse(["--env", "ResidualWalk-v0", "--env.residual-scale", "0.02", "--perturb", "default"])
    values = hyperparameters(config)
    assert (values["env.residual_scale"], values["terrain"], values["perturb"]) == (0.02, "mixed", "default")
    assert {"eval/success", "eval/best_distance_m", "eval_perturbed/success"} <= {*metrics(config)}


def test_the_trials_of_a_study_stand_side_by_side(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("base.yaml").write_text("{num_envs: 2, ppo: {n_steps: 32, batch_size: 64, net_arch: [8]}}")
    Path("space.yaml").write_text("ppo.gamma: {low: 0.9, high: 0.99}")
    sweep = "--env Pendulum-v1 --study s --config base.yaml --space space.yaml --steps 64 --trials 2 --num-threads 1"
    sweep += " --evaluations 1 --eval-episodes 1 --final-episodes 1 --pruner none"
    assert tune_hyperparameters.main(sweep.split()) == 0
    (first, tags, _), (second, other, _) = (hparams(run) for run in sorted(Path("runs/studies/s/trials").iterdir()))
    assert first.keys() == second.keys() and tags == other
    assert {name for name in first if first[name] != second[name]} == {"ppo.gamma"}
