"""External forces on robots: short pushes, and a spring between a grabbed point and the mouse."""

import math
from dataclasses import dataclass

import mujoco
import numpy as np

from viewer.bodies import Bodies
from viewer.commands import Drag, Drop, Push

PUSH_TIME = 0.1  # s
# The spring acts on the body's apparent mass m at its centre, as MuJoCo's own viewer does: F = m (w^2 x - 2 w v) is
# critically damped. A force that is constant within a control step dt is stable for w dt <= 0.5: up to steps of 0.05 s.
FREQUENCY = 10.0  # w, 1/s
LONGEST_STRETCH = 0.5  # m: a larger distance of the mouse does not pull harder


@dataclass
class _Kick:
    body: int
    force: np.ndarray  # (3,) N
    steps_left: int


class Pushes:
    """Writes the forces of pushes and springs before every control step; without them it writes nothing.

    Args:
        bodies: the simulations.
        control_dt: duration of a control step, s.

    Attributes:
        count: number of pushes and drags so far.
    """

    def __init__(self, bodies: Bodies, control_dt: float):
        self._bodies, self._dt, self.count = bodies, control_dt, 0
        self._kicks: dict[int, _Kick] = {}
        self._drags: dict[int, Drag] = {}
        self._written: set[tuple[int, int]] = set()

    @property
    def drags(self) -> tuple[Drag, ...]:
        """The springs that pull now."""
        return tuple(self._drags.values())

    def push(self, push: Push) -> None:
        """Starts a push of a robot's first moving body.

        Raises:
            ValueError: there is no such robot.
        """
        self._check_robot(push.robot)
        model, body = self._bodies.model, first_moving_body(self._bodies.model)
        steps = max(1, round(PUSH_TIME / self._dt))
        angle, mass = math.radians(push.direction), model.body_subtreemass[model.body_rootid[body]]
        force = mass * push.speed / (steps * self._dt) * np.array([math.cos(angle), math.sin(angle), 0.0])
        self._kicks[push.robot] = _Kick(body, force, steps)
        self.count += 1

    def drag(self, drag: Drag) -> None:
        """Starts or moves the spring of a robot.

        Raises:
            ValueError: there is no such robot, or no such body.
        """
        self._check_robot(drag.robot)
        if drag.body >= self._bodies.model.nbody:
            raise ValueError(f"body must be below {self._bodies.model.nbody}, got {drag.body}")
        self.count += drag.robot not in self._drags
        self._drags[drag.robot] = drag

    def drop(self, drop: Drop) -> None:
        """Removes the spring of a robot, if there is one."""
        self._drags.pop(drop.robot, None)

    def clear(self) -> None:
        """Removes all forces."""
        self._kicks.clear(), self._drags.clear()
        self.apply()

    def apply(self) -> None:
        """Writes the forces of the next control step."""
        for robot, body in self._written:
            self._bodies.forces(robot)[body] = 0.0
        self._written.clear()
        for robot, kick in [*self._kicks.items()]:
            self._add(robot, kick.body, kick.force, np.zeros(3))
            kick.steps_left -= 1
            if not kick.steps_left:
                del self._kicks[robot]
        for drag in self._drags.values():
            self._pull(drag)

    def _pull(self, drag):
        model, data = self._bodies.model, self._bodies.get_data(drag.robot)
        arm = data.xmat[drag.body].reshape(3, 3) @ drag.point
        point, velocity = data.xpos[drag.body] + arm, np.zeros(6)
        mujoco.mj_objectVelocity(model, data, int(mujoco.mjtObj.mjOBJ_XBODY), drag.body, velocity, 0)
        speed = velocity[3:] + np.cross(velocity[:3], arm)  # the first three are the angular velocity
        force = apparent_mass(model, drag.body) * (FREQUENCY**2 * stretch(point, drag.target) - 2 * FREQUENCY * speed)
        self._add(drag.robot, drag.body, force, np.cross(point - data.xipos[drag.body], force))

    def _add(self, robot, body, force, torque):
        self._bodies.forces(robot)[body] += np.concatenate([force, torque])
        self._written.add((robot, body))

    def _check_robot(self, robot):
        if robot >= self._bodies.count:
            raise ValueError(f"robot must be below {self._bodies.count}, got {robot}")


def stretch(point: np.ndarray, target) -> np.ndarray:
    """Returns the vector (3,) from `point` to `target`, m, cut to LONGEST_STRETCH."""
    offset = np.asarray(target) - point
    length = float(np.linalg.norm(offset))
    return offset * min(1.0, LONGEST_STRETCH / length) if length > 0.0 else offset


def apparent_mass(model: mujoco.MjModel, body: int) -> float:
    """Returns the mass that a force at a body's centre feels, kg; 0 for a body that cannot move."""
    inverse = float(model.body_invweight0[body, 0])
    return 1.0 / inverse if inverse > 0.0 else 0.0


def first_moving_body(model: mujoco.MjModel) -> int:
    """Returns the first body with a joint: the body of a robot on legs.

    Raises:
        ValueError: no body of the model has a joint.
    """
    moving = np.flatnonzero(model.body_jntnum)
    if not len(moving):
        raise ValueError("no body of this model can move")
    return int(moving[0])
