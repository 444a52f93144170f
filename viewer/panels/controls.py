"""Above the tabs: what runs, how fast, and the buttons of the clock."""

from html import escape

from evaluation.held_out_seeds import PLAY
from viewer.commands import Pause, Reset, Speed, StepOnce
from viewer.panels.panel import Panel

SPEEDS = {"1/8": 1 / 8, "1/4": 1 / 4, "1/2": 1 / 2, "1": 1.0, "2": 2.0, "4": 4.0, "8": 8.0}


class Controls(Panel):
    """Status, pause, single step, reset, seed and speed. Keys: P pauses, S steps, R resets, N takes the next seed."""

    title = "Controls"

    def build(self):
        self._status = self.gui.add_html("")
        buttons = {"Pause": self.pause, "Step": self.step, "Reset": self.reset, "Next seed": self.next_seed}
        self.buttons = {label: self.gui.add_button(label) for label in buttons}
        for label, handler in buttons.items():
            self.on(self.buttons[label].on_click, handler)
            self.on(self.gui.add_command(label, hotkey=label[0]).on_trigger, handler)
        seed = self.viewer.session.setup.seed
        self.seed = self.gui.add_number("Seed", seed, min=0, max=PLAY.highest, step=1, hint="Applied by Reset.")
        self.speed = self.gui.add_dropdown("Speed", tuple(SPEEDS), initial_value="1", hint="Simulated time per real time.")
        self.on(self.speed.on_update, self.set_speed)

    def pause(self):
        """Stops or continues."""
        self.request(lambda: Pause(not self.viewer.loop.paused))

    def step(self):
        """Takes one step."""
        self.request(StepOnce)

    def reset(self):
        """Starts episodes with the seed that the page shows."""
        self.request(lambda: Reset(self.seed.value))

    def next_seed(self):
        """Starts episodes with the next seed."""
        self.seed.value = (self.viewer.session.setup.seed + 1) % (PLAY.highest + 1)
        self.reset()

    def set_speed(self):
        """Sets the speed that the page shows."""
        self.request(lambda: Speed(SPEEDS.get(self.speed.value, self.speed.value)))

    def refresh(self):
        self.buttons["Pause"].label = "Continue" if self.viewer.loop.paused else "Pause"
        self._status.content = status(self.viewer)


def status(viewer) -> str:
    """Returns the state of the loop and of the robot on the screen as HTML."""
    loop, session = viewer.loop, viewer.session
    robot = min(viewer.scene.robot, session.count - 1)
    state = "paused" if loop.paused else f"{loop.rate:.2f} x real time"
    if loop.capped:
        state += f" (cannot keep {loop.speed:g} x)"
    pushes = 0 if session.pushes is None else session.pushes.count
    lines = [
        f"<b>{escape(session.setup.env_id)}</b>: {state}",
        f"robot {robot}, {escape(session.labels()[robot])}",
        f"seed {session.setup.seed}, episode {session.episodes[robot] + 1}, "
        f"{session.ages[robot] * session.control_dt:.2f} s, step {session.steps}, {pushes} pushes",
    ]
    if loop.message:
        lines.append(f"<span style='color:#c33'>{escape(loop.message)}</span>")
    return f"<div style='padding:0 1em;font-size:0.85em'>{'<br>'.join(lines)}</div>"
