"""The test of a sweep's winner with new seeds: the interval by hand, verdicts, and trainings that other workers run."""

import numpy as np
import pytest
from scipy import stats

from callbacks.guard_callback import TrainingDiverged
from tuning import reseed as reseeding
from tuning.reseed import Arm, comparison, difference_interval, reseed
from tuning.studies import open_study
from tuning.sweep import SweepConfig
from tuning.trainings import lock_if_free
from tuning.worker import work

SWEEP = SweepConfig(study="s", trials=3, reseed=3, top=2, pruner="none")
FIRST, SECOND = [1.0, 2.0, 4.0, 3.0], [0.5, 0.7, 0.4]


def welch(first, second, confidence):
    """Returns Welch's interval by the formulas of his paper, from means and variances."""
    parts = [np.var(values, ddof=1) / len(values) for values in (first, second)]
    freedom = sum(parts) ** 2 / sum(part**2 / (len(values) - 1) for part, values in zip(parts, (first, second)))
    half = stats.t.ppf(0.5 + confidence / 2, freedom) * sum(parts) ** 0.5
    middle = np.mean(first) - np.mean(second)
    return middle - half, middle + half


@pytest.mark.parametrize("comparisons, confidence", [(1, 0.95), (3, 1 - 0.05 / 3)])
def test_the_interval_is_welch_s_and_wider_for_one_of_several(comparisons, confidence):
    np.testing.assert_allclose(difference_interval(FIRST, SECOND, comparisons), welch(FIRST, SECOND, confidence))


def test_what_never_varies_differs_by_what_it_differs():
    assert difference_interval([3.0, 3.0], [1.0, 1.0]) == (2.0, 2.0)


def test_the_interval_holds_the_true_difference_as_often_as_it_says():
    draws = np.random.default_rng(0).normal(size=(2000, 10)) * np.repeat([1.0, 3.0], 5)
    held = [low <= 0 <= high for low, high in (difference_interval([*row[:5]], [*row[5:]]) for row in draws)]
    assert np.mean(held) == pytest.approx(0.95, abs=0.015)


@pytest.mark.parametrize(
    "others, verdict", [([9.0, 9.1, 9.2], "better"), ([0.1, 0.0, 0.2], "worse"), ([1.0, 6.0, 3.0], "not shown")]
)
def test_a_verdict_follows_from_the_interval(others, verdict):
    arms = [Arm("untuned", {}, dict(enumerate([3.0, 3.2, 2.9]))), Arm("trial 1", {}, dict(enumerate(others)))]
    line = comparison(arms, SWEEP).splitlines()[3]
    assert line.startswith("| trial 1 |") and line.endswith(f"| {verdict} |")


@pytest.fixture
def study(tmp_path, monkeypatch):
    """Returns a study whose trial values are 1000 times the learning rate, and whose trainings give the same value."""
    monkeypatch.chdir(tmp_path)
    formula = lambda config, *_, **__: {"distance_m": 1000 * config.ppo.learning_rate + config.seed / 1000}  # noqa: E731
    monkeypatch.setattr("tuning.worker.trained", formula)
    monkeypatch.setattr(reseeding, "trained", formula)
    study = open_study(SWEEP)
    work(study, SWEEP, [], say=lambda text: None)
    return study


def test_the_best_trials_and_the_untuned_numbers_get_the_same_new_seeds(study):
    said = []
    report = reseed(study, SWEEP, [], said.append)
    best = sorted(study.trials, key=lambda trial: -trial.value)[:2]
    names = ["untuned", *(f"trial {trial.number}" for trial in best)]
    assert [line.split(" | ")[0].removeprefix("| ") for line in report.splitlines()[2:5]] == names
    assert len(said) == 9 and SWEEP.new_seeds == [1042, 1043, 1044]
    assert f"{best[0].value - 0.042 + 1.043:.3f}" in report.splitlines()[3]
    assert (SWEEP.folder / "reseed.md").is_file() and (SWEEP.folder / "reseed.png").is_file()


@pytest.mark.parametrize("diverging", [1, 2, 3])
def test_trainings_that_diverge_are_named_and_left_out(study, monkeypatch, capsys, diverging):
    best = max(study.trials, key=lambda trial: trial.value)

    def trained(config, *_, **__):
        if config.ppo.learning_rate == best.params["ppo.learning_rate"] and config.seed in SWEEP.new_seeds[:diverging]:
            raise TrainingDiverged("the loss is not finite")
        return {"distance_m": 1000 * config.ppo.learning_rate + config.seed / 1000}

    monkeypatch.setattr(reseeding, "trained", trained)
    said = []
    report = reseed(study, SWEEP, [], said.append)
    line = report.splitlines()[3]
    assert line.startswith(f"| trial {best.number} | ") and (line.endswith("| - | not shown |") == (diverging > 1))
    assert f"{diverging} trainings of trial {best.number} diverged, and are left out" in report
    assert sum(text.endswith("diverged") for text in said) == diverging and "seeds 1042, 1043, 1044" in report
    assert "the loss is not finite" in capsys.readouterr().err and (SWEEP.folder / "reseed.png").is_file()


def test_what_another_worker_trains_is_left_to_it(study):
    with lock_if_free(SWEEP.folder / "reseed" / "untuned_seed_1043"):
        said = reseed(study, SWEEP, [], lambda text: None)
    assert said.startswith("other workers run 1 trainings") and not (SWEEP.folder / "reseed.md").exists()
    assert "| untuned |" in reseed(study, SWEEP, [], lambda text: None)
