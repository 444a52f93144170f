"""Model variation: exactly the named entries become nominal x scale + shift, for any number and order of calls."""

import mujoco
import numpy as np
import pytest
from mujoco.batch import Batch

from run_folder.snapshot import capture, restore
from utils.variation import ModelVariation, Scale, Shift, Variation, scaled_mass

XML = """
<mujoco>
  <worldbody>
    {in_front}
    <geom name="floor" type="plane" size="1 1 1"/>
    <body name="box" pos="0 0 1">
      <freejoint name="free"/>
      <geom name="box" type="box" size="0.1 0.1 0.1" mass="{box}"/>
      <body name="arm">
        <joint name="hinge" axis="0 1 0" damping="0.5"/>
        <geom name="arm" type="capsule" fromto="0 0 0 0.4 0 0" size="0.02" mass="{arm}"/>
      </body>
    </body>
  </worldbody>
  <actuator><position name="motor" joint="hinge" kp="3" forcerange="-2 2"/></actuator>
</mujoco>"""
ALL = np.arange(4)


def model(in_front="", box=2.0, arm=0.5):
    return mujoco.MjModel.from_xml_string(XML.format(in_front=in_front, box=box, arm=arm))


def varied(factors, values=None, ids=ALL, compiled=None):
    sim = Batch(compiled or model(), 4, 1, persistent=True)
    variation = Variation(sim, factors)
    variation.apply(values or {}, ids)
    sim.reset()
    return variation, sim


def test_applying_nothing_reads_nominal():
    fields = ("geom_friction", "body_mass", "body_ipos", "dof_damping", "actuator_forcerange")
    kinds = (Scale, Scale, Shift, Scale, Scale)
    variation, sim = varied({field: [kind(field)] for field, kind in zip(fields, kinds)})
    for field in fields:
        for own in sim.expand(field):
            np.testing.assert_array_equal(own, getattr(sim.model, field))
    assert [value[0] for value in variation.values.values()] == [1.0, 1.0, 0.0, 1.0, 1.0]


def test_scales_never_pile_up():
    variation, sim = varied({"mass": scaled_mass("box"), "lower": [Shift("body_ipos", ("box",), (2,))]})
    for _ in range(3):
        variation.apply({"mass": np.full(4, 1.3), "lower": np.full(4, -0.02)}, ALL)
    box = sim.get_model(3).body("box")
    assert box.mass[0] == 2.0 * 1.3 and box.ipos[2] == -0.02
    variation.apply({"mass": np.ones(4), "lower": np.zeros(4)}, ALL)
    np.testing.assert_array_equal(sim.get_model(3).body_mass, sim.model.body_mass)
    np.testing.assert_array_equal(sim.get_model(3).body_ipos, sim.model.body_ipos)


def test_only_the_given_simulations_and_entries_change():
    variation, sim = varied({"grip": [Scale("geom_friction", ("box", "arm"), (0,))]}, {"grip": [0.5, 2.0]}, np.array([1, 3]))
    wanted = np.tile(sim.model.geom_friction, (4, 1, 1))
    wanted[1, 1:, 0] *= 0.5
    wanted[3, 1:, 0] *= 2.0
    np.testing.assert_array_equal(sim.expand("geom_friction"), wanted)
    assert variation.values["grip"].tolist() == [1.0, 0.5, 1.0, 2.0]


def test_undeclared_fields_are_not_expanded():
    _, sim = varied({"grip": [Scale("geom_friction")]}, {"grip": np.full(4, 0.5)})
    assert set(sim._expanded) == {"geom_friction"}
    assert varied({})[1]._expanded == {}


def test_factors_that_share_entries_combine_and_shifts_come_last():
    factors = {"lower": [Shift("body_mass", ("arm",))], "all": [Scale("body_mass")], "arm": [Scale("body_mass", ("arm",))]}
    variation, sim = varied(factors, {"lower": np.full(4, -0.1), "all": np.full(4, 2.0)})
    variation.apply({"arm": np.full(4, 3.0)}, ALL)
    assert sim.get_model(0).body("arm").mass[0] == pytest.approx(0.5 * 2 * 3 - 0.1)
    assert sim.get_model(0).body("box").mass[0] == 4.0


def test_a_scaled_mass_makes_the_model_that_would_have_been_compiled_so():
    _, sim = varied({"box": scaled_mass("box"), "arm": scaled_mass("arm")}, {"box": np.full(4, 1.5), "arm": np.full(4, 0.6)})
    compiled, own = model(box=3.0, arm=0.3), sim.get_model(2)
    for field in ("body_mass", "body_inertia", "body_subtreemass", "body_invweight0", "dof_invweight0", "dof_M0"):
        np.testing.assert_allclose(getattr(own, field), getattr(compiled, field), rtol=1e-12, err_msg=field)


def test_a_shifted_centre_of_mass_is_one_in_the_physics_too():
    # The box's frame is its inertial frame; MuJoCo then skips `body_ipos` unless the flag is reset.
    _, sim = varied({"ahead": [Shift("body_ipos", ("box",), (0,))]}, {"ahead": np.array([0.0, 0.05, 0.1, -0.1])})
    centre = sim.bind("xipos")[:, sim.model.body("box").id, 0]
    np.testing.assert_allclose(centre, [0.0, 0.05, 0.1, -0.1], atol=1e-12)


def test_each_simulation_is_stepped_as_its_own_model():
    factors = {"mass": scaled_mass("box"), "damping": [Scale("dof_damping", ("hinge",))]}
    _, sim = varied(factors, {"mass": np.array([0.5, 1, 2, 3]), "damping": np.array([9, 1, 0, 4])})
    sim.ctrl[:] = 0.4
    sim.step(nstep=50)
    for i in ALL:
        own = sim.get_model(int(i))
        data = mujoco.MjData(own)
        data.ctrl[:] = 0.4
        mujoco.mj_step(own, data, 50)
        np.testing.assert_array_equal(sim.qpos[i], data.qpos)
    assert len(np.unique(sim.qpos[:, -1])) == 4


def test_names_not_places_say_what_varies():
    in_front = '<body name="post" pos="3 0 0"><joint name="post"/><geom name="post" size="0.1"/></body>'
    factors = {
        "grip": [Scale("geom_friction", ("arm",), (0,))],
        "damping": [Scale("dof_damping", ("hinge",))],
        "mass": scaled_mass("arm"),
        "armature": [Shift("dof_armature", ("free",))],
    }
    values = dict.fromkeys(factors, np.full(4, 2.0))
    _, sim = varied(factors, values, compiled=model(in_front))
    own, nominal = sim.get_model(0), sim.model
    assert own.geom("arm").friction[0] == 2.0 and own.geom("post").friction[0] == own.geom("box").friction[0] == 1.0
    assert own.joint("hinge").damping[0] == 1.0 and own.body("arm").mass[0] == 1.0
    np.testing.assert_array_equal(own.body("post").inertia, nominal.body("post").inertia)
    np.testing.assert_array_equal(own.joint("free").armature, np.full(6, 2.0))
    assert own.joint("post").armature[0] == own.joint("hinge").armature[0] == 0.0


def test_gravity_can_vary():
    _, sim = varied({"gravity": [Scale("opt.gravity")]}, {"gravity": np.array([1.0, 0.5, 0.0, 2.0])})
    sim.step()
    np.testing.assert_allclose(sim.qvel[:, 2], -9.81 * 0.002 * np.array([1.0, 0.5, 0.0, 2.0]), atol=1e-12)


def test_a_factor_may_have_one_value_for_each_object_in_the_order_of_its_names():
    gain = [Scale("geom_friction", ("arm", "box"), (0,), each=True), Scale("body_mass", ("arm", "box"), each=True)]
    variation, sim = varied({"gain": gain, "all": [Scale("body_mass")]})
    assert variation.values["gain"].shape == (4, 2)
    variation.apply({"gain": np.array([[2.0, 3.0], [0.5, 1.0]]), "all": np.full(2, 2.0)}, np.array([1, 3]))
    for i, arm, box, scale in ((0, 1.0, 1.0, 1.0), (1, 2.0, 3.0, 2.0), (3, 0.5, 1.0, 2.0)):
        own, nominal = sim.get_model(i), sim.model
        assert own.body("arm").mass[0] == 0.5 * arm * scale and own.body("box").mass[0] == 2.0 * box * scale
        assert own.geom("arm").friction[0] == arm and own.geom("box").friction[0] == box
        np.testing.assert_array_equal(own.geom("floor").friction, nominal.geom("floor").friction)
    variation.override({"gain": np.array([0.7, 0.9])}, np.array([2, 0]))  # the same for every object
    variation.apply({"gain": np.full((4, 2), 1.5)}, ALL)
    np.testing.assert_array_equal(variation.values["gain"], [[0.9, 0.9], [1.5, 1.5], [0.7, 0.7], [1.5, 1.5]])


def test_one_value_for_each_joint_reaches_all_of_its_degrees_of_freedom():
    _, sim = varied({"d": [Shift("dof_armature", ("hinge", "free"), each=True)]}, {"d": np.tile([0.2, 0.1], (4, 1))})
    np.testing.assert_allclose(sim.get_model(0).dof_armature, [*[0.1] * 6, 0.2])


def test_a_single_model_takes_one_value_for_each_object_as_a_batch_does():
    own, factors = model(), {"mass": [Scale("body_mass", ("arm", "box"), each=True)], "grip": [Scale("geom_friction")]}
    variation = ModelVariation(own, factors)
    for _ in range(2):
        variation.apply({"mass": np.array([2.0, 3.0]), "grip": 0.5})
    assert (own.body("arm").mass[0], own.body("box").mass[0]) == (1.0, 6.0)
    np.testing.assert_array_equal(own.geom_friction, 0.5 * model().geom_friction)


@pytest.mark.parametrize(
    ("factors", "words"),
    [
        ({"f": [Scale("geom_frction")]}, "no field 'geom_frction', did you mean geom_friction"),
        ({"f": [Scale("opt.gravty")]}, "did you mean gravity"),
        ({"f": [Scale("body_mass", ("bax",))]}, "no body called 'bax', did you mean box"),
        ({"f": [Scale("dof_damping", ("hing",))]}, "no joint called 'hing', did you mean hinge"),
        ({"f": [Scale("geom_friction", columns=(3,))]}, "must lie in 0 to 2, got"),
        ({"f": [Scale("opt.gravity", ("box",))]}, "not for opt.gravity"),
        ({"f": [Scale("body_mass"), Shift("body_ipos")]}, "only scales or only shifts"),
        ({"f": [Scale("body_mass", ("box",), each=True), Scale("body_mass")]}, "the same number of values"),
    ],
)
def test_a_wrong_declaration_is_refused_in_one_clear_sentence(factors, words):
    with pytest.raises(ValueError, match=words):
        varied(factors)


@pytest.mark.parametrize(
    ("values", "words"), [({"mas": np.ones(4)}, "did you mean mass"), ({"mass": [1, 2, np.nan, 1]}, "mass must be finite")]
)
def test_a_wrong_value_is_refused_and_changes_nothing(values, words):
    variation, sim = varied({"mass": scaled_mass("box")})
    with pytest.raises(ValueError, match=words):
        variation.apply(values, ALL)
    assert (sim.expand("body_mass") == sim.model.body_mass).all()


def test_one_value_for_each_object_needs_the_names_of_the_objects():
    with pytest.raises(ValueError, match="needs their names"):
        Scale("body_mass", each=True)


def test_a_state_from_before_a_factor_was_declared_undoes_it():
    variation, sim = varied({"mass": scaled_mass("box")}, {"mass": np.array([1.0, 2.0, 3.0, 4.0])})
    before, masses = capture(variation), sim.expand("body_mass").copy()
    for _ in range(2):
        variation.declare({"damping": (Shift("dof_damping", ("hinge",)),), "shift": (Shift("body_mass", ("box",)),)})
        variation.apply({"damping": np.full(4, 2.0), "shift": np.full(4, 0.5)}, ALL)
        np.testing.assert_allclose(sim.expand("dof_damping")[:, -1], 2.5)
        np.testing.assert_allclose(sim.expand("body_mass").sum(axis=1), masses.sum(axis=1) + 0.5)
        restore(variation, before)
        np.testing.assert_array_equal(sim.expand("dof_damping")[:, -1], 0.5)
        np.testing.assert_array_equal(sim.expand("body_mass"), masses)
        variation.apply({"mass": np.array([1.0, 2.0, 3.0, 4.0])}, ALL)


def test_a_state_with_an_unknown_factor_is_refused():
    variation, _ = varied({"mass": scaled_mass("box")})
    other, _ = varied({"damping": (Shift("dof_damping", ("hinge",)),)})
    with pytest.raises(ValueError, match="no factor is called 'damping'"):
        restore(variation, capture(other))
