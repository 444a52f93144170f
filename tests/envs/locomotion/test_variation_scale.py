"""The share of the randomisation: nominal robots at 0, half of every difference at 0.5, and nothing changed at 1."""

from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3 import PPO

import train
from algorithms.vec_env import make_batch_vec_env
from callbacks.curriculum_callback import VariationCurriculumCallback
from envs.a1.variation import DR_VARIATION
from envs.biped.variation import TRAINING_VARIATION as BIPED_VARIATION
from envs.realant_env import RealAntVectorEnv
from envs.residual_walk.variation import TRAINING_VARIATION
from envs.residual_walk_env import ResidualWalkVectorEnv

N = 40
VARIED = {
    "friction": (0.4, 0.9),
    "mass": (1.1, 1.6),
    "mass_offset_x": (-0.02, 0.01),
    "servo_strength": (0.5, 1.2),
    "action_delay": 1.0,
    "push_speed": 0.5,
    "push_interval": 0.2,
    "joint_failures": {"share": 1.0},
}
FIELDS = ("geom_friction", "body_mass", "body_ipos", "actuator_forcerange")


def ants(scale, seed=0, variation=VARIED):
    env = RealAntVectorEnv(N, num_threads=1, variation=variation, start_spread=0.0)
    env.set_variation_scale(scale)
    env.reset(seed=seed)
    return env


def models(env):
    """Returns the fields of the models of all robots, by name, each (n, ...)."""
    made = [env.task.sim.get_model(i) for i in range(N)]
    return {name: np.array([getattr(model, name) for model in made]) for name in FIELDS}


def test_at_0_every_robot_is_nominal_and_nothing_is_late_pushed_or_broken():
    env, nominal = ants(0.0), RealAntVectorEnv(N, num_threads=1, start_spread=0.0)
    nominal.reset(seed=0)
    for name, values in models(nominal).items():
        np.testing.assert_allclose(models(env)[name], values, rtol=1e-12, err_msg=name)
    action = np.random.default_rng(0).uniform(-1, 1, (N, 8)).astype(np.float32)
    for _ in range(20):
        rows, wanted = (made.step(action)[0] for made in (env, nominal))
    np.testing.assert_allclose(rows, wanted, rtol=0, atol=1e-6)
    assert not env.task.randomisation.steps_late.any() and not env.task.joint_failures.active.any()


# Variation, and arguments without which the start is drawn from other numbers if robots vary.
ROBOTS = {
    "ResidualWalk-v0": (TRAINING_VARIATION, {}),
    "A1-v0": (DR_VARIATION, {"start_spread": 0.0}),
    "Biped-v0": (replace(BIPED_VARIATION, push_interval=0.1), {}),
}


@pytest.mark.parametrize("env_id", ROBOTS)
def test_at_0_every_robot_of_a_kind_acts_as_the_nominal_one(env_id):
    variation, others = ROBOTS[env_id]
    made = [gym.make_vec(env_id, 4, num_threads=1, variation=ranges, **others) for ranges in (variation, type(variation)())]
    made[0].unwrapped.set_variation_scale(0.0)
    rows = [env.reset(seed=0)[0] for env in made]
    action = np.random.default_rng(0).uniform(-0.3, 0.3, made[0].action_space.shape).astype(np.float32)
    for _ in range(30):
        np.testing.assert_allclose(*rows, rtol=0, atol=1e-6)
        rows = [env.step(action)[0] for env in made]


def test_at_a_half_every_model_lies_half_way_between_the_nominal_one_and_that_of_the_full_range():
    broken = VARIED | {"joint_failures": {"share": 0.0}}  # which scales the same forces
    half, full, none = (models(ants(scale, variation=broken)) for scale in (0.5, 1.0, 0.0))
    for name in FIELDS:
        np.testing.assert_allclose(half[name], (full[name] + none[name]) / 2, rtol=1e-9, atol=1e-12, err_msg=name)
        assert np.abs(full[name] - none[name]).max() > 1e-3, name


def test_at_a_half_about_half_of_the_episodes_have_late_controls_and_failures_and_pushes_are_half_as_fast():
    late, failing = [], []
    for seed in range(0, 10 * N, N):
        env = ants(0.5, seed)
        late.append(env.task.randomisation.steps_late), failing.append(env.task.joint_failures.active.any(axis=1))
    for share in (np.mean(late), np.mean(failing)):
        assert 0.4 < share < 0.6  # four standard deviations of 400 draws
    assert env.task.randomisation.pushes.speed == 0.25


def test_at_1_every_bit_is_as_without_a_scale():
    first, second = (ResidualWalkVectorEnv(8, variation=TRAINING_VARIATION) for _ in range(2))
    second.set_variation_scale(0.3), second.set_variation_scale(1.0)
    np.testing.assert_array_equal(first.reset(seed=3)[0], second.reset(seed=3)[0])
    action = np.ones((8, 12), np.float32) * 0.2
    for _ in range(50):
        np.testing.assert_array_equal(first.step(action)[0], second.step(action)[0])


@pytest.mark.parametrize("scale", [-0.1, 1.01, np.nan])
def test_another_scale_is_refused_and_changes_nothing(scale):
    env = gym.make("envs:ResidualWalk-v0").unwrapped
    with pytest.raises(ValueError, match=r"scale of the randomisation must lie in \[0, 1\], got"):
        env.set_variation_scale(scale)
    assert env.task.randomisation.scale == 1.0


def test_the_curriculum_keeps_nominal_robots_first_and_then_raises_the_scale_linearly():
    env, seen = make_batch_vec_env("envs:RealAnt-v0", 2, seed=0), []

    class Watch(VariationCurriculumCallback):
        def _on_rollout_start(self):
            super()._on_rollout_start()
            seen.append(env.env.unwrapped.task.randomisation.scale)

    model = PPO("MlpPolicy", env, n_steps=16, batch_size=32, n_epochs=1, device="cpu", seed=0)
    model.learn(192, callback=Watch(warm_up_steps=64, rise_steps=64))
    assert seen == [0.0, 0.0, 0.0, 0.5, 1.0, 1.0]


SMALL = "--env RealAnt-v0 --num-envs 4 --num-threads 1".split()
DR = [*SMALL, "--preset", "dr"]


def test_a_training_with_the_curriculum_starts_with_nominal_robots_and_its_evaluations_have_all_of_it():
    config = train.parse(DR)
    env = config.make_env()
    assert env.env.unwrapped.task.randomisation.scale == 0.0 and config.env.variation.mass == (0.9, 1.15)
    evaluation = config.make_evaluation_env(2, 0)
    assert evaluation.unwrapped.task.randomisation.scale == 1.0
    env.close(), evaluation.close()


def test_without_a_curriculum_a_training_randomises_from_the_start():
    config = train.parse([*DR, "--variation-warm-up", "0", "--variation-rise", "0"])
    env = config.make_env()
    assert env.env.unwrapped.task.randomisation.scale == 1.0 and "variation" not in config.task_callbacks()
    env.close()


def test_a_curriculum_of_nothing_is_refused(capsys):
    assert train.main([*SMALL, "--variation-rise", "1000"]) == 2
    assert "--variation-rise has no effect: env.variation randomises nothing" in capsys.readouterr().err
