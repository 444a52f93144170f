"""Perturbations of the Real-World RL domains reach the model with the requested value; the defaults correct its defects."""

import numpy as np
import pytest

from envs.rwrl.env import DOMAINS, RWRLEnv
from tests.helpers.rwrl_tasks import LAST_TASKS, perturbed

PERTURBATIONS = [(name, task, param) for name, task in LAST_TASKS for param in DOMAINS[name].perturbations]


@pytest.mark.parametrize(
    ("domain", "param", "value", "read"),
    [
        ("cartpole", "pole_length", 2.0, lambda m: 2 * m.geom("pole_1").size[1]),
        ("cartpole", "pole_mass", 3.0, lambda m: m.body("pole_1").mass[0]),
        ("cartpole", "joint_damping", 0.1, lambda m: m.joint("hinge_1").damping[0]),
        ("cartpole", "slider_damping", 2.0, lambda m: m.joint("slider").damping[0]),
        ("walker", "thigh_length", 0.3, lambda m: m.geom("right_thigh").size[1]),
        ("walker", "thigh_length", 0.3, lambda m: (-m.body("left_leg").pos[2] - 0.25) / 2),
        ("walker", "torso_length", 0.5, lambda m: m.geom("torso").size[1]),
        ("walker", "joint_damping", 4.0, lambda m: m.joint("left_knee").damping[0]),
        ("walker", "contact_friction", 1.4, lambda m: m.geom("floor").friction[0]),
        ("quadruped", "shin_length", 0.5, lambda m: -m.body("ankle_back_left").pos[2]),
        ("quadruped", "torso_density", 2000.0, lambda m: m.body("torso").mass[0] / (4 / 3 * np.pi * 0.3 * 0.27 * 0.2)),
        ("quadruped", "joint_damping", 50.0, lambda m: m.joint("knee_back_left").damping[0]),
        ("quadruped", "contact_friction", 0.5, lambda m: m.geom("toe_back_left").friction[0]),
        ("humanoid", "contact_friction", 0.5, lambda m: m.geom("left_left_foot").friction[0]),
        ("humanoid", "joint_damping", 1.0, lambda m: m.joint("left_elbow").damping[0]),
        ("humanoid", "head_size", 0.15, lambda m: m.geom("head").size[0]),
    ],
)
def test_a_perturbation_is_the_models_own_value_and_never_piles_up(domain, param, value, read):
    env = RWRLEnv(domain, DOMAINS[domain].tasks[0])
    nominal = read(env.model)
    for _ in range(3):
        assert read(perturbed(env, **{param: value})) == pytest.approx(value)
        env.perturb({param: np.array([value * 1.1])})
    assert nominal != pytest.approx(value)
    assert read(perturbed(env, **{param: nominal})) == pytest.approx(nominal)


def test_the_mass_follows_a_poles_length_unless_it_is_said_too():
    env = RWRLEnv("cartpole", "swingup")
    assert perturbed(env, pole_length=2.0).body("pole_1").mass[0] == pytest.approx(0.2)
    assert perturbed(env, pole_mass=0.7).body("pole_1").mass[0] == pytest.approx(0.7)
    assert 2 * env.model.geom("pole_1").size[1] == pytest.approx(2.0)


@pytest.mark.parametrize(("domain", "task", "param"), PERTURBATIONS)
def test_the_nominal_value_is_the_nominal_model(domain, task, param):
    env = RWRLEnv(domain, task)
    before = env.model
    after = perturbed(env, **{param: env.perturbations[param].nominal})
    for name in ("body_mass", "body_inertia", "body_pos", "geom_size", "dof_damping", "site_size"):
        np.testing.assert_allclose(getattr(before, name), getattr(after, name), rtol=1e-12, err_msg=name)
    # A floor has friction 1 unless it is perturbed, and the larger friction of the two counts.
    is_floor = np.arange(before.ngeom) == before.geom("floor").id
    np.testing.assert_array_equal(before.geom_friction[~is_floor, 0], after.geom_friction[~is_floor, 0])


def test_a_simulation_is_built_anew_only_when_a_value_changes_and_only_at_the_reset():
    env = RWRLEnv("walker", "walk")
    env.reset(seed=0)
    first = env.model
    env.perturb({"thigh_length": np.array([0.3])}, np.array([0]))
    assert env.model is first
    env.reset()
    second = env.model
    env.perturb({"thigh_length": np.array([0.3])}, np.array([0]))
    env.reset()
    assert env.model is second is not first
    assert env.safety_vars()["z_up"] == pytest.approx(np.cos(env.data.joint("rooty").qpos[0]))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"thigh_lenght": [0.3]}, "'thigh_lenght' cannot be perturbed here, did you mean thigh_length"),
        ({"thigh_length": [np.nan]}, "thigh_length must lie in 0.02 to 2, got nan"),
        ({"thigh_length": [-0.1]}, "thigh_length must lie in 0.02 to 2, got -0.1"),
        ({"thigh_length": [0.0]}, "thigh_length must lie in 0.02 to 2, got 0.0"),
    ],
)
def test_a_wrong_perturbation_is_refused_by_name_and_changes_nothing(values, words):
    env = RWRLEnv("walker", "walk")
    env.reset(seed=0)
    first = env.model
    with pytest.raises(ValueError, match=words):
        env.perturb({name: np.array(value) for name, value in values.items()}, np.array([0]))
    env.reset()
    assert env.model is first


def test_a_combined_challenge_perturbs_the_default_parameter_from_its_nominal_value():
    env = RWRLEnv("walker", "walk")
    assert env.combined_perturbations["medium"] == {
        "enable": True, "period": 1, "param": "thigh_length", "scheduler": "uniform",
        "start": 0.225, "min": 0.225, "max": 0.4, "std": 0.015,
    }  # fmt: skip


def test_the_oddities_of_the_original_are_there_in_exact_mode_and_mended_without():
    one_joint_out = {"joint_pos": np.radians([150.0, 0, 0, 0, 0, 0])}
    for exact in (False, True):
        walker, humanoid = RWRLEnv("walker", "walk", exact), RWRLEnv("humanoid", "walk", exact)
        assert bool(walker.constraints()["joint_angle_constraint"](one_joint_out)) == exact
        assert len(humanoid.safety_vars()["joint_vels"]) == (20 if exact else 21)
        perturbed(walker, torso_length=0.3)
        assert walker.model.body("left_thigh").pos[1] == (-0.05 if exact else 0.05)
        perturbed(humanoid, head_size=0.19, joint_damping=0.4)
        assert humanoid.model.site("head").size[0] == (0.091 if exact else pytest.approx(0.191))
        damping = [humanoid.model.joint(name).damping[0] for name in ("abdomen_x", "left_hip_y", "left_knee")]
        assert damping == pytest.approx([5.0, 5.0, 0.4] if exact else [10.0, 10.0, 0.4])
