"""The control loop: its own servos, angles, clock and history, measurements by hand, and one sentence for wrong files."""

import ast
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from deploy.loop import ControlLoop, LoopConfig
from deploy.manifest import Manifest, manifest_of
from deploy.metrics import Tally, judged, play, table
from deploy.observation import roll_pitch_yaw
from deploy.robot import load_model
from deploy.script import Limits, Script, Segment, default_script, script_of
from tests.helpers.biped_exports import MODEL, description

ROOT = Path(__file__).parents[2]
STIFF = {"kp": [400.0] * 12, "kd": [10.0] * 12}


def made(physics_dt=0.001, delay=0.0, frames=1, **entries):
    manifest = manifest_of(description(**({"frames": frames} if frames > 1 else {})) | entries)
    return ControlLoop(manifest, load_model(MODEL), LoopConfig(physics_dt, delay))


def test_the_loop_imports_nothing_of_the_training():
    names = {"importlib", "math", "collections.abc", "dataclasses", "pathlib", "numpy", "mujoco"}
    names |= {"utils.fields", "utils.files", "utils.config"}
    for path in (ROOT / "deploy").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            found = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            found += [node.module] if isinstance(node, ast.ImportFrom) else []
            assert {name for name in found if not name.startswith("deploy.")} <= names


def test_torques_are_those_of_the_law_and_clipped_to_the_limits():
    loop = made()
    loop.robot.place([0, 0, 1, 1, 0, 0, 0], np.zeros(6), np.full(12, 0.2), np.full(12, 1.5))
    target = np.full(12, 0.3)
    target[3], target[10] = 5.0, -9.0
    wanted = np.array([30, 40, 35, 100, 35, 35] * 2) * (target - 0.2) - 1.5 * np.array([3, 3, 4, 10, 0.5, 0.5] * 2)
    wanted[3], wanted[10] = 127.5, -68.0
    np.testing.assert_allclose(loop.robot.torque(target), wanted)
    loop.advance((target - loop.manifest.default_pose_rad) / 2.0)
    assert np.flatnonzero(loop.robot.peak >= 1.0).tolist() == [3, 10] and loop.robot.data.time == pytest.approx(0.01)
    np.testing.assert_allclose(loop.applied, target)


def test_angles_are_those_of_scipy():
    quats = Rotation.random(50, np.random.default_rng(0))
    yaw, pitch, roll = quats.as_euler("ZYX").T
    angles = np.array([roll_pitch_yaw(quat) for quat in quats.as_quat(scalar_first=True)])
    np.testing.assert_allclose(angles, np.stack([roll, pitch, yaw], axis=1), atol=1e-9)


def test_frames_are_stacked_oldest_first_and_begin_with_the_first():
    loop = made(frames=4)
    loop.start((0.3, 0.0, 0.2))
    frames = [np.concatenate([*loop.frame().values()])] * 4
    stack = loop.observe()
    for action in np.random.default_rng(0).uniform(-0.3, 0.3, (5, 12)):
        np.testing.assert_array_equal(stack, np.concatenate(frames[-4:]))
        loop.advance(action)
        frames.append(np.concatenate([*loop.frame().values()]))
        stack = loop.observe()
    angle = 2 * np.pi * 0.05 / 0.7
    np.testing.assert_allclose(frames[-1][:5], [np.sin(angle), np.cos(angle), 0.6, 0.0, 0.2], atol=1e-6)
    assert loop.heading == pytest.approx(0.2 * 0.05)


def test_a_delay_keeps_the_default_pose_until_the_first_action_arrives():
    loop = made(delay=0.013)
    loop.advance(np.full(12, 0.2))
    np.testing.assert_allclose(loop.applied, loop.manifest.default_pose_rad)
    loop.advance(np.zeros(12))
    np.testing.assert_allclose(loop.applied - loop.manifest.default_pose_rad, 0.4 * 0.7)


def test_soft_servos_fall_and_stiff_servos_stand():
    script = Script((Segment("stand", seconds=2.2),))
    (soft,) = play(made(0.002), lambda stack: np.zeros(12), script)
    (stiff,) = play(made(0.002, **STIFF), lambda stack: np.zeros(12), script)
    assert soft["fell"] and 1.0 < soft["seconds"] < 2.2 and soft["failed"][0] == "fell"
    assert stiff["passed"] and stiff["drift"] < 0.01 and stiff["slip"] < 0.01 and stiff["duty"] == 1.0
    assert "| stand | 0, 0, 0 | 2.20 | no |" in table([stiff]) and table([stiff]).endswith("| pass |")


class GlidingRobot:
    """Moves at 0.5 m/s in the world, 30 degrees to the left of the commanded heading, and turns at 0.3 rad/s."""

    broken, position, peak = False, np.array([0.0, 0.0, 0.6]), np.array([0.5, 1.0])
    quat, angvel = np.array([1.0, 0.0, 0.0, 0.0]), np.array([0.0, 0.0, 0.3])
    velocity = np.array([0.5 * np.cos(np.pi / 6 + 0.2), 0.5 * np.sin(np.pi / 6 + 0.2), 0.0])

    def base_touches(self):
        return False

    def feet(self):
        return np.array([True, False]), np.array([0.1, 0.9])


def test_measurements_are_those_by_hand():
    manifest = manifest_of(description())
    loop = SimpleNamespace(robot=GlidingRobot(), manifest=manifest, dt=0.01, heading=0.2, walks=True)
    tally = Tally(loop)
    for _ in range(250):
        tally.add()
    told = tally.result(Segment("ahead", vx=0.4, vy=0.0, yaw_rate=0.1))
    assert told["vx_error"] == pytest.approx(0.5 * np.cos(np.pi / 6) - 0.4) and told["vy_error"] == pytest.approx(0.25)
    assert told["yaw_rate_error"] == pytest.approx(0.2) and told["slip"] == pytest.approx(0.1) and told["duty"] == 0.5
    assert told["saturation"] == 0.5 and told["seconds"] == pytest.approx(2.5) and told["drift"] is None
    assert judged(told, Limits(relative_error=3.0))["failed"] == ["vy_error", "saturation"]
    assert judged(told, Limits())["failed"] == ["vy_error", "yaw_rate_error", "saturation"]
    assert judged(told, Limits(velocity_error=0.3, relative_error=3.0, saturation=1.0))["passed"]


def test_a_robot_that_stands_passes_no_segment_with_another_command():
    manifest = manifest_of(description())
    script = default_script(manifest)
    assert len(script.segments) == 9
    still = {"fell": False, "drift": None, "slip": 0.0, "saturation": 0.0}
    for segment in script.segments:
        errors = dict(zip(("vx_error", "vy_error", "yaw_rate_error"), np.abs(segment.command)))
        assert judged({"command": segment.command, **still, **errors}, script.limits)["passed"] != segment.command.any()


@pytest.mark.parametrize("seconds", [0.001, 1.0, 1.69])
def test_a_segment_in_which_nothing_can_be_measured_is_refused(seconds):
    with pytest.raises(ValueError, match=r"seconds of 'short' must be at least 1\.7"):
        script_of({"segments": [{"name": "short", "vx": 0.3, "seconds": seconds}]}, manifest_of(description()))


def test_the_default_script_stays_within_half_of_the_trained_commands():
    script = default_script(manifest_of(description(command_vx=(-0.4, 1.2), command_vy=(0.0, 0.0))))
    told = {segment.name: segment.command.tolist() for segment in script.segments}
    assert [*told] == ["stand", "forward, slowly", "forward", "backward", "turn left", "turn right", "stand again"]
    assert told["forward"] == [0.6, 0, 0] and told["backward"] == [-0.2, 0, 0] and told["turn right"] == [0, 0, -0.3]
    assert told["forward, slowly"] == [0.3, 0, 0] and told["stand"] == [0, 0, 0]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"segmets": []}, "a script has no 'segmets', did you mean segments"),
        ({"segments": []}, "segments must be a list of mappings"),
        ({"segments": [{"vx": 3.0}]}, "vx of 'segment 1' must lie in the trained range -0.4 to 1.2, or be 0, got 3"),
        ({"segments": [{"vx": float("nan")}]}, "vx must be a number in -10.0 to 10.0 m/s, got nan"),
        ({"segments": [{"speed": 1.0}]}, "Segment has no 'speed'"),
        ({"segments": [{"seconds": 1e9}]}, "seconds must be above 0.0 and at most 3600.0 s"),
        ({"segments": [{}], "limits": {"drift": -1.0}}, "drift must be at least 0.0 m/s, got -1.0"),
        ({"segments": [{}], "limits": 3}, "limits must be a mapping, got 3"),
    ],
)
def test_a_wrong_script_gets_one_sentence(content, words):
    with pytest.raises(ValueError) as error:
        script_of(content, manifest_of(description()))
    assert words in str(error.value) and len(str(error.value).splitlines()) == 1


def without(*names):
    return {name: value for name, value in description().items() if name not in names}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (without("kp", "model"), "the description of 'Biped-v0' has no model, kp, which the control loop needs"),
        (description() | {"kp": [1.0]}, "kp must have a value for each of the 12 joints of joint_order, got 1"),
        (description() | {"kd": [float("nan")] * 12}, "kd must be at least 0.0, got (nan"),
        (description() | {"torque_limit_nm": [0.0] * 12}, "torque_limit_nm must be above 0.0"),
        (description() | {"control_dt_s": "fast"}, "control_dt_s must be float, got 'fast'"),
        (description() | {"joint_order": ["left_knee_pitch"] * 12}, "joint_order names a joint twice"),
        (description() | {"observation": []}, "observation must be a list of rows, got []"),
        (description() | {"observation": [{"name": "phase"}]}, "each row of observation must have a name, a size"),
        (description() | {"observation": [{"name": "phase", "size": 10**9}]}, "at most 1,000,000 values"),
        (description() | {"observation": [{"name": "phase-1", "size": 2}]}, "the current value of each row"),
        (description() | {"received": {}}, "received must give a scale for phase, one number or 2"),
        (description(frames=2) | {"history": None}, "history says None, but observation has 2 frames"),
        (description() | {"control_rate_hz": 50}, "control_rate_hz must be 1 / control_dt_s, got 50 and 0.01"),
        (description() | {"history": {"frames": 66}}, "history says {'frames': 66}, but observation has 1 frames"),
        (
            description() | {"command_range": {"vx": [1, 0]}},
            "command_range must have a range [low, high] for vx, vy",
        ),
    ],
)
def test_a_wrong_description_gets_one_sentence(content, words):
    with pytest.raises(ValueError) as error:
        manifest_of(content)
    assert words in str(error.value) and len(str(error.value).splitlines()) == 1


def test_rows_that_the_loop_cannot_compute_and_uneven_steps_are_refused():
    rows = [*description()["observation"], {"name": "target", "size": 2, "low": -1, "high": 1}]
    received = description()["received"] | {"target": {"scale": [1.0]}}
    with pytest.raises(ValueError, match="a policy of Biped-v0 observes target, which the control loop cannot compute"):
        made(observation=rows, received=received)
    with pytest.raises(ValueError, match=r"control_dt_s must be a whole multiple of the physics step of 0.003 s"):
        made(physics_dt=0.003)
    with pytest.raises(ValueError, match=r"delay must be a whole multiple of the physics step of 0.001 s, got 0.0015 s"):
        made(delay=0.0015)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=100, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.sampled_from([*description()]), ANYTHING)
def test_any_entry_gives_a_description_or_one_sentence(name, value):
    try:
        assert isinstance(manifest_of(json.loads(json.dumps(description() | {name: value}))), Manifest)
    except ValueError as error:
        assert len(str(error).splitlines()) == 1
