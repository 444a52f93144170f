"""Stock SB3 trains on the single environment."""

import numpy as np
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import DummyVecEnv

from envs.residual_walk_env import ResidualWalkEnv


def test_training_runs_saves_loads_and_predicts_the_same(tmp_path):
    env = DummyVecEnv([lambda: ResidualWalkEnv()])
    model = PPO("MlpPolicy", env, verbose=0, seed=0, device="cpu")
    before = [parameter.detach().clone() for parameter in model.policy.parameters()]
    model.learn(total_timesteps=1000)
    assert any((old != new).any() for old, new in zip(before, model.policy.parameters()))
    model.save(tmp_path / "test_model")
    loaded = PPO.load(tmp_path / "test_model", device="cpu")
    obs = env.reset()
    np.testing.assert_array_equal(model.predict(obs, deterministic=True)[0], loaded.predict(obs, deterministic=True)[0])
