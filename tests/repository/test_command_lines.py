"""Every program explains its options; wrong options give exit code 2 and one sentence."""

import contextlib
import importlib
import io
import re
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Annotated, get_type_hints

import pytest
import tyro
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from algorithms.learners import LEARNERS
from evaluation.environments_page import field_docs

ROOT = Path(__file__).parents[2]
TYRO = ["train", "train_residual_ppo", "play_residual_policy", "tune_hyperparameters", "evaluate_robustness"]
TYRO += ["export_policy", "demo", "view", "run_folder.sb3_files", "training.ship_policy", "utils.monitor_training"]
TYRO += ["sim2sim", "evaluation.challenge_report", "evaluation.environments_page"]
TYRO += [f"benchmarks.{path.stem}" for path in sorted((ROOT / "benchmarks").glob("*.py")) if "def main(" in path.read_text()]
TRAININGS = [f"train --env {env_id}" for env_id in ("ResidualWalk-v0", "CubeInHand-v0", "RWRLWalkerWalk-v0")]
NO_OPTIONS = {"demo", "evaluation.environments_page"}
FILE_LISTS = {"evaluation.challenge_report", "benchmarks.time_to_quality", "view"}  # programs that take any number of words
SEEDED = [*TYRO[:5], "benchmarks.soak"]
WORDS = {
    "export_policy": ["nowhere", "nothing.onnx"],
    "run_folder.sb3_files": ["nowhere", "nothing"],
    "training.ship_policy": ["nowhere"],
    "utils.monitor_training": ["nowhere"],
}
REQUIRED = {
    "evaluate_robustness": ["--model", "nowhere"],
    "benchmarks.successes": ["--model", "nowhere"],
    "benchmarks.episode_benchmark": ["--model", "nowhere"],
    "sim2sim": ["--model", "nowhere"],
    "training.ship_policy": ["--benchmark", "nothing"],
}


def ran(program, argv):
    """Returns exit code, output and errors of a program that runs in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = importlib.import_module(program).main(argv)
        except SystemExit as stop:
            code = stop.code or 0
    return code, out.getvalue(), err.getvalue()


@pytest.mark.parametrize("program", TYRO)
def test_help_ends_well(program):
    code, out, _ = ran(program, ["--help"])
    assert code == 0 and "--help" in out


@pytest.mark.parametrize("program", TYRO)
def test_an_unknown_option_gets_one_sentence(program):
    check_refused(program, ["--sed", "1"], "Unrecognized options: --sed")


@pytest.mark.parametrize("program", [program for program in TYRO if program not in FILE_LISTS])
def test_an_unknown_word_gets_one_sentence(program):
    check_refused(program, ["word"], "Unrecognized options: word")


@pytest.mark.parametrize("program", SEEDED)
@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--seed", "many"], "--seed: invalid literal for int() with base 10: 'many'"),
        (["--seed"], "Missing value for argument '--seed'"),
    ],
)
def test_a_wrong_value_gets_one_sentence(program, argv, words):
    check_refused(program, argv, words)


def check_refused(program, argv, words):
    """Checks that a program with these arguments, beside those that it requires, prints one sentence with `words`."""
    code, _, err = ran(program, [*WORDS.get(program, []), *argv, *REQUIRED.get(program, [])])
    assert code == 2 and words in err and len(err.splitlines()) == 1


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--total-timestep", "5"], "did you mean --total-timesteps?"),
        (["--ppo.gamma", "1.5"], ": ppo: gamma must be a number in 0 to 1, got 1.5"),
        (["--env.gait.duty-factor", "7"], ": env.gait: duty_factor must be a number in 0.05 to 0.95, got 7.0"),
        (["--level", "7"], "got 7.0"),
        (["--env-kwargs", "[1"], "--env-kwargs: expected ',' or ']'"),
        (["--env-kwargs", "{a: 1, a: 2}"], "--env-kwargs: the key 'a' is given twice, line 1"),
        (["--algo", "zzz"], "invalid choice 'zzz' for argument '--algo'. Expected one of ('ppo', 'sac', "),
        (["--ppo.net-arch", "x"], "--ppo.net-arch: "),
    ],
)
def test_a_value_that_a_config_refuses_gets_its_own_sentence(argv, words):
    code, _, err = ran("train", argv)
    assert code == 2 and words in err and len(err.splitlines()) == 1 and "╭" not in err


@pytest.mark.parametrize(
    ("program", "argv", "name"),
    [
        ("evaluate_robustness", [], "--model"),
        ("benchmarks.successes", [], "--model"),
        ("benchmarks.episode_benchmark", [], "--model"),
        ("sim2sim", [], "--model"),
        ("export_policy", [], "RUN"),
        ("export_policy", ["nowhere"], "OUT"),
        ("training.ship_policy", ["nowhere"], "--benchmark"),
    ],
)
def test_a_missing_argument_is_named(program, argv, name):
    code, _, err = ran(program, argv)
    assert code == 2 and err.endswith(f": {name} is required\n") and len(err.splitlines()) == 1


@pytest.mark.parametrize("program", ["evaluation.challenge_report", "benchmarks.time_to_quality"])
def test_an_empty_list_of_files_is_refused(program):
    code, _, err = ran(program, [])
    assert code == 2 and "must name at least one" in err and len(err.splitlines()) == 1


@pytest.mark.parametrize("option", ["--model", "--pairs"])
def test_an_option_that_takes_a_list_is_refused_without_a_value(option, tmp_path):
    argv = ["--model", "nowhere", option, "--out", str(tmp_path / "out")]
    code, out, err = ran("evaluate_robustness", argv)
    assert code == 2 and not out and err.endswith(f": {option} needs at least one value\n") and len(err.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def config_of(program, monkeypatch):
    """Returns the dataclass from which a program makes its command line."""
    kinds, (name, *argv) = [], program.split()
    with monkeypatch.context() as patch:
        patch.setattr(tyro, "cli", lambda kind, **_: kinds.append(kind) or exit(0))
        ran(name, [*argv, "--help"])
    return kinds[0]


def help_texts(config, prefix=""):
    """Yields the name and the help text of every option of a config and of the configs in its fields."""
    docs, annotated, plain = field_docs(config), get_type_hints(config, include_extras=True), get_type_hints(config)
    for name in (field.name for field in fields(config)):
        if is_dataclass(plain[name]):
            yield from help_texts(plain[name], f"{prefix}{name}.")
        else:
            notes = getattr(annotated[name], "__metadata__", ())
            texts = [getattr(note, "help", None) or getattr(note, "documentation", None) for note in notes]
            yield f"{prefix}{name}", next(filter(None, texts), docs.get(name, "")).strip()


@pytest.mark.parametrize("program", [*TYRO, *TRAININGS])
def test_every_field_of_a_command_line_is_documented(program, monkeypatch):
    found = dict(help_texts(config_of(program, monkeypatch)))
    assert [name for name, text in found.items() if not text] == []


def test_nested_options_of_a_training_are_among_the_fields(monkeypatch):
    found = dict(help_texts(config_of(TRAININGS[0], monkeypatch)))
    assert {"env.gait.duty_factor", "env.variation.mass", "env.weights.heading", "ppo.gamma", "sac.tau"} <= found.keys()
    assert {name.partition(".")[0] for name in found} >= {*LEARNERS, "env"}


def test_a_field_without_a_docstring_is_found():
    @dataclass
    class Config:
        documented: int = 0
        """A text."""
        annotated: Annotated[int, tyro.conf.arg(help="A text.")] = 0
        forgotten: int = 0

    assert [name for name, text in help_texts(Config) if not text] == ["forgotten"]


@pytest.mark.parametrize("program", [*TYRO, *TRAININGS[1:]])
def test_every_option_has_a_help_text(program, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    name, *argv = program.split()
    lines = [line.strip("│ ") for line in ran(name, [*argv, "--help"])[1].splitlines()]
    starts = [place for place, line in enumerate(lines) if re.match(r"--[\w.-]*\w( |,|$)", line) and set(line) != {"-"}]
    assert bool(starts) != (program in NO_OPTIONS)
    for start, end in zip(starts, [*starts[1:], len(lines)]):
        words = " ".join(lines[start:end])
        text = re.sub(r"\((default|required|optional|repeatable|fixed)[^)]*\)", "", words)
        assert re.search(r" [a-z]+.*[.;:]", text), words


def options(program):
    """Returns the names of all options of a program."""
    return sorted(set(re.findall(r"(?<![\w-])--[\w.-]*\w", ran(program, ["--help"])[1])) - {"--help"})


VALUES = st.one_of(
    st.text(max_size=8), st.sampled_from(["nan", "inf", "-inf", "1e400", "-1", "{", "[1, 2", "{a: [}", "\x00", "é", "none"])
)


def check_words(program, argv):
    """Checks that these words, followed by an unknown option so that nothing starts, give one sentence."""
    code, _, err = ran(program, [*argv, "--no-such-option=1"])
    assert code == 2 and len(err.strip().splitlines()) == 1, (argv, err)


def example(number):
    checks = list(HealthCheck)
    return settings(max_examples=number, deadline=None, database=None, derandomize=True, suppress_health_check=checks)


@pytest.mark.parametrize("program", [program for program in TYRO if program not in NO_OPTIONS])
def test_generated_words_get_one_sentence(program):
    check_generated(program, 15)


@pytest.mark.slow
@pytest.mark.parametrize("program", [program for program in TYRO if program not in NO_OPTIONS])
def test_many_generated_words_get_one_sentence(program):
    check_generated(program, 500)


def check_generated(program, number):
    names = options(program)

    @example(number)
    @given(st.lists(st.tuples(st.sampled_from(names), VALUES), min_size=1, max_size=2))
    def check(pairs):
        words = [word for name, value in pairs for word in (name, value)]
        if not {"-h", "--help"} & {*words}:
            check_words(program, words)

    check()
