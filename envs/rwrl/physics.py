"""dm_control's physics, read by index instead of by name: faster, with bit-identical results."""

from functools import cached_property

import mujoco
import numpy as np
from dm_control.suite import cartpole, humanoid, quadruped, walker

# Index of each matrix entry in a row of `xmat`.
XX, XZ, ZX, ZZ = 0, 2, 6, 8
_FORCE_TORQUE = (int(mujoco.mjtSensor.mjSENS_FORCE), int(mujoco.mjtSensor.mjSENS_TORQUE))
_IMU = (int(mujoco.mjtSensor.mjSENS_GYRO), int(mujoco.mjtSensor.mjSENS_ACCELEROMETER))


class CartpolePhysics(cartpole.Physics):
    def cart_position(self):
        return self.data.qpos[0]

    def pole_angle_cosine(self):
        return self.data.xmat[2:, ZZ]

    def bounded_position(self):
        return np.hstack((self.cart_position(), self.data.xmat[2:, [ZZ, XZ]].ravel()))


class _TorsoPhysics:
    """Readings that walker and humanoid share. Indices are looked up at first use, because the model is fixed."""

    @cached_property
    def _torso(self):
        return self.model.name2id("torso", "body")

    @cached_property
    def _linvel(self):
        start = self.model.ptr.sensor("torso_subtreelinvel").adr[0]
        return slice(start, start + 3)

    def torso_upright(self):
        return self.data.xmat[self._torso, ZZ]


class WalkerPhysics(_TorsoPhysics, walker.Physics):
    def torso_height(self):
        return self.data.xpos[self._torso, 2]

    def horizontal_velocity(self):
        return self.data.sensordata[self._linvel.start]

    def orientations(self):
        return self.data.xmat[1:, [XX, XZ]].ravel()


class HumanoidPhysics(_TorsoPhysics, humanoid.Physics):
    @cached_property
    def _head(self):
        return self.model.name2id("head", "body")

    @cached_property
    def _limbs(self):
        return [self.model.name2id(f"{side}_{limb}", "body") for side in ("left", "right") for limb in ("hand", "foot")]

    def head_height(self):
        return self.data.xpos[self._head, 2]

    def center_of_mass_velocity(self):
        return self.data.sensordata[self._linvel].copy()

    def torso_vertical_orientation(self):
        return self.data.xmat[self._torso, ZX:].copy()

    def extremities(self):
        positions, frame = self.data.xpos, self.data.xmat[self._torso].reshape(3, 3)
        return np.hstack([(positions[limb] - positions[self._torso]).dot(frame) for limb in self._limbs])


class QuadrupedPhysics(quadruped.Physics):
    @cached_property
    def _torso(self):
        return self.model.name2id("torso", "body")

    @cached_property
    def _velocimeter(self):
        start = self.model.ptr.sensor("velocimeter").adr[0]
        return slice(start, start + 3)

    @cached_property
    def _force_torque(self):
        return self._entries(_FORCE_TORQUE)

    @cached_property
    def _imu(self):
        return self._entries(_IMU)

    def torso_upright(self):
        return np.asarray(self.data.xmat[self._torso, ZZ])

    def torso_velocity(self):
        return self.data.sensordata[self._velocimeter].copy()

    def egocentric_state(self):
        return np.hstack((self.data.qpos[7:], self.data.qvel[6:], self.data.act))

    def force_torque(self):
        return np.arcsinh(self.data.sensordata[self._force_torque])

    def imu(self):
        return self.data.sensordata[self._imu]

    def _entries(self, kinds):
        """Returns the indices in `sensordata` of all sensors of these types, three numbers each."""
        starts = self.model.sensor_adr[np.isin(self.model.sensor_type, kinds)]
        return (starts[:, None] + np.arange(3)).ravel()
