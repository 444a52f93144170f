"""Values that a user writes to the model take effect, in single and vector envs, with and without perturbations."""

import gymnasium as gym
import numpy as np
import pytest

import envs  # noqa: F401

BATCH_IDS = ["ResidualWalk-v0", "AdaptiveWalk-v0", "CubeInHand-v0"]
every_id = pytest.mark.parametrize("env_id", BATCH_IDS)
HELD = {"ResidualWalk-v0": ("gravity", "mass", "torso"), "CubeInHand-v0": ("gravity_scale", "object_mass", "cube")}


def weaker(model):
    model.opt.gravity[2] = -2.0


def heavier(model):
    model.body_mass[:] *= 3.0


def other_solver(model):
    model.opt.impratio = 7.0


WRITES = pytest.mark.parametrize("write", [weaker, heavier, other_solver])


def rows(env, steps=15):
    action = np.full(env.action_space.shape, 0.4, np.float32)
    return np.array([env.step(action)[0] for _ in range(steps)])


@every_id
@WRITES
@pytest.mark.parametrize("again", [False, True], ids=["at once", "after a reset"])
def test_a_write_acts_alone_as_in_a_vector_and_reaches_every_simulation(env_id, write, again):
    single, vector, fresh = gym.make(env_id), gym.make_vec(env_id, 3), gym.make(env_id)
    for env in (single, vector, fresh):
        env.reset(seed=5)
        rows(env, 3)
    write(single.get_wrapper_attr("model")), write(vector.unwrapped.model)
    if again:
        for env in (single, vector, fresh):
            env.reset(seed=5)
    seen = [rows(env) for env in (single, vector, fresh)]
    np.testing.assert_array_equal(seen[0], seen[1][:, 0])
    assert (seen[0] != seen[2]).any()
    sim = vector.unwrapped.task.sim
    for i in range(3):
        model, wanted = sim.get_model(i), gym.make(env_id).unwrapped.task.sim.get_model(0)
        write(wanted)
        np.testing.assert_array_equal(model.body_mass, wanted.body_mass)
        np.testing.assert_array_equal(model.opt.gravity, wanted.opt.gravity)
        assert model.opt.impratio == wanted.opt.impratio


@pytest.mark.parametrize("env_id", HELD)
@pytest.mark.parametrize("before", [True, False], ids=["perturbed before", "perturbed after"])
def test_a_perturbation_scales_what_was_written(env_id, before):
    gravity, mass, body = HELD[env_id]
    env = gym.make_vec(env_id, 2).unwrapped
    values = {gravity: np.array([0.5]), mass: np.array([1.2])}
    nominal = env.model.body(body).mass[0]
    for step in ("perturb", "write") if before else ("write", "perturb"):
        if step == "perturb":
            env.perturb(values, np.array([1]))
        else:
            env.model.body(body).mass[0] = 2 * nominal
            env.model.opt.gravity[2] = -4.0
        env.reset(seed=0)
    models = [env.task.sim.get_model(i) for i in range(2)]
    assert [model.body(body).mass[0] for model in models] == pytest.approx([2 * nominal, 2.4 * nominal])
    assert [model.opt.gravity[2] for model in models] == pytest.approx([-4.0, -2.0])
    env.step(np.zeros(env.action_space.shape))
    assert np.isfinite(env.task.sim.state).all() and env.task.failure_count == 0


def test_the_weight_follows_what_was_written():
    env = gym.make("ResidualWalk-v0").unwrapped
    env.reset(seed=0)
    env.model.opt.gravity[2] = -3.0
    assert env.step(np.zeros(12))[4]["weight"] == pytest.approx(3.0 * env.model.body_mass.sum())


@every_id
@pytest.mark.parametrize(
    ("name", "write", "words"),
    [
        ("body_mass", lambda model: model.body_mass.fill(np.nan), "model.body_mass must be finite, got nan"),
        ("key_qpos", lambda model: model.key_qpos.fill(0.5), "model.key_qpos cannot be changed once"),
        ("opt", lambda model: setattr(model.opt, "timestep", 0.1), "model.opt.timestep cannot be changed .* control_dt"),
        ("opt", lambda model: model.opt.wind.fill(np.inf), "model.opt.wind must be finite, got inf"),
    ],
)
def test_a_write_that_cannot_act_is_refused_and_undone(env_id, name, write, words):
    env, fresh = gym.make(env_id).unwrapped, gym.make(env_id).unwrapped
    env.reset(seed=1), fresh.reset(seed=1)
    write(env.model)
    with pytest.raises(ValueError, match=words):
        env.step(np.zeros(env.action_space.shape))
    np.testing.assert_array_equal(rows(env), rows(fresh))
    np.testing.assert_array_equal(env.model.body_mass, fresh.model.body_mass)
    assert env.model.opt.timestep == fresh.model.opt.timestep


@every_id
def test_looking_at_the_model_changes_no_bit(env_id):
    env, looked = gym.make(env_id), gym.make(env_id)
    assert looked.unwrapped.model.body_mass.sum() > 0
    env.reset(seed=2), looked.reset(seed=2)
    np.testing.assert_array_equal(rows(env), rows(looked))


def test_a_perturbed_shadow_hand_keeps_what_was_written():
    env = gym.make("ShadowHandEgg-v0").unwrapped
    env.model.opt.gravity[2] = -4.0
    for scale in (0.5, 0.75):
        env.perturb({"gravity_scale": np.array([scale])})
        env.reset(seed=0)
        assert env.model.opt.gravity[2] == pytest.approx(-4.0 * scale)


@pytest.mark.parametrize(
    ("env_id", "name"),
    [
        ("RWRLWalkerStand-v0", "torso_length"),
        ("RWRLQuadrupedWalk-v0", "joint_damping"),
        ("RWRLHumanoidWalk-v0", "head_size"),
        ("RWRLCartpoleBalance-v0", "pole_mass"),
    ],
)
@pytest.mark.parametrize("before", [True, False], ids=["perturbed before", "perturbed after"])
def test_a_model_that_a_perturbation_builds_keeps_what_was_written(env_id, name, before):
    env, fresh = gym.make(env_id).unwrapped, gym.make(env_id).unwrapped
    values = [env.perturbations[name].nominal * scale for scale in (1.2, 0.9, 1.5)]
    for own in (env, fresh):
        perturb(own, name, values[2] if before else env.perturbations[name].nominal)
    env.model.body_mass[:] *= 3.0
    env.model.opt.gravity[2], env.model.opt.impratio, env.model.dof_armature[0] = -2.0, 7.0, 0.25
    for value in values:
        perturb(env, name, value), perturb(fresh, name, value)
        np.testing.assert_allclose(env.model.body_mass, 3.0 * fresh.model.body_mass, rtol=1e-12)
        np.testing.assert_allclose(env.model.body_subtreemass, 3.0 * fresh.model.body_subtreemass, rtol=1e-12)
        assert (env.model.opt.gravity[2], env.model.opt.impratio, env.model.dof_armature[0]) == (-2.0, 7.0, 0.25)
        np.testing.assert_array_equal(env.model.dof_damping, fresh.model.dof_damping)


def test_later_writes_take_the_place_of_earlier_ones_in_every_model_that_follows():
    env = gym.make("RWRLWalkerRun-v0").unwrapped
    for gravity, value in ((-1.0, 0.4), (-2.0, 0.5), (-3.0, 0.6)):
        env.model.opt.gravity[2] = gravity
        perturb(env, "thigh_length", value)
        assert env.model.opt.gravity[2] == gravity
    perturb(env, "thigh_length", 0.3)
    assert env.model.opt.gravity[2] == -3.0


def test_looking_at_a_model_changes_no_bit_of_those_that_a_perturbation_builds():
    env, looked = (gym.make("RWRLQuadrupedRun-v0").unwrapped for _ in range(2))
    for value in (0.3, 0.5):
        assert looked.model.body_mass.sum() > 0
        for own in (env, looked):
            perturb(own, "shin_length", value)
        np.testing.assert_equal(rows(env).tolist(), rows(looked).tolist())


def perturb(env, name, value):
    env.perturb({name: np.array([value])})
    env.reset(seed=0)
