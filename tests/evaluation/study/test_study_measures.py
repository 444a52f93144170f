"""Smoothness of actions, and the measures of an episode of a robot that walks to a target."""

import numpy as np
import pytest

from evaluation.study.smoothness import WINDOW, ActionSmoothness, spectral_smoothness
from evaluation.study.tally import METRICS, TargetTally, cell

RATE = 20.0  # Hz


def sine(amplitude, frequency, steps=WINDOW):
    return amplitude * np.sin(2 * np.pi * frequency * np.arange(steps) / RATE + 0.3)[:, None]


@pytest.mark.parametrize("steps", [WINDOW, 75])
def test_a_sine_has_its_amplitude_times_its_frequency(steps):
    amplitude, frequency = 0.7, 6 * RATE / steps  # six periods: all of the energy is in one component
    expected = 2 / ((steps // 2) * RATE) * amplitude * frequency
    assert spectral_smoothness(sine(amplitude, frequency, steps), RATE) == pytest.approx(expected)


def test_alternating_actions_have_half_the_sampling_rate_and_a_constant_has_0():
    alternating = 0.4 * (-1.0) ** np.arange(WINDOW)[:, None]
    assert spectral_smoothness(alternating, RATE) == pytest.approx(2 / (WINDOW / 2 * RATE) * 0.4 * RATE / 2)
    assert spectral_smoothness(np.full((WINDOW, 3), 0.9), RATE) == pytest.approx(0.0, abs=1e-15)


def test_components_are_averaged_and_sequences_are_independent():
    still, wave = np.zeros((WINDOW, 1)), sine(1.0, 5.0)
    both = spectral_smoothness(np.stack([np.hstack([still, wave]), np.hstack([still, still])]), RATE)
    assert both == pytest.approx([spectral_smoothness(wave, RATE) / 2, 0.0])


def test_episodes_of_different_lengths_are_measured_in_windows_and_restarts_forget():
    generator = np.random.default_rng(0)
    lengths = [2 * WINDOW + 9, WINDOW - 1, 1]
    actions = [generator.normal(size=(length, 2)) for length in lengths]
    measure = ActionSmoothness(3, 2, RATE)
    for _ in range(2):  # the second round starts with full windows of the first
        measure.begin([0, 1, 2])
        for step in range(max(lengths)):
            running = np.array([step < length for length in lengths])
            row = [own[min(step, len(own) - 1)] for own in actions]
            measure.add(np.array(row), running)
        found = measure.measured(np.arange(3))
        spectral = [spectral_smoothness(actions[0][i * WINDOW : (i + 1) * WINDOW], RATE) for i in range(2)]
        assert found["smoothness"][0] == pytest.approx(np.mean(spectral))
        assert np.isnan(found["smoothness"][1:]).all() and np.isnan(found["mean_da"][2])
        assert found["mean_da"][:2] == pytest.approx([np.abs(np.diff(own, axis=0)).mean() for own in actions[:2]])


def walked(places, reached_at=None, fall=False, limit=10, reward=1.0, dt=0.05):
    """Returns the record of one robot that is at `places` (k, 2) after its steps."""
    tally = TargetTally(1, 1, dt, limit)
    policy = tally.watched(lambda observation: np.array([[5.0]]))
    tally.begin({0: 77})
    for step, (x, y) in enumerate(places, 1):
        policy(None)
        reached = np.array([reached_at is not None and step >= reached_at])
        info = {"distance": np.array([x]), "sideways": np.array([y]), "is_success": reached}
        last = np.array([fall and step == len(places)])
        ended = tally.add(np.array([reward]), last, np.array([False]), info)
        if len(ended):
            return tally.records(ended)[0]
    raise AssertionError("the episode did not end")


def test_net_distance_and_path_are_apart():
    record = walked([(1.0, 0.0), (1.0, 1.0), (0.0, 1.0), (0.0, 0.0)], fall=True)
    assert (record["net_m"], record["path_m"]) == pytest.approx((0.0, 4.0))
    assert record["fall"] and not record["success"] and record["steps"] == 4 and record["seed"] == 77


def test_the_first_target_gives_the_time_and_the_limit_counts_without_one():
    straight = [(0.1 * step, 0.0) for step in range(1, 11)]
    reached, missed = walked(straight, reached_at=4), walked(straight)
    assert reached["success"] and reached["time_to_target_s"] == pytest.approx(0.2)
    assert not missed["success"] and missed["time_to_target_s"] == pytest.approx(0.5)
    assert reached["steps"] == missed["steps"] == 10 and reached["return"] == 10.0 and not reached["fall"]
    assert reached["net_m"] == pytest.approx(1.0) and reached["mean_da"] == 0.0


def test_actions_count_as_the_environment_clips_them():
    tally = TargetTally(1, 1, 0.05, 3)
    sent = iter([9.0, -9.0, 9.0])
    policy = tally.watched(lambda observation: np.array([[next(sent)]]))
    tally.begin({0: 0})
    info = {"distance": np.zeros(1), "sideways": np.zeros(1), "is_success": np.zeros(1, bool)}
    for _ in range(3):
        assert abs(policy(None)).item() == 9.0
        ended = tally.add(np.zeros(1), np.zeros(1, bool), np.zeros(1, bool), info)
    assert tally.records(ended)[0]["mean_da"] == 2.0


def test_a_cell_has_means_the_cvar_of_the_return_and_none_for_what_no_episode_has():
    records = [
        dict.fromkeys(METRICS, 0.0) | {"return": float(i), "success": i > 14, "smoothness": np.nan, "mean_da": value}
        for i, value in enumerate([np.nan] * 19 + [0.5])
    ]
    found = cell(records)
    assert (*found,) == METRICS and found["smoothness"] is None and found["mean_da"] == 0.5
    assert found["return"] == pytest.approx(9.5) and found["return_cvar10"] == pytest.approx(0.5)
    assert found["success"] == pytest.approx(0.25)
