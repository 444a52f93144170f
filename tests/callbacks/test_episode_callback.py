"""TensorBoard shows all episodes of a training: success, survival, failed physics."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from stable_baselines3 import PPO, SAC
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.vec_env import VecNormalize

import train
from algorithms.vec_env import BatchVecEnv, make_batch_vec_env, make_vector
from callbacks.episode_callback import EpisodeCallback
from tests.envs.test_registered_envs import every_id
from utils.monitor_training import read_scalars


class Counting(EpisodeCallback):
    """Keeps a copy of all logged values at every dump, and of all episodes since the previous dump."""

    def __init__(self):
        super().__init__()
        self.dumps, self.waiting = [], []

    def _init_callback(self):
        dump = self.logger.dump

        def noted(step=0):
            if self.waiting:
                self.dumps.append((dict(self.logger.name_to_value), self.waiting))
            self.waiting = []
            dump(step)

        self.logger.dump = noted

    def _on_step(self):
        self.waiting += [info for info in self.locals["infos"] if "episode" in info]
        return super()._on_step()


def learned(model, steps, log_interval):
    model.set_logger(Logger(None, []))
    callback = Counting()
    model.learn(steps, callback=callback, log_interval=log_interval)
    return callback.dumps


LEARNERS = {
    "ppo": lambda env: PPO("MlpPolicy", env, n_steps=20, batch_size=40, n_epochs=1, device="cpu", seed=0),
    "sac": lambda env: SAC("MlpPolicy", env, learning_starts=10_000, device="cpu", seed=0),
}


@pytest.mark.parametrize("name, every", [("ppo", 1), ("ppo", 3), ("sac", 7)])
def test_what_is_logged_covers_every_episode_since_the_last_dump(name, every):
    env = VecNormalize(make_batch_vec_env("envs:ResidualWalk-v0", 2, seed=0, max_episode_steps=9, terrain_scale=0.0))
    dumps = learned(LEARNERS[name](env), 360, every)
    assert len(dumps) >= 2 and min(len(episodes) for _, episodes in dumps) > 1
    for logged, ended in dumps:
        steps = sum(info["episode"]["l"] for info in ended)
        for term in ended[0]["episode"]["terms"]:
            mean = sum(info["episode"]["terms"][term] for info in ended) / steps
            assert logged[f"reward/{term}"] == pytest.approx(mean)
        assert logged["rollout/survival_rate"] == np.mean([info["TimeLimit.truncated"] for info in ended])


def test_success_of_an_environment_that_ends_with_it_is_success_and_no_failure(tmp_path):
    class Arrives(gym.Env):
        """Ends after three steps, with success in every second episode."""

        observation_space, action_space = spaces.Box(-1.0, 1.0, (1,)), spaces.Box(-1.0, 1.0, (1,))
        age, episode = 0, 0

        def reset(self, *, seed=None, options=None):
            super().reset(seed=seed)
            self.age, self.episode = 0, self.episode + 1
            return np.zeros(1, np.float32), {}

        def step(self, action):
            self.age += 1
            done = self.age == 3
            return np.zeros(1, np.float32), 1.0, done, False, {"is_success": done and self.episode % 2 == 0}

    vector = gym.vector.SyncVectorEnv([Arrives] * 2, autoreset_mode=gym.vector.AutoresetMode.SAME_STEP)
    ((logged, ended), *_) = learned(LEARNERS["ppo"](VecNormalize(BatchVecEnv(vector))), 80, 1)
    assert len(ended) == 12 and logged["rollout/success_rate"] == 0.5 == logged["rollout/survival_rate"]
    assert "rollout/terrain_level" not in logged and "rollout/physics_failures" not in logged


def test_the_success_rate_of_a_training_rises_with_its_return(tmp_path):
    small = "--total-timesteps 40000 --num-envs 16 --ppo.n-steps 128 --ppo.batch-size 256 --num-threads 1 --eval-every 0"
    assert train.main(["--env", "Toy-v0", *small.split(), "--seed", "1", "--run-dir", str(tmp_path / "run")]) == 0
    scalars = read_scalars(tmp_path / "run")
    success, returns = scalars["rollout/success_rate"][1], scalars["rollout/ep_rew_mean"][1]
    assert success[-1] > success[0] + 0.2 and returns[-1] > returns[0]
    assert set(scalars["rollout/survival_rate"][1]) == {1.0} and "rollout/terrain_level" not in scalars


def test_an_episode_with_one_success_of_several_is_a_success():
    env = make_batch_vec_env("envs:CubeInHand-v0", 2, seed=0, max_episode_steps=4)
    env.reset()
    env.step(np.zeros((2, 12), np.float32))
    env.env.unwrapped.task._successes[:] = (0, 3)
    ends = [info for _ in range(3) for info in env.step(np.zeros((2, 12), np.float32))[3] if "episode" in info]
    assert [info["is_success"] for info in ends] == [False, True]


@every_id
def test_failed_physics_has_one_name_in_every_environment(env_id):
    env = gym.make(env_id)
    env.reset(seed=0)
    info = env.step(env.action_space.sample())[4]
    assert info["physics_failed"] is False
    env.close()
    env = BatchVecEnv(make_vector(f"envs:{env_id}", 2, max_episode_steps=2))
    env.reset()
    ends = [info for _ in range(2) for info in env.step(np.stack([env.action_space.sample()] * 2))[3] if "episode" in info]
    assert [info["episode"]["final"]["physics_failed"] for info in ends] == [0.0, 0.0]
    env.close()


@pytest.mark.parametrize("env_id", ["RWRLCartpoleSwingup-v0", "ShadowHandPen-v0"])
def test_failed_physics_is_counted(env_id, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # MuJoCo writes its warning to a log file there
    env = make_batch_vec_env(f"envs:{env_id}", 2, seed=0)
    steps = iter(range(1000))

    class Breaking(Counting):
        def _on_step(self):
            if next(steps) in (4, 9):
                self.training_env.venv.env.unwrapped.envs[1].unwrapped.data.qvel[0] = np.nan
            return super()._on_step()

    model, callback = LEARNERS["ppo"](VecNormalize(env)), Breaking()
    model.set_logger(Logger(None, []))
    model.learn(40, callback=callback)
    assert [logged["rollout/physics_failures"] for logged, _ in callback.dumps] == [2]
