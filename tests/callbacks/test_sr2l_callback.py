"""Weight and radius of a smoothness loss follow a schedule in control steps of all simulations together."""

from types import SimpleNamespace

import numpy as np
import pytest

import train
from algorithms.smooth_ppo import SmoothPPO
from algorithms.vec_env import make_batch_vec_env
from callbacks.sr2l_callback import SR2LCallback
from run_folder.logs import read_progress
from run_folder.stateful import Stateful


def shares(callback, *rollouts):
    """Returns the shares of weight and radius at the starts of rollouts, each given as steps and recent returns."""
    seen = []
    for steps, *returns in rollouts:
        callback.model = SimpleNamespace(ep_info_buffer=[{"r": value} for value in returns])
        callback.num_timesteps = steps
        callback._on_rollout_start()
        seen.append((callback.model.coef_share, callback.model.radius_share))
    return seen


def test_the_weight_is_0_in_the_warm_up_then_rises_linearly_and_stays():
    seen = shares(SR2LCallback(100, rise_steps=200, radius_rise_steps=50), *((t,) for t in (0, 64, 128, 192, 300, 400)))
    assert seen == [(0.0, 0.0), (0.0, 0.0), (0.14, 0.56), (0.46, 1.0), (1.0, 1.0), (1.0, 1.0)]


def test_without_a_rise_the_weight_is_whole_after_the_warm_up():
    assert shares(SR2LCallback(), (0,)) == [(1.0, 1.0)]
    assert [weight for weight, _ in shares(SR2LCallback(100), (0,), (99,), (100,))] == [0.0, 0.0, 1.0]


@pytest.mark.parametrize("num_envs", [2, 8])
def test_the_schedule_counts_steps_of_all_simulations(num_envs):
    class Noting(SR2LCallback):
        """Keeps the shares at the end of each rollout."""

        def _on_rollout_end(self):
            noted.append(self.model.coef_share)

    noted, env = [], make_batch_vec_env("envs:Toy-v0", num_envs, seed=0)
    model = SmoothPPO("MlpPolicy", env, n_steps=64 // num_envs, batch_size=64, n_epochs=2, policy_kwargs={"net_arch": [4]})
    model.learn(5 * 64, Noting(64, rise_steps=128))
    assert noted == [0.0, 0.0, 0.5, 1.0, 1.0]


def test_with_a_margin_both_rise_only_while_the_return_is_near_its_best():
    rollouts = [(0,), (10, 100.0), (20, 80.0, 96.0), (30, 85.0, 90.0), (40, 90.0), (50, 200.0), (60, 179.0), (70, 180.0)]
    seen = shares(SR2LCallback(rise_steps=100, return_margin=10.0), *rollouts)
    assert [weight for weight, _ in seen] == pytest.approx([0.0, 0.1, 0.1, 0.1, 0.2, 0.3, 0.3, 0.4])


def test_a_margin_counts_from_the_size_of_a_negative_return_and_waits_for_an_episode():
    rollouts = [(0,), (10,), (20, -100.0), (30, -110.0), (40, -111.0), (50, -50.0), (60, -56.0)]
    seen = shares(SR2LCallback(rise_steps=100, return_margin=10.0), *rollouts)
    assert [weight for weight, _ in seen] == pytest.approx([0.0, 0.0, 0.1, 0.2, 0.2, 0.3, 0.3])


def test_returns_of_the_warm_up_count_for_the_best():
    seen = shares(SR2LCallback(20, rise_steps=100, return_margin=10.0), (10, 100.0), (20, 100.0), (30, 50.0), (40, 95.0))
    assert [weight for weight, _ in seen] == [0.0, 0.0, 0.0, 0.1]


def test_a_restored_callback_continues_as_the_saved_one():
    rollouts = [(64 * i, 100.0 - 4.0 * (i % 5)) for i in range(20)]
    whole, first, second = (SR2LCallback(100, 900, 300, return_margin=10.0) for _ in range(3))
    wanted = shares(whole, *rollouts)
    shares(first, *rollouts[:9])
    second.restore(first.state)
    assert isinstance(second, Stateful) and shares(second, *rollouts[9:]) == wanted[9:]
    assert second.state == whole.state and 0.0 < wanted[9][0] < wanted[-1][0] < 1.0


@pytest.mark.parametrize("arguments", [(-1,), (0, -1), (0, 0, -1), (0, 0, 0, -1.0), (0, 0, 0, float("nan"))])
def test_numbers_below_0_are_refused(arguments):
    with pytest.raises(ValueError, match="a schedule of smoothness needs numbers of at least 0"):
        SR2LCallback(*arguments)


def test_a_training_logs_weight_radius_and_loss_of_each_update(tmp_path):
    options = """--env Toy-v0 --algo smooth_ppo --total-timesteps 320 --num-envs 2 --num-threads 1 --eval-every 0 --seed 3
    --smooth-ppo.n-steps 32 --smooth-ppo.batch-size 32 --smooth-ppo.net-arch 4 --smooth-ppo.coef 0.4
    --smooth-ppo.radius 0.2 --smooth-ppo.warm-up-steps 64 --smooth-ppo.rise-steps 128 --smooth-ppo.radius-rise-steps 64"""
    assert train.main([*options.split(), "--run-dir", str(tmp_path / "run")]) == 0
    rows = read_progress(tmp_path / "run/progress.csv")[1:]  # the first line is that of the first rollout
    numbers = [[float(row.get(f"smooth/{name}") or np.nan) for row in rows] for name in ("coef", "radius", "loss")]
    np.testing.assert_allclose(numbers[0], [0.0, 0.0, 0.2, 0.4, 0.4])
    np.testing.assert_allclose(numbers[1], [0.0, 0.0, 0.2, 0.2, 0.2])
    assert np.isnan(numbers[2][0]) and numbers[2][1] != numbers[2][1] and all(value > 0 for value in numbers[2][2:])
