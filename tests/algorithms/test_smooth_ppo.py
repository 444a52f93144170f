"""PPO with a smoothness loss: pairs are true neighbours, a weight of 0 gives PPO, and a training resumes exactly."""

from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode, VectorEnv
from stable_baselines3.common.vec_env import VecNormalize

import train
from algorithms.ppo import PPO
from algorithms.smooth_ppo import Smoothness, SmoothPPO, SmoothPpoConfig
from algorithms.smoothness import DISTANCES, METHODS, Steps, following, interpolated
from algorithms.vec_env import BatchVecEnv, make_batch_vec_env
from envs import challenges
from run_folder.runs import load_run
from tests.helpers.smoothness_steps import steps
from tests.helpers.training_runs import fingerprint, stopped_early
from training.config import EnvTrainConfig
from utils.fields import FieldError

SMALL = {"n_steps": 16, "batch_size": 16, "n_epochs": 2, "seed": 0, "policy_kwargs": {"net_arch": [8]}}
RUN = """--env Toy-v0 --algo smooth_ppo --total-timesteps 512 --num-envs 4 --episode-steps 10 --num-threads 1 --eval-every 0
--checkpoint-every 128 --keep-checkpoints 9 --seed 3 --smooth-ppo.n-steps 32 --smooth-ppo.batch-size 64
--smooth-ppo.net-arch 8 --smooth-ppo.n-epochs 2 --smooth-ppo.coef 5""".split()


class Counting(VectorEnv):
    """Observes its simulation, its episode and its step; an episode of simulation i has 3 + i steps."""

    metadata = {"autoreset_mode": AutoresetMode.SAME_STEP}  # noqa: RUF012
    render_mode = None

    def __init__(self, num_envs):
        self.num_envs, self._lengths = num_envs, 3 + np.arange(num_envs)
        self.single_observation_space = gym.spaces.Box(-1e3, 1e3, (3,), np.float32)
        self.single_action_space = gym.spaces.Box(-1, 1, (1,), np.float32)
        self.observation_space = gym.spaces.Box(-1e3, 1e3, (num_envs, 3), np.float32)
        self.action_space = gym.spaces.Box(-1, 1, (num_envs, 1), np.float32)

    def reset(self, *, seed=None, options=None):
        self._episode, self._step = np.zeros((2, self.num_envs))
        return self._observed(), {}

    def step(self, actions):
        self._step += 1
        info, ended = {"final_obs": self._observed(), "final_info": {}}, self._step == self._lengths
        self._episode[ended], self._step[ended] = self._episode[ended] + 1, 0
        return self._observed(), np.ones(self.num_envs), ended, np.zeros_like(ended), info if ended.any() else {}

    def _observed(self):
        return np.stack([np.arange(self.num_envs), self._episode, self._step], axis=1).astype(np.float32)


class Recording(SmoothPPO):
    """Keeps every minibatch."""

    def _evaluate(self, data):
        self.seen = [*getattr(self, "seen", []), data]
        return super()._evaluate(data)


@pytest.mark.parametrize("name", [name for name, method in METHODS.items() if method.reads_next])
def test_next_observations_are_those_of_the_same_simulation_and_episode(name):
    numbers = SMALL | {"n_steps": 7, "batch_size": 14, "n_epochs": 1}
    model = Recording("MlpPolicy", BatchVecEnv(Counting(4)), smoothness=Smoothness(pairs=name), **numbers)
    model.learn(3 * 28)  # rollouts end within episodes, and at their ends
    data = [
        torch.cat([getattr(each, part) for each in model.seen]) for part in ("observations", "following", "same_episode")
    ]
    simulation, episode, step = data[0].T
    assert len({*map(tuple, data[0].tolist())}) == 84  # every step once
    assert torch.equal(data[2], step < simulation + 2)
    assert torch.equal(data[1][data[2]], torch.stack([simulation, episode, step + 1], 1)[data[2]])
    given = steps(lambda s: (s, s))
    pair = Steps(**vars(given) | {"observations": data[0], "following": data[1], "same_episode": data[2]})
    (first, second), (_, between) = following(pair), interpolated(pair)
    assert len(first) == data[2].sum() and torch.equal(second - first, torch.tensor([[0.0, 0.0, 1.0]]).expand(len(first), 3))
    share = (between - first)[:, 2]
    assert torch.equal(between[:, :2], first[:, :2]) and 0.0 <= share.min() < 0.1 and 0.9 < share.max() <= 1.0


def made(kind, **changes):
    return kind("MlpPolicy", VecNormalize(make_batch_vec_env("envs:Toy-v0", 2, seed=0)), **SMALL | changes)


def random_states():
    return torch.get_rng_state(), torch.as_tensor(np.random.get_state()[1].astype(np.int64))


def after(kind, **changes):
    """Returns a model after three updates, and the states of the global generators."""
    model = made(kind, **changes).learn(3 * 32)
    return model, random_states()


@pytest.fixture(scope="module")
def plain():
    return after(PPO)


@pytest.mark.parametrize("name", METHODS)
def test_with_a_weight_of_0_it_is_ppo_bit_for_bit(name, plain):
    model, states = after(SmoothPPO, smoothness=Smoothness(pairs=name, coef=0.0))
    given, wanted = (each.policy.state_dict() for each in (model, plain[0]))
    assert given.keys() == wanted.keys() and all(torch.equal(given[key], wanted[key]) for key in wanted)
    assert all(map(torch.equal, states, plain[1]))
    assert torch.equal(model.random_stream.generator.get_state(), made(SmoothPPO).random_stream.generator.get_state())


@pytest.mark.parametrize("name", METHODS)
def test_the_loss_draws_nothing_from_the_global_generators(name, plain):
    model, states = after(SmoothPPO, smoothness=Smoothness(pairs=name, coef=1.0))
    assert all(map(torch.equal, states, plain[1]))
    assert not torch.equal(model.policy.action_net.weight, plain[0].policy.action_net.weight)


@pytest.mark.parametrize("distance", DISTANCES)
@pytest.mark.parametrize("name", METHODS)
def test_the_loss_has_no_gradient_on_the_standard_deviation(name, distance):
    class Alone(SmoothPPO):
        """Minimises the smoothness loss alone."""

        def _loss(self, batch, update):
            return self._extra_loss(batch, update)

    model = made(Alone, smoothness=Smoothness(pairs=name, distance=distance, coef=1.0)).learn(32)
    weights = dict(model.policy.named_parameters())
    assert weights["log_std"].grad is None or not weights["log_std"].grad.any()
    assert weights["action_net.weight"].grad.any() and weights["mlp_extractor.policy_net.0.weight"].grad.any()
    assert weights["value_net.weight"].grad is None or not weights["value_net.weight"].grad.any()


def test_rows_are_the_columns_of_the_observation_with_these_names():
    chosen = Smoothness(rows=("joint_vel", "joint_pos"), radius=(0.2, 0.1))
    plain = make_batch_vec_env("envs:ResidualWalk-v0", 1)
    wrapped = BatchVecEnv(
        challenges.apply(gym.make_vec("envs:ResidualWalk-v0", num_envs=1), noise_spec={"gaussian": {"observations": 0.1}})
    )
    for env in (plain, VecNormalize(wrapped)):
        table = env.unwrapped.env.unwrapped.task.observation
        widths = chosen.half_widths(env)
        assert widths.sum() == pytest.approx(12 * 0.3)
        np.testing.assert_allclose(widths[table.slices["joint_pos"]], 0.1)
        np.testing.assert_allclose(widths[table.slices["joint_vel"]], 0.2)
        assert (Smoothness(radius=0.3).half_widths(env) == np.float32(0.3)).all()
    with pytest.raises(FieldError, match="rows must not contain 'joint_po', which is no row, did you mean joint_pos"):
        Smoothness(rows=("joint_po",)).half_widths(plain)


@pytest.mark.parametrize(("rows", "radius"), [((), ()), ((), (0.1,)), (("a",), (0.1, 0.2)), (("a", "b"), (0.1,))])
def test_a_list_of_radii_has_one_for_each_row(rows, radius):
    with pytest.raises(FieldError, match=f"one for each of the {len(rows)} rows, got {len(radius)} numbers"):
        Smoothness(rows=rows, radius=radius).check()


def test_discrete_actions_are_refused():
    with pytest.raises(ValueError, match="SmoothPPO needs a Box of observations and a Box of actions"):
        SmoothPPO("MlpPolicy", make_batch_vec_env("CartPole-v1", 1))


REFUSED = [
    ("--smooth-ppo.pairs next --smooth-ppo.radius 0.1", "--smooth-ppo.radius has no effect: pairs is next"),
    ("--smooth-ppo.pairs interpolated --smooth-ppo.rows position", "--smooth-ppo.rows has no effect"),
    ("--smooth-ppo.pairs ball_random --smooth-ppo.inner-steps 2", "--smooth-ppo.inner-steps has no effect"),
    ("--smooth-ppo.pairs lcp --smooth-ppo.distance l2", "--smooth-ppo.distance has no effect: pairs is lcp"),
    ("--smooth-ppo.pairs next --smooth-ppo.radius-rise-steps 9", "--smooth-ppo.radius-rise-steps has no effect"),
    ("--smooth-ppo.coef 0 --smooth-ppo.pairs lcp", "--smooth-ppo.pairs has no effect: coef is 0"),
    ("--smooth-ppo.coef 0 --smooth-ppo.rise-steps 9", "--smooth-ppo.rise-steps has no effect: coef is 0"),
    ("--smooth-ppo.return-margin 5", "--smooth-ppo.return-margin has no effect: neither the weight nor the radius rises"),
    ("--smooth-ppo.radius 0.1 0.2", "smooth_ppo.radius must be one number, or one for each of the 0 rows, got 2 numbers"),
    ("--smooth-ppo.rows position position", "smooth_ppo.rows must name each row once, got position position"),
    ("--smooth-ppo.rows positio", "smooth_ppo.rows must not contain 'positio', which is no row, did you mean position?"),
    ("--smooth-ppo.warm-up-steps 4_000_000", "smooth_ppo.warm_up_steps must be below total_timesteps, 4,000,000, got"),
    ("--env Pendulum-v1 --smooth-ppo.rows a", "smooth_ppo.rows must be left out: the environment names no rows"),
    ("--env CartPole-v1", "and SMOOTH PPO needs a Box: train it with --algo ppo"),
    (
        "--env ShadowHandBlock-v0 --env-kwargs {observation:\\ goal}",
        "and SMOOTH PPO needs a Box: train it with --algo ppo, or use gymnasium.wrappers.FlattenObservation",
    ),
]


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize(("options", "sentence"), REFUSED)
def test_what_cannot_work_is_refused_in_one_sentence(options, sentence, tmp_path, capsys):
    words = [word.replace("\\", " ") for word in options.replace("\\ ", "\\").split()]
    arguments = ["--env", "Toy-v0", "--algo", "smooth_ppo", *words, "--run-dir", str(tmp_path / "run")]
    assert train.main(arguments) == 2 and not (tmp_path / "run").exists()
    assert sentence in capsys.readouterr().err.strip().splitlines()[-1]


def test_a_config_gives_the_loss_and_its_schedule():
    numbers = {"pairs": "ball_random", "radius": (0.1,), "rows": ["position"], "rise_steps": 7, "return_margin": 10}
    config = SmoothPpoConfig(**numbers)
    wanted = Smoothness(pairs="ball_random", radius=(0.1,), rows=("position",))
    assert config.arguments()["smoothness"] == wanted and not {*config.idle} - {"inner_steps"}
    assert config.smoothing == {"warm_up_steps": 0, "rise_steps": 7, "radius_rise_steps": 0, "return_margin": 10.0}
    assert SmoothPpoConfig(pairs="next", radius_rise_steps=5).smoothing["radius_rise_steps"] == 0  # of an older file
    assert [*EnvTrainConfig(algo="smooth_ppo").learner_callbacks()] == ["smoothing"]
    assert not EnvTrainConfig(algo="ppo").learner_callbacks()


RESUMED = {
    "ball_max": "--smooth-ppo.warm-up-steps 128 --smooth-ppo.rise-steps 300 --smooth-ppo.return-margin 50",
    "interpolated": "--smooth-ppo.coef 0.5",
}


@pytest.mark.parametrize("name", RESUMED)
def test_a_resumed_training_equals_one_that_never_stopped(name, tmp_path):
    whole, run = tmp_path / "whole", tmp_path / "run"
    assert train.main([*RUN, *RESUMED[name].split(), "--smooth-ppo.pairs", name, "--run-dir", str(whole)]) == 0
    stopped_early(whole, run, kept=2)
    assert train.main(["--resume", str(run)]) == 0
    assert fingerprint(run) == fingerprint(whole)
    assert load_run(run).act(np.zeros((3, 2))).shape == (3, 2)
    assert "smooth/loss" in Path(run / "progress.csv").read_text()
