"""Any field or keyword argument set to any value: the environment works, or raises one sentence that names the field."""

import dataclasses
import inspect

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.registration import load_env_creator
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import envs.challenges  # noqa: F401  (and the specs)
from utils.config import updated
from utils.fields import FieldError
from utils.perturbation import PerturbParams
from utils.specs import Spec

IDS = sorted(name for name, spec in gym.registry.items() if str(spec.entry_point).startswith("envs."))
FEW, MANY = 8, 300  # examples per id
STEPS = 100
NASTY = [
    np.nan, np.inf, -np.inf, 1e308, -1e308, 5e-324, 10**400, -1, 0, 1, 2.5, True, False, None, "", "nan", "two\nlines",
    [], (), [np.nan], [np.nan, np.nan], [np.inf, 1.0], [0.0, np.inf], [1.0, 0.0], [0.3, 0.3], [1e308, 1e308], [True, True],
    ["a"], [[]], {}, {"a": 1}, np.float32(0.3), np.array([1.0, 2.0]), object(), b"x", 1j,
]  # fmt: skip
SOME_VALUES = st.one_of(
    st.sampled_from(NASTY),
    st.floats(),
    st.floats(0.0, 1.5),
    st.integers(-3, 3),
    st.lists(st.floats(-1.0, 1.0), max_size=3),
    st.lists(st.floats(), max_size=3),
    st.text(max_size=5),
)
# The terrain's fields have no effect on flat ground; one tile is fast to build.
SURROUNDINGS = {"terrain": {"kinds": ["rough"], "levels": [0.5]}, "variation": {"push_speed": 0.1}}


def config_paths(config, before=()):
    """Yields the path (names) of every field of a config and of its nested configs."""
    for field in dataclasses.fields(config):
        path, value = (*before, field.name), getattr(config, field.name)
        yield path
        if dataclasses.is_dataclass(value):
            yield from config_paths(value, path)


def change(path, value):
    for name in reversed(path):
        value = {name: value}
    return value


def default_config(env_id):
    env = gym.make(env_id, disable_env_checker=True)
    config = getattr(env.unwrapped, "config", None)
    env.close()
    return config


CONFIGS = {env_id: config for env_id in IDS if (config := default_config(env_id)) is not None}
KINDS = list({type(config): config for config in CONFIGS.values()}.values())


SPECS = {kind.where: kind for kind in Spec.__subclasses__() if "." not in kind.where and kind is not PerturbParams}


def creator(env_id):
    return load_env_creator(gym.spec(env_id).entry_point)


def arguments(env_id):
    """Returns the defaults of all arguments of the environment, by path: keyword arguments, config fields, specs."""
    named = {(own.name,): own.default for own in inspect.signature(creator(env_id)).parameters.values() if own.kind != 4}
    config = CONFIGS.get(env_id)
    named |= {} if config is None else {path: at(config, path) for path in config_paths(config)}
    for name, kind in SPECS.items() if env_id.startswith("RWRL") else ():
        named |= {(name, *path): at(kind(), path) for path in config_paths(kind())} | {(name,): None}
    return named


def at(config, path):
    for name in path:
        config = getattr(config, name)
    return config


def near(default):
    """Returns a strategy for values of the type and size of the default; most of them are allowed."""
    if isinstance(default, tuple) and default and isinstance(default[0], float):
        return st.lists(near(default[-1]), min_size=len(default), max_size=len(default)).map(sorted)
    if isinstance(default, float):
        return st.floats(0.3, 3.0).map(lambda factor: factor * (default or 1.0))
    if isinstance(default, int):
        return st.integers(0, 100)
    return st.just(default)


def merged(left, right):
    both = isinstance(left, dict) and isinstance(right, dict)
    return {name: merged(left.get(name), right.get(name, left.get(name))) for name in left | right} if both else right


def enabled(path):
    """Returns the entries that enable the spec of this key, including the constraints that a second objective needs."""
    others = {"safety_spec": {"enable": True}, "multiobj_spec": {"objective": "safety"}}
    return merged(others, change((*path[:-1], "enable"), True)) if len(path) > 1 and path[0] in SPECS else {}


def check_one_sentence(error, path):
    assert "\n" not in str(error) and len(str(error)) < 600
    assert path[-1] in str(error).lower()


@pytest.mark.parametrize("config", KINDS, ids=lambda config: type(config).__name__)
def test_every_field_refuses_what_it_cannot_hold_by_its_dotted_path(config):
    refused = 0
    for path in config_paths(config):
        for value in NASTY:
            try:
                kept = updated(config, change(path, value))
            except FieldError as error:
                check_one_sentence(error, path)
                assert str(error).startswith(".".join(path)) or path[-1] in error.words
                refused += 1
            except ValueError as error:  # a mapping with an unknown key
                assert isinstance(value, dict) and "has no" in str(error)
            else:
                for name in path:
                    kept = getattr(kept, name)
                numbers = kept if isinstance(kept, tuple) else (kept,)
                assert all(np.isfinite(number) for number in numbers if isinstance(number, float))
    assert refused > 10


def example(examples):
    """Returns a decorator that runs a test on `examples` generated examples, the same ones in every run."""
    checks = list(HealthCheck)  # no checks of speed: making an environment is slow
    seldom = settings(max_examples=examples, deadline=None, database=None, derandomize=True, suppress_health_check=checks)
    return lambda test: seldom(given(data=st.data())(test))


@pytest.mark.parametrize("env_id", IDS)
@example(FEW)
def test_an_environment_works_or_names_the_argument_that_is_wrong(env_id, data):
    check_one_change(env_id, data)


@pytest.mark.slow
@pytest.mark.parametrize("env_id", IDS)
@example(MANY)
def test_an_environment_works_or_names_the_argument_that_is_wrong_in_many_examples(env_id, data):
    check_one_change(env_id, data)


@pytest.mark.parametrize("steps", [None, -1, np.int64(4)])
@pytest.mark.parametrize("env_id", IDS)
def test_episodes_have_no_limit_or_the_same_one_alone_and_in_a_vector(env_id, steps):
    vector, single = gym.make_vec(env_id, 2, max_episode_steps=steps), gym.make(env_id, max_episode_steps=int(steps or -1))
    ends = [every_end(env, 4) for env in (vector, single)]
    assert ends[0] == ends[1] == [False, False, False, steps == 4]


@pytest.mark.parametrize("steps", [0, -3, 2.5, np.nan, True, "5", [7], np.inf])
@pytest.mark.parametrize("env_id", IDS)
def test_a_limit_that_is_no_number_of_steps_gets_one_sentence(env_id, steps):
    with pytest.raises(ValueError, match=r"^max_episode_steps must be a whole number of steps, at least 1, or None or -1"):
        gym.make_vec(env_id, 2, max_episode_steps=steps)
    if "max_episode_steps" in inspect.signature(creator(env_id)).parameters:
        with pytest.raises(ValueError, match=r"^max_episode_steps must be"):
            creator(env_id)(**gym.spec(env_id).kwargs, max_episode_steps=steps)


@pytest.mark.parametrize("number", [0, -1, 2.5, True, None, "2"])
@pytest.mark.parametrize("env_id", IDS)
def test_a_number_of_simulations_or_threads_that_is_none_gets_one_sentence(env_id, number):
    with pytest.raises(ValueError, match=r"^num_envs must be a whole number, at least 1, got"):
        gym.make_vec(env_id, number)
    if "num_threads" in inspect.signature(creator(env_id)).parameters:
        with pytest.raises(ValueError, match=r"^num_threads must be a whole number, at least 1, got"):
            gym.make_vec(env_id, 2, num_threads=number)


@pytest.mark.parametrize("value", [np.nan, np.inf, -1.0, 2.5, "0.1", None, True, []])
@pytest.mark.parametrize(
    ("env_id", "set_to"),
    [
        ("ResidualWalk-v0", lambda env, value: setattr(env, "residual_scale", value)),
        ("AdaptiveWalk-v0", lambda env, value: env.set_terrain_scale(value)),
        ("AdaptiveWalk-v0", lambda env, value: env.set_terrain_scale({"flat": value})),
        ("CubeInHand-v0", lambda env, value: env.set_target_angle(-value if value == 2.5 else value)),
    ],
)
def test_setters_refuse_what_the_config_refuses_and_change_nothing(env_id, set_to, value):
    env, fresh = (gym.make(env_id).unwrapped for _ in range(2))
    with pytest.raises(ValueError) as caught:
        set_to(env, value)
    assert "\n" not in str(caught.value) and "must" in str(caught.value)
    np.testing.assert_array_equal(env.reset(seed=1)[0], fresh.reset(seed=1)[0])
    action = np.ones(env.action_space.shape)
    np.testing.assert_array_equal(env.step(action)[0], fresh.step(action)[0])


def every_end(env, steps):
    env.reset(seed=0)
    action = np.zeros(env.action_space.shape, np.float32)
    return [bool(np.any(env.step(action)[3])) for _ in range(steps)]


def check_one_change(env_id, data):
    known = arguments(env_id)
    path = data.draw(st.sampled_from(sorted(known)))
    value = data.draw(st.one_of(SOME_VALUES, near(known[path])))
    around = SURROUNDINGS if env_id in CONFIGS and hasattr(CONFIGS[env_id], "terrain") else enabled(path)
    try:
        env = creator(env_id)(**gym.spec(env_id).kwargs | merged(around, change(path, value)))
    except ValueError as error:
        check_one_sentence(error, path)
    else:
        check_works(env)


def check_works(env):
    env.reset(seed=0)
    env.action_space.seed(0)
    for _ in range(STEPS):
        observation, reward, terminated, truncated, _ = env.step(env.action_space.sample())
        parts = observation.values() if isinstance(observation, dict) else [observation]
        assert all(np.isfinite(part).all() for part in parts) and np.isfinite(reward)
        if terminated or truncated:
            env.reset()
    env.close()
