"""Video files that are either complete or absent."""

import importlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import numpy as np
from gymnasium.vector import VectorEnv

from utils.console.outputs import MARK

CODECS = {".mp4": "libx264", ".mkv": "libx264", ".mov": "libx264", ".avi": "libx264", ".webm": "libvpx"}


class Video:
    """Writes frames to a temporary file and renames it to `path` at the end; a context manager.

    After an interrupt, `path` is a shorter video; before the first frame, an existing file stays unchanged.

    Args:
        path: the file; its suffix, one of CODECS, selects the format. Its folder is created.
        fps: frames per second.

    Raises:
        ValueError: the suffix is not in CODECS, or the file cannot be written.
        RuntimeError: imageio or its ffmpeg is missing; or, later, ffmpeg failed.
    """

    def __init__(self, path: str | Path, fps: float):
        self._path = Path(path)
        check_suffix(self._path)
        self._aside = self._path.with_name(f".{uuid4().hex}.partial{self._path.suffix}")  # unique to this writer
        _check_writable(self._path, self._aside)
        self._writer = _ffmpeg_writer(self._aside, fps)
        self._thread = ThreadPoolExecutor(1)  # interrupts reach only the main thread: every frame is written whole
        self._frames, self._failed = 0, False

    def add(self, frame: np.ndarray) -> None:
        """Appends a frame (height, width, 3) uint8, sides in multiples of 16."""
        try:
            self._thread.submit(self._writer.append_data, frame).result()
        except OSError as error:  # imageio's message is the log of ffmpeg
            self._failed = True
            raise self._failure() from error
        self._frames += 1

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self._thread.submit(self._writer.close).result()
            if self._frames and not self._failed:
                imageio_ffmpeg = importlib.import_module("imageio_ffmpeg")
                imageio_ffmpeg.count_frames_and_secs(str(self._aside))  # raises if the file is incomplete (disk full)
                self._aside.replace(self._path)
        except (OSError, RuntimeError) as error:
            raise self._failure() from error
        finally:
            self._thread.shutdown()
            self._aside.unlink(missing_ok=True)

    def _failure(self):
        return RuntimeError(f"cannot write the video {self._path}: ffmpeg failed; is there room on the disk?")


def check_suffix(path: Path) -> None:
    """Raises ValueError, with the list of suffixes, unless the suffix of `path` is in CODECS."""
    if path.suffix.lower() not in CODECS:
        raise ValueError(f"a video must be a file with one of the suffixes {', '.join(CODECS)}, got {path}")


def first_frame(env: VectorEnv) -> np.ndarray:
    """Returns a picture (height, width, 3) uint8 of the first simulation; with transparency (height, width, 4).

    Raises:
        RuntimeError: the environment does not render pictures.
    """
    try:
        frame = (env.render() or [None])[0]
    except Exception as error:  # a foreign environment may raise any exception
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise RuntimeError(f"this environment renders no pictures: {reason}; leave out --video") from error
    if not (isinstance(frame, np.ndarray) and frame.dtype == np.uint8 and frame.ndim == 3 and frame.shape[2] in (3, 4)):
        kind = f"{frame.shape} {frame.dtype}" if isinstance(frame, np.ndarray) else type(frame).__name__
        raise RuntimeError(f"this environment renders no pictures (height, width, 3) uint8, got {kind}: leave out --video")
    return frame


def _check_writable(path, aside):
    """Raises ValueError if no file can be written at `path`; called before anything is simulated."""
    if path.is_dir():
        raise ValueError(f"cannot write the video {path}: it is a folder")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        aside.touch()
    except OSError as error:
        raise ValueError(f"cannot write the video {path}: {error.strerror}") from error


def _ffmpeg_writer(path, fps):
    try:
        imageio, _ = importlib.import_module("imageio.v2"), importlib.import_module("imageio_ffmpeg")
        codec = CODECS[path.suffix.lower()]
        options = {"macro_block_size": 16, "output_params": ["-metadata", f"comment={MARK}"]}
        return imageio.get_writer(str(path), format="FFMPEG", fps=fps, codec=codec, **options)
    except (ImportError, RuntimeError) as error:
        with suppress(OSError):
            path.unlink()
        hint = "install them with 'pip install imageio imageio-ffmpeg'"
        raise RuntimeError(f"a video needs imageio and an ffmpeg ({error}): {hint}") from error
