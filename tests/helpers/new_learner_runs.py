"""A copy of the repository with one more learner: the file `quiet_ppo.py` beside this one, and one row in the table."""

from pathlib import Path

from tests.helpers.repository_copy import ROOT, copy_repository

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
    "train as an older run, whose config has fewer learners": (
        *("train", "--config", str(ROOT / "tests/golden/old_runs/cartpole/config.yaml"), "--total-timesteps", "32"),
        *("--run-dir", "older"),
    ),
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


def copy_with_learner(folder: Path) -> Path:
    """Copies the repository with the new learner's file and row; returns the copy."""
    copy_repository(folder)
    (folder / "algorithms/quiet_ppo.py").write_bytes(FILE.read_bytes())
    table = folder / "algorithms/learners.py"
    source = table.read_text().replace(BEFORE_IMPORT, IMPORT + BEFORE_IMPORT)
    table.write_text(source.removesuffix(BEFORE_ROW) + ROW + BEFORE_ROW)
    (folder / "base.yaml").write_text(BASE), (folder / "space.yaml").write_text(SPACE)
    return folder
