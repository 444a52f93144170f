"""Every vector supports Gymnasium's autoreset modes: it equals a SyncVectorEnv of single environments, bit for bit."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.wrappers import vector as wrappers

import envs  # noqa: F401
from algorithms.vec_env import BatchVecEnv
from envs.challenges import apply
from envs.wrappers import Delay

IDS = sorted(name for name, spec in gym.registry.items() if str(spec.entry_point).startswith("envs."))
N, LENGTH = 3, 7
NEXT = {"next_step": AutoresetMode.NEXT_STEP, AutoresetMode.NEXT_STEP: AutoresetMode.NEXT_STEP}
CHALLENGED = {"combined_challenge": "medium", "safety_spec": {"enable": True, "observations": True}}
every_vector = pytest.mark.parametrize(
    ("env_id", "changes"),
    [
        *((env_id, {}) for env_id in IDS),
        ("ResidualWalk-v0", {"terrain": {"kinds": ["rough"], "levels": [0.3]}}),
        ("RWRLCartpoleSwingup-v0", CHALLENGED),
        ("RWRLWalkerRun-v0", CHALLENGED | {"observation": "dict"}),
        ("ShadowHandEgg-v0", {"observation": "goal"}),
    ],
)


def vector(env_id, mode, length=LENGTH, **changes):
    return gym.make_vec(env_id, N, max_episode_steps=length, autoreset_mode=mode, **changes)


def stock(env_id, mode, **changes):
    makers = [lambda i=i: gym.make(env_id, max_episode_steps=LENGTH + i, **changes) for i in range(N)]
    return SyncVectorEnv(makers, autoreset_mode=mode)


def actions(env, step):
    low, high = (np.maximum(np.minimum(end, 1), -1) for end in (env.single_action_space.low, env.single_action_space.high))
    phase = np.sin(step + np.arange(N)[:, None] + 2.0 * np.arange(len(low)))
    return (low + (phase + 1) / 2 * (high - low)).astype(np.float32)


def same(ours, theirs):
    if isinstance(theirs, dict):
        assert ours.keys() == theirs.keys()
        return all(same(ours[name], part) for name, part in theirs.items())
    np.testing.assert_array_equal(ours, theirs)
    return True


def limited(env, lengths):
    """Makes simulation i of a vector end after lengths[i] steps, so that ends do not coincide."""
    base = env.unwrapped
    if hasattr(base, "envs"):
        for own, length in zip(base.envs, lengths):
            own._max_episode_steps = length
    else:
        base._max_episode_steps = np.array(lengths)
    return env


@every_vector
def test_next_step_is_gymnasiums_bit_for_bit_across_ends(env_id, changes):
    ours = limited(vector(env_id, "next_step", **changes), range(LENGTH, LENGTH + N))
    theirs = stock(env_id, AutoresetMode.NEXT_STEP, **changes)
    assert ours.metadata["autoreset_mode"] == AutoresetMode.NEXT_STEP
    assert same(ours.reset(seed=4)[0], theirs.reset(seed=4)[0])
    ends, over = 0, np.zeros(N, bool)
    for step in range(5 * LENGTH):
        sent = actions(ours, step)
        mine, wanted = ours.step(sent), theirs.step(sent)
        for own, other in zip(mine[:4], wanted[:4]):
            assert same(own, other)
        paid = sum(np.asarray(term) for name, term in mine[4]["reward_terms"].items() if not name.startswith("_"))
        np.testing.assert_allclose(paid[~over], mine[1][~over], atol=1e-9)
        assert "final_obs" not in mine[4]
        over = mine[2] | mine[3]
        ends += int(over.sum())
    assert ends >= 3 * N
    ours.close(), theirs.close()


@every_vector
def test_same_step_shows_what_gymnasium_shows(env_id, changes):
    ours, theirs = (
        limited(made, range(LENGTH, LENGTH + N))
        for made in (vector(env_id, "same_step", **changes), stock(env_id, AutoresetMode.SAME_STEP, **changes))
    )
    assert same(ours.reset(seed=4)[0], theirs.reset(seed=4)[0])
    for step in range(3 * LENGTH):
        sent = actions(ours, step)
        for own, other in zip(ours.step(sent)[:4], theirs.step(sent)[:4]):
            assert same(own, other)


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("env_id", ["ResidualWalk-v0", "CubeInHand-v0", "Toy-v0", "RWRLWalkerStand-v0"])
def test_the_action_of_the_step_after_an_end_is_ignored_even_if_it_is_no_number(env_id, wrapped):
    env, alike = (limited(vector(env_id, AutoresetMode.NEXT_STEP), range(2, 2 + N)) for _ in range(2))
    if wrapped:
        env, alike = (Delay(each, actions=1) for each in (env, alike))
    env.reset(seed=0), alike.reset(seed=0)
    over = np.zeros(N, bool)
    for step in range(12):
        sent, other = actions(env, step), actions(env, step)
        sent[over] = np.nan
        mine, wanted = env.step(sent), alike.step(other)
        assert (mine[1][over] == 0).all() and not (mine[2] | mine[3])[over].any()
        for own, theirs in zip(mine[:4], wanted[:4]):
            assert same(own, theirs)
        over = mine[2] | mine[3]


def test_physics_that_breaks_after_an_end_is_no_failure(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    env = limited(vector("CubeInHand-v0", "next_step"), [2, 9, 9])
    env.reset(seed=0)
    for step in range(2):
        env.step(actions(env, step))
    task = env.unwrapped.task
    task.sim.qvel[0] = np.nan
    rows, rewards, terminated, truncated, _ = env.step(actions(env, 2))
    assert np.isfinite(rows).all() and rewards[0] == 0 and not terminated.any() and not truncated.any()
    assert task.failure_count == 0 and not task.failures
    task.sim.qvel[0] = np.nan
    assert env.step(actions(env, 3))[2].tolist() == [True, False, False] and task.failure_count == 1


@every_vector
def test_disabled_leaves_the_resets_to_the_caller(env_id, changes):
    env, alike = (limited(vector(env_id, mode, **changes), [2, 99, 99]) for mode in ("disabled", "next_step"))
    env.reset(seed=1), alike.reset(seed=1)
    for step in range(2):
        ended = env.step(actions(env, step))[3]
        alike.step(actions(env, step))
    assert ended.tolist() == [True, False, False]
    with pytest.raises(ResetNeeded, match=r"simulations \[0\] have ended"):
        env.step(actions(env, 2))
    observation, _ = env.reset(options={"reset_mask": ended})
    first = alike.step(actions(env, 2))[0]
    parts = [(observation[name], first[name]) for name in first] if isinstance(first, dict) else [(observation, first)]
    if not changes.get("combined_challenge"):  # noise and dummies are drawn at every step, including the step of a reset
        assert all((own[0] == other[0]).all() for own, other in parts)
    env.step(actions(env, 3))


@pytest.mark.parametrize("env_id", ["AdaptiveWalk-v0", "Toy-v0", "RWRLHumanoidStand-v0", "ShadowHandPen-v0"])
@pytest.mark.parametrize("mode", ["next", "NEXT_STEP", 3, None])
def test_an_unknown_mode_is_refused_in_one_sentence(env_id, mode):
    with pytest.raises(ValueError, match="autoreset_mode must be one of same_step, next_step, disabled, got"):
        vector(env_id, mode)


@pytest.mark.parametrize(
    "env_id", ["ResidualWalk-v0", "CubeInHand-v0", "RWRLWalkerStand-v0", "ShadowHandBlock-v0", "Toy-v0"]
)
def test_gymnasiums_vector_wrappers_that_need_next_step_work(env_id):
    env = wrappers.NormalizeObservation(vector(env_id, "next_step"))
    env = wrappers.NormalizeReward(wrappers.RecordEpisodeStatistics(env))
    env.reset(seed=0)
    lengths = []
    for step in range(4 * LENGTH):
        rows, *_, info = env.step(actions(env, step))
        assert np.isfinite(rows).all()
        if "episode" in info:
            lengths += info["episode"]["l"][info["_episode"]].tolist()
    assert lengths == [LENGTH] * 3 * N


def test_stable_baselines3s_face_refuses_what_it_cannot_follow():
    for mode in ("next_step", "disabled"):
        with pytest.raises(ValueError, match="SAME_STEP"):
            BatchVecEnv(vector("Toy-v0", mode))


@pytest.mark.parametrize("env_id", ["AdaptiveWalk-v0", "CubeInHand-v0", "Toy-v0"])
def test_challenges_around_a_vector_with_next_step_are_those_around_single_environments(env_id):
    specs = {"combined_challenge": "medium"}
    ours = apply(limited(vector(env_id, "next_step"), range(LENGTH, LENGTH + N)), **specs)
    makers = [lambda i=i: apply(gym.make(env_id, max_episode_steps=LENGTH + i), **specs) for i in range(N)]
    theirs = SyncVectorEnv(makers, autoreset_mode=AutoresetMode.NEXT_STEP)
    assert same(ours.reset(seed=2)[0], theirs.reset(seed=2)[0])
    for step in range(4 * LENGTH):
        sent = actions(ours, step)
        for own, other in zip(ours.step(sent)[:4], theirs.step(sent)[:4]):
            assert same(own, other)
