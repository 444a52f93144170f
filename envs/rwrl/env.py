"""One task of the Real-World RL suite as a Gymnasium environment, without any challenge."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from functools import partial
from typing import ClassVar

import gymnasium as gym
import mujoco
import numpy as np
from dm_control.mujoco.wrapper import MjModel
from dm_control.rl.control import PhysicsError
from gymnasium import spaces

from envs.arguments import checked_action, refuse_options, whole_ratio
from envs.lifecycle import Lifecycle
from envs.rwrl.cartpole import Cartpole
from envs.rwrl.domain import Constraint, Limits, action_rate
from envs.rwrl.humanoid import Humanoid
from envs.rwrl.quadruped import Quadruped
from envs.rwrl.states import States
from envs.rwrl.walker import Walker
from envs.written_model import WrittenModel
from utils.config import nearest_name
from utils.fields import fitting, is_name, shown
from utils.perturbation import Perturbable, single_values
from utils.rendering.camera import Camera
from utils.rendering.pictures import RENDER_MODES, Pictures

_STATE = int(mujoco.mjtState.mjSTATE_INTEGRATION)
DOMAINS = {domain.name: domain for domain in (Cartpole, Walker, Quadruped, Humanoid)}


class RWRLEnv(Lifecycle, gym.Env):
    """One domain and task of the suite: dm_control's physics, observation and reward, without any challenge.

    Without `exact`, rewards may differ from dm_control's by rounding.

    `info["safety_vars"]` contains the safety variables of the new state as float64 arrays, at every step and reset. These
    are the domain's variables, `actions` (the controls that the actuators received) and `previous_actions` (the controls
    of the previous step, zeros at reset). An episode terminates only when the physics diverges. Then the reward is 0, the
    observation and the safety variables are those of the last valid state, `info["physics_failed"]` is True, and
    `info["physics_failure"]` gives the reason.

    Args:
        domain: "cartpole", "walker", "quadruped" or "humanoid".
        task: one of the domain's tasks, for example "walk".
        exact: reproduce the original suite bit for bit, including its errors: those of the domains, safety variables that
            a reset reads before the forward pass, and random numbers from `RandomState(seed)`.
        render_mode: None, "human", "rgb_array", "depth_array" or "rgbd_tuple".
        **pictures: width, height, camera_name or camera_id, as in `utils.rendering.pictures.Pictures`.

    Raises:
        ValueError: unknown domain, task, render mode or camera; the message names the nearest valid name.
    """

    metadata: ClassVar[dict] = {"render_modes": RENDER_MODES, "render_fps": 100}

    def __init__(self, domain: str, task: str, exact: bool = False, render_mode: str | None = None, **pictures):
        pictures = Pictures(render_mode, **pictures)
        fitting(exact, bool, "exact")
        if not is_name(domain, DOMAINS):
            raise ValueError(f"there is no domain {shown(domain)}{nearest_name(domain, DOMAINS)}")
        self.domain = DOMAINS[domain](task, exact)
        self.exact, self.render_mode = exact, render_mode
        self.metadata = self.metadata | {"render_fps": round(1 / self.domain.control_dt)}
        self._written = WrittenModel()
        self._use(self.domain.build_physics({}))
        self._places = self.domain.places(self.physics.model.ptr)
        self._pictures = pictures
        self._camera = Camera(self, pictures, self.domain.camera)
        self._built: dict[str, float] = {}  # perturbations of the current physics
        self._perturbed: dict[str, float] = {}  # perturbations for the next reset
        self._next = None  # physics for the next reset, if it differs from the current one
        self._task, self._unseeded = self.domain.new_task(np.random.RandomState(0)), True
        self._substeps = whole_ratio(self.domain.control_dt, self.physics.timestep())
        low, high = self.model.actuator_ctrlrange.astype(np.float32).T
        self.action_space = spaces.Box(low, high)
        self._previous_actions = self.physics.control()
        read_states([self])
        self.observation_space = spaces.Dict(OrderedDict((name, _box(part)) for name, part in self._observation.items()))

    @property
    def model(self) -> mujoco.MjModel:
        """The current model. Values written to it take effect at the next step, and also in models that `perturb` builds."""
        return self._written.show(self.physics.model.ptr)

    @property
    def data(self) -> mujoco.MjData:
        return self.physics.data.ptr

    @property
    def control_dt(self) -> float:
        """Duration of a control step, s."""
        return self.domain.control_dt

    @property
    def perturbations(self) -> Mapping[str, Perturbable]:
        """Parameters that `perturb` accepts, by name, with their ranges in absolute values."""
        return self.domain.perturbations

    @property
    def default_perturbation(self) -> str:
        return self.domain.default_perturbation

    @property
    def current_perturb(self) -> dict[str, float]:
        """Perturbed values of the current physics, by name, without the parameters at their nominal value."""
        return dict(self._built)

    @property
    def combined_perturbations(self) -> Mapping[str, dict]:
        """The perturb_spec of each combined challenge: "easy", "medium" and "hard"."""
        return self.domain.combined_perturbations()

    def constraints(self, safety_coeff: float = 1.0, limits: Limits | None = None) -> dict[str, Constraint]:
        """Returns the built-in constraints in their order: name -> f(safety variables) -> satisfied, () or (n,) bool.

        Args:
            safety_coeff: in [0, 1], scales the limits; 1 is the least strict.
            limits: replace the scaled limits of the same names.

        Raises:
            ValueError: the coefficient is outside [0, 1], or a limit has an unknown name.
        """
        return self.domain.constraints(self.domain.limits(safety_coeff, limits))

    def optional_constraints(self, safety_coeff: float = 1.0, limits: Limits | None = None) -> dict[str, Constraint]:
        """Returns the constraints that are off by default; arguments as in `constraints`."""
        return {"action_roc": partial(action_rate, limits=self.domain.limits(safety_coeff, limits))}

    def safety_vars(self) -> dict[str, np.ndarray]:
        """Returns the safety variables of the current state, each () or (k,) float64."""
        return {name: part[0, ...] for name, part in safety_vars([self]).items()}

    def perturb(self, values: Mapping[str, np.ndarray], ids=(0,)) -> None:
        """Sets absolute `values` (k,) of model parameters for simulations `ids` (k,), from the next reset on.

        The only valid id is 0. Other parameters keep the values of earlier calls. Values may lie outside the usual range.
        Without ids, only the names are checked.

        Raises:
            ValueError: an unknown name, a value that is negative or not a number, or MuJoCo cannot build the model.
        """
        wanted = self._perturbed | single_values(values, self.perturbations, ids)
        if wanted != self._perturbed:
            self._next = self.domain.build_physics(wanted)
            self._perturbed = wanted

    def snapshot(self) -> dict:
        """Returns the complete state between two steps, as plain data and arrays.

        Raises:
            ValueError: in exact mode, because the state of its generator is not saved.
        """
        if self.exact:
            raise ValueError("the state of an environment in exact mode cannot be saved")
        state = np.zeros(mujoco.mj_stateSize(self.model, _STATE))
        mujoco.mj_getState(self.model, self.data, state, _STATE)
        arrays = {name: _copied(getattr(self, name)) for name in ("_observation", "_safety_vars")}
        previous, generator = self._previous_actions.copy(), self.np_random.bit_generator.state
        return {"state": state, "generator": generator, "previous_actions": previous, **arrays} | {
            name: dict(getattr(self, name)) for name in ("_built", "_perturbed")
        }

    def restore_snapshot(self, snapshot: Mapping) -> None:
        """Restores the state that `snapshot` returned; following steps are identical bit for bit."""
        self._was_reset = True
        if snapshot["_built"] != self._built:
            self._use(self.domain.build_physics(snapshot["_built"]))
        self._built, self._perturbed = dict(snapshot["_built"]), dict(snapshot["_perturbed"])
        self._next = self.domain.build_physics(self._perturbed) if self._perturbed != self._built else None
        mujoco.mj_setState(self.model, self.data, snapshot["state"], _STATE)
        mujoco.mj_step1(self.model, self.data)  # dm_control ends a step with it
        self.np_random = np.random.Generator(np.random.PCG64())
        self.np_random.bit_generator.state = snapshot["generator"]
        self._previous_actions = snapshot["previous_actions"].copy()
        self._observation, self._safety_vars = _copied(snapshot["_observation"]), _copied(snapshot["_safety_vars"])

    def __getstate__(self) -> dict:
        """Returns all attributes except the camera, with MuJoCo's objects instead of dm_control's."""
        state = {name: value for name, value in vars(self).items() if name != "_camera"}
        return state | {name: _physics_state(state[name]) for name in ("physics", "_next")}

    def __setstate__(self, state: Mapping) -> None:
        vars(self).update(state)
        self.physics, self._next = (_physics_of(self.domain, state[name]) for name in ("physics", "_next"))
        self._camera = Camera(self, self._pictures, self.domain.camera)

    def reset(self, *, seed=None, options=None):
        self._check_open()
        super().reset(seed=seed)
        refuse_options(options)
        self._was_reset = True
        self._draw_from(seed)
        if self._next is not None:
            self._use(self._next)
            self._built, self._next = self._perturbed, None
        with self.physics.reset_context():
            self._task.initialize_episode(self.physics)
            self._previous_actions = self.physics.control()
            before_forward = self.safety_vars() if self.exact else {}
        rewards = read_states([self])
        if self.exact:  # the original evaluates constraints before the forward pass, on the model's default pose and forces
            self._safety_vars = before_forward
        self._camera.show(self.control_dt)
        terms = {"task": float(rewards[0])}  # reward of the initial state, as in the original
        return self.last_observation(), {"safety_vars": self.last_safety_vars(), "reward_terms": terms}

    def step(self, action):
        self.check_step()
        rewards, failures = take_steps([self], checked_action(action, self.action_space.shape)[None])
        reward, failure = float(rewards[0]), failures[0]
        info = {"safety_vars": self.last_safety_vars(), "reward_terms": {"task": reward}, "physics_failed": bool(failure)}
        if failure:
            info["physics_failure"] = failure
        return self.last_observation(), reward, bool(failure), False, info

    def last_observation(self) -> dict[str, np.ndarray]:
        """Returns a copy of the observation of the last valid state."""
        return _copied(self._observation)

    def last_safety_vars(self, copy: bool = True) -> dict[str, np.ndarray]:
        """Returns the safety variables of the last valid state; without `copy` they must not be changed."""
        return _copied(self._safety_vars) if copy else self._safety_vars

    def get_data(self, index: int = 0, data: mujoco.MjData | None = None) -> mujoco.MjData:
        """Returns the current simulation data for a camera."""
        return self.data

    def _use(self, physics):
        self._written.carry_to(physics.model.ptr)
        self.physics = physics

    def _draw_from(self, seed):
        """Makes the task draw from `np_random`'s bit generator, or in exact mode from the original `RandomState(seed)`."""
        if not self.exact:  # new at every reset, because RandomState caches every second normal number
            self._task = self.domain.new_task(np.random.RandomState(self.np_random.bit_generator))
        elif seed is not None or self._unseeded:
            self._task = self.domain.new_task(np.random.RandomState(seed))
            self._unseeded = False

    def _advance(self, action):
        """Takes one control step; returns the error message, "" if there is no error."""
        previous = self.physics.control()
        try:
            self._task.before_step(action, self.physics)
            self.physics.step(self._substeps)  # also raises if the state is not finite
        except PhysicsError as error:
            return f"the physics diverged: {error}"
        self._previous_actions = previous
        return ""

    def _remember(self, row, observations, variables):
        """Keeps the observation and the safety variables of a row of arrays (n, ...)."""
        self._observation = {name: part[row, ...] for name, part in observations.items()}
        self._safety_vars = {name: part[row, ...] for name, part in variables.items()}


def take_steps(envs: Sequence[RWRLEnv], actions: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Takes one control step in each of n environments of one task, with actions (n, a).

    Returns the rewards (n,), 0 where the physics diverged, and the error messages, "" where it did not.
    """
    failures = [env._advance(action) for env, action in zip(envs, actions)]
    sound = [i for i, failure in enumerate(failures) if not failure]
    rewards = np.zeros(len(envs))
    if sound:
        rewards[sound] = read_states([envs[i] for i in sound])
    for env in envs:
        env._camera.show(env.control_dt)
    return rewards, failures


def read_states(envs: Sequence[RWRLEnv]) -> np.ndarray:
    """Reads the current states of n environments of one task; each keeps its observation and its safety variables.

    Returns the rewards (n,). In exact mode dm_control reads the state, and n must be 1.
    """
    env, states = envs[0], States([env.data for env in envs])
    if env.exact:
        observations = {name: part[None] for name, part in env.domain.exact_observation(env._task, env.physics).items()}
        rewards = np.array([env._task.get_reward(env.physics)])
    else:
        observations = env.domain.observation(states, env._places)
        rewards = env.domain.reward(states, env._places)
    variables = safety_vars(envs, states)
    for row, env in enumerate(envs):
        env._remember(row, observations, variables)
    return rewards


def safety_vars(envs: Sequence[RWRLEnv], states: States | None = None) -> dict[str, np.ndarray]:
    """Returns the safety variables of n environments of one task, (n,) or (n, k) float64 each."""
    states = States([env.data for env in envs]) if states is None else states
    previous = np.array([env._previous_actions for env in envs])
    return envs[0].domain.safety_vars(states, envs[0]._places) | {"actions": states["ctrl"], "previous_actions": previous}


def _physics_state(physics):
    """Returns the model and the data of a simulation, or None for None."""
    return None if physics is None else (physics.model.ptr, physics.data.ptr)


def _physics_of(domain, state):
    """Returns dm_control's simulation for a model and its data, or None for None."""
    if state is None:
        return None
    physics = domain.physics.from_model(MjModel(state[0]))
    mujoco.mj_copyData(physics.data.ptr, *state)  # copies everything, because building has run a forward pass
    return physics


def _box(part):
    return spaces.Box(-np.inf, np.inf, part.shape, np.float64)


def _copied(arrays):
    return {name: array.copy() for name, array in arrays.items()}
