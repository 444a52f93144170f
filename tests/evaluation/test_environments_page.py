"""docs/environments.md lists every id, and its tables equal the declarations in the code."""

from dataclasses import dataclass

import pytest

from envs.residual_walk.task import ResidualWalkTask
from evaluation import environments_page
from evaluation.environments_page import PAGE, blocks, field_docs, registered, with_blocks
from utils.observation import ObservationTable, Row

UPDATE = "run `python -m evaluation.environments_page` and commit docs/environments.md"
OLD = "# Title\n\n<!-- generated: a -->\nold\n<!-- end -->\n\nText\n"


@pytest.fixture(scope="module")
def generated():
    return blocks()


def test_the_committed_page_equals_what_the_code_generates(generated):
    page = PAGE.read_text()
    assert with_blocks(page, generated) == page, UPDATE


def test_every_id_has_a_block_with_its_rows_and_an_entry_in_the_overview(generated):
    assert [*generated] == ["overview", *registered()] and len(registered()) >= 16
    assert all(f"`{env_id}`" in generated["overview"] for env_id in registered())
    assert (
        "| `tracking_error` | 36 |" in generated["ResidualWalk-v0"] and "| `imu` | 6 |" in generated["RWRLQuadrupedWalk-v0"]
    )


def test_only_blocks_change_and_a_new_id_gets_a_section():
    page = with_blocks(OLD, {"a": "new\n", "b": "b\n"})
    assert page == OLD.replace("old", "new") + "\n### b\n\n<!-- generated: b -->\nb\n<!-- end -->\n"


def test_a_block_that_is_not_generated_any_more_is_refused():
    with pytest.raises(ValueError, match="blocks that nothing generates: a; delete these sections"):
        with_blocks(OLD, {})


def test_the_docstring_below_a_field_is_its_documentation_also_where_it_is_inherited():
    @dataclass
    class Weights:
        speed: float = 1.0
        """Tracking of
        the speed."""
        plain: float = 2.0

    @dataclass
    class More(Weights):
        turn: float = 3.0
        """Turning."""

    assert field_docs(More) == {"speed": "Tracking of the speed.", "turn": "Turning."}


def test_privileged_rows_have_a_separate_table(monkeypatch):
    rows = ObservationTable(Row("push", 2, -1.0, 1.0, "N", "force on the torso"))
    monkeypatch.setattr(environments_page, "registered", lambda: ["ResidualWalk-v0"])
    monkeypatch.setattr(ResidualWalkTask, "privileged", rows)
    observation, privileged = blocks()["ResidualWalk-v0"].split("**Privileged observation**")
    row = "| `push` | 2 | -1 to 1 | N | force on the torso |"
    assert row in privileged and row not in observation


def test_the_program_writes_the_page(tmp_path, monkeypatch, capsys):
    page = tmp_path / "environments.md"
    page.write_text(OLD)
    monkeypatch.setattr(environments_page, "PAGE", page)
    monkeypatch.setattr(environments_page, "blocks", lambda: {"a": "new\n"})
    assert environments_page.main([]) == 0 and page.read_text() == OLD.replace("old", "new")
    assert capsys.readouterr().out == f"{page}\n"
