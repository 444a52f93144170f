"""Small real sweeps in separate processes, and a PostgreSQL server for them."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from tests.helpers.training_runs import ROOT

BASE = {
    "preset": "rough",
    "num_envs": 8,
    "episode_steps": 30,
    "terrain": "slope",
    "env": {"max_tilt": 0.1},  # rad; robots fall early, so that an evaluation, which walks up to 10 m, takes little time
    "ppo": {"n_steps": 32, "batch_size": 128, "net_arch": [16]},
    "sac": {"learning_starts": 64, "batch_size": 32, "net_arch": [16], "gradient_steps": 1},
}
SPACE = {
    "ppo.learning_rate": {"low": 1e-5, "high": 1e-3, "log": True},
    "ppo.net_arch": {"choices": [[8], [16, 16]]},
    "env.residual_scale": {"low": 0.01, "high": 0.05},
}
SMALL = """--study s --config base.yaml --space space.yaml --steps 1024 --evaluations 2 --eval-episodes 2 --final-episodes 2
--num-threads 1 --pruner none""".split()
POSTGRES = Path("/usr/lib/postgresql")


def write_files(folder: Path, space: dict = SPACE) -> None:
    """Writes the files that SMALL names."""
    (folder / "base.yaml").write_text(yaml.safe_dump(BASE))
    (folder / "space.yaml").write_text(yaml.safe_dump(space))


def start_worker(folder: Path, *arguments, sweep=SMALL) -> subprocess.Popen:
    """Starts a worker of a sweep in `folder`."""
    command = [sys.executable, str(ROOT / "tune_hyperparameters.py"), *sweep, *map(str, arguments)]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    )


def await_checkpoint(run: Path, process: subprocess.Popen) -> None:
    """Waits until a trial has a checkpoint to resume from."""
    while not [*run.glob("checkpoints/0*")]:
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.01)


def free_port() -> int:
    """Returns a port of this machine that no process listens to."""
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return probe.getsockname()[1]


@contextmanager
def postgres_server() -> Iterator[str]:
    """Starts a PostgreSQL server from the system's packages inside the context; yields the URL of an empty database.

    Skips the test if the server is not installed. As root, it runs the server as the user `postgres`, because
    PostgreSQL refuses to run as root.
    """
    programs = sorted(POSTGRES.glob("*/bin"))
    if not programs:
        pytest.skip("PostgreSQL's server is not installed (Debian: postgresql)")
    user = {"user": "postgres"} if os.getuid() == 0 else {}
    folder, port = Path(tempfile.mkdtemp(prefix="postgres")), free_port()
    if user:
        shutil.chown(folder, "postgres")

    def call(program, *arguments):
        subprocess.run([programs[-1] / program, *arguments], check=True, capture_output=True, cwd=folder, timeout=60, **user)

    try:
        call("initdb", "--pgdata", folder / "data", "--auth", "trust", "--username", "sweeper", "--no-sync")
        options = f"-p {port} -k {folder} -c listen_addresses=localhost"
        call("pg_ctl", "start", "--pgdata", folder / "data", "--wait", "--log", folder / "log", "--options", options)
        yield f"postgresql://sweeper@localhost:{port}/postgres"
    finally:
        subprocess.run(
            [programs[-1] / "pg_ctl", "stop", "-D", folder / "data", "-m", "immediate"],
            cwd=folder,
            capture_output=True,
            **user,
        )
        shutil.rmtree(folder, ignore_errors=True)
