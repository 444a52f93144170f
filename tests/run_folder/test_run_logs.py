"""Logs continue where they were cut, without rows from after the cut."""

import pytest
from stable_baselines3.common.logger import TensorBoardOutputFormat
from torch.utils.tensorboard import SummaryWriter

import train
from run_folder.logs import PROGRESS, TENSORBOARD, ProgressCsv, cut_logs, make_logger, mark_logs, read_progress
from utils.monitor_training import read_scalars


def log(logger, steps, **numbers):
    for step in steps:
        for name, number in numbers.items():
            logger.record(f"a/{name}", number * step)
        logger.dump(step)


def close(logger):
    for output in logger.output_formats:
        output.close()


def test_a_run_that_is_cut_back_and_goes_on_reads_as_one_that_was_not(tmp_path):
    whole, cut, mark = tmp_path / "whole", tmp_path / "cut", tmp_path / "mark"
    for folder in (whole, cut, mark):
        folder.mkdir()
    logger = make_logger(whole)
    log(logger, range(5), first=1.5), log(logger, range(5, 9), first=1.5, second=0.1)
    close(logger)
    logger = make_logger(cut)
    log(logger, range(5), first=1.5)
    sizes = mark_logs(cut, logger, mark)
    log(logger, range(5, 8), first=7.0, third=7.0)  # rows from after the checkpoint, which a kill made invalid
    close(logger)
    (cut / TENSORBOARD / "events.out.tfevents.later").write_bytes(b"x")
    cut_logs(cut, sizes, mark)
    logger = make_logger(cut)
    log(logger, range(5, 9), first=1.5, second=0.1)
    close(logger)
    assert read_scalars(cut) == read_scalars(whole)
    assert (cut / PROGRESS).read_bytes() == (whole / PROGRESS).read_bytes()


def test_progress_has_a_column_for_each_name_and_every_digit(tmp_path):
    progress = ProgressCsv(tmp_path / "progress.csv")
    progress.write({"a": 0.1 + 0.2}, {"a": None}, 1)
    progress.write({"a": 1, "b": 2.5, "time": 3}, {"a": None, "b": None, "time": ("csv",)}, 2)
    assert read_progress(tmp_path / "progress.csv") == [
        {"step": "1", "a": "0.30000000000000004", "b": ""},
        {"step": "2", "a": "1.0", "b": "2.5"},
    ]


def test_without_a_checkpoint_logs_are_emptied(tmp_path):
    logger = make_logger(tmp_path)
    log(logger, range(3), first=1.0)
    close(logger)
    cut_logs(tmp_path, {}, None)
    assert not [*(tmp_path / TENSORBOARD).iterdir()] and not (tmp_path / PROGRESS).exists()


def test_tensorboard_is_written(tmp_path):
    logger = make_logger(tmp_path)
    assert any(isinstance(output, TensorBoardOutputFormat) for output in logger.output_formats)
    log(logger, [7], first=2.0)
    close(logger)
    assert read_scalars(tmp_path) == {"a/first": ([7], [14.0])}


@pytest.mark.parametrize("algo", ["ppo", "sac"])
@pytest.mark.parametrize("perturb", [[], ["--perturb", "{inertia_x: [0.5, 1.5]}"]], ids=["nominal", "perturbed"])
def test_every_evaluation_is_logged_at_its_step(algo, perturb, tmp_path):
    learner = {"ppo": "--ppo.n-steps 8 --ppo.batch-size 8", "sac": "--sac.learning-starts 8 --sac.batch-size 8"}[algo]
    command = f"--env Toy-v0 --algo {algo} {learner} --num-envs 2 --num-threads 1 --total-timesteps 128 --eval-every 32 "
    command += f"--episode-steps 40 --eval-episodes 2 --run-dir {tmp_path / 'run'}"
    assert train.main([*command.split(), *perturb]) == 0
    scalars = read_scalars(tmp_path / "run")
    for prefix in ("eval", "eval_perturbed")[: 1 + bool(perturb)]:
        assert scalars[f"{prefix}/return"][0] == [32, 64, 96, 128]
    rows = [row["step"] for row in read_progress(tmp_path / "run" / PROGRESS) if row["eval/return"]]
    assert rows == ["32", "64", "96", "128"]


@pytest.mark.parametrize("sizes", [{"../config.yaml": 0}, {"events": -1}, {"events": "7"}, {"a/b": 3}])
def test_a_list_that_points_elsewhere_is_refused(tmp_path, sizes):
    with pytest.raises(ValueError, match="must name files of tensorboard/"):
        cut_logs(tmp_path, sizes, None)


def test_curves_are_in_the_order_of_time_whatever_the_names_of_their_files(tmp_path):
    for name, step in (("events.out.tfevents.1.later", 1), ("events.out.tfevents.1.early", 2)):
        writer = SummaryWriter(str(tmp_path / str(step)))
        writer.add_scalar("rollout/ep_rew_mean", 0.5 * step, step, walltime=1000.0 + step)
        writer.close()
        (written,) = (tmp_path / str(step)).iterdir()
        written.rename(tmp_path / name)
    assert read_scalars(tmp_path)["rollout/ep_rew_mean"] == ([1, 2], [0.5, 1.0])
