"""Conditions of a study, and the evaluation of a policy under one of them."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field

from gymnasium.vector import VectorEnv

from evaluation.episodes import play
from evaluation.study.tally import TargetTally, cell
from run_folder.runs import Run

# Arguments that a run records for its environment -> the same environment without the randomisation of the training.
Nominal = Callable[[Mapping], dict]


@dataclass(frozen=True)
class Condition:
    """A change of the environment under which every policy plays the same episodes.

    Attributes:
        name: unique name.
        group: name of the conditions that are reported together.
        reach: "in" if a training of the study can meet the condition, "out" if it lies beyond, "" for nominal episodes.
        arguments: arguments of the environment.
    """

    name: str
    group: str
    reach: str = ""
    arguments: Mapping = field(default_factory=dict)


@contextmanager
def simulations(
    run: Run, condition: Condition, nominal: Nominal, episodes: int, episode_steps: int, num_threads: int
) -> Iterator[VectorEnv]:
    """Yields one simulation for each episode, under a condition, and closes them; arguments as in `target_cell`."""
    length = {"max_episode_steps": episode_steps, "num_threads": num_threads}
    with closing(run.make_env(episodes, **{**nominal(run.env_kwargs), **length, **condition.arguments})) as env:
        yield env


def target_cell(
    run: Run, condition: Condition, nominal: Nominal, episodes: int, episode_steps: int, seed: int, num_threads: int = 1
) -> dict[str, float | None]:
    """Plays episodes of a robot that walks to targets under a condition; returns the measures of `evaluation.study.tally`.

    Args:
        run: the policy and the environment that it was trained in.
        condition: the change of the environment.
        nominal: removes the randomisation of the training from the arguments of the environment.
        episodes: number of episodes, all played at the same time.
        episode_steps: most control steps of an episode.
        seed: seed of the first episode.
        num_threads: threads for physics.
    """
    with simulations(run, condition, nominal, episodes, episode_steps, num_threads) as env:
        size = env.single_action_space.shape[0]
        tally = TargetTally(env.num_envs, size, env.unwrapped.control_dt, episode_steps)
        return cell(play(env, tally.watched(run.act), episodes, seed, tally))
