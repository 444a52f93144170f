"""Claims of a study are decided by paired differences, in the direction that they claim."""

import pytest

from evaluation.study.claims import Claim, claims_table
from evaluation.study.results import Results
from tests.evaluation.study.test_study_results import cells, row, study

BASE = [(0.5, 0.5, 0.5), (0.6, 0.6, 0.6), (0.4, 0.4, 0.4)]
EVEN = [(0.5, 0.51, 0.51), (0.6, 0.59, 0.59), (0.4, 0.4, 0.4)]  # differences of the failures: 0.01, -0.01, 0
BETTER = [(0.9, 0.5, 0.4), (1.0, 0.5, 0.7), (0.9, 0.5, 0.5)]  # 0.4, 0.4 and 0.5 better when clean; no better in failures
TITLES = {"ppo": "PPO", "new": "New", "other": "Other", "even": "Even"}


def decided(*claim, results=None, **settings):
    results = study(ppo=BASE, new=BETTER, even=EVEN) if results is None else results
    (line,) = cells(claims_table(results, [Claim(7, "words", *claim, metric="success", **settings)], TITLES))[2:]
    assert line[:2] == ["7", "words"]
    return line[2:]


@pytest.mark.parametrize(
    ("claim", "result"),
    [
        (("new", "ppo", "clean"), "holds"),
        (("ppo", "new", "clean"), "the opposite holds"),
        (("new", "ppo", "failure"), "open"),
        (("even", "ppo", "failure"), "does not hold: below 5% either way"),
        (("ppo", "even", "failure"), "does not hold: below 5% either way"),
    ],
)
def test_the_direction_and_the_interval_decide(claim, result):
    assert decided(*claim)[-1] == result


def test_the_line_has_the_sides_the_measure_the_scaled_difference_and_the_seeds():
    line = decided("new", "ppo", "clean", scale=10.0, unit="tenths")
    assert line[:2] == ["New - PPO, clean", "success (tenths)"] and line[3] == "3"
    assert line[2] == "+4.33 (+2.90 to +5.77)"  # mean of 4, 4 and 5, +- 4.303 * 0.577 / sqrt(3)


def test_all_groups_count_equally():
    assert decided("new", "ppo")[2].startswith("+0.23 (")  # mean of 0.4333 when clean and 0.0167 in failures: 0.225


def test_two_groups_of_one_method_can_be_compared():
    line = decided("new", "new", "clean", worse_group="failure")
    assert line[0] == "New: clean - failure" and line[2].startswith("+0.42 (") and line[-1] == "holds"


def test_what_was_not_measured_stays_open():
    lonely = Results([row("ppo", 1, "clean", 0.5), row("new", 2, "clean", 0.9)])
    for results, claim in ((None, ("other", "ppo")), (None, ("new", "ppo", "weak")), (lonely, ("new", "ppo"))):
        assert decided(*claim, results=results)[2:] == ["-", "-", "open: not measured"]
