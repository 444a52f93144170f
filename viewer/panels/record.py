"""The tab that records: the commands as JSON, and a video."""

import re
from contextlib import suppress
from pathlib import Path

from viewer.film import Film
from viewer.panels.panel import Panel
from viewer.recording import write_recording
from viewer.session import Session

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,60}")


class RecordPanel(Panel):
    """Saves the session so far, starts a new one, and films. All files go to one folder, whatever name the page gives."""

    title = "Record"

    def build(self):
        self.film: Film | None = None
        self.gui.add_markdown(f"Files go to `{self.viewer.folder}`.")
        self.name = self.gui.add_text("Name", "session")
        buttons = {"Save commands": self.save, "New session": self.restart, "Film": self.toggle_film}
        self.buttons = {label: self.gui.add_button(label) for label in buttons}
        for label, handler in buttons.items():
            self.on(self.buttons[label].on_click, handler)
        self._said = self.gui.add_markdown("")

    def save(self):
        """Writes the commands since the start of the session to NAME.json."""
        self._later(lambda: self._say(f"Saved {write_recording(self._path('.json'), self.viewer.session)}"))

    def restart(self):
        """Starts a new session from the current setup, so that a recording begins here."""
        self._later(lambda: self.viewer.use(Session(self.viewer.session.setup)))

    def toggle_film(self):
        """Starts a film, NAME.mp4, or ends it."""
        self._later(self.end_film if self.film else self._start_film)

    def end_film(self):
        """Ends the film, if there is one; only the thread of the loop calls it."""
        if self.film is not None:
            film, self.film = self.film, None
            film.close()
            self._say(f"Filmed {film.path}" if film.frames else "No step was filmed.")

    def note(self):
        """Films a step; called after every step. A film that fails ends, and the simulation goes on."""
        if self.film is not None:
            try:
                self.film.take()
            except RuntimeError as error:
                film, self.film = self.film, None
                with suppress(RuntimeError):
                    film.close()
                self.viewer.refuse(error)

    def refresh(self):
        self.buttons["Film"].label = "End the film" if self.film else "Film"

    def _start_film(self):
        self.film = Film(self._path(".mp4"), self.viewer.session)

    def _later(self, action):
        """Lets the thread of the loop do it between two steps."""
        self.viewer.loop.post(action)

    def _path(self, suffix) -> Path:
        name = self.name.value
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise ValueError("a name needs 1 to 61 letters, digits, _ and -, and begins with a letter or a digit")
        return self.viewer.folder / f"{name}{suffix}"

    def _say(self, words):
        self._said.content = words
