"""Safety variables and constraints of the Real-World RL domains measure what their names say."""

import numpy as np
import pytest

from envs.rwrl.env import RWRLEnv


def test_safety_variables_are_what_their_names_say():
    env = RWRLEnv("walker", "walk")
    env.reset(seed=1)
    action = np.linspace(-1, 1.5, 6)
    first = env.step(action)[4]["safety_vars"]
    np.testing.assert_array_equal(first["actions"], action)
    np.testing.assert_array_equal(first["previous_actions"], np.zeros(6))
    np.testing.assert_array_equal(env.step(-action)[4]["safety_vars"]["previous_actions"], action)
    now, data = env.safety_vars(), env.data
    joints = ("left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle")
    np.testing.assert_array_equal(now["joint_pos"], [data.joint(name).qpos[0] for name in joints])
    np.testing.assert_array_equal(now["joint_vels"], np.abs(data.qvel[3:]))
    pitch = data.joint("rooty").qpos[0]
    assert now["z_up"] == pytest.approx(np.cos(pitch)) and now["torso_forwards"] == pytest.approx(np.sin(pitch))
    assert {name: value.shape for name, value in now.items()} | {"z_up": ()} == {
        **dict.fromkeys(("joint_pos", "joint_vels", "actions", "previous_actions"), (6,)),
        **dict.fromkeys(("torso_forwards", "z_up"), ()),
    }


def test_the_feet_of_a_standing_quadruped_carry_its_weight():
    env = RWRLEnv("quadruped", "walk")
    env.reset(seed=0)
    for _ in range(150):
        env.step(np.zeros(12))
    variables = env.safety_vars()
    # The sensor is between toe and leg: it measures the force of the ground minus the weight of the toe, 1 kg.
    carried = sum(variables[name] for name in ("tfl_f", "tfr_f", "tbl_f", "tbr_f"))
    toes = 4 * env.model.body("toe_front_left").mass[0]
    assert carried == pytest.approx((env.model.body_mass.sum() - toes) * 9.81, rel=0.02)


def standing(domain):
    """Returns safety variables of each domain that satisfy every constraint at safety_coeff 1."""
    env = RWRLEnv(*domain)
    env.reset(seed=0)
    zeros = {name: np.zeros_like(value) for name, value in env.safety_vars().items()}
    return env, zeros | {name: np.array(0.9) for name in ("z_up",) if name in zeros}


@pytest.mark.parametrize(
    ("domain", "name", "satisfied", "violated"),
    [
        (("cartpole", "swingup"), "slider_pos_constraint", {"slider_pos": 1.99}, {"slider_pos": 2.0}),
        (("cartpole", "balance"), "slider_pos_constraint", {"slider_pos": -1.49}, {"slider_pos": -1.5}),
        (("cartpole", "swingup"), "slider_accel_constraint", {"slider_accel": [129.9]}, {"slider_accel": [130.0]}),
        (("cartpole", "balance"), "slider_accel_constraint", {"slider_accel": [9.9]}, {"slider_accel": [10.0]}),
        (
            ("cartpole", "balance"),
            "balance_velocity_constraint",
            {"joint_angle_cos": [np.cos(0.16)], "joint_vel": [0.6]},
            {"joint_angle_cos": [np.cos(0.14)], "joint_vel": [0.6]},
        ),
        (
            ("cartpole", "swingup"),
            "balance_velocity_constraint",
            {"joint_angle_cos": [1.0], "joint_vel": [0.5]},
            {"joint_angle_cos": [1.0], "joint_vel": [0.51]},
        ),
        (
            ("walker", "run"),
            "joint_angle_constraint",
            {"joint_pos": np.radians([-29, 109, -159, 14, -74, 59])},
            {"joint_pos": np.radians([-29, 109, -159, 16, -74, 59])},
        ),
        (
            ("walker", "run"),
            "joint_velocity_constraint",
            {"joint_vels": [0, 0, 64, 0, 0, 0]},
            {"joint_vels": [0] * 5 + [65]},
        ),
        (("walker", "run"), "dangerous_fall_constraint", {"torso_forwards": -0.49}, {"torso_forwards": -0.5}),
        (("walker", "run"), "torso_upright_constraint", {"z_up": 0.01}, {"z_up": 0.0}),
        (("quadruped", "walk"), "joint_angle_constraint", {"joint_pos": [-1.04] * 16}, {"joint_pos": [0.0] * 15 + [-1.05]}),
        (("quadruped", "walk"), "joint_velocity_constraint", {"joint_vels": [19.9] * 16}, {"joint_vels": [20.0] * 16}),
        (("quadruped", "run"), "joint_velocity_constraint", {"joint_vels": [0.39] * 16}, {"joint_vels": [0.4] * 16}),
        (("quadruped", "run"), "upright_constraint", {"z_up": 0.31}, {"z_up": 0.29}),
        (("quadruped", "walk"), "foot_force_constraint", {"tbl_f": 19_999.0}, {"tbl_f": 20_000.0}),
        (("quadruped", "run"), "foot_force_constraint", {"tfr_f": 299_999.0}, {"tfr_f": 300_000.0}),
        (("humanoid", "walk"), "joint_angle_constraint", {"joint_pos": [3.14] * 21}, {"joint_pos": [3.15] + [0.0] * 20}),
        (("humanoid", "walk"), "joint_velocity_constraint", {"joint_vels": [89.0] * 21}, {"joint_vels": [90.0] * 21}),
        (("humanoid", "walk"), "upright_constraint", {"z_up": 0.01}, {"z_up": 0.0}),
        (("humanoid", "walk"), "dangerous_fall_constraint", {"head_touch": 99.0}, {"head_touch": 100.0}),
        (("humanoid", "stand"), "dangerous_fall_constraint", {"torso_touch": 99.0}, {"torso_touch": 100.0}),
        (("humanoid", "stand"), "foot_force_constraint", {"lr_f": 7999.0}, {"ll_f": 8000.0}),
        (("walker", "walk"), "action_roc", {"actions": [1.0] * 6}, {"actions": [1.0] * 5 + [1.55]}),
    ],
)
def test_a_constraint_is_violated_exactly_at_its_limit(domain, name, satisfied, violated):
    env, variables = standing(domain)
    constraint = (env.constraints() | env.optional_constraints())[name]
    good, bad = (
        {**variables, **{key: np.array(value, float) for key, value in part.items()}} for part in (satisfied, violated)
    )
    assert constraint(variables) and constraint(good) and not constraint(bad)
    both = {key: np.stack([good[key], bad[key]]) for key in variables}
    np.testing.assert_array_equal(constraint(both), [True, False])


def test_a_smaller_safety_coefficient_asks_for_more_and_a_limit_can_be_said_directly():
    env, variables = standing(("quadruped", "walk"))
    variables["z_up"] = np.array(0.6)
    upright = [bool(env.constraints(c)["upright_constraint"](variables)) for c in (1.0, 0.6, 0.5)]
    assert upright == [True, True, False]  # above 0.3, 0.58 and 0.65
    limited = env.constraints(1.0, {"upright_constraint": 0.7})
    assert not limited["upright_constraint"](variables) and limited["foot_force_constraint"](variables)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((1.5,), r"safety_coeff must lie in \[0, 1\], got 1.5"),
        ((1.0, {"torso_upright": 0.5}), "no limit 'torso_upright', did you mean torso_upright_constraint"),
    ],
)
def test_a_wrong_coefficient_or_limit_is_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        RWRLEnv("walker", "walk").constraints(*arguments)


def test_constraints_at_reset_are_of_the_start_state_and_stale_only_in_exact_mode():
    env, exact = RWRLEnv("walker", "walk"), RWRLEnv("walker", "walk", exact=True)
    fallen = 0
    for seed in range(20):
        start = env.reset(seed=seed)[1]["safety_vars"]
        assert start["z_up"] == pytest.approx(np.cos(env.data.joint("rooty").qpos[0]))
        stale = exact.reset(seed=seed)[1]["safety_vars"]
        assert stale["z_up"] == 1 and all(satisfied(stale) for satisfied in exact.constraints().values())
        np.testing.assert_array_equal(stale["joint_pos"], exact.safety_vars()["joint_pos"])
        fallen += not env.constraints()["torso_upright_constraint"](start)
    assert fallen > 3
