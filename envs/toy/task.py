"""The task of Toy-v0: a point in the plane must reach the origin; its inertia is drawn for every episode."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from gymnasium.spaces import Box

from envs.arguments import checked_action, refuse_options
from envs.observed import Observed
from envs.transition import Transition
from envs.wrappers.draws import BLOCK_STEPS, Distribution
from utils.fields import Checked, whole_number, within
from utils.kernels import total
from utils.observation import ObservationTable, Row
from utils.perturbation import Perturbable, check_values

FIELD = 10.0  # the point stays in [-FIELD, FIELD] on both axes
TARGET_RADIUS = 0.05
NOISE = 0.1  # standard deviation, per axis and step
LEGACY_PAY = 50.0
NOMINAL_INERTIA = 1.0
SHAPES = {  # matrices that the unit noise of the inertia is multiplied with
    "l2": np.array([[1.0, 0.0], [0.0, 1.0]]),
    "ellipsoid": np.array([[1.0, 1.0], [0.0, 2.0]]),
    "l+": np.array([[2.0, 0.0], [0.0, 1.0]]),
}
_AXES = ("inertia_x", "inertia_y")
_KICKS = Distribution("normal", np.full(2, NOISE))


@dataclass(frozen=True)
class ToyConfig(Checked):
    """Distribution of the inertia, and the reward."""

    perturb_method: Literal["l2", "ellipsoid", "l+"] = "l2"
    """Shape of the set from which inertias are drawn."""
    perturb_val: float = within(0.1, 0.0, 1e6, allowed="be a number up to 1e6, from 0 on")
    """Size of that set; 0 leaves the inertia at 1."""
    legacy_reward: bool = False
    """Reward 50 - distance instead of -distance. Reaching the target then ends a positive reward: the worst outcome."""


class Toy(Observed):
    """The points of n simulations. A step moves a point by action * inertia + noise; walls stop it.

    It offers what `TaskEnv` and `TaskVectorEnv` need from a task, without a physics engine. Infos report the inertia, the
    distance to the target, and whether the target is reached, which ends the episode.

    Args:
        config: the config.
        num_envs: n.
        num_threads: without effect; the faces pass 1.
    """

    config_class = ToyConfig
    observation = ObservationTable(Row("position", 2, -FIELD, FIELD, "1", "position of the point; the target is the origin"))
    action_space = Box(-1.0, 1.0, (2,), np.float32)
    control_dt = 0.02  # s; only the viewer and videos use it
    ranges: Mapping[str, Perturbable] = dict.fromkeys(_AXES, Perturbable(NOMINAL_INERTIA, 0.5, 1.5, 0.1, highest=10.0))
    default_perturbation = "inertia_x"
    sim, failures, failure_count = None, (), 0

    def __init__(self, config: ToyConfig = ToyConfig(), num_envs: int = 1, num_threads: int = 1):
        self.num_envs, self.config = whole_number("num_envs", num_envs, 1), config
        self.age = np.zeros(num_envs, int)  # (n,) completed steps of the current episode
        self.position, self.inertia = np.zeros((num_envs, 2)), np.full((num_envs, 2), NOMINAL_INERTIA)
        self._fixed_inertia = np.full((num_envs, 2), np.nan)  # NaN where the inertia is drawn
        self._generators = [np.random.default_rng() for _ in range(num_envs)]
        self._kicks = np.zeros((num_envs, BLOCK_STEPS, 2))
        self._used = np.full(num_envs, BLOCK_STEPS)  # number of used steps of the drawn noise

    def perturb(self, values: Mapping[str, np.ndarray], ids: np.ndarray) -> None:
        """Fixes the inertia (k,) of one or both axes in the next episodes of simulations `ids` (k,).

        Raises:
            ValueError: a name is unknown (the message names the nearest), or a value lies outside its bounds.
        """
        check_values(values, self.ranges)
        for name, value in values.items():
            self._fixed_inertia[ids, _AXES.index(name)] = value

    def start(self, ids: np.ndarray, generators: list[np.random.Generator], options: dict | None = None) -> np.ndarray:
        """Starts new episodes in simulations `ids`; returns the observations (n, 2) of all simulations.

        Raises:
            ValueError: an option is given; the toy has none.
        """
        refuse_options(options)
        # One generator for each episode, so that later episodes do not depend on the length of this one.
        streams = [np.random.default_rng(generator.integers(2**63)) for generator in generators]
        drawn, fixed = draw_inertia(self.config, streams), self._fixed_inertia[ids]
        self.inertia[ids] = np.where(np.isnan(fixed), drawn, fixed)
        self.position[ids] = [_start(stream) for stream in streams]
        self._used[ids], self.age[ids] = BLOCK_STEPS, 0
        for i, stream in zip(ids, streams):
            self._generators[i] = stream
        return self._observed()

    def step(self, action: np.ndarray, unseen: np.ndarray | None = None) -> Transition:
        """Moves the points by `action` (n, 2), clipped to [-1, 1]. `unseen` has no effect: no physics can fail.

        Raises:
            ValueError: the action has another shape, or contains NaN.
        """
        action = checked_action(action, (self.num_envs, 2))
        moved = self.position + np.clip(action, -1.0, 1.0) * self.inertia + self._noise()
        self.position = np.clip(moved, -FIELD, FIELD)
        self.age += 1
        terms = {"distance": -self._distance()}
        if self.config.legacy_reward:
            terms["alive"] = np.full(self.num_envs, LEGACY_PAY)
        arrived = self._distance() < TARGET_RADIUS
        return Transition(self._observed(), total(terms.values()), terms, arrived, np.zeros(self.num_envs, bool))

    def measurements(self) -> dict[str, np.ndarray]:
        """Returns inertia, distance, `is_success` (target reached) and `physics_failed` (always False), (n,) each."""
        distance, failed = self._distance(), np.zeros(self.num_envs, bool)
        inertia = {name: self.inertia[:, axis].copy() for axis, name in enumerate(_AXES)}
        return inertia | {"distance": distance, "is_success": distance < TARGET_RADIUS, "physics_failed": failed}

    def _observed(self):
        return self.observation.pack({"position": self.position})

    def _distance(self):
        return np.hypot(*self.position.T)

    def _noise(self):
        due = np.flatnonzero(self._used == BLOCK_STEPS)
        if len(due):
            self._kicks[due] = _KICKS.block([self._generators[i] for i in due])
            self._used[due] = 0
        kicks = self._kicks[np.arange(self.num_envs), self._used]
        self._used += 1
        return kicks


def draw_inertia(config: ToyConfig, generators: list[np.random.Generator]) -> np.ndarray:
    """Returns inertias (k, 2), one from each generator: 1 + perturb_val * M u, with M from SHAPES.

    u is uniform on the unit disc for "l2" and "ellipsoid", and on the square [-1, 1]^2 for "l+".
    """
    draw = _in_square if config.perturb_method == "l+" else _in_disc
    unit_noise = np.array([draw(generator) for generator in generators]).reshape(-1, 2)
    return NOMINAL_INERTIA + config.perturb_val * unit_noise @ SHAPES[config.perturb_method].T


def _in_disc(generator):
    direction = generator.standard_normal(2)
    return direction / np.hypot(*direction) * np.sqrt(generator.random())


def _in_square(generator):
    return generator.uniform(-1.0, 1.0, 2)


def _start(generator):
    """Returns a position (2,) anywhere in the field outside the target."""
    while True:
        position = generator.uniform(-FIELD, FIELD, 2)
        if np.hypot(*position) >= TARGET_RADIUS:
            return position
