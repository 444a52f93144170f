"""Plays the same actions from the same states in the training environment and in the control loop, and records both.

After each control step the loop continues from the state of the training environment: small differences of the physics
then cannot grow, and a difference of one step shows its cause.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import mujoco
import numpy as np

from deploy.loop import ControlLoop
from evaluation.alignment.training_side import TrainingSide

Networks = tuple[Callable[[np.ndarray], np.ndarray], Callable[[np.ndarray], np.ndarray]]
STEPS = 26  # control steps of an episode; the robot has not fallen by then
FEWEST = 30  # control steps for a comparison
SPREAD = 0.15  # rad; half range of the random part of the servos' targets
KEPT = 0.5  # share of the previous action in the next one
FAR = 1000.0  # rad: with a target so far away, every servo reaches its torque limit


@dataclass(frozen=True)
class Recording:
    """Values of both sides in T control steps: a pair (training, loop) of arrays (T, ...) for each quantity.

    Attributes:
        rows: rows of the newest frame of the observation, by name, in equal states; names in the order of the loop.
        unclipped: rows of the loop as in `rows`, (T, size), before they are clipped to their bounds.
        stacks: observations (T, k), in equal states.
        targets: targets of the servos (M, j), rad, mean of a control step; M steps, without the first of each episode.
        torques: torques (T, 3, j), N m, for equal targets in equal states: those of training, and FAR to both sides.
        durations: durations (M,) of control steps, s.
        physics: quantities of the models in equal states, by name; see `physics_of`.
        responses: rows of the newest frame after a control step from equal states, by name, (M, size).
        offsets, velocities: targets minus angles (T, j), rad, and velocities (T, j), rad/s, for which `torques` are given.
        starts: (T,) bool, first step of an episode.
        joints: names of the joints, in the order of the training environment.
        defaults: the loop's target for an action of 0, rad, by joint.
        actions: actions (T, a) of the trained and of the exported network for the `stacks` of training; None if unknown.
    """

    rows: dict
    unclipped: dict
    stacks: tuple
    targets: tuple
    torques: tuple
    durations: tuple
    physics: dict
    responses: dict
    offsets: np.ndarray
    velocities: np.ndarray
    starts: np.ndarray
    joints: tuple[str, ...]
    defaults: dict
    actions: tuple | None = None

    @property
    def first_moves(self) -> np.ndarray:
        """(M,) bool, the first motion of each episode."""
        return self.starts[:-1][~self.starts[1:]]


def record(side: TrainingSide, loop: ControlLoop, networks: Networks | None = None, seed: int = 0) -> Recording:
    """Returns a recording of three episodes with random actions, in each of which the command changes once.

    Args:
        side: the training environment.
        loop: the control loop.
        networks: the trained and the exported network: functions of observations (T, k) that return actions (T, a).
        seed: decides actions and starts.

    Raises:
        ValueError: the manifest of the loop names other joints or rows than the training environment, or the episodes of
            the training environment end at once.
    """
    for what, known, given in (
        ("joint_order", side.joints, loop.manifest.joint_order),
        ("observation", side.row_names, [*loop.manifest.rows]),
    ):
        if sorted(known) != sorted(given):
            raise ValueError(
                f"{what} must have the names of the training environment, {', '.join(known)}, got {', '.join(given)}"
            )
    rng, steps = np.random.default_rng(seed), []
    for episode, commands in enumerate(_commands(loop.manifest.command_range)):
        steps += _episode(side, loop, commands, seed + episode, rng)
    if (moves := sum(not step["start"] for step in steps)) < FEWEST:
        raise ValueError(
            f"the training environment ends its episodes too early for a comparison, after {moves} steps in all"
        )
    recording = _joined(steps, side.joints, dict(zip(loop.manifest.joint_order, loop.manifest.default_pose_rad)))
    actions = networks and tuple(network(recording.stacks[0]) for network in networks)
    return replace(recording, actions=actions)


def _commands(ranges):
    """Returns the commands (3, 2, 3) of three episodes: each starts walking, if there are commands for that."""
    low, high = np.array([ranges[name] for name in ("vx", "vy", "yaw_rate")]).T / 2
    return [(high * [1, 0, 0], high * [0, 1, 1]), (low * [1, 1, 0], np.zeros(3)), (low * [0, 0, 1], high)]


def _episode(side, loop, commands, seed, rng):
    order = [side.joints.index(name) for name in loop.manifest.joint_order]  # of training, for each joint of the loop
    back = np.argsort(order)
    stack = side.reset(seed, commands[0])
    cosine = side.rows(stack)["phase"][1] if "phase" in loop.manifest.rows else 0.0
    loop.start(commands[0], phase=0.0 if cosine >= 0.0 else 0.5)
    _equalise(side, loop, order)
    loop.restart()
    action, steps = np.zeros(len(order)), [_look(side, loop, order, back, stack) | {"start": True}]
    spread = SPREAD / side.action_scale
    for i in range(STEPS):
        action = np.clip(KEPT * action + spread * rng.uniform(-1.0, 1.0, len(order)), -1.0, 1.0)
        loop.command = commands[i >= STEPS // 2]
        stack, ended = side.step(action, loop.command)
        if ended:
            break
        before = loop.robot.data.time
        loop.advance(action)
        moved = {"duration": (side.duration, loop.robot.data.time - before), "response": (side.rows(stack), loop.frame())}
        targets = side.targets, loop.applied[back]
        _equalise(side, loop, order)
        steps.append(_look(side, loop, order, back, stack) | moved | {"targets": targets, "start": False})
    return steps


def _equalise(side, loop, order):
    """Puts the loop's robot into the state of the training environment; joints are matched by name."""
    loop.robot.place(*side.root, side.joint_pos[order], side.joint_vel[order])


def _look(side, loop, order, back, stack):
    """Returns everything that both sides compute in the current state, which is equal."""
    targets = side.targets
    probes = [targets, np.full_like(targets, FAR), np.full_like(targets, -FAR)]
    return {
        "rows": (side.rows(stack), loop.frame()),
        "unclipped": loop.observer.scaled(loop.readings()),
        "stack": (stack, loop.observe()),
        "torques": ([side.torque(probe) for probe in probes], [loop.robot.torque(probe[order])[back] for probe in probes]),
        "physics": (physics_of(side, side.dofs), physics_of(loop.robot, loop.robot.dofs[back])),
        "offset": targets - side.joint_pos,
        "velocity": side.joint_vel,
    }


def physics_of(robot, dofs: np.ndarray) -> dict[str, np.ndarray]:
    """Returns quantities of a model in its current state; joint values in the order of `dofs` (j,).

    Args:
        robot: an object with `model`, `data` and `root_dofs`.
        dofs: degrees of freedom of the joints.
    """
    model, data, matrix = robot.model, robot.data, np.zeros((robot.model.nv, robot.model.nv))
    mujoco.mj_fullM(model, data, matrix)
    contacts = data.contact.friction[:, 0] if data.ncon else np.zeros(1)
    return {
        "inertia of the base": np.diag(matrix)[robot.root_dofs],
        "inertia": np.diag(matrix)[dofs],
        "gravity and Coriolis force": data.qfrc_bias[dofs],
        "passive force": data.qfrc_passive[dofs],
        "dry friction": model.dof_frictionloss[dofs],
        "number of contacts": np.array([float(data.ncon)]),
        "friction of contacts": np.array([contacts.mean()]),
    }


def _joined(steps, joints, defaults):
    """Returns the recording of a list of steps; the first step of an episode has no motion."""
    moved = [step for step in steps if not step["start"]]

    def pair(name, of=steps):
        return tuple(np.array([step[name][i] for step in of]) for i in range(2))

    def pairs(name, of=steps):
        return {key: tuple(np.array([step[name][i][key] for step in of]) for i in range(2)) for key in steps[-1][name][1]}

    return Recording(
        rows=pairs("rows"),
        unclipped={name: np.array([step["unclipped"][name] for step in steps]) for name in steps[-1]["unclipped"]},
        stacks=pair("stack"),
        targets=pair("targets", moved),
        torques=pair("torques"),
        durations=pair("duration", moved),
        physics=pairs("physics"),
        responses=pairs("response", moved),
        offsets=np.array([step["offset"] for step in steps]),
        velocities=np.array([step["velocity"] for step in steps]),
        starts=np.array([step["start"] for step in steps]),
        joints=joints,
        defaults=defaults,
    )
