"""The quadruped's model files, and the shape of its underside."""

from importlib.resources import files
from pathlib import Path

import numpy as np

from controllers.bezier_gait import FOOT_POSITIONS
from envs.locomotion.ground import Scene

_ASSETS = Path(str(files("assets"))) / "quadruped"
SCENE = Scene(_ASSETS / "world.xml", _ASSETS / "world_train.xml")


def _underside():
    """Returns points (k, 3) of a standing robot's underside in its frame: x, y and height above flat ground, m.

    The height is 0 under each foot. The links rise from the foot to the knees, which are 42 mm in front of and behind the
    foot, at a height of 40 mm.
    """
    away, aside = np.meshgrid(np.arange(-0.048, 0.049, 0.012), [-0.012, 0.0, 0.012])
    height = np.maximum(np.abs(away) - 0.012, 0.0) * 0.8
    leg = np.stack([away, aside, height], axis=-1).reshape(-1, 3)
    return (np.pad(FOOT_POSITIONS, ((0, 0), (0, 1)))[:, None] + leg).reshape(-1, 3)


UNDERSIDE = _underside()
