"""One task of the Real-World RL suite as a Gymnasium environment, without any challenge."""

from collections import OrderedDict
from collections.abc import Mapping
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

    `info["safety_vars"]` holds the safety variables of the new state as float64 arrays, at every step and reset; besides
    those of the domain `actions`, the controls as they were given to the actuators, and `previous_actions`, those of the
    step before (zeros at the start). An episode terminates only when its physics diverges: then the reward is 0,
    observation and safety variables are the last good ones, `info["physics_failed"]` is True, and
    `info["physics_failure"]` says why.

    Args:
        domain: "cartpole", "walker", "quadruped" or "humanoid".
        task: one of the domain's tasks, as "walk".
        exact: keep the oddities of the original suite, to the last bit: those of the domains, safety variables at reset
            from before the forward pass, and draws from `RandomState(seed)`.
        render_mode: None, "human", "rgb_array", "depth_array" or "rgbd_tuple".
        **pictures: width, height, camera_name or camera_id, as in `utils.rendering.pictures.Pictures`.

    Raises:
        ValueError: there is no such domain, task, render mode or camera; the message names the nearest.
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
        self._pictures = pictures
        self._camera = Camera(self, pictures, self.domain.camera)
        self._built: dict[str, float] = {}  # perturbations of the current physics
        self._perturbed: dict[str, float] = {}  # and of that which the next reset is to use
        self._next = None  # that physics, if it is another one
        self._task, self._unseeded = self.domain.new_task(np.random.RandomState(0)), True
        self._substeps = whole_ratio(self.domain.control_dt, self.physics.timestep())
        low, high = self.model.actuator_ctrlrange.astype(np.float32).T
        self.action_space = spaces.Box(low, high)
        self._previous_actions = self.physics.control()
        self._safety_vars = self.safety_vars()
        self._observation = self.domain.observe(self._task, self.physics)
        self.observation_space = spaces.Dict(OrderedDict((name, _box(part)) for name, part in self._observation.items()))

    @property
    def model(self) -> mujoco.MjModel:
        """The current model: what is written to it acts from the next step on, also in models that `perturb` builds."""
        return self._written.show(self.physics.model.ptr)

    @property
    def data(self) -> mujoco.MjData:
        return self.physics.data.ptr

    @property
    def control_dt(self) -> float:
        """Seconds of a control step."""
        return self.domain.control_dt

    @property
    def perturbations(self) -> Mapping[str, Perturbable]:
        """What `perturb` takes: absolute values, by name."""
        return self.domain.perturbations

    @property
    def default_perturbation(self) -> str:
        return self.domain.default_perturbation

    @property
    def current_perturb(self) -> dict[str, float]:
        """The values that the current physics was built with, by name; the nominal ones are left out."""
        return dict(self._built)

    @property
    def combined_perturbations(self) -> Mapping[str, dict]:
        """The perturb_spec of each combined challenge: "easy", "medium" and "hard"."""
        return self.domain.combined_perturbations()

    def constraints(self, safety_coeff: float = 1.0, limits: Limits | None = None) -> dict[str, Constraint]:
        """Returns the built-in constraints in their order: name -> f(safety variables) -> satisfied, () or (n,) bool.

        Args:
            safety_coeff: in [0, 1], scales the limits; 1 is the mildest.
            limits: stand in place of the scaled limits of these names.

        Raises:
            ValueError: the coefficient lies outside, or a limit has no such name.
        """
        return self.domain.constraints(self.domain.limits(safety_coeff, limits))

    def optional_constraints(self, safety_coeff: float = 1.0, limits: Limits | None = None) -> dict[str, Constraint]:
        """Returns the constraints that count only if they are asked for; arguments as in `constraints`."""
        return {"action_roc": partial(action_rate, limits=self.domain.limits(safety_coeff, limits))}

    def safety_vars(self) -> dict[str, np.ndarray]:
        """Returns the safety variables of the current state, () or (k,) float64 each."""
        controls = {"actions": self.physics.control(), "previous_actions": self._previous_actions.copy()}
        return {name: np.array(read(), float) for name, read in self._readers.items()} | controls

    def perturb(self, values: Mapping[str, np.ndarray], ids=(0,)) -> None:
        """Gives following episodes a model with these absolute `values` (k,), for simulations `ids` (k,): here there is 0.

        What is not named stays as it was asked for last. Values may lie outside of the usual range. Without ids nothing
        changes, but names are checked.

        Raises:
            ValueError: an unknown name, a value that is below 0 or no number, or MuJoCo cannot build such a model.
        """
        wanted = self._perturbed | single_values(values, self.perturbations, ids)
        if wanted != self._perturbed:
            self._next = self.domain.build_physics(wanted)
            self._perturbed = wanted

    def snapshot(self) -> dict:
        """Returns all that what follows depends on, between two steps, as plain data and arrays.

        Raises:
            ValueError: in exact mode, whose generator is not kept.
        """
        if self.exact:
            raise ValueError("an environment in exact mode cannot be kept")
        state = np.zeros(mujoco.mj_stateSize(self.model, _STATE))
        mujoco.mj_getState(self.model, self.data, state, _STATE)
        shown = {name: _copied(getattr(self, name)) for name in ("_observation", "_safety_vars")}
        previous, generator = self._previous_actions.copy(), self.np_random.bit_generator.state
        return {"state": state, "generator": generator, "previous_actions": previous, **shown} | {
            name: dict(getattr(self, name)) for name in ("_built", "_perturbed")
        }

    def restore_snapshot(self, snapshot: Mapping) -> None:
        """Goes on, to the bit, from what `snapshot` returned."""
        self._was_reset = True
        if snapshot["_built"] != self._built:
            self._use(self.domain.build_physics(snapshot["_built"]))
        self._built, self._perturbed = dict(snapshot["_built"]), dict(snapshot["_perturbed"])
        self._next = self.domain.build_physics(self._perturbed) if self._perturbed != self._built else None
        mujoco.mj_setState(self.model, self.data, snapshot["state"], _STATE)
        mujoco.mj_step1(self.model, self.data)  # with which dm_control ends a step
        self.np_random = np.random.Generator(np.random.PCG64())
        self.np_random.bit_generator.state = snapshot["generator"]
        self._previous_actions = snapshot["previous_actions"].copy()
        self._observation, self._safety_vars = _copied(snapshot["_observation"]), _copied(snapshot["_safety_vars"])

    def __getstate__(self) -> dict:
        """Returns all attributes, with MuJoCo's objects in the place of dm_control's, and without the camera."""
        state = {name: value for name, value in vars(self).items() if name not in ("_camera", "_readers")}
        return state | {name: _physics_state(state[name]) for name in ("physics", "_next")}

    def __setstate__(self, state: Mapping) -> None:
        vars(self).update(state)
        self.physics, self._next = (_physics_of(self.domain, state[name]) for name in ("physics", "_next"))
        self._readers = self.domain.safety_readers(self.physics.model.ptr, self.data)
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
            before_forward = self.safety_vars()
        self._observation = self.domain.observe(self._task, self.physics)
        # The original evaluates constraints before the forward pass: on the pose and forces that the model has by default.
        self._safety_vars = before_forward if self.exact else self.safety_vars()
        self._camera.show(self.control_dt)
        terms = {"task": float(self._task.get_reward(self.physics))}  # what standing here is worth, as the original shows
        return _copied(self._observation), {"safety_vars": _copied(self._safety_vars), "reward_terms": terms}

    def step(self, action):
        self.check_step()
        reward, failure = self._advance(checked_action(action, self.action_space.shape))
        info = {"safety_vars": _copied(self._safety_vars), "reward_terms": {"task": reward}, "physics_failed": bool(failure)}
        if failure:
            info["physics_failure"] = failure
        self._camera.show(self.control_dt)
        return _copied(self._observation), reward, bool(failure), False, info

    def get_data(self, index: int = 0, data: mujoco.MjData | None = None) -> mujoco.MjData:
        """Returns the simulation as it is now, for a camera."""
        return self.data

    def _use(self, physics):
        self._written.carry_to(physics.model.ptr)
        self.physics = physics
        self._readers = self.domain.safety_readers(physics.model.ptr, self.data)

    def _draw_from(self, seed):
        """Gives the task a generator that shares its state with `np_random`; in exact mode the original's of that seed."""
        if not self.exact:  # anew at every reset: RandomState keeps half a pair of normal numbers to itself
            self._task = self.domain.new_task(np.random.RandomState(self.np_random.bit_generator))
        elif seed is not None or self._unseeded:
            self._task = self.domain.new_task(np.random.RandomState(seed))
            self._unseeded = False

    def _advance(self, action):
        """Takes one control step; returns the reward, and what went wrong or an empty string."""
        previous = self.physics.control()
        try:
            self._task.before_step(action, self.physics)
            self.physics.step(self._substeps)  # raises also for a state that is not finite
        except PhysicsError as error:
            return 0.0, f"the physics diverged: {error}"
        self._previous_actions = previous
        self._safety_vars = self.safety_vars()
        self._observation = self.domain.observe(self._task, self.physics)
        return float(self._task.get_reward(self.physics)), ""


def _physics_state(physics):
    """Returns the model and the data of a simulation, or None for None."""
    return None if physics is None else (physics.model.ptr, physics.data.ptr)


def _physics_of(domain, state):
    """Returns dm_control's simulation of a model and data, or None for None."""
    if state is None:
        return None
    physics = domain.physics.from_model(MjModel(state[0]))
    mujoco.mj_copyData(physics.data.ptr, *state)  # all of it: building has run a forward pass
    return physics


def _box(part):
    return spaces.Box(-np.inf, np.inf, part.shape, np.float64)


def _copied(arrays):
    return {name: array.copy() for name, array in arrays.items()}
