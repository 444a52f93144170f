"""Every program explains its options; wrong options give exit code 2 and one sentence."""

import contextlib
import importlib
import io
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

TYRO = ["train", "train_residual_ppo", "play_residual_policy", "tune_hyperparameters", "evaluate_robustness"]
TYRO += ["benchmarks.terrain_benchmark"]
ARGPARSE = [
    "export_policy",
    "run_folder.sb3_files",
    "training.ship_policy",
    "utils.monitor_training",
    "evaluation.challenge_report",
    "evaluation.environments_page",
]
ARGPARSE += [
    f"benchmarks.{name}" for name in "planned_hand thread_scaling step_rate checkpoint_cost challenge_table".split()
]
ARGPARSE += [f"benchmarks.{name}" for name in "successes time_to_quality env_cost variation_benchmark".split()]
REQUIRED = {"evaluate_robustness": ["--model", "nowhere"]}


def ran(program, argv):
    """Returns exit code, output and errors of a program that runs in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = importlib.import_module(program).main(argv)
        except SystemExit as stop:
            code = stop.code or 0
    return code, out.getvalue(), err.getvalue()


@pytest.mark.parametrize("program", [*TYRO, *ARGPARSE])
def test_help_ends_well(program):
    code, out, _ = ran(program, ["--help"])
    assert code == 0 and "--help" in out


@pytest.mark.parametrize("program", TYRO)
@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--sed", "1"], "Unrecognized options: --sed, 1"),
        (["word"], "Unrecognized options: word"),
        (["--seed", "many"], "--seed: invalid literal for int() with base 10: 'many'"),
        (["--seed"], "Missing value for argument '--seed'"),
    ],
)
def test_wrong_words_get_one_sentence(program, argv, words):
    code, _, err = ran(program, [*argv, *REQUIRED.get(program, [])])
    if program == "benchmarks.terrain_benchmark" and "Unrecognized" not in words:
        pytest.skip("it has no seed")
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
        (["--algo", "zzz"], "invalid choice 'zzz' for argument '--algo'. Expected one of ('ppo', 'sac')"),
        (["--ppo.net-arch", "x"], "--ppo.net-arch: "),
    ],
)
def test_a_value_that_a_config_refuses_gets_its_own_sentence(argv, words):
    code, _, err = ran("train", argv)
    assert code == 2 and words in err and len(err.splitlines()) == 1 and "╭" not in err


def test_what_is_required_is_named():
    assert ran("evaluate_robustness", [])[2].endswith(": --model is required\n")


@pytest.mark.parametrize("program", ARGPARSE)
def test_an_unknown_option_of_a_small_program_ends_with_a_sentence(program):
    code, _, err = ran(program, ["--no-such-option"])
    assert code == 2 and ": error: " in err.splitlines()[-1]


@pytest.mark.parametrize("program", [*TYRO, "train --env CubeInHand-v0", "train --env RWRLWalkerWalk-v0"])
def test_every_option_has_a_help_text(program, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    name, *argv = program.split()
    lines = [line.strip("│ ") for line in ran(name, [*argv, "--help"])[1].splitlines()]
    starts = [place for place, line in enumerate(lines) if re.match(r"--[\w.-]*\w( |,|$)", line) and set(line) != {"-"}]
    assert len(starts) > 8
    for start, end in zip(starts, [*starts[1:], len(lines)]):
        words = " ".join(lines[start:end])
        told = re.sub(r"\((default|required|optional|repeatable|fixed)[^)]*\)", "", words)
        assert re.search(r" [a-z]+.*[.;:]", told), words


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


@pytest.mark.parametrize("program", TYRO)
def test_generated_words_get_one_sentence(program):
    check_generated(program, 15)


@pytest.mark.slow
@pytest.mark.parametrize("program", TYRO)
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
