"""Schedules: every rule against a computation by hand, order of draws, restarts, and custom schedulers."""

import numpy as np
import pytest

from run_folder.snapshot import capture, restore
from utils.schedules import SCHEDULERS, Bounds, Schedule, find_scheduler, register_scheduler

BOUNDS = Bounds(start=1.0, low=0.5, high=2.0, std=0.5)
FIRST = np.array([0])
NORMALS = [1.0, -0.8, 0.4, -2.0, 0.2, 3.0]


class Script:
    """Returns given standard normals and uniforms in order, and records each call."""

    def __init__(self, normals, uniforms=()):
        self._normals, self._uniforms, self.asked = iter(normals), iter(uniforms), ""

    def normal(self, mean, std):
        self.asked += "n"
        return mean + std * next(self._normals)

    def uniform(self, low, high):
        self.asked += "u"
        return low + (high - low) * next(self._uniforms)


def course(name, exact=False, uniforms=(0.0, 0.5, 0.9, 0.1, 0.2, 0.3)):
    script, schedule = Script(NORMALS, uniforms), Schedule(find_scheduler(name, exact), BOUNDS)
    return [schedule.advance(FIRST, [script]).item() for _ in NORMALS], script.asked


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("constant", [1.0] * 6),
        ("linear", [1.5, 2.0, 2.0, 2.0, 2.0, 2.0]),
        ("normal", [1.5, 0.6, 1.2, 0.5, 1.1, 2.0]),
        ("random_walk", [1.5, 1.1, 1.3, 0.5, 0.6, 2.0]),
        ("drift_pos", [1.5, 1.9, 2.0, 2.0, 2.0, 2.0]),
        ("drift_neg", [0.5, 0.5, 0.5, 0.5, 0.5, 0.5]),
        ("cyclic_pos", [1.5, 1.9, 1.0, 1.0, 1.1, 1.0]),
        ("cyclic_neg", [1.0, 0.6, 1.0, 1.0, 0.9, 1.0]),
        ("saw_wave", [1.5, 1.9, 2.0, 1.0, 0.9, 0.5]),
    ],
)
def test_a_rule_moves_as_by_hand(name, values):
    course_of, asked = course(name)
    np.testing.assert_allclose(course_of, values, atol=1e-12)
    assert asked == "n" * 6


def test_uniform_draws_a_step_first_and_then_its_value():
    values, asked = course("uniform")
    np.testing.assert_allclose(values, [0.5, 1.25, 1.85, 0.65, 0.8, 0.95])
    assert asked == "nu" * 6


def test_the_original_s_saw_wave_does_not_add_up():
    values, _ = course("saw_wave", exact=True)
    np.testing.assert_allclose(values, [0.5, 0.5, 0.5, 0.5, 0.5, 0.5])
    assert find_scheduler("drift_pos", exact=True) is SCHEDULERS["drift_pos"]


def test_a_start_outside_the_bounds_is_seen_until_the_first_update_alone():
    schedule = Schedule(SCHEDULERS["constant"], Bounds(5.0, 0.0, 1.0, 0.0))
    assert schedule.value[0] == 5.0 and schedule.advance(FIRST, [np.random.default_rng(0)])[0] == 1.0


def test_simulations_go_their_own_ways_as_each_would_alone():
    together = Schedule(SCHEDULERS["saw_wave"], BOUNDS, 3)
    alone = [Schedule(SCHEDULERS["saw_wave"], BOUNDS) for _ in range(3)]
    generators, others = ([np.random.default_rng(i) for i in range(3)] for _ in range(2))
    for ids in ([0, 1, 2], [1], [0, 2], [1, 2], [0, 1, 2], [2]) * 3:
        values = together.advance(np.array(ids), [generators[i] for i in ids])
        assert values.tolist() == [alone[i].advance(FIRST, [others[i]])[0] for i in ids]
    together.restart(np.array([1]))
    assert together.value[1] == 1.0 and (together.value[[0, 2]] != 1.0).all()


def test_long_runs_have_the_distribution_of_the_original():
    # Mean and spread of 20,000 updates as recorded from the original (golden/rwrl/schedulers.json).
    bounds, n = Bounds(1.0, 0.5, 2.0, 0.1), 20_000
    for name, mean, spread in (("uniform", 1.25, 0.433), ("cyclic_pos", 1.471, 0.305), ("cyclic_neg", 0.779, 0.159)):
        schedule, generator = Schedule(SCHEDULERS[name], bounds), np.random.default_rng(0)
        values = np.array([schedule.advance(FIRST, [generator])[0] for _ in range(n)])
        assert values.mean() == pytest.approx(mean, abs=0.02) and values.std() == pytest.approx(spread, abs=0.01)


def test_a_user_s_rule_is_known_by_its_name(monkeypatch):
    monkeypatch.setattr("utils.schedules.SCHEDULERS", dict(SCHEDULERS))
    register_scheduler("halfway", lambda update: (update.value + update.bounds.high) / 2)
    schedule = Schedule(find_scheduler("halfway"), BOUNDS)
    assert [schedule.advance(FIRST, [np.random.default_rng(0)])[0] for _ in range(2)] == [1.5, 1.75]
    with pytest.raises(ValueError, match="already"):
        register_scheduler("halfway", lambda update: update.value)


def test_what_a_schedule_remembers_comes_back():
    schedule, again = (Schedule(SCHEDULERS["saw_wave"], BOUNDS, 2) for _ in range(2))
    generators = [np.random.default_rng(i) for i in range(2)]
    for _ in range(5):
        schedule.advance(np.arange(2), generators)
    restore(again, capture(schedule))
    for one in (schedule, again):
        one.advance(np.arange(2), [np.random.default_rng(7)] * 2)
    np.testing.assert_array_equal(schedule.value, again.value)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: find_scheduler("driftpos"), "no scheduler is called 'driftpos', did you mean drift_pos"),
        (lambda: Bounds(1.0, 2.0, 1.0, 0.1), "min <= max"),
        (lambda: Bounds(1.0, 0.0, 1.0, -0.1), "std >= 0"),
        (lambda: Bounds(np.nan, 0.0, 1.0, 0.1), "finite"),
    ],
)
def test_mistakes_get_one_sentence(make, words):
    with pytest.raises(ValueError, match=words):
        make()
