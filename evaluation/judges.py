"""Judges evaluate policies of a task: environment, episodes, summary, table, baselines, and the score that ranks policies.

`RETURNS` ranks by the return and suits any environment. `SUCCESSES` suits environments that report successes.
`evaluation.walk_judge` is for robots that walk. The table of tasks (`training.tasks`) names the judge of each task.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace

from gymnasium.vector import VectorEnv

from algorithms.vec_env import make_vector
from evaluation.baselines import random_actions, zero_actions
from evaluation.episodes import Policy, evaluate_returns, returns_table, summarise_returns
from utils.env_ids import qualified

OnStep = Callable[[dict], None]  # called with the info of every step


@dataclass(frozen=True)
class Setting:
    """Id and arguments of an environment, as in a run or in the config of a training."""

    env_id: str
    arguments: Mapping = field(default_factory=dict)
    """Arguments of the environment. The config of a task among them may be plain data."""
    num_threads: int = 2
    """Number of threads for physics."""

    def make(self, num_envs: int, **changes) -> VectorEnv:
        """Returns the vector environment; `changes` replace arguments."""
        return make_vector(qualified(self.env_id), num_envs, self.num_threads, **{**self.arguments, **changes})


@dataclass(frozen=True)
class Scene:
    """Conditions that a user chooses to play a policy. `Judge.idle` names the conditions without effect in a task.

    None leaves a condition to the training of the policy, as `Judge.chosen` says.
    """

    terrain: str | None = None
    """Terrain kind."""
    level: float | None = None
    """Terrain level, 0 to 1."""
    command: float | None = None
    """Commanded forward speed, m/s."""
    command_vy: float = 0.0
    """Commanded speed to the left, m/s."""
    command_yaw_rate: float = 0.0
    """Commanded yaw rate, rad/s."""


@dataclass(frozen=True)
class Judge:
    """Evaluates policies of any environment by their return.

    There are two kinds of episodes. `evaluate` plays the episodes of evaluations during trainings and sweeps. `play` plays
    the whole task as a user watches it. For most tasks both are the same.
    """

    score: tuple[str, ...] = ("return",)
    """Keys of the summary that rank policies, lexicographically; higher is better."""
    logged: tuple[str, ...] = ("return", "steps", "terminated", "successes", "successes_per_1000_steps")
    """Keys of the summary that a training logs when present."""
    finals: tuple[str, ...] = ("successes",)
    """Measurements of the last step of an episode whose means a training logs when present."""
    success_key: str = "successes"
    """Key of an episode's record that counts its successes; records of some environments lack it."""
    objectives: tuple[str, ...] = ("return",)
    """Keys of the summary that a sweep may maximise; the first is the default."""
    fixed_length: bool = False
    """Whether the judge, instead of the environment, decides the length of an episode."""

    # summarise: records of episodes -> summary, numbers by name. table: summaries by title -> Markdown table.
    summarise, table = staticmethod(summarise_returns), staticmethod(returns_table)

    def evaluation_env(self, setting: Setting, num_envs: int, seed: int, nominal: bool = False) -> VectorEnv:
        """Returns the simulations for `evaluate`.

        Args:
            setting: the training environment, without the length of training episodes.
            num_envs: number of simulations.
            seed: decides what the seeds of episodes do not decide; a `TerrainJudge` gives it to the terrain.
            nominal: switch off all randomisation of the training.
        """
        return setting.make(num_envs) if not nominal else _nominal(setting).make(num_envs)

    def evaluate(self, env: VectorEnv, policy: Policy, episodes: int, seed: int) -> list[dict]:
        """Plays episodes with consecutive seeds from `seed` on; returns a record of each."""
        return evaluate_returns(env, policy, episodes, seed)

    def play_env(
        self, setting: Setting, scene: Scene, num_envs: int, seed: int, render_mode: str | None = None
    ) -> VectorEnv:
        """Returns the simulations for `play`: the training environment.

        Raises:
            ValueError: the environment cannot render in this mode, or a value of the scene is wrong.
        """
        shown = {"render_mode": render_mode} if render_mode else {}  # not every environment has the argument
        try:
            return setting.make(num_envs, **shown)
        except TypeError as error:
            reason = str(error).splitlines()[0]
            refused = f"{setting.env_id} cannot be shown, it refuses {shown}: {reason}"
            raise ValueError(f"{refused}; use --no-render") from error

    def chosen(self, setting: Setting, scene: Scene) -> Scene:
        """Returns the scene with values for the conditions that are None; unchanged if the task has no such conditions."""
        return scene

    def play(self, env: VectorEnv, policy: Policy, episodes: int, seed: int, on_step: OnStep | None = None) -> list[dict]:
        """Plays episodes of the whole task with consecutive seeds from `seed` on; returns a record of each."""
        return evaluate_returns(env, policy, episodes, seed, on_step)

    def idle(self, setting: Setting, scene: Scene) -> dict[str, str]:
        """Returns the fields of a scene that have no effect in this task -> the reason."""
        return {option.name: f"{setting.env_id} has no choice of terrain or command" for option in fields(scene)}

    def unfamiliar(self, setting: Setting, scene: Scene) -> list[str]:
        """Returns sentences on conditions of a scene for which the training did not prepare a policy."""
        return []

    def summary(self, env: VectorEnv, policy: Policy, episodes: int, seed: int) -> dict:
        """Returns the summary of the episodes that `evaluate` plays."""
        return self.summarise(self.evaluate(env, policy, episodes, seed))

    @property
    def baselines(self) -> dict[str, Callable[[VectorEnv], Policy]]:
        """Untrained policies by name: functions that make a policy for an environment."""
        return {"zero": zero_actions, "random": random_actions}

    def baseline(self, name: str, env: VectorEnv) -> Policy:
        """Returns the baseline with that name for an environment.

        Raises:
            ValueError: there is no such baseline.
        """
        if name not in self.baselines:
            raise ValueError(f"no baseline is called {name!r}: there are {', '.join(self.baselines)}")
        return self.baselines[name](env)


def nominal_arguments(arguments: Mapping) -> dict:
    """Returns the arguments of an environment without perturb_spec and the task's variation, in task_kwargs too."""
    others = {name: value for name, value in arguments.items() if name not in ("perturb_spec", "variation")}
    if "config" in others:
        others["config"] = _without_variation(others["config"])
    return others | ({"task_kwargs": nominal_arguments(others["task_kwargs"])} if others.get("task_kwargs") else {})


def _without_variation(config):
    """Returns a task's config, or the plain data of one, with the default variation if the task has any."""
    if isinstance(config, Mapping):
        return {name: value for name, value in config.items() if name != "variation"}
    return replace(config, variation=type(config.variation)()) if hasattr(config, "variation") else config


def _nominal(setting):
    return replace(setting, arguments=nominal_arguments(setting.arguments))


RETURNS = Judge()
SUCCESSES = Judge(score=("successes", "return"), objectives=("return", "successes"))
