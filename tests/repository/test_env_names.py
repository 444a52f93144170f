"""Only tables name environments: the registry, the table of tasks, and programs' documented defaults."""

import ast
from pathlib import Path

import gymnasium as gym

import envs  # noqa: F401
from tests.repository.test_layers import ROOT
from training.tasks import TASKS

IDS = {name for name, spec in gym.registry.items() if str(spec.entry_point).startswith("envs.")}
STEMS = {name.rpartition("-v")[0] for name in IDS}
NAMES = IDS | STEMS | {*TASKS} | {f"envs:{name}" for name in IDS}
PROGRAMS = (
    "algorithms",
    "callbacks",
    "controllers",
    "envs",
    "evaluation",
    "run_folder",
    "training",
    "tuning",
    "utils",
    "viewer",
)
# Files that may name environments -> the reason.
ALLOWED = {
    "envs/__init__.py": "the registry",
    "training/tasks/__init__.py": "the table of tasks",
    "training/tasks/a1.py": "a task",
    "training/tasks/biped.py": "a task",
    "training/tasks/realant.py": "a task",
    "training/tasks/walk.py": "a task",
    "training/tasks/cube_in_hand.py": "a task",
    "utils/env_ids.py": "the id of programs that are given none",
    "benchmarks/challenge_table.py": "documented default of --envs",
    "benchmarks/a1_table.py": "the robot of the study",
    "benchmarks/biped_study.py": "the robot of the study",
    "benchmarks/robust_sac_study.py": "the tasks of the study",
    "benchmarks/smooth_study.py": "the robot of the study",
    "benchmarks/env_cost.py": "the environments whose cost it measures",
    "benchmarks/step_rate.py": "the environment whose rate it measures",
}


def named(path: Path) -> set[str]:
    """Returns the names of environments that are strings in a file, its `__all__` aside."""
    statements = (node for node in ast.parse(path.read_text()).body if not _exports(node))
    strings = (node.value for statement in statements for node in ast.walk(statement) if isinstance(node, ast.Constant))
    return NAMES & {text for text in strings if isinstance(text, str)}


def _exports(node):
    return isinstance(node, ast.Assign) and getattr(node.targets[0], "id", None) == "__all__"


def files():
    yield from (path for folder in (*PROGRAMS, "benchmarks") for path in sorted((ROOT / folder).rglob("*.py")))
    yield from sorted(ROOT.glob("*.py"))


def test_no_module_but_the_tables_names_an_environment():
    found = {str(path.relative_to(ROOT)): names for path in files() if (names := named(path))}
    assert {path: names for path, names in found.items() if path not in ALLOWED} == {}
    assert {*ALLOWED} <= {*found}, "an exception that is not needed any more"


def test_names_are_found_wherever_they_stand(tmp_path):
    file = tmp_path / "asks.py"
    file.write_text('def f(env_id):\n    return env_id == "ResidualWalk-v0" or env_id.startswith("ShadowHand")\n')
    assert named(file) == {"ResidualWalk-v0", "ShadowHand"}
