"""What differs from robot to robot and from episode to episode: body, servos, ground, late controls and pushes."""

from dataclasses import dataclass, replace

import numpy as np
from mujoco.batch import Batch

from controllers.leg_names import JOINTS
from utils.fields import Checked, span, within
from utils.perturbation import Perturbable
from utils.variation import Scale, Shift, Variation, scaled_mass

# Friction of every geom, ground included: of two geoms in contact MuJoCo takes the larger one, so that a slippery foot
# on a ground left as it is would not slip.
FACTORS = {
    "friction": (Scale("geom_friction", columns=(0,)),),
    "mass": scaled_mass("torso"),
    "mass_offset_x": (Shift("body_ipos", ("torso",), (0,)),),
    "mass_offset_y": (Shift("body_ipos", ("torso",), (1,)),),
    "servo_strength": (Scale("actuator_forcerange"),),
    "servo_gain": (Scale("actuator_gainprm", columns=(0,)), Scale("actuator_biasprm", columns=(1,))),
}
MOST_LATE = 5  # control steps
# What may be perturbed from outside, with the ranges of a sweep; factors (nominally 1), m, and control steps.
PERTURBATIONS = {
    "friction": Perturbable(1.0, 0.3, 2.0, 0.1, 0.01, 10.0),
    "mass": Perturbable(1.0, 0.5, 2.0, 0.1, 0.1, 10.0),
    "mass_offset_x": Perturbable(0.0, -0.02, 0.02, 0.002, -0.1, 0.1),
    "mass_offset_y": Perturbable(0.0, -0.02, 0.02, 0.002, -0.1, 0.1),
    "servo_strength": Perturbable(1.0, 0.5, 1.5, 0.1, 0.0, 10.0),
    "servo_gain": Perturbable(1.0, 0.5, 1.5, 0.1, 0.0, 10.0),
    "servo_damping": Perturbable(1.0, 0.2, 5.0, 0.2, 0.0, 50.0),
    "gravity": Perturbable(1.0, 0.5, 1.5, 0.05, 0.0, 5.0),
    "latency": Perturbable(0.0, 0.0, 3.0, 0.5, 0.0, MOST_LATE, whole=True),
}
# `servo_damping` stands for a servo's velocity gain: torque against the turning of its own joint. `latency`, in control
# steps and rounded to whole ones, is no field of the model.
PERTURBABLE = FACTORS | {
    "servo_damping": (Scale("dof_damping", JOINTS),),
    "gravity": (Scale("opt.gravity"),),
    "latency": (),
}


@dataclass(frozen=True)
class VariationConfig(Checked):
    """Ranges (low, high) from which each episode draws, evenly, what a robot is like; by default all are alike."""

    friction: tuple[float, float] = span((1.0, 1.0), 0.05, 5.0)
    """Scale of the sliding friction of all contacts."""
    mass: tuple[float, float] = span((1.0, 1.0), 0.2, 5.0)
    """Scale of the torso's mass and inertia."""
    mass_offset_x: tuple[float, float] = span((0.0, 0.0), -0.05, 0.05, "m")
    """Shift of the torso's centre of mass forwards, m."""
    mass_offset_y: tuple[float, float] = span((0.0, 0.0), -0.05, 0.05, "m")
    """Shift of the torso's centre of mass to the left, m."""
    servo_strength: tuple[float, float] = span((1.0, 1.0), 0.1, 3.0)
    """Scale of the servos' largest torque."""
    servo_gain: tuple[float, float] = span((1.0, 1.0), 0.1, 3.0)
    """Scale of the servos' stiffness."""
    action_delay: float = within(0.0, 0.0, 1.0)
    """Share of episodes in which controls reach the servos one control step late."""
    push_speed: float = within(0.0, 0.0, 2.0, unit="m/s")
    """Largest speed that a push adds, in a random horizontal direction, m/s; 0 for no pushes."""
    push_interval: float = within(3.0, 0.1, 1000.0, unit="s")
    """Time between pushes, s, times 0.5 to 1.5."""

    @property
    def ranges(self) -> dict[str, tuple[float, float]]:
        """The range of each of FACTORS, by its name."""
        return {name: getattr(self, name) for name in FACTORS}

    @property
    def varies(self) -> bool:
        """Whether anything differs from the nominal robot."""
        return replace(self, push_interval=VariationConfig.push_interval) != VariationConfig()


# What one robot and its floor differ from the next by. Half of the friction, 0.45, would hold nobody on the hardest slope.
TRAINING_VARIATION = VariationConfig(
    friction=(0.7, 1.3),
    mass=(0.9, 1.15),
    mass_offset_x=(-0.005, 0.005),
    mass_offset_y=(-0.005, 0.005),
    servo_strength=(0.9, 1.1),
    servo_gain=(0.9, 1.1),
    action_delay=0.25,
    push_speed=0.2,
)


class WalkVariation:
    """Draws and applies a `VariationConfig` to the quadrupeds of a batch; factors that do not vary cost nothing.

    A reset takes one number from a simulation's generator and draws everything of that episode from it, so that what
    one factor draws depends neither on the other factors nor on how many pushes there were.

    Attributes:
        factors: of the task; holds `values`, the (n,) scales and shifts of the current episodes by name.
        steps_late: (n,) by how many control steps controls arrive late.
    """

    def __init__(self, config: VariationConfig, sim: Batch, control_dt: float, factors: Variation):
        self.config, self.factors = config, factors
        nominal = VariationConfig().ranges
        self._ranges = {name: own for name, own in config.ranges.items() if own != nominal[name]}
        factors.declare({name: FACTORS[name] for name in self._ranges})
        self.steps_late, self._everyone = np.zeros(sim.nsim, int), np.arange(sim.nsim)
        self._home_ctrl = sim.model.key("home").ctrl.copy()
        self._sent = np.tile(self._home_ctrl, (MOST_LATE + 1, sim.nsim, 1))  # newest first
        first = sim.model.joint("root").dofadr[0]
        self._velocity = sim.bind("qvel")[:, first : first + 2]  # of the torso in the world, x and y
        self._push_steps = config.push_interval / control_dt
        self._steps_to_push = np.zeros(sim.nsim, int)
        self._streams: list[np.random.Generator | None] = [None] * sim.nsim

    def reset(self, ids: np.ndarray, generators: list[np.random.Generator]) -> None:
        """Draws simulations `ids` anew, one number from each generator; a reset of the batch must follow."""
        if self.config.varies:
            self._draw(ids, generators)
        elif self.factors.held:
            self.factors.apply({}, ids)
        self._sent[:, ids] = self._home_ctrl
        if "latency" in self.factors.held:  # in some simulations: the others keep what they drew
            held = ids[~np.isnan(self.factors.held["latency"][ids])]
            self.steps_late[held] = self._latency(held)

    def _draw(self, ids, generators):
        streams = [np.random.default_rng(generator.integers(2**63)) for generator in generators]
        draws = np.array([stream.random(len(FACTORS) + 2) for stream in streams])  # as many whatever varies
        own = dict(zip(FACTORS, draws.T))
        self.factors.apply({name: low + own[name] * (high - low) for name, (low, high) in self._ranges.items()}, ids)
        self.steps_late[ids] = draws[:, -2] < self.config.action_delay
        self._steps_to_push[ids] = self._interval(draws[:, -1])
        for i, stream in zip(ids, streams):
            self._streams[i] = stream

    def delayed(self, ctrl: np.ndarray) -> np.ndarray:
        """Returns what reaches the servos (n, 12) when `ctrl` is sent: where controls are late, what was sent before."""
        if not (self.config.action_delay or "latency" in self.factors.held):
            return ctrl
        self._sent[1:] = self._sent[:-1].copy()
        self._sent[0] = ctrl
        return self._sent[self.steps_late, self._everyone]

    def push(self) -> None:
        """Pushes the robots whose time has come; to be called once a control step."""
        if not self.config.push_speed:
            return
        self._steps_to_push -= 1
        due = np.flatnonzero(self._steps_to_push == 0)
        if len(due) == 0:
            return
        draws = np.array([self._streams[i].random(3) for i in due])
        direction, speed = 2 * np.pi * draws[:, 0], self.config.push_speed * draws[:, 1]
        self._velocity[due] += np.stack([speed * np.cos(direction), speed * np.sin(direction)], axis=1)
        self._steps_to_push[due] = self._interval(draws[:, 2])

    def _interval(self, draws):
        """Returns in how many control steps the next push comes; `draws` (k,) in [0, 1)."""
        return np.maximum(1, np.rint((0.5 + draws) * self._push_steps)).astype(int)

    def _latency(self, ids):
        steps = np.rint(self.factors.values["latency"][ids]).astype(int)
        if not ((steps >= 0) & (steps <= MOST_LATE)).all():
            raise ValueError(f"latency must lie in 0 to {MOST_LATE} control steps, got {steps}")
        return steps
