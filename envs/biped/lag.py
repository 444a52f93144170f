"""Delays of a biped: controls in physics steps, and received measurements, with their noise, in control steps."""

from collections.abc import Mapping

import numpy as np

from envs.biped.observation import OBSERVATION, SIGNALS
from envs.biped.variation import LONGEST_LAG
from envs.locomotion.disturbances import LateControls
from envs.wrappers.draws import Distribution, Draws

_STREAM = (1,)  # of the noise


class LateTargets:
    """Delays the controls of n simulations by whole physics steps, one number per simulation.

    Args:
        n, size: number of simulations, and of controls.
        sim_dt: duration of a physics step, s.
        substeps: physics steps of a control step.

    Attributes:
        late: whether any simulation has a delay.
    """

    def __init__(self, n: int, size: int, sim_dt: float, substeps: int):
        self._dt, self._substeps, self._everyone = sim_dt, substeps, np.arange(n)
        most = -(-round(LONGEST_LAG / sim_dt) // substeps)  # control steps, rounded up
        self._sent = np.zeros((most + 1, n, size))  # newest first
        self._lag = np.zeros(n, int)
        self.late = False

    def reset(self, ids: np.ndarray, seconds: np.ndarray, ctrl: np.ndarray) -> None:
        """Delays simulations `ids` (k,) by `seconds` (k,); until the first control arrives they get `ctrl` (k, size)."""
        self._lag[ids] = np.rint(seconds / self._dt).astype(int)
        self._sent[:, ids] = ctrl
        self.late = bool(self._lag.any())

    def send(self, ctrl: np.ndarray) -> None:
        """Takes the controls (n, size) of a control step. Call it once in every control step."""
        if self.late:
            self._sent[1:] = self._sent[:-1].copy()
            self._sent[0] = ctrl

    def arriving(self, step: int) -> np.ndarray:
        """Returns the controls (n, size) in physics step `step` of the control step, 0 to substeps - 1."""
        behind = np.maximum(-((step - self._lag) // self._substeps), 0)
        return self._sent[behind, self._everyone]


class Reception:
    """Delays measured rows by whole control steps and adds uniform noise to them, as the parameters of an episode say.

    A delay begins with the state at the start of the episode.

    Args:
        n: number of simulations.
        control_dt: duration of a control step, s.
    """

    def __init__(self, n: int, control_dt: float):
        self._dt = control_dt
        late, noisy = ([name for name, signal in SIGNALS.items() if getattr(signal, kind)] for kind in ("lag", "noise"))
        most = round(LONGEST_LAG / control_dt)
        self._lines = {name: LateControls(n, _size(name), most) for name in late}
        self._noise_of = _places(noisy)
        self._half_range = np.repeat([SIGNALS[name].noise for name in noisy], [_size(name) for name in noisy])
        self._draws = Draws(n, _STREAM, {"noise": Distribution("uniform", np.zeros(len(self._half_range)))})
        self._level = np.zeros((n, 1))
        self._noisy = False

    def reset(self, ids: np.ndarray, rows: Mapping, values: Mapping, streams: list[np.random.Generator]) -> dict:
        """Starts episodes of simulations `ids` (k,); returns their received rows.

        Args:
            ids: simulations.
            rows: measured rows (k, size) of these simulations by name.
            values: delays in s, and the level of the noise, (n,) each by the name of the parameter, for all simulations.
            streams: one generator for each of `ids`, which gives one number.
        """
        for name, line in self._lines.items():
            seconds = values.get(SIGNALS[name].lag, np.zeros(len(self._level)))[ids]
            line.reset(ids, np.rint(seconds / self._dt).astype(int), rows[name])
        self._level[ids, 0] = values.get("noise", np.zeros(len(self._level)))[ids]
        self._noisy = bool(self._level.any())
        self._draws.seed([stream.integers(2**63) for stream in streams], ids)
        return self._with_noise(dict(rows), ids)

    def receive(self, rows: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Returns the received rows (n, size) for measured `rows`. Call it once in every control step."""
        late = {name: line.step(rows[name]) for name, line in self._lines.items()}
        return self._with_noise({**rows, **late}, np.arange(len(self._level)))

    def _with_noise(self, rows, ids):
        if self._noisy:
            noise = (2.0 * self._draws.take(ids)["noise"] - 1.0) * self._half_range * self._level[ids]
            rows |= {name: rows[name] + noise[:, place] for name, place in self._noise_of.items()}
        return rows


def _size(name):
    place = OBSERVATION.slices[name]
    return place.stop - place.start


def _places(names):
    """Returns the slice of each row in the numbers of all these rows."""
    ends = np.cumsum([_size(name) for name in names])
    return {name: slice(int(end) - _size(name), int(end)) for name, end in zip(names, ends)}
