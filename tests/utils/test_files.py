"""Files and folders are written completely or not at all; readers validate them and execute nothing."""

import io
import json
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

from utils.files import finite, former, present_folder, read_arrays, read_json, whole_folder, write_arrays, write_aside

ARRAYS = {"a": np.arange(6.0).reshape(2, 3), "b": np.array([True, False]), "c": np.array(7)}


def interrupted(aside):
    aside.write_text("half")
    raise KeyboardInterrupt


def test_a_write_that_breaks_off_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt):
        write_aside(path, interrupted)
    assert path.read_text() == "old" and [p.name for p in tmp_path.iterdir()] == ["file.txt"]


def test_a_folder_that_breaks_off_leaves_the_old_one_and_no_other(tmp_path):
    folder = tmp_path / "best"
    for content in ("first", "second"):
        with whole_folder(folder) as aside:
            (aside / "file").write_text(content)
    with pytest.raises(KeyboardInterrupt), whole_folder(folder) as aside:
        interrupted(aside / "file")
    assert (folder / "file").read_text() == "second" and [p.name for p in tmp_path.iterdir()] == ["best"]


@pytest.mark.parametrize("new_is_there", [False, True])
def test_a_kill_between_the_two_renames_of_a_folder_loses_nothing(tmp_path, new_is_there):
    folder = tmp_path / "best"
    for content, place in (("old", former(folder)), ("new", folder))[: 1 + new_is_there]:
        place.mkdir()
        (place / "file").write_text(content)
    assert (present_folder(folder) / "file").read_text() == ("new" if new_is_there else "old")
    with whole_folder(folder) as aside:
        (aside / "file").write_text("newest")
    assert (folder / "file").read_text() == "newest" and [p.name for p in tmp_path.iterdir()] == ["best"]


def test_a_reader_between_the_renames_of_a_folder_reads_a_whole_one_and_does_not_stop_the_writer(tmp_path, monkeypatch):
    folder, rename, found = tmp_path / "best", Path.rename, []
    with whole_folder(folder) as aside:
        (aside / "file").write_text("old")

    def read_and_rename(self, target):
        found.append((present_folder(folder) / "file").read_text())
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", read_and_rename)
    with whole_folder(folder) as aside:
        (aside / "file").write_text("new")
    found.append((present_folder(folder) / "file").read_text())
    assert found == ["old", "old", "new"] and [p.name for p in tmp_path.iterdir()] == ["best"]


def test_arrays_come_back_as_they_were_and_the_same_ones_give_the_same_bytes(tmp_path, monkeypatch):
    write_arrays(tmp_path / "one.npz", ARRAYS)
    monkeypatch.setattr("time.localtime", lambda *_: pytest.fail("the clock must not matter"))
    write_arrays(tmp_path / "two.npz", ARRAYS)
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    for name, array in read_arrays(tmp_path / "one.npz").items():
        np.testing.assert_array_equal(array, ARRAYS[name])
        assert array.dtype == ARRAYS[name].dtype


def test_numpy_reads_what_is_written_and_what_numpy_writes_is_read(tmp_path):
    write_arrays(tmp_path / "ours.npz", ARRAYS)
    np.savez(tmp_path / "numpys.npz", **ARRAYS)
    with np.load(tmp_path / "ours.npz") as ours:
        np.testing.assert_equal(dict(ours), ARRAYS)
    np.testing.assert_equal(read_arrays(tmp_path / "numpys.npz"), ARRAYS)


def zip_bomb(path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", b"\0" * 50_000_000)


def enormous(path):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (10**12,)})
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.npy", header.getvalue())


def pickled(path):
    np.savez(path, a=np.array([{"an": "object"}], dtype=object))


def cut_off(path):
    write_arrays(path, ARRAYS)
    path.write_bytes(path.read_bytes()[:-40])


def flipped(path):
    write_arrays(path, ARRAYS)
    content = bytearray(path.read_bytes())
    content[content.index(np.arange(6.0).tobytes()) + 9] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    "damage, words",
    [
        (lambda path: path.write_bytes(b""), "not a zip file"),
        (cut_off, "not a zip file"),
        (flipped, "Bad CRC-32"),
        (zip_bomb, "is compressed"),
        (enormous, "needs 8,000,000,000,000 bytes, there are 0"),
        (pickled, "contains Python objects"),
        (lambda path: None, "No such file"),
        (lambda path: path.mkdir(), "Is a directory"),
    ],
)
def test_arrays_that_are_not_what_we_write_get_one_sentence(tmp_path, damage, words):
    damage(tmp_path / "file.npz")
    with pytest.raises(ValueError, match=words) as refusal:
        read_arrays(tmp_path / "file.npz")
    assert str(refusal.value).startswith(f"cannot read {tmp_path / 'file.npz'}: ") and "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    "content, words",
    [
        ("", "Expecting value"),
        ("[1]", "must contain an object, got list"),
        ('{"a": ', "Expecting value"),
        ("[" * 100_000, "recursion"),
        ("\ud800".encode("utf-8", "surrogatepass"), "decode"),
        (b"x" * 16_000_001, "over 16,000,000 bytes"),
    ],
)
def test_json_that_is_no_object_gets_one_sentence(tmp_path, content, words):
    path = tmp_path / "file.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError, match=words) as refusal:
        read_json(path)
    assert "\n" not in str(refusal.value)


def test_numbers_that_json_does_not_have_become_null():
    content = {"interval": (-np.inf, 2.5), "rows": [{"x": float("nan"), "n": 3, "name": "inf"}]}
    assert finite(content) == {"interval": [None, 2.5], "rows": [{"x": None, "n": 3, "name": "inf"}]}


def test_json_comes_back(tmp_path):
    (tmp_path / "file.json").write_text(json.dumps({"a": [1, 2.5, None]}))
    assert read_json(tmp_path / "file.json") == {"a": [1, 2.5, None]}


def test_a_pickle_in_an_arrays_file_does_not_run(tmp_path):
    class Payload:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|O", "fortran_order": False, "shape": (1,)})
    with zipfile.ZipFile(tmp_path / "file.npz", "w") as archive:
        archive.writestr("a.npy", header.getvalue() + pickle.dumps(Payload()))
    with pytest.raises(ValueError):
        read_arrays(tmp_path / "file.npz")
    assert not (tmp_path / "ran").exists()
