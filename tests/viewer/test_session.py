"""Sessions: without commands an environment steps as ever; commands do what they say; a recording replays to the bit."""

import json
import shutil

import gymnasium as gym
import mujoco
import numpy as np
import pytest

from evaluation.held_out_seeds import PLAY
from viewer.commands import Choose, Drag, Drop, Ground, Perturb, Push, Release, Reset, Steer
from viewer.policies import SHIPPED
from viewer.recording import read_recording, replayed, write_recording
from viewer.session import Session, Setup

FLAT = {"kind": "flat", "policy": "gait alone"}


@pytest.fixture
def sessions():
    """Returns a function that makes sessions, which are closed at the end."""
    made = []

    def make(env_id="ResidualWalk-v0", arguments=None, **setup):
        made.append(Session(Setup(env_id, arguments or {}, **setup)))
        return made[-1]

    yield make
    for session in made:
        session.close()


def run(session, steps):
    for _ in range(steps):
        session.step()
    return session


def walker_weight(**arguments):
    """Returns the weight of a robot in an environment with these arguments, N."""
    env = gym.make("envs:ResidualWalk-v0", **arguments)
    weight = env.reset(seed=0)[1]["weight"]
    env.close()
    return weight


def test_without_commands_a_session_computes_the_numbers_of_the_environment(sessions):
    session = sessions(**FLAT, robots=2, seed=4)
    env = gym.make_vec("envs:ResidualWalk-v0", num_envs=2)
    env.reset(seed=PLAY.at(4))
    for _ in range(60):
        session.step()
        observation, reward, *_ = env.step(np.zeros((2, 12)))
        np.testing.assert_array_equal(session.observation, observation)
        np.testing.assert_array_equal(session.reward, reward)


@pytest.mark.parametrize(("direction", "axis"), [(0.0, (1.0, 0.0)), (90.0, (0.0, 1.0)), (180.0, (-1.0, 0.0))])
def test_a_push_gives_the_robot_its_speed(sessions, direction, axis):
    session = sessions(**FLAT, robots=2)
    task = session.env.unwrapped.task
    task.sim.bind("qpos")[:, 2] += 1.0  # in the air nothing but the push changes the horizontal momentum
    task.sim.forward()
    session.apply(Push(1, 0.5, direction))
    run(session, 10)
    com = [task.sim.get_data(i) for i in range(2)]
    for data in com:
        mujoco.mj_subtreeVel(task.sim.model, data)
    gained = com[1].subtree_linvel[1, :2] - com[0].subtree_linvel[1, :2]
    np.testing.assert_allclose(gained, 0.5 * np.array(axis), atol=0.02)
    assert session.pushes.count == 1 and not task.sim.bind("xfrc_applied")[0].any()


def test_a_drag_pulls_the_grabbed_point_to_its_target_and_a_drop_lets_go(sessions):
    session = sessions(**FLAT)
    run(session, 5)
    target = tuple((session.bodies.poses().position[0, 1] + (0.0, 0.15, 0.05)).tolist())
    session.apply(Drag(0, 1, (0.0, 0.0, 0.0), target))
    run(session, 150)
    offset = session.bodies.poses().position[0, 1] - target
    assert np.abs(offset[1]) < 0.05 and session.pushes.count == 1
    session.apply(Drop(0))
    session.step()
    assert not session.bodies.forces(0).any()


def test_a_drag_at_an_arm_has_the_torque_of_its_lever(sessions):
    session = sessions(**FLAT)
    data = session.bodies.get_data(0)
    point = data.xpos[1] + data.xmat[1].reshape(3, 3) @ (0.05, 0.0, 0.0)
    target = point + (0.0, 0.1, 0.0)
    session.apply(Drag(0, 1, (0.05, 0.0, 0.0), tuple(target.tolist())))
    session.pushes.apply()
    force, torque = np.split(session.bodies.forces(0)[1], 2)
    assert force[1] > 0.5 and abs(force[0]) < 1e-9
    np.testing.assert_allclose(torque, np.cross(point - data.xipos[1], force), atol=1e-12)


def test_forces_work_in_single_environments_too(sessions):
    session = sessions("RWRLWalkerWalk-v0", policy="zero", robots=2)
    session.apply(Push(1, 1.0, 0.0))
    session.step()
    difference = np.subtract(*session.bodies.poses().qvel[::-1])
    assert np.abs(difference).max() > 0.05
    session.apply(Reset(0))
    assert not session.bodies.forces(1).any()


def test_steering_reaches_the_command_and_a_release_draws_it_again(sessions):
    session = sessions(**FLAT)
    drawn = session.env.unwrapped.task.command.value.copy()
    session.apply(Steer({"vx": -0.1, "vy": 0.2, "yaw_rate": 0.3}))
    np.testing.assert_array_equal(session.env.unwrapped.task.command.value, [[-0.1, 0.2, 0.3]])
    session.apply(Release())
    np.testing.assert_array_equal(session.env.unwrapped.task.command.value, drawn)


def test_two_policies_walk_from_the_same_start_on_the_same_ground(sessions):
    session = sessions(policy="zero", second="random", level=0.3)
    start = session.bodies.poses().qpos
    np.testing.assert_array_equal(start[0], start[1])
    assert session.labels() == ["zero", "random"]
    run(session, 20)
    assert np.abs(np.subtract(*session.bodies.poses().qpos)).max() > 1e-3
    session.apply(Choose("", "second"))
    assert session.count == 1


def test_perturbations_wait_for_the_reset_and_survive_a_new_ground(sessions):
    session = sessions(**FLAT)
    nominal, wanted = (walker_weight(**more) for more in ({}, {"perturb_spec": {"params": {"mass": 1.3}}}))
    assert wanted > 1.05 * nominal
    session.apply(Perturb({"mass": 1.3}))
    session.step()
    assert session.info["weight"] == nominal
    session.apply(Reset(1))
    assert session.info["weight"] == wanted
    session.apply(Ground("waves", 0.2))
    assert session.info["weight"] == wanted
    assert session.env.unwrapped.task.ground.terrain.config.levels == (0.2,)


@pytest.mark.parametrize(
    ("env_id", "command", "words"),
    [
        ("ResidualWalk-v0", Ground("hills", 0.5), "must be one of flat, rough"),
        ("ResidualWalk-v0", Steer({"vx": 0.1}), "a command needs vx, vy, yaw_rate; got vx"),
        ("ResidualWalk-v0", Steer({"vx": 9.0, "vy": 0.0, "yaw_rate": 0.0}), "vx must be a number in -1.0 to 1.0"),
        ("ResidualWalk-v0", Perturb({"mess": 1.0}), "'mess' cannot be perturbed here"),
        ("ResidualWalk-v0", Perturb({"mass": -1.0}), "mass must"),
        ("ResidualWalk-v0", Push(5, 0.1, 0.0), "robot must be below 1, got 5"),
        ("ResidualWalk-v0", Drag(0, 999, (0, 0, 0), (0, 0, 0)), "body must be below"),
        ("ResidualWalk-v0", Choose("no/such/run", "first"), "no/such/run"),
        ("ResidualWalk-v0", Choose("", "first"), "the first group needs a policy"),
        ("Toy-v0", Push(0, 0.1, 0.0), "no MuJoCo bodies"),
        ("Toy-v0", Ground("rough", 0.5), "Toy-v0 has no terrain"),
        ("Toy-v0", Steer({"vx": 1.0}), "this environment has no command"),
        ("Toy-v0", Release(), "cannot be released"),
    ],
)
def test_a_command_that_does_not_fit_is_refused_and_changes_nothing(sessions, env_id, command, words):
    session = sessions(env_id, kind="flat", policy="zero")
    before = session.setup, session.env
    with pytest.raises(ValueError, match=words):
        session.apply(command)
    assert (session.setup, session.env) == before and session.log == []
    session.step()


SCRIPT = [
    (20, Steer({"vx": 0.4, "vy": 0.1, "yaw_rate": 0.2})),
    (10, Push(0, 0.5, 90.0)),
    (10, Perturb({"mass": 1.2})),
    (5, Reset(3)),
    (10, Ground("stairs", 0.4)),
    (10, Choose("random", "second")),
    (10, Drag(1, 1, (0.0, 0.0, 0.02), (1.0, 2.0, 0.3))),
    (10, Drop(1)),
    (10, Choose("shipped", "first")),
]


@pytest.fixture
def recording(sessions, tmp_path):
    """Returns the file of a recording of every command, and its session."""
    session = sessions(level=0.3, policy="random")
    for steps, command in SCRIPT:
        session.apply(command)
        run(session, steps)
    return write_recording(tmp_path / "session.json", session), session


def test_a_recording_replays_to_the_bit(recording):
    file, session = recording
    again = replayed(read_recording(file))
    again.close()
    assert again.digest == session.digest and again.setup == session.setup and again.steps == 95


def test_a_recording_names_the_files_that_were_loaded(sessions, tmp_path):
    best = shutil.copytree(SHIPPED / "ResidualWalk-v0", tmp_path / "best")
    session = sessions(kind="flat", policy=str(best))
    session.step()
    shutil.copytree(SHIPPED / "ResidualWalk-v0-steering", best, dirs_exist_ok=True)  # as a training does
    file = write_recording(tmp_path / "session.json", session)
    with pytest.raises(ValueError, match=r"the policy .*best has changed since"):
        read_recording(file)


def test_another_command_or_another_bit_gives_another_digest(recording):
    file, session = recording
    content = json.loads(file.read_text())
    content["commands"][1]["speed"] = 0.51
    file.write_text(json.dumps(content))
    again = replayed(read_recording(file))
    again.close()
    assert again.digest != session.digest


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda content: content["policies"].update(shipped=["00", "00"]), "the policy shipped has changed since"),
        (lambda content: content["commands"].reverse(), "the steps of commands must ascend"),
        (lambda content: content["commands"].append({"step": 10**6, "command": "release"}), "must ascend"),
        (lambda content: content["setup"].update(robots=0), "robots must"),
        (lambda content: content["setup"].update(robot=1), "has no 'robot'"),
        (lambda content: content.update(format=2), "format must"),
        (lambda content: content.pop("digest"), "is not a recording of the viewer"),
        (lambda content: content["commands"][0].update(command="fly"), "there is no command 'fly'"),
    ],
)
def test_a_damaged_recording_is_refused(tmp_path, sessions, change, words):
    session = sessions(**FLAT)
    session.apply(Reset(1))
    session.apply(Choose("shipped", "first"))
    session.step()
    session.apply(Reset(2))
    file = write_recording(tmp_path / "session.json", session)
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=words):
        read_recording(file)


def test_noise_and_delays_show_the_truth_beside_what_arrived(sessions):
    session = sessions("RWRLCartpoleSwingup-v0", {"combined_challenge": "easy"}, policy="random")
    run(session, 10)
    rows = {row.name: row for row in session.observations.rows(session.observation, 0)}
    base = session.env.unwrapped.envs[0].unwrapped
    np.testing.assert_allclose(rows["position"].true, base._task.get_observation(base.physics)["position"])
    assert not np.array_equal(rows["position"].true, rows["position"].received)


def test_a_challenge_surrounds_any_environment(sessions):
    session = sessions(**FLAT, challenge="easy", second="zero")
    run(session, 3)
    (row, *_) = session.observations.rows(session.observation, 1)
    np.testing.assert_array_equal(row.true, session.env.unwrapped.task.observe()[row.name][1].astype(np.float32))
    assert not np.array_equal(row.true, row.received)
    session.apply(Steer({"vx": 0.3, "vy": 0.0, "yaw_rate": 0.0}))
    assert session.env.unwrapped.task.command.value[1, 0] == 0.3
