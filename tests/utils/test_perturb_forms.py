"""Every form of a perturb_spec, passed in every possible way, in every environment with perturbations."""

import gymnasium as gym
import numpy as np
import pytest

import envs  # noqa: F401
from envs.wrappers import Perturbation
from envs.wrappers.perturbation import perturbed_names
from envs.wrappers.perturbed import made_perturbable
from training.command_line import parse
from utils.perturbation import PerturbParams, PerturbSpec

IDS = sorted(name for name, spec in gym.registry.items() if str(spec.entry_point).startswith("envs."))
every_id = pytest.mark.parametrize("env_id", IDS)
PLACES = ("make", "make task_kwargs", "make wrapper", "make_vec", "make_vec task_kwargs", "make_vec wrapper")


def entry_forms(low, high, fixed):
    """Returns pairs (entry of `params`, mode that it needs): ranges first, then fixed values."""
    ranges = [{"min": low, "max": high}, [low, high], (low, high), np.array([low, high])]
    ranges += [{"min": low, "max": high, "start": fixed}, {"min": low, "max": high, "value": fixed}]
    singles = [{"start": fixed}, {"value": fixed}, fixed, np.float64(fixed), {"min": low, "max": high, "start": fixed}]
    return ranges, singles


def forms(param, low, high, fixed):
    """Returns (spec, plain spec with the same meaning) for every documented form."""
    ranges, singles = entry_forms(low, high, fixed)
    wide, one = {"mode": "range", "params": {param: (low, high)}}, {"mode": "fixed", "params": {param: fixed}}
    return [
        *(({"mode": "range", "params": {param: entry}}, wide) for entry in ranges),
        *(({"params": {param: entry}}, wide) for entry in ranges),
        *(({"mode": "fixed", "params": {param: entry}}, one) for entry in singles),
        *(({"params": {param: entry}}, one) for entry in singles[:4]),
        ({"mode": "range", "params": {param: {"min": fixed, "max": fixed}}}, one),
        ({"enable": True, "param": param, "start": fixed}, one),
        ({"enable": True, "period": 1, "param": param, "scheduler": "constant", "start": fixed}, one),
        ({"enable": True, "period": 1, "param": param, "scheduler": "uniform", "min": low, "max": high, "std": 0.1}, wide),
        (PerturbSpec(True, 1, param, "uniform", min=low, max=high), wide),
        (PerturbParams("fixed", {param: fixed}), one),
    ]


NEUTRAL = [None, {}, {"mode": "range", "params": {}}, {"params": {}}, {"enable": False}, {"mode": "fixed", "params": {}}]


def usual(env_id, param=None):
    """Returns a parameter of an environment, the ends of a range for it, and a value other than nominal."""
    target = made_perturbable(gym.make(env_id))[1]
    param = param or target.default_perturbation
    own = target.perturbations[param]
    return param, own.low, own.high, own.nominal + 0.5 * (own.high - own.nominal)


def made(env_id, spec, place="make"):
    """Returns an environment, single or a vector of two, with this spec passed as one of PLACES says."""
    kind, _, where = place.partition(" ")
    make = gym.make if kind == "make" else lambda *args, **given: gym.make_vec(*args, num_envs=2, **given)
    if where == "wrapper":
        return make(env_id) if spec is None else Perturbation(make(env_id), spec)
    return make(env_id, **({"task_kwargs": {"perturb_spec": spec}} if where else {"perturb_spec": spec}))


def played(env):
    """Returns observations and current values of the first simulation, in two episodes of three steps."""
    rows, values = [], []
    for seed in (5, None):
        shown = [env.reset(seed=seed)]
        action = np.full(env.action_space.shape, 0.3, np.float32)
        shown += [(step[0], step[-1]) for step in (env.step(action) for _ in range(3))]
        for observation, info in shown:
            rows.append(observation[0] if isinstance(env, gym.vector.VectorEnv) else observation)
            values.append(first_values(info))
    env.close()
    return rows, values


def first_values(info):
    perturbed = info.get("perturb_spec", {})
    return {name: np.ravel(value)[0].item() for name, value in perturbed.items() if not name.startswith("_")}


@every_id
def test_every_form_means_the_same_in_every_environment(env_id):
    param, low, high, fixed = usual(env_id)
    known = {}
    for given, plain in forms(param, low, high, fixed):
        key = plain["mode"]
        known[key] = known.get(key) or played(made(env_id, plain))
        rows, values = played(made(env_id, given))
        np.testing.assert_array_equal(rows, known[key][0], err_msg=str(given))
        assert values == known[key][1], given
    ranged, single = known["range"][1], known["fixed"][1]
    assert all(own == {param: fixed} for own in single)
    assert all(low <= own[param] <= high for own in ranged) and ranged[0] != ranged[4]


@every_id
def test_every_place_that_takes_a_spec_gives_the_same_physics(env_id):
    param, low, high, _ = usual(env_id)
    spec = {"mode": "range", "params": {param: {"min": low, "max": high}}}
    wanted = played(made(env_id, spec))
    for place in PLACES[1:]:
        rows, values = played(made(env_id, spec, place))
        np.testing.assert_array_equal(rows, wanted[0], err_msg=place)
        assert values == wanted[1], place


@every_id
def test_a_spec_that_perturbs_nothing_changes_no_bit(env_id):
    wanted = played(gym.make(env_id))
    for spec in NEUTRAL:
        rows, values = played(made(env_id, spec))
        np.testing.assert_array_equal(rows, wanted[0], err_msg=str(spec))
        assert not any(values)


@every_id
def test_several_parameters_act_at_once_and_the_environment_shows_them(env_id):
    known = made_perturbable(gym.make(env_id))[1].perturbations
    spec = {"params": {name: {"start": own.low, "min": own.low, "max": own.high} for name, own in known.items()}}
    env = made(env_id, spec)
    _, info = env.reset(seed=1)
    assert info["perturb_spec"].keys() == known.keys() == set(perturbed_names(env))
    assert env.unwrapped.current_perturb == info["perturb_spec"] == env.step(env.action_space.sample())[-1]["perturb_spec"]


@every_id
def test_simulations_of_a_perturbed_vector_are_the_single_environments_across_ends(env_id):
    param, low, high, _ = usual(env_id)
    spec = {"params": {param: [low, high]}}
    vector = gym.make_vec(env_id, num_envs=2, max_episode_steps=3, perturb_spec=spec)
    singles = [gym.make(env_id, max_episode_steps=3, perturb_spec=spec) for _ in range(2)]
    vector.reset(seed=7)
    for i, env in enumerate(singles):
        env.reset(seed=7 + i)
    for step in range(1, 8):
        rows, _, _, _, info = vector.step(np.full(vector.action_space.shape, 0.3, np.float32))
        for i, env in enumerate(singles):
            lone, *_, own = env.step(np.full(env.action_space.shape, 0.3, np.float32))
            assert own["perturb_spec"][param] == info["perturb_spec"][param][i]
            if step % 3 == 0:
                np.testing.assert_array_equal(info["final_obs"][i], lone)
                lone, own = env.reset()
                assert own["perturb_spec"][param] == info["reset_info"]["perturb_spec"][param][i]
            np.testing.assert_array_equal(rows[i], lone)


@every_id
def test_values_act_from_the_nominal_model_and_do_not_pile_up(env_id):
    param, *_, fixed = usual(env_id)
    env = made(env_id, {"mode": "fixed", "params": {param: fixed}})
    first = env.reset(seed=3)[0]
    for _ in range(3):
        env.reset(seed=3)
    np.testing.assert_array_equal(env.reset(seed=3)[0], first)
    steps = [env.step(np.zeros(env.action_space.shape, np.float32))[0] for _ in range(3)]
    again = made(env_id, {"mode": "fixed", "params": {param: fixed}})
    again.reset(seed=3)
    np.testing.assert_array_equal(steps, [again.step(np.zeros(env.action_space.shape, np.float32))[0] for _ in range(3)])


@every_id
@pytest.mark.parametrize("make", [gym.make, gym.make_vec])
def test_a_spec_given_twice_or_with_an_unknown_name_is_refused(env_id, make):
    param, low, high, _ = usual(env_id)
    spec = {"params": {param: [low, high]}}
    with pytest.raises(ValueError, match="perturb_spec is given twice, in task_kwargs too: give one of them"):
        make(env_id, perturb_spec=spec, task_kwargs={"perturb_spec": spec})
    with pytest.raises(ValueError, match="task_kwargs has no key 'perturb_specs', did you mean perturb_spec"):
        make(env_id, task_kwargs={"perturb_specs": spec})
    with pytest.raises(ValueError, match=f"no parameter '{param}z' to perturb, did you mean {param}"):
        make(env_id, perturb_spec={"params": {f"{param}z": [low, high]}})
    with pytest.raises(ValueError, match=f"{param} is perturbed by the environment already"):
        Perturbation(make(env_id, perturb_spec=spec), spec)


@every_id
def test_a_value_outside_the_bounds_of_its_parameter_is_refused_before_anything_runs(env_id):
    target = made_perturbable(gym.make(env_id))[1]
    for param, own in target.perturbations.items():
        for value in (own.lowest - 1e-6, own.highest * 1.01 + 0.5, np.nan, -np.inf):
            with pytest.raises(ValueError, match=f"^{param} must (lie|be a whole number) in .* got") as caught:
                target.perturb({param: np.array([value])}, np.array([0]))
            assert "\n" not in str(caught.value)
    wrong = {"mode": "fixed", "params": {param: own.lowest - 1e-6}}, {"enable": True, "param": param, "start": 1e9}
    for spec in (*wrong, {"params": {param: [own.low, own.highest + 1]}}):
        with pytest.raises(ValueError, match=rf"^perturb_spec\..*{param} must (lie|be a whole number) in"):
            made(env_id, spec)


def test_env_kwargs_of_the_command_line_take_it_for_every_environment():
    for env_id in IDS:
        param, low, high, _ = usual(env_id)
        config = parse(["--env", env_id, "--env-kwargs", f"{{perturb_spec: {{params: {{{param}: [{low}, {high}]}}}}}}"], "")
        env = config.make_evaluation_env(1, seed=0)
        assert low <= first_values(env.reset(seed=0)[1])[param] <= high
        env.close()
        nominal = config.make_evaluation_env(1, seed=0, nominal=True)
        assert not first_values(nominal.reset(seed=0)[1])
        nominal.close()
