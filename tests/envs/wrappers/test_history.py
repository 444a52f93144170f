"""Observations of earlier steps are the ones that were received: in `History`, and in rows that hold a past."""

import copy

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

import envs  # noqa: F401
from envs.challenges import apply
from envs.wrappers import Delay, Dimensionality, History, Noise
from utils.observation import ObservationTable, Row

NOISE = {
    "gaussian": {"observations": 0.2},
    "dropped": {"observations_prob": 0.2, "observations_steps": 3},
    "stuck": {"observations_prob": 0.2, "observations_steps": 3},
}
MODES = ["same_step", "next_step", "disabled"]
# What holds the value of one step earlier, and of what, for each id.
PAIRS = {
    "ResidualWalk-v0": [("tracking_error", slice(0, 24), slice(12, 36))],
    "CubeInHand-v0": [
        (f"earlier_{name}", slice(None), name)
        for name in ("joint_pos", "cube_pos", "cube_quat", "target_pos", "target_quat", "difference", "joint_target")
    ],
}
every_id = pytest.mark.parametrize("env_id", PAIRS)


def columns(env, env_id):
    """Returns the columns that hold a past, and those that they repeat."""
    slices, numbers = env.layout.slices, np.arange(env.layout.size)
    target, source = [], []
    for name, own, of in PAIRS[env_id]:
        target.append(numbers[slices[name]][own])
        source.append(numbers[slices[of]] if isinstance(of, str) else numbers[slices[name]][of])
    return np.concatenate(target), np.concatenate(source)


def single(env_id):
    return gym.make(env_id, max_episode_steps=7)


def vector(env_id, mode="same_step"):
    return gym.make_vec(env_id, num_envs=3, max_episode_steps=7, autoreset_mode=mode)


def actions_for(env, steps):
    return np.random.default_rng(0).uniform(-1, 1, (steps, *env.action_space.shape)).astype(np.float32)


def observations_of(env, steps=20):
    """Yields, of a run with resets: observations (n, k), and who received one of a reset and one of a step, (n,) bool."""
    n = getattr(env, "num_envs", 1)
    mode = env.metadata.get("autoreset_mode")
    none, over = np.zeros((2, n), bool)
    yield np.reshape(env.reset(seed=3)[0], (n, -1)), ~none, none
    for action in actions_for(env, steps):
        shown, _, terminated, truncated, info = env.step(action)
        ended = np.reshape(terminated | truncated, n)
        if mode == AutoresetMode.SAME_STEP and ended.any():
            yield np.where(ended[:, None], np.stack(list(info["final_obs"])), shown), none, ~none
            yield shown, ended, none
        elif mode == AutoresetMode.NEXT_STEP:
            yield shown, over, ~over
            over = ended
        else:
            yield np.reshape(shown, (n, -1)), none, ~none
            if ended.any():
                options = {"reset_mask": ended} if isinstance(env, gym.vector.VectorEnv) else None
                yield np.reshape(env.reset(options=options)[0], (n, -1)), ended, none


def assert_past_is_what_was_received(env, target, source, at_start):
    ends, before = 0, None
    for rows, first, stepped in observations_of(env):
        ends += first.any()
        if stepped.any():
            np.testing.assert_array_equal(rows[stepped][:, target], before[stepped][:, source])
        np.testing.assert_array_equal(rows[first][:, target], at_start(rows[first]))
        before = rows
    assert ends >= 3


WRAPPED = {
    "noise": lambda env: Noise(env, **NOISE),
    "delay": lambda env: Delay(env, observations=(1, 3)),
    "delay of one block": lambda env: Delay(env, observations={"joint_pos": 2}),
    "both, and more entries": lambda env: apply(
        env,
        noise_spec={kind: {"enable": True, **own} for kind, own in NOISE.items()},
        delay_spec={"enable": True, "observations": (0, 2)},
        dimensionality_spec={"enable": True, "num_random_state_observations": 2},
    ),
}


@every_id
@pytest.mark.parametrize("make", [single, *(lambda env_id, mode=mode: vector(env_id, mode) for mode in MODES)])
@pytest.mark.parametrize("wrapped", WRAPPED.values(), ids=WRAPPED)
def test_a_value_received_as_current_is_received_as_past_one_step_later(env_id, make, wrapped):
    env = wrapped(make(env_id))
    target, source = columns(env, env_id)
    share = 0.0 if env_id == "ResidualWalk-v0" else 1.0  # of the current value, that a past starts with
    assert_past_is_what_was_received(env, target, source, lambda rows: share * rows[:, source])


@every_id
@pytest.mark.parametrize("make", [single, vector])
def test_without_noise_the_rows_are_bit_for_bit_those_of_the_task(env_id, make):
    name = {"ResidualWalk-v0": "joint_vel", "CubeInHand-v0": "joint_target"}[env_id]
    env, wrapped = make(env_id), Noise(make(env_id), gaussian={"observations": {name: 0.1}})
    slices = wrapped.layout.slices
    clean = np.ones(wrapped.layout.size, bool)
    for noisy in {name, f"earlier_{name}"} & slices.keys():
        clean[slices[noisy]] = False
    for (rows, *_), (others, *_) in zip(observations_of(env), observations_of(wrapped)):
        np.testing.assert_array_equal(rows[:, clean], others[:, clean])


@every_id
def test_noise_of_a_current_block_stays_inside_the_space_of_its_past(env_id):
    name = {"ResidualWalk-v0": "tracking_error", "CubeInHand-v0": "cube_pos"}[env_id]
    env = Noise(single(env_id), gaussian={"observations": {name: 3.0}})
    assert all(env.observation_space.contains(rows[0]) for rows, *_ in observations_of(env))


def test_noise_on_a_block_that_repeats_the_past_is_refused():
    with pytest.raises(ValueError, match="'earlier_cube_pos', which repeats an earlier observation"):
        Noise(single("CubeInHand-v0"), gaussian={"observations": {"earlier_cube_pos": 0.1}})


@pytest.mark.parametrize("make", [single, *(lambda env_id, mode=mode: vector(env_id, mode) for mode in MODES)])
def test_history_stacks_what_was_received_oldest_first(make):
    env, inner = History(Noise(make("Toy-v0"), **NOISE), 3), Noise(make("Toy-v0"), **NOISE)
    for (rows, first, stepped), (received, *_) in zip(observations_of(env), observations_of(inner)):
        if first.all():
            frames = np.repeat(received[:, None], 3, axis=1)
        frames[first] = received[first, None]
        frames[stepped] = np.concatenate([frames[stepped, 1:], received[stepped, None]], axis=1)
        np.testing.assert_array_equal(rows, frames.reshape(len(rows), -1))


def test_history_of_named_rows_leaves_the_others_in_their_order():
    env, inner = History(single("CubeInHand-v0"), 2, ["cube_pos", "joint_target"]), single("CubeInHand-v0")
    (first, _), (plain, _) = env.reset(seed=1), inner.reset(seed=1)
    action = actions_for(env, 1)[0]
    second, after = env.step(action)[0], inner.step(action)[0]
    own, old = env.layout.slices, inner.unwrapped.task.observation.slices
    assert env.observation_space.shape == (inner.observation_space.shape[0] + 3 + 12,)
    for name, place in old.items():
        np.testing.assert_array_equal(second[own[name]], after[place])
    for name in ("cube_pos", "joint_target"):
        np.testing.assert_array_equal(second[own[f"{name}-1"]], plain[old[name]])
        assert own[f"{name}-1"].stop == own[name].start
    assert "difference-1" not in own and env.observation_space.contains(second) and first.dtype == np.float32


def test_history_keeps_the_parts_of_policy_and_critic_apart():
    bare = gym.make("ResidualWalk-v0", privileged=True)
    env = History(Dimensionality(gym.make("ResidualWalk-v0", privileged=True), 2), 3)
    policy, critic = (bare.unwrapped.observation_groups[name] for name in ("policy", "critic"))
    known = critic.stop - policy.stop
    assert known > 0 and env.observation_groups["policy"] == slice(0, 3 * (policy.stop + 2))
    assert env.observation_groups["critic"] == slice(0, 3 * (policy.stop + 2) + known) == slice(0, len(env.reset()[0]))
    np.testing.assert_array_equal(env.reset(seed=1)[0][-known:], bare.reset(seed=1)[0][-known:])


@pytest.mark.parametrize("make", [single, vector])
def test_noise_outside_of_a_history_keeps_its_past(make):
    env = Noise(History(make("CubeInHand-v0"), 3, ["cube_pos"]), **NOISE)
    slices, numbers = env.layout.slices, np.arange(env.layout.size)
    target = np.concatenate([numbers[slices["cube_pos-2"]], numbers[slices["cube_pos-1"]]])
    source = np.concatenate([numbers[slices["cube_pos-1"]], numbers[slices["cube_pos"]]])
    newest = np.tile(numbers[slices["cube_pos"]], 2)
    assert_past_is_what_was_received(env, target, source, lambda rows: rows[:, newest])


def test_a_history_is_copied_with_its_frames():
    env = History(single("Toy-v0"), 3)
    env.reset(seed=1)
    actions = actions_for(env, 4)
    env.step(actions[0])
    twin = copy.deepcopy(env)
    for action in actions[1:]:
        np.testing.assert_array_equal(env.step(action)[0], twin.step(action)[0])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((0,), "frames must be a whole number"),
        ((10**9,), "and at most 10000, got"),
        ((2, ["cube"]), "'cube', which is no"),
        ((2, "cube_pos"), "list of names"),
    ],
)
def test_a_wrong_argument_is_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        History(single("CubeInHand-v0"), *arguments)


def test_a_dict_is_refused():
    with pytest.raises(ValueError, match="put FlatObservation"):
        History(gym.make("RWRLCartpoleSwingup-v0", observation="dict"), 2)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ((Row("a", 2, -1, 1, "1"), Row("b", 3, -1, 1, "1", past_of="a")), "b is declared as the past of a"),
        ((Row("a", 2, -1, 1, "1", past_of="c"),), "past of c, which is no row"),
        ((Row("a", 5, -1, 1, "1", frames=3),), "multiple of its 3 frames"),
    ],
)
def test_a_past_that_cannot_be_is_refused(rows, words):
    with pytest.raises(ValueError, match=words):
        ObservationTable(*rows)
