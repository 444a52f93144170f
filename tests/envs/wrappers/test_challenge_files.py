"""Files of logs: written completely, continued, never lost; damaged and foreign files are refused."""

import io
import json
import zipfile

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from envs.wrappers.challenge_log import RecordChallenges, RecordVectorChallenges
from envs.wrappers.challenge_logs.log import ChallengeLog
from envs.wrappers.challenge_logs.stats import read_stats
from tests.helpers.toy_episodes import Toy, expected, play, same
from utils.files import write_arrays


def test_the_file_holds_what_memory_holds_and_is_written_when_promised(tmp_path):
    path = tmp_path / "new folder/log.npz"
    env = RecordChallenges(Toy(), path, log_every=3)
    play(env, 2)
    assert not path.exists()
    play(env, 2)
    assert len(read_stats(path).returns) == 3
    env.close()
    assert same(read_stats(path), env.log.stats()) and len(read_stats(path).returns) == 4


def test_a_vector_writes_what_is_left_when_it_is_closed(tmp_path):
    env = RecordVectorChallenges(SyncVectorEnv([Toy], autoreset_mode=AutoresetMode.SAME_STEP), tmp_path / "log.npz")
    env.reset()
    for _ in range(3):
        env.step(np.zeros(1, int))
    env.close()
    assert read_stats(tmp_path / "log.npz").returns == [expected(0, 1)["returns"]]


def test_numpy_reads_the_file_without_pickles(tmp_path):
    env = RecordChallenges(Toy(), tmp_path / "log.npz")
    play(env, 2)
    env.close()
    with np.load(tmp_path / "log.npz", allow_pickle=False) as file:
        np.testing.assert_array_equal(file["returns"], [expected(0, 1)["returns"], expected(0, 2)["returns"]])
        assert json.loads(file["head"].tobytes())["constraints"] == ["even", "small"]


def test_a_log_that_is_there_is_gone_on_with(tmp_path):
    whole, toy = RecordChallenges(Toy()), Toy()
    play(whole, 5)
    for episodes in (2, 0, 3):
        part = RecordChallenges(toy, tmp_path / "log.npz")
        play(part, episodes)
        part.close()
    assert same(read_stats(tmp_path / "log.npz"), whole.log.stats())


def test_a_log_of_something_else_is_neither_gone_on_with_nor_lost(tmp_path):
    path = tmp_path / "log.npz"
    env = RecordChallenges(Toy(), path)
    play(env, 2)
    env.close()
    before = path.read_bytes()
    with pytest.raises(ValueError, match="log of '', not of 'Other-v0'"):
        ChallengeLog(path, environment="Other-v0")
    other = ChallengeLog(path)
    other.begin({"constraints": {"even": np.array([True])}})
    with pytest.raises(ValueError, match=r"constraints even, 0 objectives cannot be appended to those with .* even, small"):
        other.end(np.array([0]))
    assert path.read_bytes() == before


def test_two_logs_on_one_file_do_not_overwrite_each_other(tmp_path):
    path = tmp_path / "log.npz"
    one, two = RecordChallenges(Toy(), path), RecordChallenges(Toy(), path)
    play(one, 2)
    one.close()
    play(two, 1)
    with pytest.raises(ValueError, match=r"another log has written to .*log.npz"):
        two.close()
    assert len(read_stats(path).returns) == 2


def test_a_write_that_breaks_off_leaves_the_earlier_file(tmp_path, monkeypatch):
    path = tmp_path / "log.npz"
    env = RecordChallenges(Toy(), path, log_every=1)
    play(env, 1)
    before = path.read_bytes()
    with monkeypatch.context() as broken:
        broken.setattr(np.lib.format, "write_array", lambda *_, **__: (_ for _ in ()).throw(OSError("disk full")))
        with pytest.raises(OSError, match="disk full"):
            play(env, 1)
    assert path.read_bytes() == before and [file.name for file in tmp_path.iterdir()] == ["log.npz"]
    env.close()
    assert len(read_stats(path).returns) == 2


def with_entry(name, content):
    """Returns a function that changes one entry of the archive in a log's bytes."""

    def change(whole):
        entries = zipfile.ZipFile(io.BytesIO(whole))
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as changed:
            for entry in entries.namelist():
                array = np.load(io.BytesIO(entries.read(entry)))
                with changed.open(entry, "w") as file:
                    np.save(file, content(array) if entry == f"{name}.npy" else array)
        return out.getvalue()

    return change


def head(**changes):
    def changed(array):
        return np.frombuffer(json.dumps(json.loads(array.tobytes()) | changes).encode(), np.uint8)

    return with_entry("head", changed)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda whole: whole[:-50], "zip"),
        (lambda whole: whole.replace(b"\x00\x00\x00\x00\x00\x00\x42\x40", b"\x00\x00\x00\x00\x00\x00\x43\x40"), "CRC"),
        (lambda whole: b"", "zip"),
        (with_entry("head", lambda array: array[:-1]), "delimiter|Expecting"),
        (with_entry("head", lambda array: np.zeros(3)), "not a log of challenges"),
        (head(format="another"), "must be a 'challenge log 1'"),
        (head(constraints="even"), "must name an environment and the constraints"),
        (head(constraints=["even"]), r"violations must have the shape \(2, 1\), got int64 of \(2, 2\)"),
        (with_entry("returns", lambda array: array[:-1]), "violations must have the shape"),
        (with_entry("returns", lambda array: array[0]), "must have the shape"),
        (with_entry("returns", lambda array: array.astype("U")), "returns must have the shape"),
        (with_entry("lengths", lambda array: array + 0.5), "lengths must have the shape"),
        (with_entry("safety_vars.powers", lambda array: array[:, :3]), "powers must have the shape"),
        (with_entry("safety_vars.number", lambda array: array[..., 0]), "number must have the shape"),
        (with_entry("step_violations", lambda array: array[1:]), "step_violations must have the shape"),
    ],
)
def test_damaged_and_foreign_files_are_refused_in_a_sentence(tmp_path, change, message):
    path = tmp_path / "log.npz"
    env = RecordChallenges(Toy(), path)
    play(env, 2)
    env.close()
    changed = change(path.read_bytes())
    assert changed != path.read_bytes()
    path.write_bytes(changed)
    for read in (read_stats, ChallengeLog):
        with pytest.raises(ValueError, match=f"cannot read .*log.npz: .*{message}") as error:
            read(path)
        assert "\n" not in str(error.value)
    assert path.read_bytes() == changed


def test_an_array_file_of_another_kind_is_no_log(tmp_path):
    write_arrays(tmp_path / "policy.npz", {"weights": np.zeros(3)})
    with pytest.raises(ValueError, match="not a log of challenges"):
        read_stats(tmp_path / "policy.npz")
