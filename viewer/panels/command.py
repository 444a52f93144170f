"""The tab that steers: a slider for each row of the task's command, and keys."""

from collections.abc import Mapping

from viewer.commands import Release, Steer
from viewer.panels.panel import Panel

TURNS = 20  # presses of a key, or steps of a slider, from one end of a row's range to the other


class CommandPanel(Panel):
    """Sliders of the command.

    Arrow up and down change the first row, left and right the last, shift + left and right the one in between; the space key
    sets all to 0.
    """

    title = "Command"

    def build(self):
        rows, known = self.viewer.session.knobs.rows, self.viewer.session.setup.command or {}
        self.sliders = {}
        if not rows:
            self.gui.add_markdown("This environment has no command.")
            return
        self.manual = self.gui.add_checkbox("Manual", bool(known), hint="Off: the environment draws the command.")
        self.manual.disabled = not self.viewer.session.knobs.can_release
        self.on(self.manual.on_update, self.switch)
        for row in rows:
            low, high = float(row.low), float(row.high)
            step = (high - low) / (10 * TURNS)
            value = known.get(row.name, 0.0)
            self.sliders[row.name] = self.gui.add_slider(f"{row.name} ({row.unit})", low, high, step, value)
            self.on(self.sliders[row.name].on_update, self.steer)
        self.zero_button = self.gui.add_button("Zero")
        self.on(self.zero_button.on_click, self.zero)
        self._add_keys(rows)

    def steer(self):
        """Gives all robots the command that the sliders show."""
        self.manual.value = True
        self.request(lambda: Steer({name: slider.value for name, slider in self.sliders.items()}))

    def switch(self):
        """Takes the command from the sliders, or lets the environment draw it."""
        if self.manual.value:
            self.steer()
        else:
            self.request(Release)

    def zero(self):
        """Sets all rows to 0."""
        self.set(dict.fromkeys(self.sliders, 0.0))

    def set(self, values: Mapping[str, float]):
        """Sets rows by name, and gives all robots the command."""
        for name, value in values.items():
            self.sliders[name].value = value
        self.steer()

    def turn(self, name: str, sign: int):
        """Moves a row by one of TURNS steps of its range."""
        row = next(row for row in self.viewer.session.knobs.rows if row.name == name)
        value = self.sliders[name].value + sign * (row.high - row.low) / TURNS
        self.set({name: float(min(max(value, row.low), row.high))})

    def _add_keys(self, rows):
        first, middle, last = rows[0].name, rows[len(rows) // 2].name, rows[-1].name
        keys = {("arrowup", None): (first, 1), ("arrowdown", None): (first, -1)}
        # The rows are positive to the left.
        keys |= {("arrowleft", None): (last, 1), ("arrowright", None): (last, -1)}
        if len(rows) > 2:
            keys |= {("arrowleft", "shift"): (middle, 1), ("arrowright", "shift"): (middle, -1)}
        for (key, modifier), (name, sign) in keys.items():
            command = self.gui.add_command(f"{name} {'up' if sign > 0 else 'down'}", hotkey=key, modifier=modifier)
            self.on(command.on_trigger, lambda name=name, sign=sign: self.turn(name, sign))
        self.on(self.gui.add_command("Zero command", hotkey="space").on_trigger, self.zero)
