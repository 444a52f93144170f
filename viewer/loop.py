"""The loop of the viewer: one thread that applies commands, steps in proportion to real time, and draws."""

import time
from collections import deque
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Protocol

from viewer.commands import Command, Control, Pause, Speed, StepOnce

FRAMES_PER_SECOND = 30
TICK = 0.01  # s between two looks at the queue: the latency of a command that finds the loop waiting
LONGEST_MESSAGE = 300  # characters


class Steps(Protocol):
    """What the loop needs from a session."""

    control_dt: float

    def step(self) -> None:
        """Takes one control step."""

    def apply(self, command: Command) -> None:
        """Changes the simulation; raises ValueError, RuntimeError or OSError if it cannot."""


class Loop:
    """Steps a session so that simulated time passes `speed` times as fast as real time.

    Real time earns a budget of simulated time, and a step spends it. If steps take longer than a tick allows, the rest of
    the budget is dropped and `capped` is True: the simulation is slower than asked, instead of falling ever further behind.

    Args:
        session: the simulation. Only the thread of the loop uses it.
        draw: called up to FRAMES_PER_SECOND times per second.
        clock, sleep: the time, s, and a function that waits; a test replaces both.

    Attributes:
        paused, speed: state of the controls.
        capped: whether simulated time cannot follow real time now.
        message: the last refused command, or an empty text.
        ended: True after `end`.
    """

    def __init__(
        self,
        session: Steps,
        draw: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ):
        self.session, self._draw, self._clock, self._sleep = session, draw, clock, sleep
        self.paused, self.speed, self.capped, self.ended, self.message = False, 1.0, False, False, ""
        self._queue: SimpleQueue = SimpleQueue()
        self._budget, self._last, self._frame_due = 0.0, clock(), 0.0
        self._passed: deque[tuple[float, float]] = deque(maxlen=round(1 / TICK))  # (time, simulated time) of each tick
        self._simulated = 0.0

    def post(self, request: Command | Control | Callable[[], None]) -> None:
        """Adds a request, from any thread; the loop handles it before its next step."""
        self._queue.put(request)

    def end(self) -> None:
        """Ends `run` after the current tick; from any thread."""
        self.ended = True

    def run(self) -> None:
        """Ticks until `end` is called."""
        while not self.ended:
            self.tick()

    def tick(self) -> None:
        """Handles requests, takes the steps that are due, draws if a frame is due, and waits for the end of the tick."""
        started = self._clock()
        self._handle_requests()
        self._advance(started)
        if self._clock() >= self._frame_due:
            self._frame_due = self._clock() + 1 / FRAMES_PER_SECOND
            self._draw()
        self._sleep(max(0.0, started + TICK - self._clock()))

    @property
    def rate(self) -> float:
        """Simulated time per real time in the last second."""
        if len(self._passed) < 2 or self._passed[-1][0] <= self._passed[0][0]:
            return 0.0
        (start, simulated), (end, later) = self._passed[0], self._passed[-1]
        return (later - simulated) / (end - start)

    def _advance(self, now):
        """Takes the steps that real time has earned until `now`, for at most a frame's time."""
        earned = 0.0 if self.paused else (now - self._last) * self.speed
        self._budget, self._last = self._budget + earned, now
        late = False
        while self._budget >= self.session.control_dt * (1 - 1e-9) and not self.paused:
            if late := self._clock() - now >= 1 / FRAMES_PER_SECOND:
                self._budget = 0.0
                break
            self._take_step()
            self._budget -= self.session.control_dt
            self._handle_requests()
        if earned or self.paused:
            self.capped = late
        self._passed.append((now, self._simulated))

    def _take_step(self):
        self.session.step()
        self._simulated += self.session.control_dt

    def _handle_requests(self):
        while True:
            try:
                request = self._queue.get_nowait()
            except Empty:
                return
            try:
                self._handle(request)
                self.message = ""
            except (ValueError, RuntimeError, OSError) as error:
                self.message = (str(error) or type(error).__name__).splitlines()[0][:LONGEST_MESSAGE]

    def _handle(self, request):
        match request:
            case Pause(on):
                self.paused, self._budget = on, 0.0
            case StepOnce():
                self.paused, self._budget = True, 0.0
                self._take_step()
            case Speed(value):
                self.speed = value
            case _ if callable(request):
                request()
            case _:
                self.session.apply(request)
