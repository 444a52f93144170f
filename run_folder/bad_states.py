"""Dumps of failed simulations in a run folder; `play_residual_policy.py --replay DUMP` shows them."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import mujoco
import numpy as np
from mujoco.batch import Batch

from utils.files import read_arrays, reading, write_arrays
from utils.rendering.camera import Camera
from utils.rendering.pictures import Pictures
from utils.run_file_names import BAD_STATES

MOST_DUMPS = 5


@dataclass(frozen=True)
class Dump:
    """The model of a simulation, its states (k, nstate) before the last steps, its actions (k, a), and the failure."""

    model: mujoco.MjModel
    states: np.ndarray
    actions: np.ndarray
    reason: str


def write_dump(run: Path, steps: int, failure) -> Path:
    """Writes the PhysicsFailure of a task after `steps` steps of training to bad_states/ of a run; returns the file."""
    path = run / BAD_STATES / f"{steps:010d}_{failure.simulation:04d}.npz"
    path.parent.mkdir(exist_ok=True)
    model = np.zeros(mujoco.mj_sizeModel(failure.model), np.uint8)
    mujoco.mj_saveModel(failure.model, None, model)
    reason = np.frombuffer(failure.reason.encode(), np.uint8)
    write_arrays(path, {"model": model, "states": failure.states, "actions": failure.actions, "reason": reason})
    return path


def read_dump(path: Path) -> Dump:
    """Returns the dump that `write_dump` wrote.

    Raises:
        ValueError: the file cannot be read, this MuJoCo cannot load the model, or states and actions do not fit the model or
            each other.
    """
    arrays = read_arrays(path)
    with reading(path):
        missing = {"model", "states", "actions", "reason"} - arrays.keys()
        if missing:
            raise ValueError(f"it is not a dump of a simulation: it has no {', '.join(sorted(missing))}")
        model = mujoco.MjModel.from_binary_path("model.mjb", {"model.mjb": arrays["model"].tobytes()})
        size = mujoco.mj_stateSize(model, int(mujoco.mjtState.mjSTATE_INTEGRATION))
        states = arrays["states"].astype(float)
        if states.ndim != 2 or states.shape[1] != size or not len(states):
            raise ValueError(f"its states must have the shape (steps, {size}), got {states.shape}")
        actions = arrays["actions"]
        if actions.ndim != 2 or len(actions) != len(states):
            raise ValueError(f"it must have an action for each of {len(states)} states, got the shape {actions.shape}")
    return Dump(model, states, actions, arrays["reason"].tobytes().decode(errors="replace"))


def replayed(dump: Dump, render_mode: str, dt: float) -> Iterator[np.ndarray | None]:
    """Shows the states in order, `dt` seconds apart in the viewer; yields an image of each in the mode "rgb_array"."""
    sim = Batch(dump.model, 1, 1, persistent=True)
    with closing(Camera(sim, Pictures(render_mode))) as camera:
        for state in dump.states:
            sim.state[0] = np.nan_to_num(state)
            sim.forward()
            camera.show(dt)
            yield camera.frame()


def describe(dump: Dump) -> str:
    """Returns a text of a few lines: the failure, and the motion of the simulation in the last steps before it."""
    sim = Batch(dump.model, 1, 1, persistent=True)
    qpos, qvel = sim.bind("qpos"), sim.bind("qvel")
    lines = [
        f"{len(dump.states)} steps until: {dump.reason}",
        "step, height of the first body (m), fastest joint (rad/s or m/s)",
    ]
    for step, state in [*enumerate(dump.states)][-5:]:
        sim.state[0] = state
        height = qpos[0, 2] if dump.model.nq > 2 else np.nan
        lines.append(f"{step - len(dump.states)}: {height:.3f}, {np.abs(qvel[0]).max():.1f}; action {dump.actions[step]}")
    return "\n".join(lines)
