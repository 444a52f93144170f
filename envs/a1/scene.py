"""The A1's model files, its names, and the shape of its underside."""

from importlib.resources import files
from pathlib import Path

import numpy as np

from controllers.leg_names import LEG_NAMES
from envs.locomotion.ground import Scene

_ASSETS = Path(str(files("assets"))) / "a1"
SCENE = Scene(_ASSETS / "world.xml", _ASSETS / "world_train.xml")
PARTS = ("hip", "thigh", "calf")
JOINTS = tuple(f"{leg}_{part}" for leg in LEG_NAMES for part in PARTS)  # in the order of the actuators
BODIES = ("trunk", *JOINTS)  # every joint turns the body of its name
FOOT_FORCES = tuple(f"{leg}_foot_force" for leg in LEG_NAMES)

# Points (k, 3) of a standing robot's underside in its frame: x, y and height above flat ground, m. Calves rise from the
# feet, 0.192 m from the middle of the body, to the knees 0.129 m behind them.
_LEG = np.array([[0.02, 0.0, 0.01], [0.0, 0.02, 0.01], [0.0, -0.02, 0.01], [0.0, 0.0, 0.0], [-0.13, 0.0, 0.14]])
UNDERSIDE = np.concatenate([_LEG + [x, y, 0.0] for x in (0.183, -0.183) for y in (0.147, -0.147)])
