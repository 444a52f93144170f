"""Sweep spaces: the named spaces, custom spaces, and one sentence for each error."""

import contextlib
from itertools import product

import pytest
import yaml

from training.tasks import WALK
from tuning.spaces import changes, distributions, merged, read_space
from tuning.sweep import FIXED, SweepConfig

# The expected bounds by hand: lowest and highest of each number.
PLAN = {
    "ppo.learning_rate": (1e-5, 1e-3),
    "env.residual_scale": (0.01, 0.05),
    "ppo.n_steps": (1024, 4096),
    "ppo.batch_size": (32, 256),
    "ppo.ent_coef": (0.0, 0.1),
    "ppo.gamma": (0.95, 0.995),
    "ppo.clip_range": (0.1, 0.3),
}
RANGE = {"low": 0.1, "high": 0.2}
WRONG = {
    "nothing": ({}, "the space is empty"),
    "unknown": ({"ppo.learning_rat": RANGE}, "PpoConfig has no 'learning_rat', did you mean learning_rate?"),
    "type": ({"ppo.n_epochs": RANGE}, "n_epochs must be int, got 0.1"),
    "refused": (
        {"env.residual_scale": {"low": 0.0, "high": 0.2}},
        "residual_scale must be a number in 0.0 to 0.1 m, got 0.2",
    ),
    "choice": (
        {"ppo.activation": {"choices": ["relu", "gelu"]}},
        "activation must be 'relu' or 'elu' or 'tanh', got 'gelu'",
    ),
    "other": ({"sac.tau": RANGE}, "a sweep of ppo cannot choose sac.tau"),
    "fixed": ({"seed": {"low": 1, "high": 5}}, "a sweep of ppo cannot choose seed"),
    "no effect": ({"env.terrain_scale": {"low": 0.2, "high": 0.5}}, "no effect: the training sets it to 1.0"),
    "key": ({"ppo.gamma": RANGE | {"logg": True}}, "must be {low, high, optionally log or step} or {choices}"),
    "half": ({"ppo.gamma": {"low": 0.1}}, "must be {low, high, optionally log or step} or {choices}"),
    "both": ({"ppo.gamma": RANGE | {"choices": [0.1]}}, "must be {low, high, optionally log or step} or {choices}"),
    "order": ({"ppo.gamma": {"low": 0.2, "high": 0.1}}, "ppo.gamma: "),
    "log": ({"ppo.gamma": {"low": 0.0, "high": 0.1, "log": True}}, "ppo.gamma: "),
    "text": ({"ppo.gamma": {"low": "a", "high": "b"}}, "ppo.gamma: "),
    "empty": ({"ppo.gamma": {"choices": []}}, "ppo.gamma: "),
    "no list": ({"ppo.gamma": {"choices": 3}}, "choices must be a list of at least one value, got 3"),
    "no mapping": ({"ppo.gamma": [0.1, 0.2]}, "must be {low, high, optionally log or step} or {choices}"),
    "no name": ({3: RANGE}, "a sweep of ppo cannot choose 3"),
    "too deep": ({"ppo.gamma.a": RANGE}, "ppo.gamma.a: ppo.gamma must be float, got {'a': 0.1}"),
}


def ends(distribution):
    """Returns the lowest and highest value of a distribution."""
    values = getattr(distribution, "choices", None) or (distribution.low, distribution.high)
    return min(values), max(values)


def test_the_space_plan_is_the_plans_table():
    choices = SweepConfig().choices
    assert {name: ends(distribution) for name, distribution in choices.items()} == PLAN
    assert choices["ppo.learning_rate"].log and not choices["ppo.gamma"].log
    assert SweepConfig().base.ppo.num_envs == 4  # those steps and batches are for four simulations


@pytest.mark.parametrize(
    "name, algo, env", [*product(("plan", "wide"), ("ppo", "sac"), ("ResidualWalk-v0", "AdaptiveWalk-v0"))]
)
def test_every_space_fits_every_training(name, algo, env):
    sweep = SweepConfig(space=name, algo=algo, env=env)
    assert set(sweep.choices) >= {"env.residual_scale", f"{algo}.gamma"}
    assert sweep.base.algo == algo and sweep.base.env_id == env


def test_wide_has_what_plan_has_and_epochs_lambda_network_and_reward():
    wide = set(read_space("wide", "ppo", WALK))
    assert wide >= {*PLAN, "ppo.n_epochs", "ppo.gae_lambda", "ppo.net_arch", "env.weights.smoothness", "env.weights.fall"}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_space_gets_one_sentence(name):
    space, words = WRONG[name]
    with pytest.raises(ValueError) as caught:
        distributions(space, SweepConfig().base, FIXED)
    assert words in str(caught.value) and len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    "name, words", [("wid", "did you mean wide?"), ("there_is_none.yaml", "cannot read there_is_none.yaml")]
)
def test_a_space_that_is_not_there_is_named(name, words):
    with pytest.raises(ValueError, match=words.replace("?", r"\?")):
        _ = SweepConfig(space=name).choices


def test_a_file_of_ones_own_is_a_space(tmp_path):
    file = tmp_path / "own.yaml"
    file.write_text(
        yaml.safe_dump({"ppo.n_epochs": {"low": 2, "high": 8, "step": 2}, "ppo.net_arch": {"choices": [[8], [16, 8]]}})
    )
    sweep = SweepConfig(space=str(file))
    assert {sweep.name, sweep.base.preset} == {"ResidualWalk-v0_ppo_own", "rough"}
    assert sweep.choices["ppo.n_epochs"].step == 2
    params = {"ppo.n_epochs": 4, "ppo.net_arch": sweep.choices["ppo.net_arch"].choices[1]}
    training = sweep.training(params, seed=7)
    assert (training.ppo.n_epochs, training.ppo.net_arch, training.seed, training.total_timesteps) == (
        4,
        (16, 8),
        7,
        100_000,
    )


def test_dotted_names_become_nested_changes():
    assert changes({"a.b.c": 1, "a.b.d": "[2, 3]", "a.e": "relu", "f": 0.5}) == {
        "a": {"b": {"c": 1, "d": [2, 3]}, "e": "relu"},
        "f": 0.5,
    }
    assert merged({"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"c": 4}, "d": {"e": 5}}) == {"a": {"b": 1, "c": 4}, "d": {"e": 5}}


@pytest.mark.parametrize(("env", "has"), [("CartPole-v1", False), ("Pendulum-v1", True)])
def test_a_space_chooses_a_standard_deviation_only_of_actions_that_have_one(env, has, tmp_path):
    assert ("ppo.log_std_init" in SweepConfig(env=env, space="wide").choices) == has
    (tmp_path / "own.yaml").write_text("ppo.log_std_init: {low: -2.0, high: 0.0}\nppo.gamma: {low: 0.9, high: 0.99}")
    sweep = SweepConfig(env=env, space=str(tmp_path / "own.yaml"))
    with contextlib.nullcontext() if has else pytest.raises(ValueError, match=r"space: ppo\.log_std_init has no effect"):
        assert set(sweep.choices) == {"ppo.log_std_init", "ppo.gamma"}
