"""Videos are written completely or not at all, and programs that make them end cleanly."""

import gc
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
from imageio_ffmpeg import get_ffmpeg_exe

import demo
import play_residual_policy
from envs.residual_walk_env import ResidualWalkVectorEnv
from utils.rendering.camera import ViewerClosed
from utils.rendering.video import CODECS, Video

ROOT = Path(__file__).parents[2]
FRAMES = [np.full((48, 64, 3), shade, np.uint8) for shade in (30, 90, 150, 210)]
PLAY = "--baseline --terrain flat --command 1 --episodes 1"


def frames_of(path, pixels=48 * 64):
    """Returns the mean shade of every frame, read by ffmpeg, which fails on an incomplete file."""
    command = [get_ffmpeg_exe(), "-v", "error", "-xerror", "-i", path, "-f", "rawvideo", "-pix_fmt", "gray", "-"]
    grey = np.frombuffer(subprocess.run(command, capture_output=True, check=True).stdout, np.uint8)
    return grey.reshape(-1, pixels).mean(axis=1)


@pytest.mark.parametrize("suffix", [*CODECS, ".MP4"])
def test_every_listed_suffix_gives_a_video_with_all_frames(suffix, tmp_path):
    for _ in range(2):  # the second replaces the first
        with Video(tmp_path / f"new/film{suffix}", 10) as video:
            for frame in FRAMES:
                video.add(frame)
    shown = frames_of(tmp_path / f"new/film{suffix}")
    assert len(shown) == len(FRAMES)
    np.testing.assert_allclose(shown, [30, 90, 150, 210], atol=12)
    assert [path.name for path in (tmp_path / "new").iterdir()] == [f"film{suffix}"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, SystemExit])
def test_an_interrupted_video_is_shorter_and_whole_or_leaves_what_was_there(error, tmp_path):
    path = tmp_path / "film.webm"
    path.write_bytes(b"before")
    with pytest.raises(error), Video(path, 10):
        raise error
    assert path.read_bytes() == b"before" and len([*tmp_path.iterdir()]) == 1
    with pytest.raises(error), Video(path, 10) as video:
        video.add(FRAMES[0]), video.add(FRAMES[1])
        assert path.read_bytes() == b"before"
        raise error
    assert len(frames_of(path)) == 2 and len([*tmp_path.iterdir()]) == 1


def test_an_interrupt_while_ffmpeg_receives_a_frame_keeps_the_frame(tmp_path, monkeypatch):
    path = tmp_path / "film.mp4"
    with pytest.raises(KeyboardInterrupt), Video(path, 10) as video:
        write = video._writer.append_data

        def interrupted(frame):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.2)
            write(frame)

        video.add(FRAMES[0])
        monkeypatch.setattr(video._writer, "append_data", interrupted)
        video.add(FRAMES[3])
    np.testing.assert_allclose(frames_of(path), [30, 210], atol=12)


def test_of_two_videos_written_to_one_place_at_once_the_last_to_end_is_there_whole(tmp_path):
    path = tmp_path / "film.mkv"
    with Video(path, 10) as first:
        first.add(FRAMES[0])
        with Video(path, 10) as second:
            for _ in range(3):
                first.add(FRAMES[0]), second.add(FRAMES[3])
        np.testing.assert_allclose(frames_of(path), [210] * 3, atol=12)
    np.testing.assert_allclose(frames_of(path), [30] * 4, atol=12)
    assert [*tmp_path.iterdir()] == [path]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("film.gif", r"one of the suffixes \.mp4, .*\.webm, got"),
        ("film", "one of the suffixes"),
        ("folder.mp4", "it is a folder"),
        ("file/film.mp4", "cannot write the video .*file/film.mp4: "),
        ("/proc/film.mp4", "cannot write the video /proc/film.mp4: "),
    ],
)
def test_a_place_for_no_video_gets_one_sentence_and_leaves_nothing(name, words, tmp_path):
    (tmp_path / "folder.mp4").mkdir(), (tmp_path / "file").touch()
    with pytest.raises(ValueError, match=words) as caught:
        Video(tmp_path / name, 10)
    assert "\n" not in str(caught.value) and {path.name for path in tmp_path.iterdir()} == {"folder.mp4", "file"}


@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # imageio-ffmpeg leaves the pipe of a dead ffmpeg open
def test_a_failing_ffmpeg_gets_one_sentence_without_its_log(tmp_path):
    words = r"^cannot write the video .*film\.mp4: ffmpeg failed.*$"
    with pytest.raises(RuntimeError, match=words) as caught, Video(tmp_path / "film.mp4", 10) as video:
        video.add(FRAMES[0])
        os.kill(next_ffmpeg(), signal.SIGKILL)
        for _ in range(100):
            video.add(FRAMES[0])
    assert "\n" not in str(caught.value) and not [*tmp_path.iterdir()]
    del caught, video
    gc.collect()  # the open pipe is noticed here, and not in another test


def next_ffmpeg():
    """Returns the process id of the only ffmpeg that this process has started."""
    threads = Path(f"/proc/{os.getpid()}/task").iterdir()
    children = [child for thread in threads for child in (thread / "children").read_text().split()]
    return next(int(child) for child in children if "ffmpeg" in Path(f"/proc/{child}/cmdline").read_text())


@pytest.mark.parametrize("missing", ["imageio", "imageio_ffmpeg"])
def test_a_missing_package_is_named(missing, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, missing, None)
    monkeypatch.setitem(sys.modules, f"{missing}.v2", None)
    with pytest.raises(RuntimeError, match="pip install imageio imageio-ffmpeg"):
        Video(tmp_path / "film.mp4", 10)
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_play_that_is_stopped_leaves_a_whole_shorter_video(number, tmp_path, gl):
    film = tmp_path / "walk.mp4"
    endless = PLAY.replace("--episodes 1", "--episodes 1000").split()
    command = [sys.executable, "play_residual_policy.py", *endless, "--video", str(film)]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True)
    patience = time.monotonic() + 120
    while not any(aside.stat().st_size for aside in tmp_path.glob(".*.partial.mp4")) and time.monotonic() < patience:
        time.sleep(0.1)
    time.sleep(2.0)
    os.killpg(process.pid, number)  # as a terminal does: ffmpeg receives the signal too
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + number and "Traceback" not in errors
    assert len(frames_of(film, 480 * 640)) > 1 and [path.name for path in tmp_path.iterdir()] == ["walk.mp4"]


def test_play_ends_when_its_viewer_is_closed(monkeypatch, capsys):
    def step(self, actions):
        raise ViewerClosed

    monkeypatch.setattr(ResidualWalkVectorEnv, "step", step)
    assert play_residual_policy.main([*PLAY.split(), "--no-render"]) == 0
    assert capsys.readouterr().out == "The viewer was closed.\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("--render", "--render needs a display"),
        ("--video walk.gif", "one of the suffixes"),
        ("--video .", "one of the suffixes"),
        ("--video /proc/walk.mp4", "/proc/walk.mp4"),
    ],
)
def test_play_that_cannot_show_says_so(arguments, words, monkeypatch, capsys):
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    assert play_residual_policy.main([*PLAY.split(), *arguments.split()]) == 2
    errors = capsys.readouterr().err
    assert words in errors and errors.count("\n") == 1


@pytest.mark.parametrize("arguments", ["--render --no-render", "--render --video walk.mp4"])
def test_an_option_of_play_without_effect_is_refused(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        play_residual_policy.main([*PLAY.split(), *arguments.split()])
    assert caught.value.code == 2 and "--render has no effect with" in capsys.readouterr().err


@pytest.mark.parametrize("error", [gym.error.DependencyNotInstalled("pygame is not installed"), ImportError("no pygame")])
def test_play_names_a_missing_package_in_one_sentence(error, monkeypatch, capsys):
    def step(self, actions):
        raise error

    monkeypatch.setattr(ResidualWalkVectorEnv, "step", step)
    assert play_residual_policy.main([*PLAY.split(), "--no-render"]) == 2
    assert capsys.readouterr().err == f"play_residual_policy: {error}\n"


def test_the_demo_says_why_there_is_no_video_and_that_it_was_interrupted(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    demo.film([None], tmp_path / "walk.mp4")
    assert "No video: a video needs imageio" in capsys.readouterr().out
    monkeypatch.setattr(demo, "OUT", tmp_path / "file")
    (tmp_path / "file").touch()
    assert demo.main() == 2 and capsys.readouterr().err.startswith("demo: ")

    def interrupt():
        raise KeyboardInterrupt

    monkeypatch.setattr(demo, "show", interrupt)
    assert demo.main() == 130
