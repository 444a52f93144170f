"""One row per parameter: the config's field, what a sweep may do, and the draw all follow from it."""

from dataclasses import dataclass, fields
from typing import get_type_hints

import mujoco
import numpy as np
import pytest
from mujoco.batch import Batch
from typing_extensions import Doc

from envs.locomotion.randomisation import Parameter, Randomisation, RandomisationConfig, factors, range_fields, ranges
from envs.residual_walk.task import ResidualWalkTask
from envs.residual_walk.variation import PARAMETERS, TRAINING_VARIATION, VariationConfig
from utils.perturbation import Perturbable
from utils.variation import Scale, Shift, Variation

XML = """
<mujoco>
  <worldbody>
    <body name="base">
      <freejoint name="root"/><geom size="0.1"/>
      <body pos="1 0 0"><joint name="a" damping="1"/><geom size="0.1"/></body>
      <body pos="2 0 0"><joint name="b" damping="1"/><geom size="0.1"/></body>
    </body>
  </worldbody>
  <actuator><motor name="a" joint="a"/><motor name="b" joint="b"/></actuator>
  <keyframe><key name="home" ctrl="0.5 -0.5"/></keyframe>
</mujoco>"""
TABLE = {
    "gravity": Parameter((Scale("opt.gravity"),), Perturbable(1.0, 0.5, 1.5, 0.1), (0.1, 3.0), "Scale of gravity."),
    "damping": Parameter(
        (Scale("dof_damping", ("a", "b"), each=True),), Perturbable(1.0, 0.5, 2.0, 0.1), (0.1, 9.0), "Of each joint."
    ),
    "offset": Parameter(
        (Shift("body_ipos", ("base",), (0,)),), Perturbable(0.0, -1.0, 1.0, 0.1, -2.0), (-1.0, 1.0), "x", "m"
    ),
    "latency": Parameter((), Perturbable(0.0, 0.0, 3.0, 1.0, 0.0, 4.0, whole=True)),
}


@dataclass(frozen=True)
class Config(RandomisationConfig, range_fields(TABLE)):
    """Of the tiny robot."""


def started(n=300, overrides=None, **changes):
    sim = Batch(mujoco.MjModel.from_xml_string(XML), n, 1, persistent=True)
    variation = Variation(sim, {})
    randomisation = Randomisation(Config(**changes), TABLE, sim, variation, 0.01)
    if overrides:
        variation.declare({name: TABLE[name].changes for name in overrides})
        variation.override(overrides, np.arange(n))
    randomisation.reset(np.arange(n), [np.random.default_rng(i) for i in range(n)])
    sim.reset()
    return randomisation, sim


def test_a_config_has_a_documented_range_for_each_drawn_row_in_the_table_s_order_and_then_the_disturbances():
    names = [field.name for field in fields(Config)]
    assert names == ["gravity", "damping", "offset", "action_delay", "push_speed", "push_interval"]
    assert Config().ranges == {"gravity": (1.0, 1.0), "damping": (1.0, 1.0), "offset": (0.0, 0.0)}
    (doc,) = get_type_hints(Config, include_extras=True)["gravity"].__metadata__
    assert doc == Doc("Scale of gravity.")
    with pytest.raises(ValueError, match=r"offset must be a range .* in -1.0 to 1.0 m, got \(-3.0, 0.0\)"):
        Config(offset=(-3.0, 0.0))


def test_a_table_gives_a_task_its_factors_and_ranges():
    assert factors(TABLE)["gravity"] == (Scale("opt.gravity"),) and list(ranges(TABLE)) == list(TABLE)
    assert ResidualWalkTask.factors == factors(PARAMETERS) and ResidualWalkTask.ranges == ranges(PARAMETERS)


def test_every_joint_draws_its_own_value_and_reaches_the_model():
    randomisation, sim = started(damping=(0.5, 2.0), gravity=(0.5, 1.5), offset=(-1.0, 1.0))
    damping = randomisation.variation.values["damping"]
    assert damping.shape == (300, 2)
    together = np.column_stack([*randomisation.variation.values.values()])
    assert np.abs(np.corrcoef(together.T) - np.eye(4)).max() < 0.2
    assert damping.min() < 0.52 and damping.max() > 1.97
    np.testing.assert_array_equal(sim.get_model(7).dof_damping[6:], damping[7])
    np.testing.assert_allclose(sim.get_model(7).opt.gravity[2], -9.81 * randomisation.variation.values["gravity"][7])


def test_what_a_row_draws_does_not_depend_on_which_others_vary():
    alone, among = started(5, offset=(-0.5, 0.5))[0], started(5, offset=(-0.5, 0.5), damping=(0.5, 2.0), push_speed=1.0)[0]
    np.testing.assert_array_equal(alone.variation.values["offset"], among.variation.values["offset"])


def test_nothing_is_drawn_where_nothing_varies():
    generators = [np.random.default_rng(i) for i in range(2)]
    sim = Batch(mujoco.MjModel.from_xml_string(XML), 2, 1, persistent=True)
    Randomisation(Config(), TABLE, sim, Variation(sim, {}), 0.01).reset(np.arange(2), generators)
    assert sim._expanded == {} and generators[1].random() == np.random.default_rng(1).random()


def test_late_controls_follow_the_home_controls_and_an_overridden_latency_replaces_the_draw():
    randomisation, _ = started(3, overrides={"latency": np.array([0.0, 1.6, np.float64(4)])}, action_delay=1.0)
    assert randomisation.steps_late.tolist() == [0, 2, 4]
    sent = [np.full((3, 2), float(step)) for step in range(6)]
    arrived = np.array([randomisation.delayed(ctrl).copy() for ctrl in sent])
    for i, steps in enumerate((0, 2, 4)):
        np.testing.assert_array_equal(arrived[steps:, i], np.array(sent)[: 6 - steps, i])
        np.testing.assert_array_equal(arrived[:steps, i], np.tile([0.5, -0.5], (steps, 1)))


def test_the_walks_table_has_the_fields_of_before_and_its_training_draws_all_of_them():
    assert [field.name for field in fields(VariationConfig)] == [
        "friction", "mass", "mass_offset_x", "mass_offset_y", "servo_strength", "servo_gain",
        "action_delay", "push_speed", "push_interval",
    ]  # fmt: skip
    assert TRAINING_VARIATION.varies and not VariationConfig(push_interval=1.0).varies
