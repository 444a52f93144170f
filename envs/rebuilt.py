"""Pickles and copies objects that use a MuJoCo batch: builds them from their arguments, then restores their state."""

from collections.abc import Mapping

import gymnasium as gym

from utils.snapshot import capture, restore

_DESCRIPTIONS = ("spec", "_cached_spec")  # attributes that Gymnasium sets from outside


class Rebuilt:
    """Makes `pickle`, `copy.copy` and `copy.deepcopy` work on an object whose memory belongs to native code.

    A pickle contains the constructor's arguments and the result of `utils.snapshot.capture`, which a training's checkpoint
    contains too. The copy continues bit for bit, with separate random generators and spaces. Windows and pictures are not
    part of the state.

    Raises:
        UnkeptError: on pickling, an attribute is of a type that cannot be captured.
    """

    transient: tuple[str, ...] = ("_arguments",)

    def __new__(cls, *args, **kwargs):
        instance = super().__new__(cls)
        instance._arguments = _plain_copy(args), _plain_copy(kwargs)
        return instance

    def __reduce__(self):
        attributes = vars(self).items()
        kept = {name: value for name, value in attributes if name in _DESCRIPTIONS or isinstance(value, gym.Space)}
        return _build, (type(self), *self._arguments), (kept, capture(self))

    def __setstate__(self, state: tuple[Mapping, Mapping]) -> None:
        kept, captured = state
        vars(self).update(kept)
        self.create_state_attributes()
        restore(self, captured)

    def create_state_attributes(self) -> None:
        """Creates the attributes that exist only once an episode has started; `restore` then overwrites their values."""


def _plain_copy(value):
    """Returns a copy of nested dicts, lists and tuples, which a caller may change later; other values stay the same."""
    if type(value) is dict:
        return {name: _plain_copy(inner) for name, inner in value.items()}
    return type(value)(map(_plain_copy, value)) if type(value) in (list, tuple) else value


def _build(kind, args, kwargs):
    return kind(*args, **kwargs)
