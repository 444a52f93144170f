"""Reads sensors by name: resolves names to indices once, then reads any number of robots in one array operation."""

from collections.abc import Sequence

import mujoco
import numpy as np

from utils.config import nearest_name

_ANGLE, _FEET = int(mujoco.mjtSensor.mjSENS_JOINTPOS), ("_foot_pos", "_foot_force")


class SensorReader:
    """Reads sensors by name, for one robot or for many.

    Args:
        model: the compiled model that declares the sensors.
        data: source of the readings: an `MjData`, a `mujoco.batch.Batch`, or a live array (..., nsensordata). Readings
            have the same leading axes: (k,) for one robot, (n, k) for n robots.

    Attributes:
        joints: names of the joints with an angle sensor `<joint>_pos`, in the order of these sensors.
        feet: names of the feet with a sensor `<foot>_foot_pos`, in the order of these sensors; if there are none, with a
            sensor `<foot>_foot_force`.
    """

    def __init__(self, model: mujoco.MjModel, data):
        self._sensordata = getattr(data, "sensordata", data)
        names = [mujoco.mj_id2name(model, int(mujoco.mjtObj.mjOBJ_SENSOR), i) for i in range(model.nsensor)]
        self._places = {
            name: np.arange(address, address + size)
            for name, address, size in zip(names, model.sensor_adr, model.sensor_dim)
        }
        angles = [name for name, kind in zip(names, model.sensor_type) if name and kind == _ANGLE]
        self.joints = tuple(name.removesuffix("_pos") for name in angles)
        feet = ([name.removesuffix(kind) for name in names if name and name.endswith(kind)] for kind in _FEET)
        self.feet = tuple(next(filter(None, feet), ()))

    def indices(self, names: Sequence[str]) -> np.ndarray:
        """Returns the columns (k,) of these sensors in sensordata, in the order of `names`.

        Raises:
            ValueError: the model has no sensor of that name; the message gives the nearest names.
        """
        for name in names:
            if name not in self._places:
                raise ValueError(f"no sensor is called {name!r}{nearest_name(name, self._places)}")
        return np.concatenate([np.zeros(0, int), *(self._places[name] for name in names)])

    def slice(self, names: Sequence[str]) -> slice:
        """Returns the slice of these sensors in sensordata; reading a slice makes no copy.

        Raises:
            ValueError: a name is unknown, or the sensors are not consecutive in the model.
        """
        columns = self.indices(names)
        if (np.diff(columns) != 1).any():
            raise ValueError(f"{', '.join(names)} must follow one another in the model's sensors")
        return slice(int(columns[0]), int(columns[-1]) + 1)

    def read_sensor(self, name: str) -> np.ndarray:
        """Returns a new array (..., size) of one sensor's reading."""
        return self._sensordata[..., self.indices([name])]

    def read_sensors(self, names: Sequence[str]) -> np.ndarray:
        """Returns a new array (..., k) of several sensors' readings, concatenated."""
        return self._sensordata[..., self.indices(names)]

    def get_body_state(self) -> np.ndarray:
        """Returns (..., 13): position (m), quaternion (wxyz) and velocity (m/s) in the world frame, and angular
        velocity (rad/s) in the body frame."""
        return self.read_sensors(["body_pos", "body_quat", "body_linvel", "body_angvel"])

    def get_joint_states(self) -> np.ndarray:
        """Returns (..., 2 k): the k joint angles (rad), then their k velocities (rad/s), both in the order `joints`."""
        return self.read_sensors([f"{joint}_{kind}" for kind in ("pos", "vel") for joint in self.joints])

    def get_foot_positions(self) -> np.ndarray:
        """Returns (..., 3 f): the centres of the f feet in the world frame, m, in the order `feet`."""
        return self.read_sensors([f"{foot}_foot_pos" for foot in self.feet])

    def get_foot_velocities(self) -> np.ndarray:
        """Returns (..., 3 f): the velocities of the f feet in the world frame, m/s, in the order `feet`."""
        return self.read_sensors([f"{foot}_foot_vel" for foot in self.feet])

    def get_foot_forces(self) -> np.ndarray:
        """Returns (..., f): the normal force on each foot, N, in the order `feet`, of the second-to-last physics step."""
        return self.read_sensors([f"{foot}_foot_force" for foot in self.feet])
