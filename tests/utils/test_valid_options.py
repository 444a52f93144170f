"""Values within the declared bounds of an option reach the config unchanged and start a training."""

import contextlib
import dataclasses
import io
import shutil
from types import NoneType
from typing import Literal, get_args, get_origin, get_type_hints

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import train
from algorithms.learners import LEARNERS
from algorithms.ppo import PpoConfig
from algorithms.sac import SacConfig
from training.assembly import Training
from training.config import EnvTrainConfig

FEW, MANY = 12, 300
START = {"ppo": ["--env", "Toy-v0", "--algo", "ppo"], "sac": ["--env", "Toy-v0", "--algo", "sac"]}
# Options that name files, other runs or environments, or that decide which options exist.
NAMES = {"run_dir", "resume", "start_from", "config", "from_trial", "env_id", "preset", "algo", "her", "perturb"}
NAMES |= {"env_kwargs", *LEARNERS}
COEFFICIENTS = st.one_of(st.just("auto"), st.floats(0.0, 9.0).map(str), st.floats(1e-9, 9.0).map("auto_{}".format))


def values(field, hint, largest=10**9):
    """Returns a strategy for the values of a field that its declaration allows."""
    if field.name == "ent_coef" and hint is str:
        return COEFFICIENTS
    kinds = get_args(hint) if get_origin(hint) not in (None, Literal, tuple) else (hint,)
    allowed = field.metadata.get("check", lambda value: True)
    return st.one_of(*(_of_kind(kind, largest) for kind in kinds if kind is not NoneType)).filter(allowed)


def _of_kind(kind, largest):
    if get_origin(kind) is Literal:
        return st.sampled_from(get_args(kind))
    if get_origin(kind) is tuple:
        return st.lists(st.integers(1, min(largest, 999)), min_size=1, max_size=3).map(tuple)
    whole = st.one_of(st.integers(-1, 3), st.integers(1, largest))
    real = st.one_of(st.floats(-20.0, 20.0), st.floats(0.0, 1.0), st.sampled_from([1e-12, 5e-324, 1e300]))
    return {int: whole, float: real, bool: st.booleans()}[kind]


def declared(algo, largest=10**9):
    """Returns the options of a training with an algorithm: name -> strategy for its values."""
    options = {}
    for before, kind in (("", EnvTrainConfig), (f"{algo}.", {"ppo": PpoConfig, "sac": SacConfig}[algo])):
        hints = get_type_hints(kind)
        for field in dataclasses.fields(kind):
            if before or field.name not in NAMES:
                options[before + field.name] = values(field, hints[field.name], largest)
    return options


def words(name, value):
    """Returns an option as command-line words."""
    option = f"--{name.replace('_', '-')}"
    return [option, *map(str, value)] if isinstance(value, tuple) else [option, str(value)]


def example(number):
    checks = list(HealthCheck)
    return settings(max_examples=number, deadline=None, database=None, derandomize=True, suppress_health_check=checks)


def found(config, name):
    for part in name.split("."):
        config = getattr(config, part)
    return config


@pytest.mark.parametrize(("algo", "name"), [(algo, name) for algo in START for name in declared(algo)])
def test_a_value_inside_of_the_bounds_arrives_as_it_is(algo, name):
    @example(FEW)
    @given(declared(algo)[name])
    def check(value):
        assert found(train.parse([*START[algo], *words(name, value)]), name) == value

    check()


@pytest.mark.filterwarnings("ignore:You have specified a mini-batch size")
@pytest.mark.parametrize("algo", START)
def test_generated_options_start_a_training_or_get_one_sentence(algo, tmp_path, monkeypatch):
    check_starts(algo, FEW, tmp_path, monkeypatch)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:You have specified a mini-batch size")
@pytest.mark.parametrize("algo", START)
def test_many_generated_options_start_a_training_or_get_one_sentence(algo, tmp_path, monkeypatch):
    check_starts(algo, MANY, tmp_path, monkeypatch)


def check_starts(algo, number, tmp_path, monkeypatch):
    """Checks sets of options up to the first step of learning; a few sets contradict themselves, most do not."""
    monkeypatch.setattr(Training, "learn", lambda self, run: self.model.get_env().close())
    options = declared(algo, largest=64)
    chosen = st.lists(st.sampled_from(sorted(options)), min_size=1, max_size=4, unique=True)
    started = []

    @example(number)
    @given(chosen.flatmap(lambda names: st.fixed_dictionaries({name: options[name] for name in names})))
    def check(given_options):
        argv = [*START[algo], "--run-dir", str(tmp_path / "run")]
        for name, value in given_options.items():
            argv += words(name, value)
        code, error = ran(argv)
        assert code in (0, 2) and len(error.splitlines()) == (code == 2), (argv, error)
        assert (tmp_path / "run").exists() == (code == 0), argv
        started.append(code == 0)
        shutil.rmtree(tmp_path / "run", ignore_errors=True)

    check()
    assert sum(started) > len(started) / 3


def ran(argv):
    error = io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(error):
        try:
            return train.main(argv), error.getvalue()
        except SystemExit as stop:
            return stop.code, error.getvalue()
