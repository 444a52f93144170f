"""A small task on the batch engine, for tests of pickling."""

import mujoco
import numpy as np
from gymnasium.spaces import Box

from envs.task import Task
from utils.observation import ObservationTable, Row

XML = """<mujoco><option timestep="0.01"/><worldbody><body><joint name="hinge" type="hinge" damping="0.1"/>
<geom size="0.1" pos="0 0 -0.3"/></body></worldbody><actuator><motor joint="hinge"/></actuator></mujoco>"""


class CountingToy(Task):
    """A pendulum that counts its steps."""

    observation = ObservationTable(Row("angle", 1, -100.0, 100.0, "rad"))
    action_space = Box(-1.0, 1.0, (1,), np.float32)

    def __init__(self, num_envs):
        super().__init__(mujoco.MjModel.from_xml_string(XML), num_envs, 0.02, 1)
        self.steps = np.zeros(num_envs, int)
        self._ctrl, self._qpos = self.sim.bind("ctrl"), self.sim.bind("qpos")

    def reset(self, ids, generators, options):
        self.sim.reset(ids)
        self._qpos[ids, 0] = [generator.random() for generator in generators]
        self.sim.forward(ids)
        self.steps[ids] = 0

    def act(self, action):
        self._ctrl[:] = action
        self.steps += 1

    def sense(self):
        self.angle = self._qpos.copy()

    def observe(self):
        return {"angle": self.angle}

    def reward_terms(self):
        return {"height": -np.cos(self.angle[:, 0])}

    def terminated(self):
        return np.zeros(self.num_envs, bool)
