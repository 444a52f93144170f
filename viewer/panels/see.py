"""The tab that shows numbers: rewards as bars and curves, the observation as a table, and what the camera follows."""

from collections import deque
from html import escape

import numpy as np
from viser import uplot

from viewer.observations import ShownRow
from viewer.panels.panel import Panel

SECONDS = 10.0  # of the curves
POINTS = 200  # of a curve
SHOWN_NUMBERS = 12  # of a row
COLOURS = ("#4c78a8", "#f58518", "#54a24b", "#e45756", "#72b7b2", "#b279a2", "#ff9da6", "#9d755d", "#bab0ac", "#eeca3b")


class SeePanel(Panel):
    """The camera's robot, its reward terms and its observation. Bars show the mean over the last second."""

    title = "See"

    def build(self):
        session = self.viewer.session
        self._past: deque[np.ndarray] = deque(maxlen=max(2, round(SECONDS / session.control_dt)))
        self._names: tuple[str, ...] = ()
        self.robot = self.gui.add_number("Robot", 0, min=0, max=max(session.count - 1, 0), step=1)
        self.follow = self.gui.add_checkbox("Camera follows", self.viewer.scene.follow)
        for handle in (self.robot, self.follow):
            self.on(handle.on_update, self.look)
        with self.gui.add_folder("Reward"):
            self._bars, self._curves = self.gui.add_html(""), None
            self._curve_folder = self.gui.add_folder("Curves", expand_by_default=False)
        with self.gui.add_folder("Observation", expand_by_default=False):
            self._table = self.gui.add_html("")
        self._overlays = None
        self._tab = self.gui.add_folder("Overlays", expand_by_default=False)
        self.add_overlays()

    def look(self):
        """Follows the robot that the page shows."""
        self.viewer.loop.post(self._look)

    def _look(self):
        robot, scene = self.robot.value, self.viewer.scene
        if not (isinstance(robot, (int, float)) and robot == robot and 0 <= robot < self.viewer.session.count):
            raise ValueError(f"robot must be 0 to {self.viewer.session.count - 1}")
        scene.robot, scene.follow = int(robot), self.follow.value is True
        self._past.clear()

    def add_overlays(self):
        """Adds the scene's switches; called again when another scene replaces it."""
        if self._overlays is not None:
            self._overlays.remove()
        with self._tab:
            self._overlays = self.gui.add_folder("Contacts, forces, joints, groups", expand_by_default=False)
            with self._overlays:
                self.viewer.scene.create_controls()

    def note(self):
        """Remembers the reward terms of a step; called after every step."""
        session = self.viewer.session
        names = tuple(session.terms) or ("reward",)
        if names != self._names:
            self._names = names
            self._past.clear()
        robot = min(self.viewer.scene.robot, session.count - 1)
        terms = session.terms or {"reward": session.reward}
        self._past.append(np.array([float(np.asarray(term)[robot]) for term in terms.values()]))

    def refresh(self):
        session = self.viewer.session
        self.robot.max = max(session.count - 1, 0)
        if self._past:
            past = np.array(self._past)
            self._bars.content = bars(dict(zip(self._names, past[-round(1 / session.control_dt) or -1 :].mean(axis=0))))
            self._draw_curves(past)
        self._table.content = table(
            session.observations.rows(session.observation, min(self.viewer.scene.robot, session.count - 1))
        )

    def _draw_curves(self, past):
        every = max(1, len(past) // POINTS)
        time = (np.arange(len(past)) - len(past))[::every] * self.viewer.session.control_dt
        data = (time, *past[::every].T)
        if len(time) < 2:
            return
        if self._curves is None or len(self._curves.data) != len(data):
            if self._curves is not None:
                self._curves.remove()
            series = [uplot.Series(label=name, stroke=COLOURS[i % len(COLOURS)]) for i, name in enumerate(self._names)]
            with self._curve_folder:
                scales = {"x": uplot.Scale(time=False)}  # by default uPlot takes seconds for dates
                self._curves = self.gui.add_uplot(data, (uplot.Series(label="s"), *series), scales=scales, aspect=1.4)
        self._curves.data = data


def bars(values: dict[str, float]) -> str:
    """Returns a horizontal bar for each value as HTML: green above 0, red below, relative to the largest."""
    values = {name: value + 0.0 for name, value in values.items()}  # -0.0 becomes 0.0
    largest = max(map(abs, values.values()), default=0.0) or 1.0
    lines = [
        f"<div style='display:flex;gap:.5em'><span style='width:9em'>{escape(name)}</span>"
        f"<span style='width:4.5em;text-align:right'>{value:.3f}</span>"
        f"<span style='width:{6 * abs(value) / largest:.2f}em;background:{'#3a3' if value >= 0 else '#c33'}'></span></div>"
        for name, value in values.items()
    ]
    return f"<div style='padding:0 1em;font-size:0.8em'>{''.join(lines)}</div>"


def table(rows: list[ShownRow]) -> str:
    """Returns the rows as an HTML table: name, unit, received numbers, and the true ones where they differ."""
    lines = []
    for row in rows:
        line = f"<td>{escape(row.name)}</td><td>{escape(row.unit)}</td><td>{_numbers(row.received)}"
        if row.true is not None and not np.array_equal(row.true, row.received):
            line += f"<br><span style='color:#888'>true: {_numbers(row.true)}</span>"
        lines.append(f"<tr>{line}</td></tr>")
    return f"<table style='padding:0 1em;font-size:0.75em'>{''.join(lines)}</table>"


def _numbers(values):
    words = " ".join(f"{float(value):.2f}" for value in values[:SHOWN_NUMBERS])
    return words + (" ..." if len(values) > SHOWN_NUMBERS else "")
