"""Observation tables: space, slices, vectors and Markdown follow from the declaration."""

import numpy as np
import pytest

from utils.observation import ObservationTable, Row

TABLE = ObservationTable(
    Row("angle", 2, -np.pi, np.pi, "rad", "of both arms"),
    Row("contact", 1, 0.0, 1.0, "1"),
    Row("speed", 3, -5.0, 20.0, "m/s", "of the body"),
)
BLOCKS = {
    "speed": np.array([[0.1, 0.2, 0.3], [-6.0, 21.0, np.inf]]),
    "contact": np.array([[True], [False]]),
    "angle": np.array([[1.0, -1.0], [4.0, -4.0]]),
}


def test_the_space_has_every_rows_bounds():
    low = np.array([-np.pi, -np.pi, 0, -5, -5, -5], np.float32)
    high = np.array([np.pi, np.pi, 1, 20, 20, 20], np.float32)
    np.testing.assert_array_equal(TABLE.space.low, low)
    np.testing.assert_array_equal(TABLE.space.high, high)
    assert TABLE.space.dtype == np.float32 and TABLE.space.shape == (6,)


def test_slices_follow_the_order_of_the_rows():
    assert TABLE.slices == {"angle": slice(0, 2), "contact": slice(2, 3), "speed": slice(3, 6)}


def test_blocks_are_packed_in_the_tables_order_whatever_theirs():
    expected = np.array([1.0, -1.0, 1.0, 0.1, 0.2, 0.3], np.float32)
    np.testing.assert_array_equal(TABLE.pack(BLOCKS)[0], expected)


def test_vectors_are_clipped_into_the_space():
    packed = TABLE.pack(BLOCKS)
    np.testing.assert_array_equal(packed[1], np.array([np.pi, -np.pi, 0.0, -5.0, 20.0, 20.0], np.float32))
    assert packed.dtype == np.float32 and all(TABLE.space.contains(row) for row in packed)


def test_vectors_are_fresh_and_blocks_stay_as_they_were():
    blocks = {name: block.astype(np.float32) for name, block in BLOCKS.items()}
    first = TABLE.pack(blocks)
    kept = first.copy()
    for name, block in blocks.items():
        np.testing.assert_array_equal(block, BLOCKS[name].astype(np.float32))
        block[:] = 0.5
    assert not np.shares_memory(first, TABLE.pack(blocks))
    np.testing.assert_array_equal(first, kept)


def test_a_table_of_one_row_hands_out_no_view_of_its_block():
    table, block = ObservationTable(Row("only", 2, -1.0, 1.0, "1")), np.zeros((3, 2), np.float32)
    assert not np.shares_memory(table.pack({"only": block}), block)


def test_a_name_that_is_given_twice_is_refused():
    with pytest.raises(ValueError, match=r"\['twice'\]"):
        ObservationTable(Row("twice", 1, 0, 1, "m"), Row("once", 1, 0, 1, "m"), Row("twice", 2, 0, 1, "m"))


@pytest.mark.parametrize("blocks", [{"angle": 0, "contact": 0}, {"angle": 0, "contact": 0, "speed": 0, "sped": 0}])
def test_blocks_that_are_not_the_tables_are_named(blocks):
    with pytest.raises(ValueError, match=r"disagree on \['spee?d'\]"):
        TABLE.pack(blocks)


def test_a_block_of_the_wrong_size_is_refused():
    with pytest.raises(ValueError, match="contact must have"):
        TABLE.pack(BLOCKS | {"contact": np.zeros((len(BLOCKS["contact"]), BLOCKS["contact"].shape[1] + 1))})


def test_the_table_documents_itself():
    head, rule, *rows = TABLE.markdown().splitlines()
    assert head.count("|") == rule.count("|") == 6
    assert rows[0] == "| `angle` | 2 | -3.14159 to 3.14159 | rad | of both arms |"
    assert rows[2] == "| `speed` | 3 | -5 to 20 | m/s | of the body |"
