"""The biped's model files, its names and default pose, the swing of its legs, and the shape of its underside."""

from importlib.resources import files
from pathlib import Path

import numpy as np

from envs.locomotion.ground import Scene
from utils.mirror import moved, signs

_ASSETS = Path(str(files("assets"))) / "biped"
SCENE = Scene(_ASSETS / "world.xml", _ASSETS / "world_train.xml")
SIDES = ("left", "right")
LEG_JOINTS = ("hip_pitch", "hip_roll", "hip_yaw", "knee_pitch", "ankle_pitch", "ankle_roll")
JOINTS = tuple(f"{side}_{joint}" for side in SIDES for joint in LEG_JOINTS)  # in the order of the actuators
SOLES = tuple(f"{side}_{end}_{edge}" for side in SIDES for end in ("toe", "heel") for edge in ("left", "right"))
# Left-right mirror images of the joints, and of one value for each foot.
SERVOS = moved((1, 0), signs(-1.0, -1.0, -1.0, 1.0, 1.0, -1.0))
FEET = moved((1, 0), signs(1.0))
# Change of a leg's angles in the middle of its swing, rad: figures of the makers' training configuration.
_SWING = np.array([0.25, 0.05, -0.11, 0.35, -0.16, 0.0])
SWING = np.stack([_SWING, _SWING * SERVOS.signs[:6]])  # (2, 6), left and right
VELOCITY_LIMITS = np.array([8.0, 8.0, 24.0, 8.0, 10.0, 10.0] * 2)  # rad/s, of the same configuration


def _underside():
    """Returns points (k, 3) of a standing robot's underside in its frame: x, y and height above flat ground, m.

    In the default pose the middle of a foot is 13 mm in front of the trunk's origin and 134 mm beside it.
    """
    along, across = np.meshgrid(np.linspace(-0.10, 0.10, 6), np.linspace(-0.06, 0.06, 4))
    foot = np.stack([along.ravel(), across.ravel(), np.zeros(along.size)], axis=1)
    return np.concatenate([foot + [0.013, y, 0.0] for y in (0.134, -0.134)])


UNDERSIDE = _underside()
