"""Checks that the models of all robots pass: unique names, the order of the servos, and physics that stays finite."""

from collections.abc import Callable, Sequence

import mujoco
import numpy as np

NAMED = ("body", "jnt", "geom", "site", "actuator", "sensor", "cam", "key")


def check_names(model: mujoco.MjModel, kind: str) -> None:
    """Checks that all objects of a kind, one of NAMED, have names, and that these differ."""
    names = [model.names[address:].split(b"\0", 1)[0].decode() for address in getattr(model, f"name_{kind}adr")]
    assert names and all(names) and len(set(names)) == len(names)


def check_order(model: mujoco.MjModel, joints: Sequence[str]) -> None:
    """Checks that actuators, joints and their readings stand in the order of `joints`, after the free joint."""
    assert [model.actuator(i).name for i in range(model.nu)] == [*joints]
    assert [model.joint(i).name for i in range(model.njnt)] == ["root", *joints]
    np.testing.assert_array_equal(model.actuator_trnid[:, 0], np.arange(1, model.nu + 1))
    for kind in ("pos", "vel"):
        np.testing.assert_array_equal(np.diff([model.sensor(f"{joint}_{kind}").adr[0] for joint in joints]), 1)


def run_randomly(make: Callable, steps: int, hold: int, **config):
    """Takes random steps with 64 robots of the vector environment `make`, each action `hold` times; returns the task."""
    env = make(64, num_threads=1, max_episode_steps=200, **config)
    env.reset(seed=0)
    random = np.random.default_rng(0)
    for _ in range(steps // hold):
        action = random.uniform(-1, 1, env.action_space.shape)
        for _ in range(hold):
            env.step(action)
    return env.task
