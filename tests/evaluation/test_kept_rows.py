"""The cache of result rows: computed once for the same conditions, computed again when a condition differs."""

import pytest

from evaluation.kept_rows import KeptRows, read_rows
from utils.files import write_aside


@pytest.fixture
def made():
    return []


def filled(path, conditions, made, names="ab"):
    """Returns the rows `names`, computed or cached; appends the computed ones to `made`."""
    kept = KeptRows(path, conditions)
    return [kept.row((name, 0.25), lambda n=name: made.append(n) or {"name": n, "rate": 0.1 + 0.2}) for name in names]


def test_a_row_is_made_once_and_found_again_to_the_last_bit(tmp_path, made):
    first = filled(tmp_path / "rows", "commit 1", made)
    again = filled(tmp_path / "rows", "commit 1", made, "bca")
    assert made == ["a", "b", "c"] and again[0] == first[1] and again[0]["rate"] == 0.1 + 0.2


@pytest.mark.parametrize("conditions", ["commit 2", "commit 1+changes", "unknown"])
def test_rows_of_other_conditions_or_of_code_that_no_commit_holds_are_made_again(tmp_path, made, conditions):
    filled(tmp_path / "rows", "commit 1", made)
    filled(tmp_path / "rows", conditions, made)
    filled(tmp_path / "rows", conditions, made, "a" if conditions != "commit 2" else "")
    assert made == ["a", "b", "a", "b", *("a" if conditions != "commit 2" else "")]


def test_a_line_that_was_cut_off_is_made_again_and_those_before_it_are_not(tmp_path, made):
    filled(tmp_path / "rows", "commit 1", made)
    whole = (tmp_path / "rows").read_text()
    (tmp_path / "rows").write_text(whole[:-9])
    filled(tmp_path / "rows", "commit 1", made)
    assert made == ["a", "b", "b"] and (tmp_path / "rows").read_text() == whole


def test_a_file_that_holds_something_else_is_begun_anew(tmp_path, made):
    for content in ("", "[1]\n{}\n", '"commit 1"\n7\n[1, 2, 3]\n'):
        write_aside(tmp_path / "rows", lambda aside, content=content: aside.write_text(content))
        assert [row["name"] for row in filled(tmp_path / "rows", "commit 1", made)] == ["a", "b"]
    assert made == ["a", "b"] * 3


def test_rows_can_be_read_without_a_change_of_the_file(tmp_path, made):
    path = tmp_path / "rows"
    KeptRows(path, "commit 1", (4, 10)).row(("a", "clean"), lambda: {"rate": 0.5})
    KeptRows(path, "commit 1", (8, 10)).row(("a", "clean"), lambda: {"rate": 0.7})
    before = path.read_bytes()
    assert read_rows(path, "commit 1", (4, 10)) == {("a", "clean"): {"rate": 0.5}}
    assert read_rows(path, "commit 2", (4, 10)) == read_rows(path, "commit 1", (9, 10)) == {}
    assert read_rows(tmp_path / "nowhere", "commit 1") == {} and path.read_bytes() == before
