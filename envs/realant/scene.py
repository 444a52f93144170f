"""The RealAnt's model files, its names, and the shape of its underside."""

from importlib.resources import files
from pathlib import Path

import numpy as np

from controllers.leg_names import LEG_NAMES
from envs.locomotion.ground import Scene

_ASSETS = Path(str(files("assets"))) / "realant"
SCENE = Scene(_ASSETS / "world.xml", _ASSETS / "world_train.xml")
JOINTS = tuple(f"{leg}_{joint}" for leg in LEG_NAMES for joint in ("hip", "ankle"))  # in the order of the actuators
FOOT_LINK = 0.086 * 2**0.5  # m, length from the ankle to the centre of the foot's round end
FOOT_FORCES = tuple(f"{leg}_foot_force" for leg in LEG_NAMES)


def _underside():
    """Returns points (k, 3) of a standing robot's underside in its frame: x, y and height above flat ground, m.

    A foot link of radius 32 mm rises from the foot, 0.130 m from the torso along x and along y, to the ankle at 0.094 m and
    a height of 0.110 m. Around the foot, points on a circle of 20 mm have the height of the round end there.
    """
    angle = np.arange(8) * np.pi / 4
    circle = np.stack([0.130 + 0.020 * np.cos(angle), 0.130 + 0.020 * np.sin(angle), np.full(8, 0.007)], axis=1)
    link = np.linspace([0.130, 0.130, 0.0], [0.094, 0.094, 0.110], 5)
    leg = np.concatenate([circle, link])
    legs = [leg * [x, y, 1.0] for x in (1.0, -1.0) for y in (1.0, -1.0)]
    return np.concatenate([*legs, [[0.0, 0.0, 0.087]]])  # the torso's lowest point


UNDERSIDE = _underside()
