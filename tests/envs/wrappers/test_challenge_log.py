"""Logs of episodes under challenges, compared with recorded numbers of the original, and with a toy whose rows are known."""

import json
from copy import deepcopy
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorWrapper

from envs.wrappers.challenge_log import RecordChallenges, RecordVectorChallenges
from envs.wrappers.challenge_logs.log import ChallengeLog
from envs.wrappers.challenge_logs.stats import joined
from tests.helpers.rwrl_learning_checks import LearningChecks
from tests.helpers.toy_episodes import NOTHING, Toy, check, expected, play, same

RECORDED = json.loads((Path(__file__).parents[2] / "golden/rwrl/evaluators.json").read_text())["accumulator"]


def vector(number, mode=AutoresetMode.SAME_STEP, **settings):
    return SyncVectorEnv([lambda i=i: Toy(i, **settings) for i in range(number)], autoreset_mode=mode)


def test_the_numbers_are_those_recorded_from_the_original():
    got = LearningChecks().accumulate(RECORDED["episodes"])
    for group, statistics in RECORDED["stats"].items():
        for name, numbers in statistics.items():
            np.testing.assert_allclose(got[group][name], numbers, rtol=1e-12, err_msg=name)


def test_one_environment_is_recorded_reset_row_and_all():
    env = RecordChallenges(Toy())
    play(env, 7)
    check(env.log.stats(), [expected(0, e) for e in range(1, 8)])


def test_the_objectives_of_real_wrappers_are_recorded():
    specs = {"safety_spec": {"enable": True}, "multiobj_spec": {"enable": True, "objective": "safety", "observed": True}}
    env = RecordChallenges(gym.make("envs:RWRLCartpoleSwingup-v0", max_episode_steps=5, **specs))
    _, info = env.reset(seed=0)
    objectives, over = [info["objectives"]], False
    while not over:
        *_, over, info = env.step(np.ones(1))
        objectives.append(info["objectives"])
    np.testing.assert_allclose(env.log.stats().objectives, [np.sum(objectives, axis=0)])


def test_a_share_of_violations_is_that_of_the_episodes_that_came_so_far():
    env = RecordChallenges(Toy())
    play(env, 2)  # rows 10 to 13 and 20 to 24
    stats = env.log.stats()
    np.testing.assert_array_equal(stats.step_episodes, [2, 2, 2, 2, 1])
    np.testing.assert_array_equal(stats.violations_per_step(), [[0, 0], [1, 0.5], [0, 0.5], [1, 0.5], [0, 1]])


def test_an_episode_that_is_broken_off_counts_nowhere():
    env = RecordChallenges(Toy())
    play(env, 1)
    env.reset()
    env.step(NOTHING)
    play(env, 1)
    check(env.log.stats(), [expected(0, 1), expected(0, 3)])
    np.testing.assert_array_equal(env.log.stats().step_episodes, [2, 2, 2, 1])


@pytest.mark.parametrize("mode", [AutoresetMode.SAME_STEP, AutoresetMode.NEXT_STEP])
def test_simulations_of_a_vector_are_recorded_like_single_ones(mode):
    env = RecordVectorChallenges(vector(3, mode))
    env.reset()
    for _ in range(24):
        env.step(np.zeros(3, int))
    stats = env.log.stats()
    singles = [RecordChallenges(Toy(i)) for i in range(3)]
    ended = [np.sum(stats.returns // 100 // stats.lengths == i) for i in range(3)]
    for single, episodes in zip(singles, ended):
        play(single, episodes)
    check(stats, [expected(i, e) for i in range(3) for e in range(1, ended[i] + 1)])
    one, two, three = (single.log.stats() for single in singles)
    np.testing.assert_array_equal(stats.step_violations, joined(joined(one, two), three).step_violations)
    assert sum(ended) > 12


def test_a_reset_by_mask_breaks_off_only_its_own():
    env = RecordVectorChallenges(vector(2))
    env.reset()
    env.step(np.zeros(2, int))
    env.reset(options={"reset_mask": np.array([True, False])})
    for _ in range(3):
        env.step(np.zeros(2, int))
    check(env.log.stats(), [expected(1, 1)])  # in the other, episode 1 is unfinished and episode 2 needs a step more


def test_a_reset_that_tells_nothing_has_no_row():
    env = RecordChallenges(Toy(tells_resets=False))
    play(env, 3)
    check(env.log.stats(), [expected(0, e, first=1) for e in range(1, 4)])
    np.testing.assert_array_equal(env.log.stats().step_episodes, [0, 3, 3, 2, 1])


def test_restarts_of_a_vector_that_tell_nothing_have_no_row_either():
    env = RecordVectorChallenges(vector(2, tells_resets=False))
    env.reset()
    for _ in range(7):
        env.step(np.zeros(2, int))
    check(env.log.stats(), [expected(i, e, first=1) for i in (0, 1) for e in (1, 2)])


def test_a_reset_right_after_an_end_takes_the_place_of_the_restart():
    env = RecordVectorChallenges(vector(1, AutoresetMode.NEXT_STEP))
    for _ in range(2):
        env.reset()
        while not env.step(np.zeros(1, int))[2].any():
            pass
    check(env.log.stats(), [expected(0, 1), expected(0, 2)])


class Constrained(VectorWrapper):
    """Adds a constraint that only resets violate to the infos of a batch environment."""

    def reset(self, **arguments):
        observation, info = self.env.reset(**arguments)
        return observation, info | self.constraints(False)

    def step(self, actions):
        *step, info = self.env.step(actions)
        info |= self.constraints(True)
        if "reset_info" in info:
            info["reset_info"] |= self.constraints(False)
        return *step, info

    def constraints(self, satisfied):
        return {"constraints": {"begun": np.full(self.num_envs, satisfied)}}


def test_restarts_of_our_own_batches_have_a_reset_row():
    batch = gym.make_vec("envs:ResidualWalk-v0", num_envs=2, max_episode_steps=3)
    env = RecordVectorChallenges(Constrained(batch))
    env.reset(seed=0)
    for _ in range(6):
        env.step(np.zeros(env.action_space.shape))
    stats = env.log.stats()
    env.close()
    assert stats.environment == "ResidualWalk-v0"
    np.testing.assert_array_equal(stats.lengths, [3, 3, 3, 3])
    np.testing.assert_array_equal(stats.step_episodes, [4, 4, 4, 4])
    np.testing.assert_array_equal(stats.violations[:, 0], [1, 1, 1, 1])


def test_recording_changes_nothing_that_passes_through():
    plain, recorded = Toy(), RecordChallenges(Toy())
    for method in ("reset", "step", "step", "step"):
        arguments = () if method == "reset" else (NOTHING,)
        np.testing.assert_equal(getattr(recorded, method)(*arguments), getattr(plain, method)(*arguments))


def test_what_was_given_out_does_not_change_afterwards():
    env = RecordChallenges(Toy())
    play(env, 2)
    given = env.log.stats()
    before = deepcopy(given)
    play(env, 3)
    assert same(given, before) and len(given.returns) == 2


def test_constraints_that_come_and_go_are_refused_in_a_sentence():
    log = ChallengeLog()
    log.begin({})
    log.end(np.array([0]))
    with pytest.raises(ValueError, match="constraints from the first episode on, got it after 1"):
        log.begin({"constraints": {"even": np.array([True])}})
    log = ChallengeLog()
    log.begin({"constraints": {"even": np.array([True])}})
    with pytest.raises(ValueError, match="constraints must always have even, got odd"):
        log.add(np.zeros(1), {"constraints": {"odd": np.array([True])}})


@pytest.mark.parametrize("every", [0, -1, 2.5, "10"])
def test_log_every_is_a_number_of_episodes(every):
    with pytest.raises(ValueError, match="log_every must be a whole number of episodes"):
        ChallengeLog(log_every=every)


def test_safety_variables_need_not_be_looked_at():
    env = RecordChallenges(Toy(), safety_vars=False)
    play(env, 2)
    assert env.log.stats().safety_vars == {} and env.log.stats().violations.sum() == 8
