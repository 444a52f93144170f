"""Measures the viewer: time from a command to the simulation, time of a frame, and real time kept.

`python benchmarks/viewer_latency.py [--seconds S]`. The commands are posted as the page's handlers do; the way from the
browser to the server comes on top.
"""

import socket
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from utils.console.arguments import parse_arguments
from utils.console.terminal import tolerant_output
from utils.env_ids import DEFAULT_ID
from utils.fields import Checked, within
from viewer.app import Viewer
from viewer.commands import Steer
from viewer.session import Session, Setup

SETUPS = {
    "1 robot, flat": Setup(DEFAULT_ID, {}, policy="shipped", kind="flat"),
    "1 robot, rough 0.5": Setup(DEFAULT_ID, {}, policy="shipped"),
    "2 policies, rough 0.5": Setup(DEFAULT_ID, {}, policy="shipped", second="gait alone"),
    "8 robots, rough 0.5": Setup(DEFAULT_ID, {}, policy="shipped", robots=8),
}


@dataclass(frozen=True)
class LatencyConfig(Checked):
    """Length of the measurement."""

    seconds: float = within(10.0, 1.0, 600.0, unit="s")
    """Seconds for each row of the table."""


@tolerant_output()
def main(argv: list[str] | None = None) -> int:
    """Measures every setup and prints the table; returns the exit code."""
    seconds = parse_arguments(LatencyConfig, argv, about=__doc__).seconds
    print("| scene | latency, median | latency, 95 % | frame | frames/s | simulated s per s |\n|---|---|---|---|---|---|")
    for title, setup in SETUPS.items():
        latencies, frames, rate = measured(setup, seconds)
        median, late = 1000 * np.quantile(latencies, (0.5, 0.95))
        frame = f"{1000 * np.median(frames):.1f} ms | {len(frames) / seconds:.0f}"
        print(f"| {title} | {median:.0f} ms | {late:.0f} ms | {frame} | {rate:.2f} |", flush=True)
    return 0


def measured(setup: Setup, seconds: float) -> tuple[list[float], list[float], float]:
    """Returns latencies of commands, s, times of frames, s, and simulated time per real time."""
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        port = trial.getsockname()[1]
    viewer, latencies, frames = Viewer(Session(setup), port), [], []
    timed(viewer, latencies, frames)
    sender = threading.Thread(target=send, args=(viewer, seconds))
    sender.start()
    start = time.monotonic()
    viewer.run()
    rate = viewer.session.steps * viewer.session.control_dt / (time.monotonic() - start)
    sender.join()
    viewer.close()
    return latencies, frames, rate


def timed(viewer: Viewer, latencies: list[float], frames: list[float]) -> None:
    """Notes the time of each frame, and the time between posting a command and applying it."""
    apply, draw = viewer.session.apply, viewer.loop._draw

    def noting_apply(command):
        apply(command)
        latencies.append(time.monotonic() - POSTED.pop(0))

    def noting_draw():
        start = time.monotonic()
        draw()
        frames.append(time.monotonic() - start)

    viewer.session.apply, viewer.loop._draw = noting_apply, noting_draw


def send(viewer: Viewer, seconds: float) -> None:
    """Posts a command every 0.1 s at random times, and ends the loop after `seconds`."""
    generator, end = np.random.default_rng(0), time.monotonic() + seconds
    while time.monotonic() < end:
        POSTED.append(time.monotonic())
        viewer.loop.post(Steer({"vx": 0.3, "vy": 0.0, "yaw_rate": 0.0}))
        time.sleep(0.05 + 0.1 * generator.random())
    viewer.loop.end()


POSTED: list[float] = []  # times of the commands that are on their way, oldest first

if __name__ == "__main__":
    sys.exit(main())
