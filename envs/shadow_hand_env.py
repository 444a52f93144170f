"""ShadowHandBlock-v0, ShadowHandPen-v0 and ShadowHandEgg-v0: turn an object in a Shadow hand to a target pose."""

import math
from collections.abc import Mapping
from dataclasses import fields
from functools import partial
from typing import ClassVar

import gymnasium as gym
import mujoco
import numpy as np
from gymnasium import spaces
from gymnasium.vector import VectorEnv

from envs.arguments import checked_action, checked_command, refuse_options
from envs.lifecycle import Lifecycle
from envs.shadow_hand.physics import OBJECTS, PERTURBATIONS, ShadowHand
from envs.single_envs import SinglesVector
from envs.wrappers.perturbation import Perturbation
from utils.config import nearest_name
from utils.fields import is_name, shown, whole_number
from utils.kernels import total
from utils.observation import ObservationTable, Row
from utils.perturbation import Perturbable, given_spec, single_values
from utils.rendering.camera import Camera
from utils.rendering.pictures import RENDER_MODES, Pictures
from utils.rotations import quat_from_euler

POSE = "m and wxyz"
OBSERVATION = ObservationTable(
    Row("achieved_goal", 7, -10, 10, POSE, "pose of the object"),
    Row("desired_goal", 7, -10, 10, POSE, "target pose; for block and egg only the quaternion counts"),
    Row("joint_positions", 24, -math.pi, math.pi, "rad", "angles of wrist, first, middle, ring, little finger, thumb"),
    Row("joint_velocities", 24, -100, 100, "rad/s", "velocities of the same joints"),
    Row("object_velocity", 3, -20, 20, "m/s", "velocity of the object, in the world frame"),
    Row("object_spin", 3, -200, 200, "rad/s", "angular velocity of the object, in the object frame"),
    Row("object_pose", 7, -10, 10, POSE, "the same as achieved_goal; the original has it twice"),
)
_ARGUMENTS = ("observation", "reward", "perturb_spec", "task_kwargs", *(field.name for field in fields(Pictures)))
_GOALS = {
    "achieved_goal": OBSERVATION.slices["achieved_goal"],
    "desired_goal": OBSERVATION.slices["desired_goal"],
    "observation": slice(OBSERVATION.slices["joint_positions"].start, None),
}


class ShadowHandEnv(Lifecycle, gym.Env):
    """A Shadow hand with 20 position servos and an object, at 25 Hz. The reward is the original's, of the observed poses.

    `info["is_success"]`, `info["position_error"]`, m, and `info["rotation_error"]`, rad, describe the new state. An
    episode terminates only if its physics fails: then the reward is 0, the observation is the previous one,
    `info["physics_failed"]` is True, and `info["physics_failure"]` gives the reason.

    Args:
        thing: the object in the hand: "block", "pen" or "egg".
        reward: "dense" for -(10 position error + rotation error); "sparse" for 0 where the target is reached and -1
            otherwise. For block and egg only the rotation counts.
        render_mode: None, "human", "rgb_array", "depth_array" or "rgbd_tuple".
        **pictures: width, height, camera_name or camera_id, as in `utils.rendering.pictures.Pictures`.

    Raises:
        ValueError: the object, reward, render mode or camera is unknown.
    """

    metadata: ClassVar[dict] = {"render_modes": RENDER_MODES, "render_fps": 25}
    perturbations: Mapping[str, Perturbable] = PERTURBATIONS  # scales of the nominal values
    default_perturbation = "torque_scale"
    command_rows = tuple(Row(f"target_{angle}", 1, -math.pi, math.pi, "rad") for angle in ("roll", "pitch", "yaw"))
    observation = OBSERVATION
    observation_rows = OBSERVATION.slices

    def __init__(self, thing: str, reward: str = "dense", render_mode: str | None = None, **pictures):
        pictures = Pictures(render_mode, **pictures)
        if not is_name(thing, OBJECTS):
            raise ValueError(f"there is no object (thing) {shown(thing)}{nearest_name(thing, OBJECTS)}")
        if not is_name(reward, ("dense", "sparse")):
            raise ValueError(f"reward must be 'dense' or 'sparse', got {shown(reward)}")
        self.hand = ShadowHand(thing)
        self.reward, self.render_mode = reward, render_mode
        self.observation_space, self.action_space = OBSERVATION.space, self.hand.action_space
        self._factors: dict[str, float] = {}
        self._used: dict[str, float] = {}  # scales of the current episode
        self._vector = np.zeros(OBSERVATION.space.shape, np.float32)
        self._pictures = pictures
        self._camera = Camera(self.hand, pictures)

    @property
    def model(self) -> mujoco.MjModel:
        return self.hand.model

    @property
    def data(self) -> mujoco.MjData:
        return self.hand.data

    @property
    def control_dt(self) -> float:
        """Duration of a control step, s."""
        return self.hand.dt

    @property
    def current_perturb(self) -> dict[str, float]:
        """The scales of the current episode by name, without those at their nominal value."""
        return dict(self._used)

    def perturb(self, values: Mapping[str, np.ndarray], ids=(0,)) -> None:
        """Sets scales (k,) of nominal values for the following episodes of simulations `ids` (k,); the only one is 0.

        Parameters that are not named keep their values. Without ids nothing changes, but names are checked.

        Raises:
            ValueError: a name is unknown, or a value is below 0 or not a number.
        """
        self._factors |= single_values(values, self.perturbations, ids)

    def steer(self, values: Mapping[str, float], ids=(0,)) -> None:
        """Replaces the target's orientation: a value for each of the `command_rows`, rad, in the world.

        Raises:
            ValueError: names differ from those of the rows, or a value lies outside the range of its row.
        """
        self.hand.goal[3:] = quat_from_euler(*checked_command(values, self.command_rows))

    def __getstate__(self) -> dict:
        return {name: value for name, value in vars(self).items() if name != "_camera"}

    def __setstate__(self, state: Mapping) -> None:
        vars(self).update(state)
        self._camera = Camera(self.hand, self._pictures)

    def reset(self, *, seed=None, options=None):
        self._check_open()
        super().reset(seed=seed)
        refuse_options(options)
        self._was_reset = True
        self.hand.start(self._factors, self.np_random)
        self._used = dict(self._factors)
        self._vector = self._observed()
        self._camera.show(self.control_dt)
        return self._shown(), {}

    def step(self, action):
        self.check_step()
        failure = self.hand.advance(np.clip(checked_action(action, self.action_space.shape), -1.0, 1.0))
        if not failure:
            self._vector = self._observed()
        errors = self._errors(*(self._vector[_GOALS[name]] for name in ("achieved_goal", "desired_goal")))
        terms = {name: 0.0 if failure else float(term) for name, term in self._reward_terms(*errors).items()}
        info = {"reward_terms": terms, "is_success": bool(self.hand.solved(*errors)) and not failure}
        info |= {"position_error": float(errors[0]), "rotation_error": float(errors[1]), "physics_failed": bool(failure)}
        if failure:
            info["physics_failure"] = failure
        self._camera.show(self.control_dt)
        return self._shown(), total(terms.values()), bool(failure), False, info

    def _observed(self):
        vector, space = self.hand.observation().astype(np.float32), OBSERVATION.space
        return np.minimum(np.maximum(vector, space.low), space.high)

    def _shown(self):
        return self._vector.copy()

    def _errors(self, achieved, desired):
        return self.hand.distances(achieved, desired)

    def _reward_terms(self, position_error, rotation_error):
        if self.reward == "sparse":
            return {"unsolved": self.hand.solved(position_error, rotation_error) - 1.0}
        return {"position_error": -10.0 * position_error, "rotation_error": -rotation_error}


class ShadowHandGoalEnv(ShadowHandEnv):
    """The same with observations for hindsight replay: a dict of `observation`, `achieved_goal` and `desired_goal`."""

    def __init__(self, thing: str, reward: str = "dense", render_mode: str | None = None, **pictures):
        super().__init__(thing, reward, render_mode, **pictures)
        low, high = OBSERVATION.space.low, OBSERVATION.space.high
        self.observation_space = spaces.Dict({name: spaces.Box(low[part], high[part]) for name, part in _GOALS.items()})

    def compute_reward(self, achieved_goal: np.ndarray, desired_goal: np.ndarray, info=None) -> np.ndarray:
        """Returns the rewards (...) of these observed poses (..., 7)."""
        return total(self._reward_terms(*self._errors(achieved_goal, desired_goal)).values())

    def _shown(self):
        return {name: self._vector[part].copy() for name, part in _GOALS.items()}


def shadow_hand(
    thing: str,
    *,
    observation: str = "flat",
    reward: str = "dense",
    render_mode: str | None = None,
    perturb_spec=None,
    task_kwargs=None,
    **pictures,
):
    """Returns a Shadow hand whose observation is "flat", one float32 vector, or "goal", a dict for hindsight replay.

    `perturb_spec`, also as an entry of `task_kwargs`, perturbs the physics of every episode; see docs/challenges.md.
    Other arguments are those of `ShadowHandEnv`.

    Raises:
        ValueError: the value of an argument is not allowed.
    """
    for name in pictures.keys() - {field.name for field in fields(Pictures)}:
        raise ValueError(f"there is no argument {shown(name)}{nearest_name(name, _ARGUMENTS)}")
    kinds = {"flat": ShadowHandEnv, "goal": ShadowHandGoalEnv}
    if not is_name(observation, kinds):
        raise ValueError(f"observation must be 'flat' or 'goal', got {shown(observation)}")
    env = kinds[observation](thing, reward, render_mode, **pictures)
    return _perturbed(env, given_spec(perturb_spec, task_kwargs))


shadow_hand.metadata = ShadowHandEnv.metadata  # `gymnasium.make` reads the render modes here


def shadow_hand_vector(
    num_envs: int,
    thing: str,
    *,
    max_episode_steps: int | None = 100,
    autoreset_mode="same_step",
    observation: str = "flat",
    reward: str = "dense",
    render_mode: str | None = None,
    perturb_spec=None,
    task_kwargs=None,
    **pictures,
) -> VectorEnv:
    """Returns `num_envs` hands, each like the single environment of its seed.

    Arguments are those of `shadow_hand`. `max_episode_steps` of None or -1 means no limit. `autoreset_mode` is Gymnasium's
    mode or its name: "same_step", "next_step" or "disabled".
    """
    whole_number("num_envs", num_envs, 1)
    make = partial(shadow_hand, thing, observation=observation, reward=reward)
    vector = SinglesVector(make, num_envs, max_episode_steps, render_mode, autoreset_mode, **pictures)
    return _perturbed(vector, given_spec(perturb_spec, task_kwargs))


def _perturbed(env, spec):
    return env if spec is None else Perturbation(env, spec)
