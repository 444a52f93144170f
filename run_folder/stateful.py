"""Protocol of the callbacks whose state a checkpoint saves."""

from typing import Protocol, runtime_checkable


@runtime_checkable
class Stateful(Protocol):
    """A callback that an exact resume continues.

    `run_folder.runs.save` writes `state` into a checkpoint, and `run_folder.runs.resume` passes it to `restore` of a new
    callback with the same arguments. That callback must then act as the saved one would have.
    """

    @property
    def state(self) -> dict:
        """All values that change during a training, as plain data: numbers, strings, lists and dictionaries."""

    def restore(self, state: dict) -> None:
        """Continues from a `state` of the same or an earlier version."""
