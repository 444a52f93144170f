"""Recordings: the setup of a session and all its commands as JSON, which replay to the bit."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from utils.config import as_plain, updated
from utils.console.outputs import check_output, json_with
from utils.fields import Checked, checked, within
from utils.files import read_json, reading, write_json
from utils.provenance import versions
from viewer import policies
from viewer.commands import Command, from_row
from viewer.session import Session, Setup

FORMAT = 1
MOST_STEPS = 10**9


@dataclass(frozen=True)
class Recording(Checked):
    """A session from its start: `commands` have the form of `commands.as_row`, in order.

    `policies` identifies the files of each policy by hashes. `digest` is that of the session after `steps` control steps.
    `versions` names the packages; the same numbers are promised only with these.
    """

    format: int = within(FORMAT, 1, FORMAT)
    setup: dict = checked(None, lambda value: True, "be a mapping")
    steps: int = within(0, 0, MOST_STEPS)
    digest: str = ""
    commands: tuple[dict, ...] = ()
    policies: dict = checked(None, lambda value: True, "be a mapping")
    versions: dict = checked(None, lambda value: True, "be a mapping")

    def __post_init__(self):
        super().__post_init__()
        steps = [step for step, _ in self.rows]
        if steps != sorted(steps) or (steps and steps[-1] > self.steps):
            raise ValueError("the steps of commands must ascend, up to the last step of the recording")

    @property
    def rows(self) -> list[tuple[int, Command]]:
        """The commands, each with the number of steps before it; raises ValueError if one is wrong."""
        return [from_row(row) for row in self.commands]

    @property
    def start(self) -> Setup:
        """The setup; raises ValueError if it is wrong."""
        return updated(Setup(arguments={}), self.setup)


def recording_of(session: Session) -> Recording:
    """Returns the recording of a session so far."""
    named = dict(session.fingerprints)
    rows = tuple(dict(row) for row in session.log)
    return Recording(FORMAT, as_plain(session.start), session.steps, session.digest, rows, named, versions())


def write_recording(path: Path, session: Session) -> Path:
    """Writes the recording of a session; returns the file.

    Raises:
        ValueError: the file belongs to a run, or another program wrote it.
    """
    path = check_output(path, json_with("setup", "commands", "digest"))
    write_json(path, as_plain(recording_of(session)))
    return path


def read_recording(path: Path) -> Recording:
    """Returns the recording in a file.

    Raises:
        ValueError: the file is no recording, or is damaged, or a policy that it names has changed since.
    """
    content = read_json(path)
    with reading(path):
        if not isinstance(content, Mapping) or not {"setup", "commands", "digest"} <= content.keys():
            raise ValueError("it is not a recording of the viewer")
        recording = updated(Recording(setup={}, policies={}, versions={}), content)
        for name, known in recording.policies.items():
            if policies.fingerprint(name, recording.start.env_id) != known:
                raise ValueError(f"the policy {name} has changed since")
    return recording


class Replay:
    """Feeds the commands of a recording to a session that was built from its start."""

    def __init__(self, recording: Recording):
        self._rows, self.recording = recording.rows, recording

    def due(self, step: int) -> Iterator[Command]:
        """Yields the commands that come before the step with this number, once."""
        while self._rows and self._rows[0][0] <= step:
            yield self._rows.pop(0)[1]

    def done(self, session: Session) -> bool:
        """Returns whether a session has taken all steps of the recording."""
        return session.steps >= self.recording.steps


def replayed(recording: Recording) -> Session:
    """Returns the session after all steps of a recording; its digest equals the recording's if the numbers do.

    Raises:
        ValueError: a command does not fit the environment.
    """
    session, replay = Session(recording.start), Replay(recording)
    while not replay.done(session):
        for command in replay.due(session.steps):
            session.apply(command)
        session.step()
    for command in replay.due(session.steps):
        session.apply(command)
    return session
