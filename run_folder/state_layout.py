"""Checks that the simulation state in a checkpoint fits the current classes of the environment."""

from collections.abc import Mapping

from run_folder.snapshot import is_ours


def layout(root) -> list[str]:
    """Returns the dotted names of all attributes of `root` and of the project's objects in it, sorted.

    Attributes named in `transient` are left out. Objects that write their own `snapshot` count as one attribute.
    """
    return sorted(_names(root, ""))


def fits(root, state: Mapping, written_layout: list[str] | None) -> bool:
    """Returns whether `state`, as captured from an object with `written_layout`, can be restored into `root`.

    Checkpoints of older versions have no layout (None). Their state fits if `root` has all of its attributes.
    """
    return written_layout == layout(root) if written_layout is not None else _has_all(root, state)


def _names(owner, path):
    for name, value in vars(owner).items():
        if name not in getattr(owner, "transient", ()):
            yield path + name
            if _is_walked(value):
                yield from _names(value, f"{path}{name}.")


def _has_all(owner, state):
    for name, value in state.items():
        inner = getattr(owner, name, owner)  # `owner` stands for a missing attribute: no attribute is its own owner
        if inner is owner or (_is_walked(inner) and isinstance(value, Mapping) and not _has_all(inner, value)):
            return False
    return True


def _is_walked(value):
    return is_ours(value) and not hasattr(type(value), "snapshot")
