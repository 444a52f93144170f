"""A comparison of the control loop with the training environment names the first difference, and its kind."""

import numpy as np
import pytest

from deploy import observation
from deploy.loop import ControlLoop, LoopConfig
from deploy.manifest import manifest_of
from deploy.observation import Observer
from deploy.robot import load_model
from evaluation.alignment.kinds import explain
from evaluation.alignment.recording import record
from evaluation.alignment.stages import first_difference
from evaluation.alignment.training_side import training_side
from tests.helpers.biped_exports import MODEL, description

ARGUMENTS = {"frames": 3, "start_spread": 0.05}
DEGREES = 180.0 / np.pi


@pytest.fixture(scope="module")
def side():
    with training_side("Biped-v0", ARGUMENTS) as side:
        yield side


def compared(side, change=lambda told: None, model=lambda model: None, networks=None, **physics):
    """Returns the first difference of a loop with a changed description or a changed model."""
    told, plain = description(**ARGUMENTS), load_model(MODEL)
    change(told), model(plain)
    manifest = manifest_of(told)
    return first_difference(record(side, ControlLoop(manifest, plain, LoopConfig(**physics)), networks), manifest)


def entry(name, value, place=None):
    """Returns a change of an entry of a description, or of one of its values."""

    def change(told):
        if place is None:
            told[name] = value
        else:
            told[name][place] = value

    return change


def scale(row, *values):
    return lambda told: told["received"][row].update(scale=list(values))


def swapped(name, first, second):
    def change(told):
        values = told[name]
        values[first], values[second] = values[second], values[first]

    return change


def newest_first(told):
    rows = told["observation"]
    told["observation"], told["history"]["order"] = [*rows[14:], *rows[7:14], *rows[:7]], "newest first"


def rows_in_another_order(told):
    for frame in range(3):
        swapped("observation", 7 * frame + 5, 7 * frame + 6)(told)


def at_50_hz(told):
    told |= {"control_dt_s": 0.02, "control_rate_hz": 50.0}


def default_pose_in_degrees(told):
    told["default_pose_rad"] = [DEGREES * angle for angle in told["default_pose_rad"]]


LEFT_HIP, LEFT_KNEE = "joint_pos of left_hip_pitch", "torque of left_knee_pitch, N m"
TARGET = "target of left_hip_pitch, rad"
MISTAKES = {
    "joints": (swapped("joint_order", 3, 9), "joint order", "joint_pos of left_knee_pitch", "value of right_knee_pitch in"),
    "degrees": (scale("joint_pos", DEGREES), "unit", LEFT_HIP, "degrees instead of radians"),
    "pose in degrees": (default_pose_in_degrees, "unit", LEFT_HIP, "is 22.918 in the loop, 0.4 in training: degrees"),
    "kp": (entry("kp", 120.0, 3), "gain", LEFT_KNEE, "kp of left_knee_pitch is 120 in the loop, 100 in training"),
    "kd": (entry("kd", 12.0, 3), "gain", LEFT_KNEE, "kd of left_knee_pitch is 12 in the loop, 10 in training"),
    "50 Hz": (at_50_hz, "control rate", "duration of a control step, s", "check control_dt_s"),
    "pose": (entry("default_pose_rad", 0.6, 9), "default pose", "joint_pos of right_knee_pitch", "0.6 in the loop, 0.49 in"),
    "scale": (scale("joint_vel", 0.1), "scale", "joint_vel of left_hip_pitch", "2 times"),
    "newest first": (newest_first, "history order", "value 0 of the observation, phase", "oldest is first"),
}
OTHERS = {
    "clipped degrees": (scale("body_angvel", DEGREES), "unit", "body_angvel of x", "degrees instead of radians"),
    "targets in degrees": (entry("action_scale_rad", 2.0 * DEGREES), "unit", TARGET, "degrees instead of radians"),
    "sign": (scale("joint_vel", *[0.05] * 5, -0.05, *[0.05] * 6), "sign", "joint_vel of left_ankle_roll", "opposite sign"),
    "limit": (entry("torque_limit_nm", 18.0, 3), "torque limit", LEFT_KNEE, "is 18 in the loop, 127.5 in training"),
    "scale of vx": (scale("command", 1.0, 2.0, 1.0), "scale", "command of vx", "0.5 times"),
    "action scale": (entry("action_scale_rad", 1.0), "scale", TARGET, "0.5 times"),
    "rows": (rows_in_another_order, "row order", "value 41 of the observation, euler-2", "body_angvel in the place of"),
    "cycle": (entry("gait_cycle_s", 0.64), "definition", "phase of sine", "gait_cycle_s"),
}
DELAYS = [(0.01, "10 ms (1 control steps) late"), (0.005, "5 ms (0.5 control steps) late")]


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_in_the_description_is_named(side, mistake):
    check_named(side, mistake)


@pytest.mark.slow
@pytest.mark.parametrize("mistake", OTHERS.values(), ids=OTHERS)
def test_other_mistakes_in_the_description_are_named(side, mistake):
    check_named(side, mistake)


def check_named(side, mistake):
    change, kind, quantity, words = mistake
    found = compared(side, change)
    assert (found.kind, found.quantity) == (kind, quantity) and words in found.words
    assert found.training != found.loop and str(found).startswith(f"first difference: {quantity}, step {found.step}: ")


@pytest.mark.parametrize(
    ("delay", "words"), [(0.01, "10 ms (1 control steps) late"), (0.005, "5 ms (0.5 control steps) late")]
)
def test_a_delay_of_the_actions_is_named(side, delay, words):
    found = compared(side, delay=delay)
    assert (found.kind, found.quantity) == ("delay", "target of left_hip_pitch, rad") and words in found.words


def test_nothing_differs_without_a_mistake(side):
    assert compared(side) is None


@pytest.mark.slow
@pytest.mark.parametrize("frames", [1, 66])
@pytest.mark.parametrize("physics_dt", [0.0002, 0.0005, 0.001, 0.0025])
def test_no_physics_step_up_to_that_of_training_is_a_false_alarm(frames, physics_dt):
    arguments = {"frames": frames, "start_spread": 0.1}
    with training_side("Biped-v0", arguments) as side:
        for seed in (0, 10, 20, 30):
            manifest = manifest_of(description(**arguments))
            loop = ControlLoop(manifest, load_model(MODEL), LoopConfig(physics_dt))
            assert first_difference(record(side, loop, seed=seed), manifest) is None


@pytest.mark.slow
def test_a_coarse_physics_step_is_named(side):
    found = compared(side, physics_dt=0.01)
    assert found.kind == "motion" and found.quantity.endswith("after one control step")


def heavier(model):
    model.body("trunk").mass[:] *= 1.05


def armature(model):
    model.dof_armature[9] = 0.02


def friction(model):
    model.geom_friction[:, 0] = 0.6


def damping(model):
    model.dof_damping[6:] = 1.0


@pytest.mark.parametrize(
    ("change", "kind", "quantity"),
    [
        (heavier, "mass", "inertia of the base of motion x"),
        pytest.param(armature, "inertia", "inertia of left_knee_pitch", marks=pytest.mark.slow),
        pytest.param(friction, "friction", "friction of contacts", marks=pytest.mark.slow),
        pytest.param(damping, "passive force", "passive force of left_hip_pitch", marks=pytest.mark.slow),
    ],
)
def test_a_difference_of_the_models_is_named(side, change, kind, quantity):
    found = compared(side, model=change)
    assert (found.kind, found.quantity) == (kind, quantity)


@pytest.mark.slow
def test_a_history_that_starts_with_zeros_is_named(side, monkeypatch):
    def clear(self):
        self._frames[:], self._empty = 0.0, False

    monkeypatch.setattr(Observer, "clear", clear)
    assert compared(side).kind == "history"


@pytest.mark.slow
def test_a_yaw_in_the_world_is_named(side, monkeypatch):
    monkeypatch.setitem(observation.ROWS, "euler", lambda now, manifest: observation.roll_pitch_yaw(now.quat))
    found = compared(side)
    assert found.quantity == "euler of yaw" and found.kind == "definition" and "commanded heading" in found.words


@pytest.mark.slow
def test_another_network_is_named(side):
    networks = (lambda stacks: np.zeros((len(stacks), 12)), lambda stacks: np.full((len(stacks), 12), 0.1))
    found = compared(side, networks=networks)
    assert (found.kind, found.quantity) == ("network", "action for left_hip_pitch")
    assert compared(side, networks=networks[:1] * 2) is None


def test_joints_of_another_robot_are_refused(side):
    with pytest.raises(ValueError, match="the model has no joint left_elbow"):
        compared(side, entry("joint_order", "left_elbow", 3))


def test_a_delay_is_found_in_fractions_of_a_control_step():
    x = np.random.default_rng(0).normal(size=(60, 2))
    late = 0.25 * np.roll(x, 1, axis=0) + 0.75 * np.roll(x, 2, axis=0)
    starts = np.arange(60) % 30 == 0
    kind = explain(x, late, starts, 1, ("a", "b"), 0.01, "joint order")
    assert kind.name == "delay" and "17.5 ms" in kind.words
