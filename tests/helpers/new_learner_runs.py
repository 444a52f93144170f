"""A copy of the repository with one more learner: the file `quiet_ppo.py` beside this one, and one row in the table."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
FILE = Path(__file__).with_name("quiet_ppo.py")
IMPORT = "from algorithms.quiet_ppo import QuietPPO, QuietPpoConfig\n"
ROW = """    "quiet_ppo": variant(
        _PPO,
        "quiet_ppo",
        config=QuietPpoConfig,
        algorithm=QuietPPO,
        kept=("multiplier",),
        transient=("action_limit",),
    ),
"""
BEFORE_IMPORT, BEFORE_ROW = "from algorithms.sac import", "}\n"  # the row comes last in the table
SMALL = """--env Toy-v0 --algo quiet_ppo --num-envs 4 --quiet-ppo.n-steps 32 --quiet-ppo.batch-size 32 --quiet-ppo.net-arch 8
--quiet-ppo.n-epochs 2 --quiet-ppo.action-limit 0.00001 --eval-every 256 --eval-episodes 2 --checkpoint-every 128
--keep-checkpoints 9 --num-threads 1 --seed 3""".split()
BASE = """{num_envs: 4, quiet_ppo: {n_steps: 32, batch_size: 32, n_epochs: 2, net_arch: [8]}}"""
SPACE = """{quiet_ppo.action_limit: {low: 0.001, high: 0.1, log: true}, quiet_ppo.gamma: {low: 0.9, high: 0.99}}"""
# What the README promises of a learner: script and arguments, in the order in which one needs the other.
COMMANDS = {
    "train": ("train", *SMALL, "--total-timesteps", "512", "--run-dir", "straight"),
    "train half": ("train", *SMALL, "--total-timesteps", "512", "--run-dir", "stopped"),
    "resume": ("train", "--resume", "stopped"),
    "start from it": ("train", *SMALL, "--total-timesteps", "128", "--start-from", "straight", "--run-dir", "warm"),
    "play": ("play_residual_policy", "--model", "straight", "--episodes", "1", "--no-render", "--json", "played.json"),
    "evaluate": (
        *("evaluate_robustness", "--model", "straight", "--all", "--values", "2", "--episodes", "2"),
        *("--num-threads", "1", "--out", "robustness"),
    ),
    "sweep": (
        *("tune_hyperparameters", "--env", "Toy-v0", "--algo", "quiet_ppo", "--study", "s", "--space", "space.yaml"),
        *("--config", "base.yaml", "--trials", "2", "--steps", "256", "--evaluations", "1", "--eval-episodes", "2"),
        *("--final-episodes", "2", "--pruner", "none"),
    ),
    "export ONNX": ("export_policy", "straight", "policy.onnx"),
    "export TorchScript": ("export_policy", "straight", "policy.pt", "--format", "torchscript"),
    "export SB3": ("export_policy", "straight", "sb3", "--format", "sb3"),
    "import SB3": (
        *("run_folder.sb3_files", "sb3/model.zip", "imported", "--algo", "quiet_ppo", "--env", "Toy-v0"),
        "--trust-pickle",
    ),
}
# Runs command lines, a list in JSON, in one process: importing torch takes longer than any of them.
DRIVER = """import importlib, json, sys
for script, *arguments in json.loads(sys.argv[1]):
    code = importlib.import_module(script).main(arguments)
    assert code == 0, (script, arguments, code)
"""


def copy_repository(folder: Path) -> Path:
    """Copies the files of the repository that git does not ignore, with the new learner's file and row; returns the copy."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file() and not name.startswith("tests/"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes((ROOT / name).read_bytes())
    (folder / "algorithms/quiet_ppo.py").write_bytes(FILE.read_bytes())
    table = folder / "algorithms/learners.py"
    source = table.read_text().replace(BEFORE_IMPORT, IMPORT + BEFORE_IMPORT)
    table.write_text(source.removesuffix(BEFORE_ROW) + ROW + BEFORE_ROW)
    (folder / "base.yaml").write_text(BASE), (folder / "space.yaml").write_text(SPACE)
    return folder


def python(folder: Path, *arguments: str) -> str:
    """Runs Python in the folder; returns its output."""
    command = [sys.executable, "-W", "error::DeprecationWarning:algorithms", *arguments]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout
