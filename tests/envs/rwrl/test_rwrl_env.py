"""The tasks of the Real-World RL suite: dm_control's numbers, correct start states, and recovery from failures."""

import gymnasium
import mujoco
import numpy as np
import pytest
from gymnasium import spaces

import envs  # noqa: F401 (registers the ids)
from envs.rwrl.env import RWRLEnv
from tests.helpers.rwrl_tasks import every_domain, every_task, perturbed, random_actions, same_parts
from utils.kernels import total

from dm_control import suite  # isort: skip  # quietly: envs.rwrl has imported it before


@every_task
def test_steps_are_those_of_dm_control_to_the_last_bit(domain, task):
    env, theirs = RWRLEnv(domain, task, exact=True), suite.load(domain, task, task_kwargs={"random": 3})
    observation, _ = env.reset(seed=3)
    if domain == "quadruped":  # it starts upright here: the numbers are equal only from there on
        theirs.reset()
        with theirs.physics.reset_context(), theirs.physics.reset_context():
            theirs.physics.data.qpos[:] = env.data.qpos
        step = theirs.task.get_observation(theirs.physics)
    else:
        step = theirs.reset().observation
    assert list(observation) == list(step)
    for action in random_actions(env, 20):
        same_parts(observation, step)
        observation, reward, *_ = env.step(action)
        timestep = theirs.step(action)
        step = timestep.observation
        assert reward == timestep.reward
    if domain != "quadruped":  # the second episode continues the same random sequence
        same_parts(env.reset()[0], theirs.reset().observation)


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
        assert reward == total(info["reward_terms"].values()) and not terminated and not truncated


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
    assert fresh.np_random.bit_generator.state != np.random.default_rng(5).bit_generator.state  # values were drawn from it


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
    for shin in (0.25, 0.7):
        perturbed(env, shin_length=shin)
        env.data.qpos[2] -= 0.01
        mujoco.mj_forward(env.model, env.data)
        assert env.data.ncon > 0


@every_domain
def test_a_physics_that_diverges_ends_the_episode_with_the_last_good_observation(domain, task):
    env = RWRLEnv(domain, task)
    env.reset(seed=0)
    actions = random_actions(env, 4)
    shown, *_, info = env.step(actions[0])
    good = {name: part.copy() for name, part in shown.items()}
    for part in shown.values():
        part += 1  # a caller may do so
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
    changed, fresh = (RWRLEnv(domain, task, render_mode="rgb_array") for _ in range(2))
    changed.reset(seed=0)
    first = changed.render()
    name = "head_size" if domain == "humanoid" else changed.default_perturbation
    pictures = []
    for env in (changed, fresh):
        perturbed(env, **{name: 1.5 * env.perturbations[name].nominal})
        pictures.append(env.render())
        env.close()
    assert first.shape == (480, 640, 3) and first.dtype == np.uint8 and first.std() > 10
    assert (first != pictures[0]).any()
    np.testing.assert_array_equal(*pictures)


@pytest.mark.parametrize("exact", [False, True])
def test_frames_are_the_last_observations_as_the_challenges_let_them_arrive(exact):
    specs = {"delay_spec": {"enable": True, "observations": 2}, "exact": exact}
    plain, stacked = (gymnasium.make("RWRLCartpoleSwingup-v0", frames=n, **specs) for n in (1, 3))
    arrived, wide = [plain.reset(seed=4)[0]] * 3, stacked.reset(seed=4)[0]
    for action in np.random.default_rng(0).uniform(-1, 1, (6, 1)).astype(np.float32):
        assert np.array_equal(wide, np.concatenate(arrived[-3:]))
        wide = stacked.step(action)[0]
        arrived.append(plain.step(action)[0])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [({"frames": 0}, "frames must be a whole number"), ({"frames": 2, "observation": "dict"}, "needs observation='flat'")],
)
def test_frames_that_cannot_be_stacked_are_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        gymnasium.make("RWRLCartpoleSwingup-v0", **arguments)
