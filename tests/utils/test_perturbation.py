"""Both forms of a perturb_spec give the same values; their effect on batch tasks and on a plain MuJoCo model."""

import mujoco
import numpy as np
import pytest

from envs.residual_walk.variation import TRAINING_VARIATION
from envs.residual_walk_env import ResidualWalkEnv, ResidualWalkVectorEnv
from envs.wrappers.perturbed import MODEL_FACTORS
from utils.perturbation import (
    ParameterSchedule,
    Perturbable,
    PerturbParams,
    PerturbSpec,
    parameter_schedules,
    parse_perturbation,
)
from utils.schedules import Bounds
from utils.variation import ModelVariation, Scale, Shift

KNOWN = {"length": Perturbable(1.0, 0.5, 2.0, 0.1), "mass": Perturbable(3.0, 1.0, 9.0, 0.5)}
BOTH = np.arange(2)


def resolved(spec):
    return parameter_schedules(parse_perturbation(spec), KNOWN, "length")


def test_a_schedule_takes_what_is_not_said_from_the_environment():
    assert resolved({"enable": True}) == (ParameterSchedule("length", "constant", Bounds(1.0, 0.5, 2.0, 0.1), 1),)
    spec = {"enable": True, "param": "mass", "scheduler": "random_walk", "period": 3, "start": 2, "min": 0, "std": 0.25}
    assert resolved(spec) == (ParameterSchedule("mass", "random_walk", Bounds(2.0, 0.0, 9.0, 0.25), 3),)
    assert resolved(PerturbSpec(True, max=20.0))[0].bounds.high == 20.0
    assert resolved({"param": "mass"}) == resolved(None) == ()


def test_ranges_are_drawn_evenly_and_fixed_values_may_lie_anywhere():
    assert resolved({"mode": "range", "params": {"mass": (2, 4), "length": [1.0, 1.0]}}) == (
        ParameterSchedule("mass", "uniform", Bounds(2.0, 2.0, 4.0, 0.0)),
        ParameterSchedule("length", "constant", Bounds(1.0, 1.0, 1.0, 0.0)),
    )
    assert resolved(PerturbParams("fixed", {"mass": 100})) == (
        ParameterSchedule("mass", "constant", Bounds(100.0, 100.0, 100.0, 0.0)),
    )


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"enabled": True}, "perturb_spec has no key 'enabled', did you mean enable"),
        ({"enable": 1}, "perturb_spec.enable must be True or False, got 1"),
        ({"enable": True, "period": 0}, "perturb_spec.period must be a whole number of resets, at least 1, got 0"),
        ({"enable": True, "scheduler": "sawwave"}, "perturb_spec.scheduler must be one of constant, .*, got 'sawwave'"),
        ({"enable": True, "std": -1.0}, "perturb_spec.std must be a finite number >= 0, got -1.0"),
        ({"enable": True, "min": "a"}, "perturb_spec.min must be a finite number, got 'a'"),
        ({"enable": True, "param": "lenght"}, "no parameter 'lenght' to perturb, did you mean length"),
        ({"enable": True, "min": 5.0}, "perturb_spec.min must be at most perturb_spec.max, got 5.0 and 2.0 for length"),
        ({"mode": "ranges", "params": {}}, "perturb_spec.mode must be 'range' or 'fixed', got 'ranges'"),
        ({"mode": "range", "params": {"mass": 3.0}}, r"perturb_spec.params.mass must be a range \(low, high\)"),
        ({"mode": "range", "params": {"mass": (4, 2)}}, "with low <= high, got"),
        ({"mode": "fixed", "params": {"mass": (2, 4)}}, "perturb_spec.params.mass must be a finite number, got"),
        ({"mode": "fixed", "params": {"mas": 2.0}}, "no parameter 'mas' to perturb, did you mean mass"),
        ({"mode": "fixed", "params": 3}, "perturb_spec.params must be a mapping"),
        ([1], "perturb_spec must be a mapping or a PerturbSpec"),
    ],
)
def test_a_wrong_spec_is_refused_in_a_sentence_that_says_where(spec, words):
    with pytest.raises(ValueError, match=words):
        resolved(spec)


def test_a_task_uses_perturbed_values_from_the_next_reset_on_and_from_the_nominal_each_time():
    env = ResidualWalkVectorEnv(2)
    env.reset(seed=0)
    nominal = env.task.sim.model.body("torso").mass[0]
    for _ in range(3):
        env.perturb({"mass": np.array([1.5]), "gravity": np.array([0.5])}, np.array([1]))
        assert env.task.sim.get_model(1).body("torso").mass[0] in (nominal, 1.5 * nominal)
        env.reset()
        own = [env.task.sim.get_model(i) for i in BOTH]
        assert [model.body("torso").mass[0] for model in own] == [nominal, 1.5 * nominal]
        assert [model.opt.gravity[2] for model in own] == [-9.81, -9.81 * 0.5]


def test_every_perturbation_of_the_quadruped_reaches_its_model():
    env = ResidualWalkEnv()
    for name, own in env.perturbations.items():
        before = env.task.sim.get_model(0)
        env.perturb({name: np.array([own.high])}, np.array([0]))
        env.reset(seed=0)
        after = env.task.sim.get_model(0)
        fields = ("geom_friction", "body_mass", "body_ipos", "actuator_forcerange", "actuator_gainprm", "dof_damping")
        changed = any((getattr(before, field) != getattr(after, field)).any() for field in fields)
        assert (changed or (before.opt.gravity != after.opt.gravity).any()) == (name != "latency")  # not in the model
        assert own.low <= own.nominal < own.high and own.nominal == env.task.variation._neutral[name]


def test_a_perturbed_factor_replaces_the_drawn_one_and_leaves_the_other_draws():
    env, plain = (ResidualWalkVectorEnv(2, variation=TRAINING_VARIATION) for _ in range(2))
    env.perturb({"mass_offset_x": np.array([0.01, 0.02])}, BOTH)
    env.reset(seed=0), plain.reset(seed=0)
    own, drawn = env.task.variation.values, plain.task.variation.values
    assert own["mass_offset_x"].tolist() == [0.01, 0.02] and (drawn["mass_offset_x"] != own["mass_offset_x"]).all()
    for name in drawn.keys() - {"mass_offset_x"}:
        np.testing.assert_array_equal(own[name], drawn[name])
    centre = env.task.sim.get_model(0).body("torso").ipos - env.task.sim.model.body("torso").ipos
    np.testing.assert_allclose(centre, [0.01, drawn["mass_offset_y"][0], 0.0], atol=1e-12)


def test_naming_a_perturbation_without_simulations_changes_no_bit():
    env, plain = ResidualWalkVectorEnv(2), ResidualWalkVectorEnv(2)
    env.perturb({"mass": np.zeros(0)}, np.zeros(0, int))
    for one in (env, plain):
        one.reset(seed=0)
    for _ in range(20):
        np.testing.assert_array_equal(env.step(np.ones((2, 12)))[0], plain.step(np.ones((2, 12)))[0])
    assert plain.task.sim._expanded == {}


@pytest.mark.parametrize(
    ("values", "words"), [({"mas": 1.0}, "did you mean mass"), ({"mass": np.nan}, "mass must lie in 0.1 to 10, got nan")]
)
def test_a_wrong_perturbation_is_refused(values, words):
    with pytest.raises(ValueError, match=words):
        ResidualWalkEnv().perturb({name: np.array([value]) for name, value in values.items()}, np.array([0]))


def test_a_plain_model_is_perturbed_as_if_compiled_so():
    xml = """<mujoco><option gravity="0 0 {gravity}"/><default><geom friction="{friction}"/></default><worldbody>
      <body><freejoint/><geom size=".1" mass="{mass}"/>
        <body pos=".3 0 0"><joint name="hinge" damping="{damping}"/><geom size=".05" mass="{arm}"/></body>
      </body></worldbody><actuator><position joint="hinge" kp="{kp}"/></actuator></mujoco>"""
    nominal = {"gravity": -9.81, "mass": 2.0, "friction": 0.6, "damping": 0.5, "arm": 0.4, "kp": 3.0}
    model = mujoco.MjModel.from_xml_string(xml.format(**nominal))
    variation = ModelVariation(model, MODEL_FACTORS | {"offset": (Shift("body_ipos", None, (2,)),)})
    scales = {"mass": 1.5, "gravity": 0.5, "friction": 2.0, "joint_damping": 3.0, "actuator_gain": 0.1}
    for _ in range(3):
        variation.apply(scales)
    changed = {"gravity": -4.905, "mass": 3.0, "friction": 1.2, "damping": 1.5, "arm": 0.6, "kp": 0.3}
    wanted = mujoco.MjModel.from_xml_string(xml.format(**changed))
    np.testing.assert_allclose(model.opt.gravity, wanted.opt.gravity)
    for field in (
        "body_mass",
        "body_inertia",
        "body_subtreemass",
        "dof_damping",
        "geom_friction",
        "dof_M0",
        "dof_invweight0",
    ):
        np.testing.assert_allclose(getattr(model, field), getattr(wanted, field), rtol=1e-12, err_msg=field)
    for field in ("actuator_gainprm", "actuator_biasprm"):
        np.testing.assert_allclose(getattr(model, field), getattr(wanted, field), rtol=1e-12)
    variation.apply(dict.fromkeys(scales, 1.0))
    np.testing.assert_allclose(model.body_mass, [0.0, 2.0, 0.4])


def test_a_plain_model_takes_numbers_of_its_options_too():
    model = mujoco.MjModel.from_xml_string("<mujoco/>")
    ModelVariation(model, {"step": (Scale("opt.timestep"),)}).apply({"step": 2.0})
    assert model.opt.timestep == 0.004
