"""Stages of a comparison that concern time, torques, models and motion."""

import numpy as np

from evaluation.alignment.difference import labels, located
from evaluation.alignment.kinds import Kind

RELATIVE = 1e-5  # of durations, gains, torques and quantities of the models, which both sides compute in float64
# Largest root mean square of the difference after one control step from equal states, in the unit of the row: at least 1.5
# times what was measured with an explicit PD law at physics steps of 0.2 to 2.5 ms; docs/deploy.md has the table.
RESPONSES = {"joint_pos": 0.0025, "joint_vel": 0.02, "body_angvel": 0.02, "euler": 0.0004}
MODELS = {
    "inertia of the base": Kind("mass", "the model of the loop has other masses or lengths"),
    "inertia": Kind("inertia", "the model of the loop has another armature, or a link with another inertia"),
    "gravity and Coriolis force": Kind("mass", "the model of the loop has other centres of mass, or another gravity"),
    "passive force": Kind("passive force", "the model of the loop has another joint damping or stiffness"),
    "dry friction": Kind("friction", "the model of the loop has another frictionloss"),
    "number of contacts": Kind("geometry", "the model of the loop has other shapes that touch the ground"),
    "friction of contacts": Kind("friction", "the model of the loop has another friction of ground or feet"),
}


def control_step(recording, manifest):
    """Returns the difference of the duration of a control step, or None."""
    training, loop = recording.durations
    wrong = np.abs(training - loop) > RELATIVE * training
    if not wrong.any():
        return None
    kind = Kind("control rate", "check control_dt_s, and the physics step times the number of physics steps")
    return located("duration of a control step, s", kind, wrong[:, None], training[:, None], loop[:, None], 0)


def torques(recording, manifest):
    """Returns the difference of a servo's gains or torque limit, or None."""
    training, loop = recording.torques
    for place, name in enumerate(("kp", "kd")):
        wanted, given = (_gains(side[:, 0], recording)[:, place] for side in (training, loop))
        wrong = np.flatnonzero(np.abs(wanted - given) > RELATIVE * np.abs(wanted).max())
        if len(wrong):
            return _torque(recording, 0, wrong[0], "gain", name, wanted, given)
    limits = training[0, 1], loop[0, 1]
    wrong = np.flatnonzero(np.abs(limits[0] - limits[1]) > RELATIVE * np.abs(limits[0]))
    return _torque(recording, 1, wrong[0], "torque limit", "torque_limit_nm", *limits) if len(wrong) else None


def _torque(recording, probe, joint, kind, entry, wanted, given):
    name, (training, loop) = recording.joints[joint], (side[:, probe] for side in recording.torques)
    words = f"{entry} of {name} is {given[joint]:.5g} in the loop, {wanted[joint]:.5g} in training"
    wrong = np.abs(training - loop) > RELATIVE * np.abs(training).max()
    return located(f"torque of {name}, N m", Kind(kind, words), wrong, training, loop, int(joint))


def _gains(torque, recording):
    """Returns kp and kd (j, 2) that explain torques (T, j)."""
    gains = np.zeros((torque.shape[1], 2))
    for joint in range(torque.shape[1]):
        size = np.abs(torque[:, joint])
        used = size < size.max() * (1 - 1e-9) if (size > size.max() * (1 - 1e-9)).sum() > 1 else size >= 0.0  # not clipped
        matrix = np.stack([recording.offsets[used, joint], -recording.velocities[used, joint]], axis=1)
        gains[joint] = np.linalg.lstsq(matrix, torque[used, joint], rcond=None)[0]
    return gains


def models(recording, manifest):
    """Returns the first difference of the two models, or None."""
    for name, kind in MODELS.items():
        training, loop = recording.physics[name]
        wrong = np.abs(training - loop) > RELATIVE * np.maximum(np.abs(training).max(), 1.0)
        if wrong.any():
            column = int(np.flatnonzero(wrong.any(axis=0))[0])
            which = f" of {labels(name, training.shape[1], recording.joints)[column]}" if training.shape[1] > 1 else ""
            return located(f"{name}{which}", kind, wrong, training, loop, column)
    return None


def responses(recording, manifest):
    """Returns the largest difference of the motion in one control step, relative to its tolerance, or None."""
    for name, tolerance in RESPONSES.items():
        training, loop = recording.responses.get(name, np.zeros((2, 1, 1)))
        rms = np.sqrt(np.square(training - loop).mean(axis=0))
        if (rms > tolerance).any():
            column = int(np.argmax(rms))
            which = labels(name, training.shape[1], recording.joints)[column]
            words = f"the motion differs by {rms[column]:.3g} (RMS): check the physics step, the integrator and the contacts"
            wrong = np.abs(training - loop) > tolerance
            return located(f"{name} of {which} after one control step", Kind("motion", words), wrong, training, loop, column)
    return None
