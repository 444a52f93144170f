"""What a biped's feet do: contacts, landings, time in the air, heights, speeds and tilts."""

import numpy as np

from envs.biped.scene import SIDES
from utils.sensor_utils import SensorReader

CONTACT_FORCE = 5.0  # N; a foot with a larger force is in contact


class Feet:
    """Measures the feet of n robots, left and right.

    Args:
        sim: the batch.
        reader: the sensors of its model.
        sensordata: live (n, nsensordata) readings.

    Attributes:
        force: (n, 2) normal force, N.
        contact, landed: (n, 2) bool, feet on the ground, and feet that have touched the ground in this step.
        seconds: (n, 2) time in the air, s; for a foot that has landed, the time before it did.
        sole: (n, 2, 3) positions of the soles below the ankles in the world, m.
        speed: (n, 2) speed, m/s.
        roll, pitch: (n, 2) tilt of the foot, rad.
    """

    transient = ("_data", "_matrices")

    def __init__(self, sim, reader: SensorReader, sensordata: np.ndarray):
        n = len(sensordata)
        self._data, self._matrices = sensordata, sim.bind("site_xmat")
        self._sites = np.array([sim.model.site(f"{side}_foot").id for side in SIDES])
        self._columns = {kind: reader.slice([f"{side}_foot_{kind}" for side in SIDES]) for kind in ("force", "pos", "vel")}
        self.contact, self.landed, self._touched = np.zeros((3, n, 2), bool)
        self.seconds, self._in_air = np.zeros((2, n, 2))
        self.sense()

    def reset(self, ids: np.ndarray) -> None:
        """Starts episodes of robots `ids` (k,): their feet have not been in the air."""
        self.seconds[ids] = self._in_air[ids] = 0.0
        self.landed[ids] = False
        self._touched[ids] = True

    def sense(self) -> None:
        """Reads the current state. A repeated call has no effect."""
        self.force = self._data[:, self._columns["force"]]
        self.contact = self.force > CONTACT_FORCE
        self.sole = self._data[:, self._columns["pos"]].reshape(-1, 2, 3)
        velocity = self._data[:, self._columns["vel"]].reshape(-1, 2, 3)
        self.speed = np.sqrt(np.vecdot(velocity, velocity))
        # Contiguous copies, because numpy rounds arctan2 of strided arrays differently: n = 1 would differ from n = 64.
        x, y, z = self._matrices[:, self._sites].reshape(-1, 3, 3)[:, 2].T.copy()  # vertical components of the foot's axes
        self.roll, self.pitch = (
            np.arctan2(y, z).reshape(-1, 2),
            np.arcsin(np.minimum(np.maximum(-x, -1.0), 1.0)).reshape(-1, 2),
        )

    def advance(self, dt: float) -> None:
        """Counts a control step of `dt`, s, after `sense`. Call it once in every control step."""
        touching = self.contact | self._touched  # one step without force, as when a foot rolls, is not a step in the air
        self._in_air += dt
        self.landed = self.contact & (self._in_air > dt)
        self.seconds = self._in_air.copy()
        self._in_air[touching] = 0.0
        self._touched = self.contact.copy()
