"""Small trainings that tests kill and resume, and a fingerprint to compare two runs."""

import hashlib
import io
import shutil
import signal
import subprocess
import sys
import time
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import train_residual_ppo
from run_folder.logs import read_progress
from run_folder.records import read_run_config
from run_folder.runs import ended, resumable
from utils.monitor_training import read_scalars
from utils.run_file_names import POLICY_FILES

ROOT = Path(__file__).parents[2]
# A tilt of 0.1 rad counts as a fall: an evaluation, in which a robot walks up to 10 m, then takes little time.
PPO = """--preset rough --total-timesteps 8192 --num-envs 16 --ppo.n-steps 32 --ppo.batch-size 256 --ppo.net-arch 16
--ppo.n-epochs 2 --episode-steps 40 --env.max-tilt 0.1 --eval-every 4096 --eval-episodes 2 --checkpoint-every 1024
--level 0.3 --seed 3 --vary --curriculum success --num-threads 1""".split()
# The replay buffer starts to overwrite its oldest steps before the end.
SAC = """--preset rough --algo sac --total-timesteps 1280 --num-envs 8 --sac.learning-starts 256 --sac.batch-size 32
--sac.gradient-steps 1 --sac.net-arch 16 --sac.buffer-size 1024 --episode-steps 20 --env.max-tilt 0.1 --eval-every 640
--eval-episodes 2 --checkpoint-every 64 --level 0.3 --seed 3 --num-threads 1""".split()
WALL_CLOCK = ("time/fps", "time/time_elapsed", "time/iterations")  # properties of the process, not of the training


def start(*arguments) -> subprocess.Popen:
    """Starts a training in a process of its own; stdout and stderr share one pipe."""
    command = [sys.executable, str(ROOT / "train_residual_ppo.py"), *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def train(*arguments) -> str:
    """Trains to the end in this process, which need not import torch again; returns the output."""
    output = io.StringIO()
    with redirect_stdout(output), redirect_stderr(output):
        code = train_residual_ppo.main([*map(str, arguments)])
    assert code == 0, output.getvalue()
    return output.getvalue()


def started(process: subprocess.Popen) -> None:
    """Waits until a training prints that it has started."""
    for line in process.stdout:
        if line.startswith("Training in"):
            return
    raise AssertionError("the training did not start")


def kill_after(checkpoints: int, seconds: float, run: Path, *arguments) -> bool:
    """Trains into `run` until it has added `checkpoints` checkpoints, waits `seconds` and kills the process.

    Returns False if the training had ended before, whether or not its process had.
    """
    process, wanted = start(*arguments), checkpoints + len([*run.glob("checkpoints/0*")])
    while process.poll() is None and len([*run.glob("checkpoints/0*")]) < wanted:
        time.sleep(0.002)
    time.sleep(seconds)
    process.kill()
    output, _ = process.communicate()
    assert process.returncode in (0, -signal.SIGKILL), output
    return process.returncode != 0 and not ended(run, read_run_config(run)["total_timesteps"])


def stopped_early(source: Path, run: Path, kept: int = 1) -> Path:
    """Copies the run `source` as it was after its `kept` oldest checkpoints, without a final policy; returns the copy."""
    shutil.copytree(source, run)
    for checkpoint in resumable(run)[kept:]:
        shutil.rmtree(checkpoint)
    for name in POLICY_FILES:
        (run / name).unlink()
    return run


def fingerprint(run: Path) -> dict:
    """Returns everything that two runs of the same training must share: hashes of files, and series of numbers.

    training.npz of the last checkpoint holds every array: learner, optimizer, generators, simulations, replay buffer.
    """
    names = ("policy.safetensors", "normalizer.npz", "policy.json", "training.npz")
    files = sorted(path for path in run.rglob("*") if path.name in names)
    hashes = {str(path.relative_to(run)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    scalars = {tag: series for tag, series in read_scalars(run).items() if tag not in WALL_CLOCK}
    lines = [
        {key: value for key, value in row.items() if key not in WALL_CLOCK} for row in read_progress(run / "progress.csv")
    ]
    return {"files": hashes, "scalars": scalars, "progress": lines}


def for_algo(arguments: list[str]) -> list[str]:
    """Returns a command line without the options of the other algorithm, which the program would refuse."""
    default = "sac" if any(word.startswith("RWRL") for word in arguments) else "ppo"
    algo = arguments[arguments.index("--algo") + 1] if "--algo" in arguments else default
    other, kept, dropping = {"ppo": "--sac.", "sac": "--ppo."}[algo], [], False
    for word in arguments:
        dropping = word.startswith(other) if word.startswith("--") else dropping
        kept += [] if dropping else [word]
    return kept
