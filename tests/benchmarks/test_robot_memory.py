"""The memory benchmark prints a row for each number of robots."""

import sys

import pytest

from benchmarks import robot_memory


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_each_number_of_robots_has_a_row_with_its_memory(capsys):
    assert robot_memory.main("--robots 2 100".split()) == 0
    rows = [[float(cell) for cell in line.strip("| ").split(" | ")] for line in capsys.readouterr().out.splitlines()[2:]]
    assert [row[0] for row in rows] == [2, 100] and rows[1][1] > 20
