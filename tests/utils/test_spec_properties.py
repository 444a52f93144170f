"""Any nested value as a spec: the environment works, or one line names the key; any text or bytes as a YAML file."""

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import envs  # noqa: F401
from utils.config import read_yaml
from utils.perturbation import parse_perturbation
from utils.plain_yaml import dump_yaml, parse_yaml

STEPS = 100
NUMBERS = st.one_of(
    st.floats(), st.floats(0.1, 2.0), st.integers(-3, 3), st.sampled_from([10**400, 1e308, np.float32(0.5), np.int64(2)])
)
LEAVES = st.one_of(NUMBERS, st.none(), st.booleans(), st.text(max_size=4), st.sampled_from([[], {}, (), np.array(1.0)]))
KEYS = {
    "perturb_spec": ["mode", "params", "enable", "period", "param", "scheduler", "start", "min", "max", "std"],
    "noise_spec": ["gaussian", "dropped", "stuck", "repetition", "enable"],
    "delay_spec": ["enable", "actions", "observations", "rewards"],
    "dimensionality_spec": ["enable", "num_random_state_observations"],
}
WORDS = ["range", "fixed", "constant", "uniform", "saw_wave", "pole_length", "pole_mass", "object_mass", "inertia_x"]
INNER = ["min", "max", "start", "value", "enable", "actions", "observations", "pole_length", "object_mass", "inertia_x"]
INNER += ["observations_prob", "observations_steps", "actions_prob", "actions_steps", "x"]
VALUES = st.recursive(
    st.one_of(LEAVES, st.sampled_from(WORDS), st.just(True)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.tuples(NUMBERS, NUMBERS),
        st.dictionaries(st.one_of(st.sampled_from(INNER), st.integers(0, 1)), inner, max_size=3),
    ),
    max_leaves=6,
)
ENTRIES = st.one_of(
    VALUES,
    st.tuples(st.floats(0.3, 1.0), st.floats(1.0, 2.0)),
    st.dictionaries(st.sampled_from(["min", "max", "start", "value"]), st.floats(0.1, 2.0), max_size=3),
    st.floats(0.1, 2.0),
)


def specs(name):
    """Returns a strategy for values of a spec, many of them close to allowed values."""
    loose = st.dictionaries(st.one_of(st.sampled_from(KEYS[name]), st.text(max_size=3)), VALUES, max_size=4)
    if name != "perturb_spec":
        return st.one_of(VALUES, loose, loose.map(lambda spec: {"enable": True, **spec} if name != "noise_spec" else spec))
    params = st.dictionaries(st.sampled_from(WORDS[5:]), ENTRIES, max_size=2)
    near = st.fixed_dictionaries({"params": params}, optional={"mode": st.sampled_from(["range", "fixed"])})
    return st.one_of(VALUES, loose, near, loose.map(lambda spec: {"enable": True, **spec}))


CASES = [("RWRLCartpoleSwingup-v0", name) for name in KEYS]
CASES += [(env_id, "perturb_spec") for env_id in ("CubeInHand-v0", "Toy-v0")]
every_case = pytest.mark.parametrize(("env_id", "name"), CASES)


def example(number):
    checks = list(HealthCheck)
    return settings(max_examples=number, deadline=None, database=None, derandomize=True, suppress_health_check=checks)


def check_spec(env_id, name, spec):
    """Makes an environment with the spec and steps it, or checks that one line names the key."""
    try:
        env = gym.make(env_id, disable_env_checker=True, **{name: spec})
    except ValueError as error:
        assert len(str(error).splitlines()) == 1 and name.removesuffix("_spec") in str(error), spec
        return
    env.reset(seed=0)
    env.action_space.seed(0)
    for _ in range(STEPS):
        observation, reward, terminated, truncated, info = env.step(env.action_space.sample())
        assert np.isfinite(observation).all() and np.isfinite(reward), spec
        assert np.isfinite([*info.get("perturb_spec", {}).values()]).all()
        if terminated or truncated:
            env.reset()
    env.close()


@every_case
def test_a_spec_works_or_one_line_names_the_key(env_id, name):
    example(40)(given(specs(name))(lambda spec: check_spec(env_id, name, spec)))()


@pytest.mark.slow
@every_case
def test_a_spec_works_or_one_line_names_the_key_in_many_examples(env_id, name):
    example(2000)(given(specs(name))(lambda spec: check_spec(env_id, name, spec)))()


@example(500)
@given(st.one_of(specs("perturb_spec"), VALUES))
def test_what_is_parsed_is_a_spec_or_one_line(spec):
    try:
        parse_perturbation(spec)
    except ValueError as error:
        assert str(error).startswith("perturb_spec") and len(str(error).splitlines()) == 1


@example(300)
@given(st.one_of(st.text(), st.binary(), st.text(alphabet="{}[]:,-? \n&*!|>'\"%@`#~a1.e_")))
def test_any_file_is_a_mapping_or_one_line(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
    try:
        read = read_yaml(path)
    except ValueError as error:
        assert str(path) in str(error) and len(str(error).splitlines()) == 1
    else:
        assert isinstance(read, dict) and all(isinstance(key, str) for key in read)


PLAIN = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(), inner, max_size=3)),
    max_leaves=8,
)


@example(300)
@given(PLAIN, st.booleans())
def test_plain_data_comes_back_from_yaml_as_it_was(data, flow):
    assert parse_yaml(dump_yaml({"data": data}, flow)) == {"data": data}
