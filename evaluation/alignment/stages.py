"""Finds the first quantity that differs between training environment and control loop, from sensors to physics."""

import numpy as np

from deploy.manifest import Manifest
from evaluation.alignment.difference import Difference, labels, located
from evaluation.alignment.kinds import DEGREES, Kind, explain
from evaluation.alignment.physics_stages import control_step, models, responses, torques
from evaluation.alignment.recording import Recording

# Of values that both sides compute from equal states, relative to values above 1: float32 has a precision of 1e-7, and
# angles of a normalised and of a measured quaternion differ by less than 1e-6.
EXACT = 2e-5
CAUSES = {
    "phase": "the gait clock: gait_cycle_s, standing_command, or when the clock advances",
    "command": "the order and the scale of the command",
    "euler": "the order of the rotations, or the commanded heading that yaw is relative to",
    "body_angvel": "the frame of the angular velocity, which must be the base's",
    "previous_action": "which action the row contains, which must be the last one",
}


def first_difference(recording: Recording, manifest: Manifest) -> Difference | None:
    """Returns the first difference, or None.

    The order is that in which values depend on one another: control step, rows of the observation, their order in the
    vector, actions, targets, torques, models, and the motion in one control step.
    """
    for stage in (control_step, _rows, _stack, _actions, _targets, torques, models, responses):
        found = stage(recording, manifest)
        if found is not None:
            return found
    return None


def _rows(recording, manifest):
    for name, (training, loop) in recording.rows.items():
        wrong = np.abs(training - loop) > EXACT * np.maximum(1.0, np.abs(training))
        if wrong.any():
            column, names = _first(wrong), labels(name, training.shape[1], recording.joints)
            block = next(block for block in manifest.blocks if block.name == name)
            inside = np.where((training > block.low) & (training < block.high), training, np.nan).astype(float)
            order = "joint order" if names is recording.joints else "value order"
            raw, dt = recording.unclipped[name], manifest.control_dt_s
            kind = explain(inside, raw, recording.starts, column, names, dt, order)
            kind = _of_default_pose(kind, manifest, names[column]) if name == "joint_pos" else kind
            words = kind.words + (f"; check {CAUSES[name]}" if kind.name == "definition" and name in CAUSES else "")
            return located(f"{name} of {names[column]}", Kind(kind.name, words), wrong, training, loop, column)
    return None


def _of_default_pose(kind, manifest, joint):
    """Returns the kind of a constant difference of a joint's angle: another default pose, or one in degrees."""
    if kind.name != "offset":
        return kind
    given = manifest.default_pose_rad[manifest.joint_order.index(joint)]
    wanted = given + kind.value
    words = f"default_pose_rad of {joint} is {given:.5g} in the loop, {wanted:.5g} in training"
    degrees = abs(given - wanted * DEGREES) < 1e-3 * abs(given)
    return Kind("unit", f"{words}: degrees instead of radians") if degrees else Kind("default pose", words)


def _stack(recording, manifest):
    training, loop = recording.stacks
    wrong = np.abs(training - loop) > EXACT * np.maximum(1.0, np.abs(training))
    if not wrong.any():
        return None
    columns = [(block.name, block.age) for block in manifest.blocks for _ in range(block.size)]
    column = _first(wrong)
    (name, age), same = columns[column], np.flatnonzero((np.abs(loop - training[:, [column]]) <= EXACT).all(axis=0))
    if len(same) and any(columns[i][0] == name for i in same):
        kind = Kind("history order", "the frames are in another order than in training, where the oldest is first")
    elif len(same):
        kind = Kind("row order", f"training has {columns[same[0]][0]} in the place of {name}")
    else:
        kind = Kind("history", "earlier frames contain other values: after a reset all frames must be the first one")
    return located(f"value {column} of the observation, {name}{f'-{age}' * bool(age)}", kind, wrong, training, loop, column)


def _actions(recording, manifest):
    if recording.actions is None:
        return None
    training, loop = recording.actions
    wrong = np.abs(training - loop) > EXACT
    if not wrong.any():
        return None
    column = _first(wrong)
    kind = Kind("network", "the exported network gives another action for the same observation: export the policy again")
    return located(f"action for {manifest.joint_order[column]}", kind, wrong, training, loop, column)


def _targets(recording, manifest):
    training, loop = recording.targets
    wrong = np.abs(training - loop) > EXACT
    if not wrong.any():
        return None
    column, offset = _first(wrong), np.array([recording.defaults[name] for name in recording.joints])
    names, dt = recording.joints, manifest.control_dt_s
    kind = explain(training - offset, loop - offset, recording.first_moves, column, names, dt, "joint order")
    return located(f"target of {recording.joints[column]}, rad", kind, wrong, training, loop, column)


def _first(wrong):
    """Returns the first column of `wrong` (T, k) with a True."""
    return int(np.flatnonzero(wrong.any(axis=0))[0])
