"""The observation of a task: the policy's rows, and on request the privileged rows, which only a simulator knows."""

from typing import ClassVar

from utils.mirror import Mirror, Symmetry
from utils.observation import ObservationTable


class Observed:
    """Declares the observation of a task.

    Attributes:
        observation: the table of the policy's observation, followed by the privileged rows if they were appended.
        privileged: the table of the privileged rows, which only a simulator knows; None if there are none.
        action_mirror: left-right mirror image of an action; None if there is none.
        estimated: names of the privileged rows that a policy may learn to estimate from its history; empty for all.
    """

    observation: ObservationTable
    privileged: ClassVar[ObservationTable | None] = None
    action_mirror: ClassVar[Mirror | None] = None
    estimated: ClassVar[tuple[str, ...]] = ()
    _policy_size: int | None = None  # size of the observation without privileged rows, if these were appended

    @property
    def observation_groups(self) -> dict[str, slice]:
        """The parts of the observation vector: "policy", the part that the policy may use, and "critic", all of it."""
        size = self.observation.space.shape[0]
        return {"policy": slice(0, self._policy_size or size), "critic": slice(0, size)}

    @property
    def privileged_rows(self) -> tuple[str, ...]:
        """The names of the privileged rows that were appended to the observation."""
        return () if self._policy_size is None else tuple(self.privileged.slices)

    @property
    def symmetry(self) -> Symmetry | None:
        """The left-right mirror images of observation and action; None if one of them has none.

        A task that declares both promises that they agree: on level ground, the mirrored action in the mirrored state leads
        to the mirrored observation and to the same reward.
        """
        mirrors = self.observation.mirror, self.action_mirror
        return None if None in mirrors else Symmetry(*mirrors)

    def append_privileged(self) -> None:
        """Appends the privileged rows to the observation. To be called once, before the first episode.

        Raises:
            ValueError: the task has no privileged rows.
        """
        if self.privileged is None:
            raise ValueError(f"{type(self).__name__} has no privileged observations: leave out privileged=True")
        self._policy_size = self.observation.space.shape[0]
        self.observation = ObservationTable(*self.observation.rows, *self.privileged.rows)
