"""Results of a study as CSV and as tables."""

import numpy as np
import pytest

from evaluation.study.results import ALL, BOTH, KEYS, STEPS, TIME, Results, read_parts, read_results, write_results
from evaluation.study.tables import (
    Column,
    conditions_table,
    differences_table,
    in_group,
    methods_table,
    ratio,
    tail,
    worst,
)

METRICS = ("success", "smoothness")


def row(method, seed, condition, success, budget=BOTH, minutes=2.0, smoothness=None):
    group = condition.partition("_")[0]
    keys = (method, seed, budget, 100, minutes, condition, group, "in", 4)
    return dict(zip(KEYS, keys)) | {"success": success, "smoothness": smoothness}


def study(**methods):
    """Returns results: method -> for each training the successes when clean, and with two failures."""
    names = ("clean", "failure_1", "failure_2")
    return Results(
        row(method, seed, name, value)
        for method, trainings in methods.items()
        for seed, values in enumerate(trainings, 1)
        for name, value in zip(names, values)
    )


def cells(table):
    return [[word.strip() for word in line.strip("|").split("|")] for line in table.splitlines() if line.startswith("|")]


def test_rows_come_back_from_a_csv(tmp_path):
    rows = [row("a", 1, "clean", 1 / 3, smoothness=2e-4), row("a", 1, "failure_1", 0.0, TIME)]
    write_results(tmp_path / "results.csv", rows, METRICS)
    first, second = read_results(tmp_path / "results.csv", METRICS)
    assert first == rows[0] | {"success": 0.33333} and second == rows[1]
    assert len((tmp_path / "results.csv").read_text().splitlines()[1]) < 120


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,b\n1,2\n", "it must have the columns"),
        (None, "cannot read"),
        (",".join((*KEYS, *METRICS)) + "\n", "it contains no results"),
        (",".join((*KEYS, *METRICS)) + "\na,one,both,1,1,c,c,in,1,0,0\n", "line 2: seed must be a number, got 'one'"),
        (",".join((*KEYS, *METRICS)) + "\na,1,weird,1,1,c,c,in,1,0,0\n", "line 2: budget must be .*, got 'weird'"),
        (",".join((*KEYS, *METRICS)) + "\na,1,both,1,1,c,c,in,1,0,0,9\n", "line 2: it must have 11 values"),
        (",".join((*KEYS, *METRICS)) + "\na,1,both,1,1,c,c,in,1,0,0\na,1,time,1,1,c,c,in,1,1,0\n", "a 1 time c twice"),
        (",".join((*KEYS, *METRICS)) + "\na,1,both,1,1,c,c,in,1,nan,0\n", "success must be finite"),
        (",".join((*KEYS, *METRICS)) + "\na,,both,1,1,c,c,in,1,0,0\n", "line 2: seed must be a number, got ''"),
        (",".join((*KEYS, *METRICS)) + "\na,1,both,1,1,c,c,in,,0,0\n", "line 2: episodes must be a number, got ''"),
        (",".join((*KEYS, *METRICS)) + "\na,1,both,1\n", "line 2: it must have 11 values"),
    ],
)
def test_a_wrong_csv_is_one_sentence(tmp_path, text, words):
    path = tmp_path / "results.csv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ValueError, match=words) as error:
        read_results(path, METRICS)
    assert "results.csv" in str(error.value) and "\n" not in str(error.value)


def test_parts_of_a_study_become_one_and_a_training_in_two_of_them_is_refused(tmp_path):
    parts = [[row("a", seed, "clean", 0.25 * seed) for seed in (1, 2)], [row("b", 2, "clean", 1.0)]]
    paths = [tmp_path / "first.csv", tmp_path / "second.csv"]
    for path, rows in zip(paths, parts):
        write_results(path, rows, METRICS)
    assert read_parts(paths, METRICS) == [*parts[0], *parts[1]]
    write_results(paths[1], [row("b", 2, "clean", 1.0), row("a", 2, "failure_1", 0.0, TIME)], METRICS)
    with pytest.raises(ValueError, match=r"first\.csv and .*second\.csv both contain a 2"):
        read_parts(paths, METRICS)
    write_results(paths[1], [row("b", 2, "clean", 1.0) | {"episodes": 16}], METRICS)
    with pytest.raises(ValueError, match="must have the same number of episodes, got 4 and 16"):
        read_parts(paths, METRICS)


def test_results_of_fewer_methods_keep_their_values():
    whole = study(a=[(1.0, 0.0, 0.5)], b=[(0.5, 0.0, 0.0)], c=[(1.0, 1.0, 1.0)])
    part = whole.only(["c", "a", "unknown"])
    assert part.methods == ["a", "c"] and whole.methods == ["a", "b", "c"]
    assert part.training_means("c", "success", ALL) == 1.0


def test_groups_count_equally_and_worst_and_tail_look_at_single_conditions():
    results = study(a=[(1.0, 0.2, 0.4), (1.0, 0.0, 0.2)])
    assert results.groups == {"clean": ["clean"], "failure": ["failure_1", "failure_2"]}
    np.testing.assert_allclose(in_group("success", ALL)(results, "a"), [[0.65], [0.55]])
    np.testing.assert_allclose(worst("success")(results, "a"), [[0.2], [0.0]])
    np.testing.assert_allclose(tail("success")(results, "a"), [[0.2], [0.0]])
    np.testing.assert_allclose(in_group("success", "failure")(results, "a"), [[0.3], [0.1]])


def test_a_group_shows_its_mean_and_not_the_middle_half_of_its_conditions():
    rows = [row("a", seed, f"failure_{i}", float(i == 0)) for seed in range(5) for i in range(4)]
    results = Results(rows)
    assert cells(conditions_table(results, "success", {}))[2] == ["failure", "0.25 (0.25 to 0.25)"]
    assert cells(methods_table(results, [Column("s", in_group("success", "failure"))], {}))[2] == ["a", "0.25"]


def test_a_group_that_is_apart_does_not_count_in_means_over_groups():
    values = {"clean": 1.0, "failure_1": 0.2, "failure_2": 0.4}
    results = Results([row("a", 1, name, value) for name, value in values.items()], apart=("clean",))
    np.testing.assert_allclose(in_group("success", ALL)(results, "a"), [[0.3]])
    np.testing.assert_allclose(results.training_means("a", "success", ALL), [0.3])
    np.testing.assert_allclose(results.training_means("a", "success", "clean"), [1.0])


def test_with_groups_apart_alone_there_is_no_mean_over_groups():
    results = Results([row(m, seed, "clean", 1.0) for m in ("a", "ppo") for seed in (1, 2)], apart=("clean",))
    assert cells(methods_table(results, [Column("all", in_group("success", ALL))], {}))[2] == ["a", "-"]
    clean, everything = cells(differences_table(results, "success", "ppo", {}))[2:]
    assert clean[1].startswith("+0.00 (") and everything == ["all", "-"]


def test_a_training_without_all_conditions_does_not_count():
    rows = [row("a", 1, "clean", 1.0), row("a", 1, "failure_1", 1.0), row("a", 2, "clean", 0.0)]
    results = Results(rows)
    assert results.seeds("a") == [1] and {key[2] for key in results.incomplete} == {2}


def test_a_slow_method_has_another_policy_at_equal_time():
    rows = [row("a", 1, "clean", 0.9, STEPS), row("a", 1, "clean", 0.4, TIME), row("b", 1, "clean", 0.7)]
    results = Results(rows)
    table = methods_table(
        results, [Column("s", in_group("success", "clean")), Column("t", in_group("success", "clean", TIME))], {}
    )
    assert cells(table)[2:] == [["a", "0.90", "0.40"], ["b", "0.70", "0.70"]]
    assert results.seeds("a", TIME) == [1]


def test_a_measure_that_is_missing_is_a_dash():
    results = Results([row("a", 1, "clean", 0.9, STEPS)])
    columns = [Column("m", in_group("smoothness", "clean")), Column("t", in_group("success", "clean", TIME))]
    columns += [Column("g", in_group("success", "nothing")), Column("r", ratio("cpu_minutes", "b", "ab"))]
    assert cells(methods_table(results, columns, {}))[2] == ["a", "-", "-", "-", "-"]


def test_a_ratio_is_over_the_mean_of_the_baseline():
    rows = [row("b", 1, "clean", 1.0, minutes=2.0), row("b", 2, "clean", 1.0, minutes=4.0)]
    results = Results([*rows, row("a", 1, "clean", 1.0, minutes=4.5)])
    rows = cells(methods_table(results, [Column("x", ratio("cpu_minutes", "b", ["a"]))], {}))
    assert rows[2:] == [["b", "-"], ["a", "1.50"]]


def test_a_difference_is_bold_only_if_its_paired_interval_excludes_0():
    base = [(0.1, 0.1, 0.1), (0.5, 0.5, 0.5), (0.9, 0.9, 0.9)]
    better = [(0.2, 0.1, 0.0), (0.61, 0.2, 0.9), (1.0, 0.95, 1.0)]  # when clean 0.1, 0.11 and 0.1 better
    table = differences_table(study(ppo=base, new=better), "success", "ppo", {"new": "New"})
    head, _, clean, failure, everything = cells(table)
    assert head == ["condition", "New"]
    assert clean[1].startswith("**+0.10** (+0.09 to +0.12)")
    assert failure[1].startswith("+0.02 (") and "**" not in everything[1]
    tenths = cells(differences_table(study(ppo=base, new=better), "success", "ppo", {}, scale=1e-1))
    assert tenths[2][1].startswith("**+0.01** (+0.01 to +0.01)")
    assert "3 intervals of 95 %: without any effect, about 0.1 of them" in table


def test_methods_as_rows_show_the_same_differences_as_methods_as_columns():
    results = study(ppo=[(10.0, 20.0, 30.0), (40.0, 50.0, 60.0)], a=[(11.0, 29.0, 1.0)] * 2, b=[(14.0, 20.0, 30.0)] * 2)
    usual, turned = (
        [line for line in cells(table) if line[0] != "---"]
        for table in (
            differences_table(results, "success", "ppo", {"b": "B"}, digits=1),
            differences_table(results, "success", "ppo", {"b": "B"}, digits=1, methods_as_rows=True),
        )
    )
    assert turned[0] == ["method", "clean", "failure", "all"] and [line[0] for line in turned[1:]] == ["a", "B"]
    assert [line[1:] for line in turned[1:]] == [[*column] for column in zip(*(line[1:] for line in usual[1:]))]
    # Differences -29 and 1: mean -14, standard error 15, Student's quantile 12.7 for one degree of freedom.
    assert usual[1][1] == turned[1][1] == "-14.0 (-204.6 to +176.6)"


def test_differences_are_paired_by_seed_and_need_two_common_seeds():
    rows = [row(m, s, "clean", v) for m, s, v in (("ppo", 1, 0.0), ("ppo", 2, 0.5), ("a", 2, 0.6), ("a", 3, 0.9))]
    assert cells(differences_table(Results(rows), "success", "ppo", {}))[2] == ["clean", "-"]
    rows += [row("a", 1, "clean", 0.1)]
    assert cells(differences_table(Results(rows), "success", "ppo", {}))[2][1].startswith("**+0.10** (+0.10 to +0.10)")


def test_each_condition_has_a_row_and_each_method_a_column():
    table = cells(conditions_table(study(a=[(1.0, 0.0, 0.5)] * 2, b=[(0.5, 0.5, 0.5)]), "success", {"a": "A"}))
    assert table[0] == ["condition", "A", "b"] and [line[0] for line in table[2:]] == ["clean", "failure", "all"]
    assert table[2][1] == "1.00 (1.00 to 1.00)" and table[2][2] == "0.50"
