"""The training environment as one side of a comparison: its state, observation, targets, torques and model."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, replace

import mujoco
import numpy as np
from gymnasium.envs.registration import load_env_creator
from gymnasium.vector import VectorEnv

from algorithms.vec_env import make_vector
from envs.locomotion.terrain import FLAT
from evaluation.judges import nominal_arguments
from utils.config import resolved
from utils.env_ids import OURS, qualified, registered


class TrainingSide:
    """Reads one nominal simulation of a robot on legs with position servos.

    Args:
        env: a vector of one simulation of a `LeggedTask` with a velocity command, on flat ground, with its wrappers.

    Attributes:
        joints: names of the servo joints, in the order of the actuators.
        model, data: a copy of the simulation; `read` fills it.
    """

    def __init__(self, env: VectorEnv):
        self._env, self._task = env, env.unwrapped.task
        self.joints, self.model = self._task.joints, self._task.sim.get_model(0)
        self.data = mujoco.MjData(self.model)
        ids = [self.model.joint(name).id for name in self.joints]
        self._q, self.dofs = self.model.jnt_qposadr[ids], self.model.jnt_dofadr[ids]
        root = self.model.joint("root")
        self._root_q, self._root_v = int(root.qposadr[0]), int(root.dofadr[0])

    @property
    def action_scale(self) -> float:
        """Change of a servo's target for an action of 1, rad."""
        return self._task.config.action_scale

    @property
    def row_names(self) -> list[str]:
        """Names of the rows of one frame of the observation, in its order."""
        return [row.name for row in self._task.observation.rows]

    def rows(self, stack: np.ndarray) -> dict[str, np.ndarray]:
        """Returns the rows (size,) of the current control step in an observation (k,), by name."""
        return {name: stack[self.places[name]] for name in self.row_names}

    @property
    def places(self) -> dict[str, slice]:
        """Columns of each row of the observation by name; NAME-1 is NAME one control step before."""
        return self._env.observation_rows if hasattr(self._env, "layout") else self._env.unwrapped.observation_rows

    @property
    def root_dofs(self) -> np.ndarray:
        """(6,) degrees of freedom of the base."""
        return self._root_v + np.arange(6)

    def reset(self, seed: int, command: np.ndarray) -> np.ndarray:
        """Starts an episode under a command (3,); returns the observation (k,)."""
        self._task.command_velocity(*command)
        observation, _ = self._env.reset(seed=seed)
        self.read()
        return observation[0]

    def step(self, action: np.ndarray, command: np.ndarray) -> tuple[np.ndarray, bool]:
        """Takes a control step with an action (a,) under a command (3,); returns observation (k,) and whether it ended."""
        self._task.command_velocity(*command)
        before = float(self._task.sim.bind("time")[0])
        observation, _, terminated, truncated, _ = self._env.step(action[None])
        self.duration = float(self._task.sim.bind("time")[0]) - before
        self.read()
        return observation[0], bool(terminated[0] or truncated[0])

    def read(self) -> None:
        """Copies the state of the simulation, and computes everything that follows from it."""
        sim, data = self._task.sim, self.data
        data.qpos[:], data.qvel[:], data.ctrl[:] = sim.bind("qpos")[0], sim.bind("qvel")[0], sim.bind("ctrl")[0]
        mujoco.mj_forward(self.model, data)

    @property
    def root(self) -> tuple[np.ndarray, np.ndarray]:
        """Pose (7,) and velocity (6,) of the base, as in `deploy.robot.Robot.place`."""
        q, v = self._root_q, self._root_v
        return self.data.qpos[q : q + 7].copy(), self.data.qvel[v : v + 6].copy()

    @property
    def joint_pos(self) -> np.ndarray:
        """(j,) angles, rad."""
        return self.data.qpos[self._q]

    @property
    def joint_vel(self) -> np.ndarray:
        """(j,) velocities, rad/s."""
        return self.data.qvel[self.dofs]

    @property
    def targets(self) -> np.ndarray:
        """(j,) targets of the servos, rad."""
        return self.data.ctrl.copy()

    def torque(self, targets: np.ndarray) -> np.ndarray:
        """Returns the torques (j,), N m, of the servos for targets (j,), rad, in the current state."""
        sent = self.data.ctrl.copy()
        self.data.ctrl[:] = targets
        mujoco.mj_fwdActuation(self.model, self.data)
        torque = self.data.qfrc_actuator[self.dofs]
        self.data.ctrl[:] = sent
        return torque


@contextmanager
def training_side(env_id: str, env_kwargs: Mapping | None) -> Iterator[TrainingSide]:
    """Yields the nominal training environment on flat ground, and closes it afterwards.

    Args:
        env_id, env_kwargs: id and arguments of the environment, from the description of a policy.

    Raises:
        ValueError: the environment is not one of this project, or its arguments are unknown or wrong.
    """
    spec = registered(env_id) if ":" not in env_id else None
    if spec is None or not str(spec.entry_point).startswith(f"{OURS}."):
        raise ValueError(f"{env_id} is no environment of this project: there is nothing to compare with; use --only script")
    if env_kwargs is None:
        raise ValueError("the description of the policy has no env_kwargs: export it again, or use --only script")
    env = _nominal(env_id, load_env_creator(spec.entry_point).task_class.config_class, nominal_arguments(env_kwargs))
    try:
        yield TrainingSide(env)
    finally:
        env.close()


def _nominal(env_id, config_class, arguments):
    """Returns one simulation without randomisation on flat ground, with the other arguments of the training."""
    names = {field.name for field in fields(config_class)}
    changes = {name: value for name, value in arguments.items() if name in names}
    config = resolved(config_class(), arguments.get("config"), changes)
    config = replace(config, variation=type(config.variation)(), terrain=replace(config.terrain, kinds=FLAT))
    others = {name: value for name, value in arguments.items() if name not in {*names, "config"}}
    try:
        return make_vector(qualified(env_id), 1, 1, config=config, **others)
    except TypeError as error:
        raise ValueError(f"{env_id} refuses the env_kwargs of the description: {str(error).splitlines()[0]}") from error
