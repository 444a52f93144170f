"""The tasks of the Real-World RL suite keep dm_control's numbers, and say what is safe, varied and broken."""

import mujoco
import numpy as np
import pytest
from gymnasium import spaces

from envs.rwrl.env import DOMAINS, RWRLEnv
from envs.rwrl_env import RWRLVectorEnv

from dm_control import suite  # isort: skip  # quietly: envs.rwrl has imported it before

TASKS = [(name, task) for name, domain in DOMAINS.items() for task in domain.tasks]
FIRST_TASKS = [(name, domain.tasks[-1]) for name, domain in DOMAINS.items()]
every_task = pytest.mark.parametrize(("domain", "task"), TASKS)
every_domain = pytest.mark.parametrize(("domain", "task"), FIRST_TASKS)
PERTURBATIONS = [(name, task, param) for name, task in FIRST_TASKS for param in DOMAINS[name].perturbations]


def random_actions(env, count, seed=0):
    low, high = env.action_space.low, env.action_space.high
    return np.random.default_rng(seed).uniform(low, high, (count, *low.shape))


@every_task
def test_steps_are_those_of_dm_control_to_the_last_bit(domain, task):
    env, theirs = RWRLEnv(domain, task, exact=True), suite.load(domain, task, task_kwargs={"random": 3})
    observation, _ = env.reset(seed=3)
    if domain == "quadruped":  # which starts upright here: only from there on is it the same
        theirs.reset()
        with theirs.physics.reset_context(), theirs.physics.reset_context():
            theirs.physics.data.qpos[:] = env.data.qpos
        step = theirs.task.get_observation(theirs.physics)
    else:
        step = theirs.reset().observation
    assert list(observation) == list(step)
    for action in random_actions(env, 20):
        for name, part in step.items():
            np.testing.assert_array_equal(observation[name].ravel(), np.ravel(part), err_msg=name)
        observation, reward, *_ = env.step(action)
        timestep = theirs.step(action)
        step = timestep.observation
        assert reward == timestep.reward


@every_task
def test_what_is_shown_lies_in_the_spaces_in_dm_controls_order(domain, task):
    env = RWRLEnv(domain, task)
    observation, _ = env.reset(seed=0)
    assert env.observation_space.contains(observation) and list(env.observation_space) == list(observation)
    assert all(part.dtype == np.float64 for part in observation.values())
    assert env.action_space == spaces.Box(*env.model.actuator_ctrlrange.astype(np.float32).T)
    if domain in ("walker", "quadruped"):
        assert observation["height" if domain == "walker" else "torso_upright"].shape == (1,)


@every_domain
def test_observations_and_safety_variables_are_fresh_arrays(domain, task):
    env = RWRLEnv(domain, task)
    env.reset(seed=0)
    actions = random_actions(env, 2)
    observation, *_, info = env.step(actions[0])
    arrays = [*observation.values(), *info["safety_vars"].values()]
    kept = [array.copy() for array in arrays]
    env.step(actions[1])
    for array, copy in zip(arrays, kept):
        np.testing.assert_array_equal(array, copy)


@every_domain
def test_the_reward_is_the_sum_of_its_terms_and_nothing_ends_by_itself(domain, task):
    env = RWRLEnv(domain, task)
    env.reset(seed=0)
    for action in random_actions(env, 10):
        _, reward, terminated, truncated, info = env.step(action)
        assert reward == sum(info["reward_terms"].values()) and not terminated and not truncated


@every_domain
def test_same_seed_same_episodes_another_seed_others_and_every_draw_is_the_environments(domain, task):
    def starts(seed):
        env = RWRLEnv(domain, task)
        states = [
            np.concatenate([env.reset(seed=s)[0][name].ravel() for name in env.observation_space]) for s in (seed, None)
        ]
        return np.array(states), env.np_random.bit_generator.state

    np.random.seed(0)
    before = np.random.get_state()[1].copy()
    (first, state), (again, same_state), (other, _) = starts(5), starts(5), starts(6)
    np.testing.assert_array_equal(first, again)
    assert state == same_state and (first != other).any() and (first[0] != first[1]).any()
    np.testing.assert_array_equal(np.random.get_state()[1], before)
    fresh = RWRLEnv(domain, task)
    fresh.reset(seed=5)
    assert fresh.np_random.bit_generator.state != np.random.default_rng(5).bit_generator.state  # it was drawn from


def test_a_quadruped_starts_upright_facing_anywhere_and_just_clear_of_the_ground():
    env = RWRLEnv("quadruped", "walk")
    azimuths = []
    for seed in range(100):
        env.reset(seed=seed)
        w, x, y, z = env.data.qpos[3:7]
        azimuths.append(2 * np.arctan2(z, w))
        assert x == y == 0 and env.data.ncon == 0 and env.data.qpos[2] == pytest.approx(0.52)
    shares, _ = np.histogram(azimuths, 4, (0, 2 * np.pi))
    assert shares.sum() == 100 and shares.min() > 10
    env.data.qpos[2] -= 0.01
    mujoco.mj_forward(env.model, env.data)
    assert env.data.ncon > 0


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
    # A sensor sits between a toe and the leg above: it feels what the ground carries, less the toe's own 1 kg.
    carried = sum(variables[name] for name in ("tfl_f", "tfr_f", "tbl_f", "tbr_f"))
    toes = 4 * env.model.body("toe_front_left").mass[0]
    assert carried == pytest.approx((env.model.body_mass.sum() - toes) * 9.81, rel=0.02)


def standing(domain):
    """Returns safety variables of each domain that satisfy everything at safety_coeff 1."""
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


def perturbed(env, **values):
    env.perturb({name: np.array([value]) for name, value in values.items()}, np.array([0]))
    env.reset(seed=0)
    return env.model


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
    # A floor's friction is 1 unless it is perturbed, and of two frictions the larger one counts.
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
    np.testing.assert_array_equal(env.safety_vars()["joint_vels"], np.abs(env.data.qvel[3:]))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"thigh_lenght": [0.3]}, "no perturbation is called 'thigh_lenght', did you mean thigh_length"),
        ({"thigh_length": [np.nan]}, "thigh_length must be a number from 0 on, got nan"),
        ({"thigh_length": [-0.1]}, "thigh_length must be a number from 0 on, got -0.1"),
        ({"thigh_length": [0.0]}, "MuJoCo cannot build the walker with {'thigh_length': 0.0}"),
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
    assert env.combined_perturbation("medium") == {
        "enable": True, "period": 1, "param": "thigh_length", "scheduler": "uniform",
        "start": 0.225, "min": 0.225, "max": 0.4, "std": 0.015,
    }  # fmt: skip
    with pytest.raises(ValueError, match="'midium', did you mean medium"):
        env.combined_perturbation("midium")


@every_domain
def test_a_physics_that_diverges_ends_the_episode_with_the_last_good_observation(domain, task):
    env = RWRLEnv(domain, task)
    env.reset(seed=0)
    actions = random_actions(env, 4)
    good, *_, info = env.step(actions[0])
    env.data.qvel[-1] = np.nan
    observation, reward, terminated, truncated, broken = env.step(actions[1])
    assert reward == 0 and terminated and not truncated
    assert broken["physics_failure"].startswith("the physics diverged: ") and broken["reward_terms"] == {"task": 0.0}
    for name in good:
        np.testing.assert_array_equal(observation[name], good[name])
    for name, value in info["safety_vars"].items():
        np.testing.assert_array_equal(broken["safety_vars"][name], value)
    env.reset(seed=0)
    again, _, terminated, *_ = env.step(actions[0])
    assert not terminated and all((again[name] == good[name]).all() for name in good)


@pytest.mark.parametrize(("action", "words"), [(np.zeros(7), r"shape \(6,\), got \(7,\)"), (np.full(6, np.nan), "NaN")])
def test_a_wrong_action_is_refused_and_loses_nothing(action, words):
    env = RWRLEnv("walker", "walk")
    env.reset(seed=0)
    before = env.data.qpos.copy()
    with pytest.raises(ValueError, match=words):
        env.step(action)
    np.testing.assert_array_equal(env.data.qpos, before)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("cartpol", "swingup"), "did you mean cartpole"),
        (("walker", "runn"), "did you mean run"),
        (("walker", "run", False, "ascii"), "rgb_array"),
    ],
)
def test_an_unknown_domain_task_or_render_mode_names_what_exists(arguments, words):
    with pytest.raises(ValueError, match=words):
        RWRLEnv(*arguments)


@every_domain
def test_pictures_show_the_robot_also_after_its_model_has_changed(domain, task, gl):
    env = RWRLEnv(domain, task, render_mode="rgb_array")
    env.reset(seed=0)
    first = env.render()
    name = "head_size" if domain == "humanoid" else env.default_perturbation
    env.perturb({name: np.array([1.5 * env.perturbations[name].nominal])}, np.array([0]))
    env.reset(seed=0)
    second = env.render()
    env.close()
    assert first.shape == second.shape == (480, 640, 3) and first.dtype == np.uint8
    assert first.std() > 10 and (first != second).any()


def test_simulation_i_of_a_vector_is_the_single_environment_of_seed_plus_i_across_ends():
    vector = RWRLVectorEnv(2, "cartpole", "swingup", max_episode_steps=7)
    singles = [RWRLEnv("cartpole", "swingup") for _ in range(2)]
    shown, _ = vector.reset(seed=7)
    lone = [env.reset(seed=7 + i)[0] for i, env in enumerate(singles)]
    vector.perturb({"pole_length": np.array([2.0])}, np.array([1]))
    singles[1].perturb({"pole_length": np.array([2.0])})
    for step in range(1, 20):
        np.testing.assert_array_equal(shown["position"], [part["position"] for part in lone])
        actions = np.sin(3.0 * step + np.arange(2))[:, None]
        shown, rewards, _, truncated, _ = vector.step(actions)
        for i, env in enumerate(singles):
            lone[i], reward, *_ = env.step(actions[i])
            assert reward == rewards[i]
            if step % 7 == 0:
                lone[i], _ = env.reset()
        assert truncated.all() == (step % 7 == 0)
