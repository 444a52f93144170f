"""A copy of the repository with one more robot: the folder `toy_walker` beside this file, and its rows in two tables."""

import shutil
from pathlib import Path

from tests.helpers.repository_copy import copy_repository

FOLDER = Path(__file__).with_name("toy_walker")
# File of a table, the text before which a line stands, and the line: two rows, and the import that one of them needs.
ROWS = (
    (
        "envs/__init__.py",
        '    "ResidualWalk-v0": (',
        '    "ToyWalker-v0": ("envs.toy_walker.task:ToyWalkerEnv", "envs.toy_walker.task:ToyWalkerVectorEnv", 500, {}),\n',
    ),
    (
        "training/tasks/__init__.py",
        '    "ResidualWalk-v0": WALK',
        '    "ToyWalker": TaskRow(WalkJudge(config=ToyWalkerConfig)),\n',
    ),
)
IMPORT = ("training/tasks/__init__.py", "from evaluation.judges", "from envs.toy_walker.config import ToyWalkerConfig\n")
TASK = """{terrain: {kinds: [rough, stairs], levels: [0.0, 0.5]}, command_segments: {duration: [0.5, 1.0]},
variation: {mass: [0.9, 1.1], joint_damping: [0.8, 1.2], action_delay: 0.3, push_speed: 0.3, push_interval: 0.5}}"""
SMALL = """--env ToyWalker-v0 --algo ppo --num-envs 4 --ppo.n-steps 32 --ppo.batch-size 32 --ppo.net-arch 8 --ppo.n-epochs 2
--eval-every 512 --eval-episodes 2 --checkpoint-every 128 --keep-checkpoints 9 --num-threads 1 --seed 3""".split()
BASE = f"{{num_envs: 4, env_kwargs: {TASK}, ppo: {{n_steps: 32, batch_size: 32, n_epochs: 2, net_arch: [8]}}}}"
SPACE = "{ppo.gamma: {low: 0.9, high: 0.99}}"
TRAIN = ("train", *SMALL, "--env-kwargs", TASK, "--total-timesteps", "512", "--run-dir")
# What the README promises of a robot: script and arguments, in the order in which one needs the other.
COMMANDS = {
    "train": (*TRAIN, "straight"),
    "resume": ("train", "--resume", "stopped"),
    "play": ("play_residual_policy", "--model", "straight", "--episodes", "1", "--no-render", "--json", "played.json"),
    "evaluate": (
        *("evaluate_robustness", "--model", "straight", "--param", "joint_damping", "--values", "2", "--episodes", "2"),
        *("--num-threads", "1", "--out", "robustness"),
    ),
    "sweep": (
        *("tune_hyperparameters", "--env", "ToyWalker-v0", "--algo", "ppo", "--study", "s", "--space", "space.yaml"),
        *("--config", "base.yaml", "--trials", "2", "--steps", "256", "--evaluations", "1", "--eval-episodes", "2"),
        *("--final-episodes", "2", "--pruner", "none"),
    ),
    "export": ("export_policy", "straight", "policy.onnx"),
}


def copy_with_robot(folder: Path) -> Path:
    """Copies the repository with the new robot's folder and rows; returns the copy."""
    copy_repository(folder)
    shutil.copytree(FOLDER, folder / "envs/toy_walker", ignore=shutil.ignore_patterns("__pycache__"))
    for name, before, line in (*ROWS, IMPORT):
        source = (folder / name).read_text()
        assert source.count(before) == 1, name
        (folder / name).write_text(source.replace(before, line + before))
    (folder / "base.yaml").write_text(BASE), (folder / "space.yaml").write_text(SPACE)
    return folder
