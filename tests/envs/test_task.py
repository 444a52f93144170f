"""The base class of tasks: start states, the age of an episode, and torque that is computed within a control step."""

from dataclasses import dataclass

import mujoco
import numpy as np
import pytest
from gymnasium.spaces import Box

from envs.cube_in_hand.task import CubeInHandTask
from envs.task import Task
from envs.task_env import TaskEnv, TaskVectorEnv
from utils.fields import Checked
from utils.observation import ObservationTable, Row

XML = """
<mujoco>
  <option timestep="0.002"/>
  <worldbody>
    <body>
      <joint name="hip" axis="0 1 0" damping="0.01"/>
      <geom type="capsule" size="0.02" fromto="0 0 0 0 0 -0.3" mass="0.4"/>
      <body name="shin" pos="0 0 -0.3">
        <joint name="knee" axis="0 1 0"/>
        <geom type="capsule" size="0.02" fromto="0 0 0 0 0 -0.2" mass="0.2"/>
      </body>
    </body>
  </worldbody>
  <actuator><motor joint="hip"/><motor joint="knee"/></actuator>
</mujoco>
"""
STIFFNESS, DAMPING, SUBSTEPS = 8.0, 0.2, 10
START = np.array([0.4, -0.8])


@dataclass(frozen=True)
class LegConfig(Checked):
    """No settings."""


class PdLeg(Task):
    """A leg whose torque follows, at every physics step, from the angles that an action commands."""

    config_class = LegConfig
    observation = ObservationTable(Row("angles", 2, -10.0, 10.0, "rad"), Row("speeds", 2, -100.0, 100.0, "rad/s"))
    action_space = Box(-1.0, 1.0, (2,), np.float32)

    def __init__(self, config=LegConfig(), num_envs=1, num_threads=1):
        super().__init__(mujoco.MjModel.from_xml_string(XML), num_envs, 0.02, num_threads)
        self.config, self.ages = config, []

    def reset(self, ids, generators, options):
        self.place(ids, START)

    def act(self, action):
        self._wanted = action
        self.ages.append(self.age.copy())

    def advance(self):
        for _ in range(self.substeps):
            self.sim.ctrl[:] = STIFFNESS * (self._wanted - self.sim.qpos) - DAMPING * self.sim.qvel
            self.step_physics()

    def sense(self):
        pass

    def observe(self):
        return {"angles": self.sim.qpos, "speeds": self.sim.qvel}

    def reward_terms(self):
        return {"distance": -np.abs(self.sim.qpos).sum(axis=1)}

    def terminated(self):
        return self.age >= 7


class LegEnv(TaskEnv):
    task_class, default_episode_steps = PdLeg, 5


class LegVectorEnv(TaskVectorEnv):
    task_class, default_episode_steps = PdLeg, 5


def started(n=1):
    task = PdLeg(num_envs=n)
    task.start(np.arange(n), [np.random.default_rng(i) for i in range(n)])
    return task


def test_a_torque_computed_at_every_physics_step_equals_plain_mujoco_bit_for_bit():
    task, model = started(3), mujoco.MjModel.from_xml_string(XML)
    actions = np.random.default_rng(0).uniform(-1, 1, (20, 3, 2))
    for action in actions:
        task.step(action)
    for i in range(3):
        data = mujoco.MjData(model)
        data.qpos[:] = START
        for action in actions[:, i]:
            for _ in range(SUBSTEPS):
                data.ctrl[:] = STIFFNESS * (action - data.qpos) - DAMPING * data.qvel
                mujoco.mj_step(model, data)
        np.testing.assert_array_equal(task.sim.qpos[i], data.qpos)
        np.testing.assert_array_equal(task.sim.qvel[i], data.qvel)


def test_a_failure_within_a_control_step_ends_its_simulation_and_leaves_the_others_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # MuJoCo writes its warning to a file there
    broken, whole = started(3), started(3)
    for task in (broken, whole):
        task.step(np.full((3, 2), 0.5))
    broken.sim.qvel[1] = np.nan
    steps = [task.step(np.zeros((3, 2))) for task in (broken, whole)]
    assert steps[0].terminated.tolist() == [False, True, False] and broken.failure_count == 1
    for name in ("qpos", "qvel"):
        np.testing.assert_array_equal(getattr(broken.sim, name)[[0, 2]], getattr(whole.sim, name)[[0, 2]])
    (failure,) = broken.failures
    assert failure.simulation == 1 and len(failure.states) == 2


def test_age_counts_the_completed_control_steps_of_each_episode():
    task = started(2)
    for _ in range(3):
        task.step(np.zeros((2, 2)))
    task.start(np.array([1]), [np.random.default_rng(0)])
    task.step(np.zeros((2, 2)))
    assert [ages.tolist() for ages in task.ages] == [[0, 0], [1, 1], [2, 2], [3, 0]] and task.age.tolist() == [4, 1]


def test_the_age_is_that_of_the_episode_in_a_vector_that_resets_itself():
    env = LegVectorEnv(2)
    env.reset(seed=0)
    ended = [env.step(np.zeros((2, 2)))[3].tolist() for _ in range(6)]
    assert ended == [[False] * 2] * 4 + [[True] * 2, [False] * 2] and env.task.age.tolist() == [1, 1]


def test_place_writes_only_the_given_simulations_and_what_follows_from_their_state():
    task = started(3)
    task.sim.qvel[:] = 1.0
    task.place(np.array([0, 2]), np.array([[0.1, 0.2], [0.3, 0.4]]), ctrl=np.array([0.5, -0.5]), qvel=np.array([2.0, 3.0]))
    assert task.sim.qpos.tolist() == [[0.1, 0.2], START.tolist(), [0.3, 0.4]]
    assert task.sim.qvel.tolist() == [[2.0, 3.0], [1.0, 1.0], [2.0, 3.0]]
    assert task.sim.ctrl.tolist() == [[0.5, -0.5], [0.0, 0.0], [0.5, -0.5]]
    shin = task.sim.body("shin").xpos
    np.testing.assert_allclose(shin[[0, 2]], [[-0.3 * np.sin(a), 0, -0.3 * np.cos(a)] for a in (0.1, 0.3)], atol=1e-12)


def test_place_writes_other_fields_of_the_state_by_name():
    task, turned = CubeInHandTask(num_envs=2), np.array([0.0, 1.0, 0.0, 0.0])
    task.place(np.array([1]), task.sim.model.key("home").qpos, mocap_quat=turned)
    np.testing.assert_array_equal(task.sim.bind("mocap_quat")[1, 0], turned)
    with pytest.raises(ValueError, match="no_such_field"):
        task.place(np.array([1]), task.sim.model.key("home").qpos, no_such_field=turned)


def test_a_face_needs_no_more_than_its_task_and_default_length():
    env = LegEnv()
    env.reset(seed=0)
    assert [env.step(np.zeros(2))[3] for _ in range(5)] == [False] * 4 + [True]
    assert env.config == LegConfig() and env.model.nu == 2 and env.control_dt == 0.02
    unlimited, short = LegEnv(max_episode_steps=None), LegEnv(max_episode_steps=2)
    for each in (unlimited, short):
        each.reset(seed=0)
    assert [short.step(np.zeros(2))[3] for _ in range(2)] == [False, True]
    assert not any(unlimited.step(np.zeros(2))[3] for _ in range(6))
    with pytest.raises(ValueError, match="LegConfig has no 'stiffness'"):
        LegEnv(stiffness=3.0)
