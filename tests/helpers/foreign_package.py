"""Writes a package with environments outside the project: discrete and other actions, deterministic dynamics."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import gymnasium as gym
import pytest

PACKAGE = '''
import gymnasium as gym
import numpy as np
from gymnasium import spaces

ACTIONS = {
    "Discrete": spaces.Discrete(3),
    "MultiDiscrete": spaces.MultiDiscrete([3, 2]),
    "MultiBinary": spaces.MultiBinary(4),
    "Box": spaces.Box(np.array([-2.0, 0.0]), np.array([0.1, 5.0]), dtype=np.float64),
    "Single": spaces.Box(-0.5, 3.0, (2,), np.float32),
}
REFUSED = {
    "Unbounded": spaces.Box(-np.inf, np.inf, (2,)),
    "Scalar": spaces.Box(-1.0, 1.0, ()),
    "Matrix": spaces.Box(-1.0, 1.0, (2, 2)),
    "Shifted": spaces.Discrete(3, start=1),
    "Text": spaces.Text(5),
    "Dict": spaces.Dict({"a": spaces.Discrete(2)}),
}
OBSERVATIONS = {
    "Dict": spaces.Dict({"a": spaces.Discrete(5)}),
    "Image": spaces.Box(0, 255, (8, 8, 3), np.uint8),
    "Discrete": spaces.Discrete(5),
    "Tuple": spaces.Tuple([spaces.Discrete(2), spaces.Discrete(3)]),
    "Scalar": spaces.Box(-1.0, 1.0, ()),
}


class Circle(gym.Env):
    """Shows where it is on a circle of eight places and pays for the first action, in episodes of eight steps."""

    metadata = {"render_modes": [], "render_fps": 10}
    factor = 1.0

    def __init__(self, actions="Discrete", gain=1.0, render_mode=None, observation=None):
        self.action_space = (ACTIONS | REFUSED)[actions]
        self.observation_space = OBSERVATIONS.get(observation, spaces.Box(-1.0, 1.0, (2,), np.float64))
        self.gain, self.age, self.render_mode = gain, 0, render_mode

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.age = 0
        return self._observed(), {}

    def step(self, action):
        assert self.action_space.contains(action) or np.asarray(action).dtype == np.float32, action
        self.age += 1
        first = float(np.ravel(action)[0])
        return self._observed(), self.factor * self.gain * first * np.cos(self.age), self.age == 8, False, {}

    def _observed(self):
        if not isinstance(self.observation_space, spaces.Box) or self.observation_space.shape != (2,):
            return self.observation_space.sample()
        return np.array([np.cos(self.age), np.sin(self.age)])


class PerturbableCircle(Circle):
    default_perturbation = "factor"

    @property
    def perturbations(self):
        from utils.perturbation import Perturbable

        return {"factor": Perturbable(1.0, 0.5, 2.0, 0.1)}

    def perturb(self, values, ids):
        for name, value in values.items():
            self.factor = float(value[0])


for _name in (*ACTIONS, *REFUSED):
    gym.register(f"{_name}-v0", entry_point=f"{__name__}:Circle", kwargs={"actions": _name})
gym.register("Perturbable-v0", entry_point=f"{__name__}:PerturbableCircle")
gym.register("space/Circle-v0", entry_point=f"{__name__}:Circle")
'''
SHORT = """--total-timesteps 512 --num-envs 4 --num-threads 1 --eval-every 256 --eval-episodes 2 --checkpoint-every 256
--seed 3""".split()
SMALL = [*SHORT, *"--ppo.n-steps 64 --ppo.batch-size 64 --ppo.net-arch 8".split()]


def write_package(folder: Path, name: str = "strange_circle") -> str:
    """Writes the package into a folder; returns its name."""
    (folder / name).mkdir(parents=True)
    (folder / name / "__init__.py").write_text(PACKAGE)
    return name


@contextmanager
def importable(folder: Path, name: str = "strange_circle") -> Iterator[str]:
    """Writes the package into a folder, makes it the current directory, and yields the package's name.

    On exit it removes the ids of the package, so that another test can write it again under another name.
    """
    with pytest.MonkeyPatch.context() as patch, unregistered_afterwards():
        patch.chdir(folder)
        patch.setattr(sys, "path", [*sys.path, str(folder)])
        yield write_package(folder, name)
    sys.modules.pop(name, None)


@contextmanager
def unregistered_afterwards() -> Iterator[None]:
    """On exit, removes the ids that were registered inside the context."""
    before = {*gym.registry}
    yield
    for id in {*gym.registry} - before:
        del gym.registry[id]
