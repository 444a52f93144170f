"""A session: the simulations on the screen, their policies, and every command that has changed them."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from evaluation.held_out_seeds import PLAY
from utils.fields import Checked, checked, within
from utils.vector_infos import control_dt, info_of_step, numbers
from viewer import policies
from viewer.bodies import bodies_of
from viewer.commands import (
    MOST_ROBOTS,
    Choose,
    Command,
    Drag,
    Drop,
    Ground,
    Perturb,
    Push,
    Release,
    Reset,
    Steer,
    are_numbers,
    as_row,
)
from viewer.observations import Observations
from viewer.pushes import Pushes
from viewer.worlds import CHALLENGES, Knobs, Tile, World

UNKNOWN_DT = 0.02  # s: control step of an environment that does not say its own


def _mapping():
    return checked(None, lambda values: values is None or are_numbers(values), "be a mapping of names to finite numbers")


@dataclass(frozen=True)
class Setup(Checked):
    """Everything that decides a session before its first command. It is plain data, and a recording begins with it."""

    env_id: str = ""
    arguments: dict = checked(None, lambda value: True, "be a mapping")
    challenge: str = checked("", lambda value: value in CHALLENGES, f"be one of {', '.join(CHALLENGES[1:])}")
    robots: int = within(1, 1, MOST_ROBOTS)
    seed: int = within(0, 0, PLAY.highest)
    policy: str = ""
    second: str = ""
    kind: str = "rough"
    level: float = within(0.5, 0.0, 1.0)
    ground_seed: int = within(0, 0)
    command: dict | None = _mapping()
    perturbed: dict | None = _mapping()

    @property
    def world(self) -> World:
        """How the environment is built; raises ValueError for an unknown terrain."""
        return World(self.env_id, self.arguments, self.challenge, Tile(self.kind, self.level, self.ground_seed))

    @property
    def groups(self) -> int:
        """Number of groups of robots: 2 with a second policy."""
        return 2 if self.second else 1

    @property
    def seeds(self) -> list[int]:
        """Seed of every simulation; both groups have the same ones."""
        first = PLAY.at(self.seed, self.robots)
        return [first + i for i in range(self.robots)] * self.groups


class Session:
    """Steps the simulations of a setup under the control of its policies, and applies commands between the steps.

    The setup and the commands with their steps decide every number, so that a recording of them replays to the bit.

    Args:
        setup: the start.

    Attributes:
        setup: the current setup; following commands have changed it.
        start: the setup at the start.
        log: rows of all commands so far, as `commands.as_row` makes them.
        steps: control steps so far.
        observation, reward, terms, info: of the last step; `terms` (n,) by name.
        ages, episodes: (n,) steps of the current episodes, and number of episodes that ended since the last reset.
        on_step: functions that are called after every step.
        fingerprints: hashes of the files of each policy so far, by its name, when it was first loaded.
    """

    def __init__(self, setup: Setup):
        self.start, self.log, self.steps = setup, [], 0
        self.on_step: list[Callable[[], None]] = []
        self.fingerprints: dict[str, list[str]] = {}
        self._hash = hashlib.blake2b(digest_size=16)
        self._use(setup, *_built(setup))

    @property
    def digest(self) -> str:
        """A hash of the states after every step so far."""
        return self._hash.hexdigest()

    @property
    def count(self) -> int:
        """Number of robots in all groups."""
        return self.env.num_envs

    def labels(self) -> list[str]:
        """Returns the name of each robot's policy."""
        names = [self.setup.policy, self.setup.second][: self.setup.groups]
        return [name for name in names for _ in range(self.setup.robots)]

    def step(self) -> None:
        """Takes one control step."""
        if self.pushes is not None:
            self.pushes.apply()
        self.observation, self.reward, terminated, truncated, info = self.env.step(self._actions())
        ended = np.asarray(terminated) | np.asarray(truncated)
        self.info = info_of_step(info, ended) if ended.any() else info
        terms = self.info.get("reward_terms", {})
        self.terms = {name: term for name, term in terms.items() if _is_term(name, term)}
        self.episodes += ended
        self.ages = np.where(ended, 0, self.ages + 1)
        self.steps += 1
        self._hash.update(self._state())
        for call in self.on_step:
            call()

    def apply(self, command: Command) -> None:
        """Applies a command, and adds it to the log.

        Raises:
            ValueError: the command does not fit this environment; nothing has changed.
        """
        match command:
            case Reset(seed):
                self._reset(replace(self.setup, seed=seed))
            case Ground(kind, level):
                self._rebuild(self._on_ground(kind, level))
            case Choose(policy, group):
                self._choose(policy, group)
            case Push() | Drag() | Drop():
                self._force(command)
            case _:
                self._turn_knob(command)
        self.log.append(as_row(self.steps, command))

    def close(self) -> None:
        """Closes the environment."""
        self.env.close()

    def _actions(self):
        actions = np.array(self._policies[0](self.observation))
        if len(self._policies) > 1:
            half = self.setup.robots
            actions[half:] = np.asarray(self._policies[1](self.observation))[half:]
        return actions

    def _turn_knob(self, command):
        match command:
            case Steer(values):
                self.knobs.steer(values)
                self.setup = replace(self.setup, command=values)
            case Release():
                self.knobs.release()
                self.setup = replace(self.setup, command=None)
            case Perturb(values):
                self.knobs.perturb(values)
                self.setup = replace(self.setup, perturbed=(self.setup.perturbed or {}) | values)

    def _force(self, command):
        if self.pushes is None:
            raise ValueError("this environment has no MuJoCo bodies to push")
        {Push: self.pushes.push, Drag: self.pushes.drag, Drop: self.pushes.drop}[type(command)](command)

    def _on_ground(self, kind, level):
        if not self.setup.world.has_terrain:
            raise ValueError(f"{self.setup.env_id} has no terrain")
        return replace(self.setup, kind=kind, level=level)

    def _choose(self, policy, group):
        name = {"first": "policy", "second": "second"}[group]
        if group == "first" and not policy:
            raise ValueError("the first group needs a policy")
        setup = replace(self.setup, **{name: policy})
        if setup.groups != self.setup.groups:
            self._rebuild(setup)
        else:
            self._policies, self.setup = _loaded(setup, self.env), setup
            self._identify(setup)

    def _rebuild(self, setup):
        built, old = _built(setup), self.env
        self._use(setup, *built)
        old.close()

    def _use(self, setup, env, loaded):
        """Takes over a new environment and its policies, and starts episodes in it."""
        self.env, self._policies, self.knobs = env, loaded, Knobs(env)
        self._identify(setup)
        self.control_dt = control_dt(env) or UNKNOWN_DT
        self.bodies = bodies_of(env)
        self.pushes = None if self.bodies is None else Pushes(self.bodies, self.control_dt)
        self.observations = Observations(env)
        if setup.perturbed:
            self.knobs.perturb(setup.perturbed)
        self._reset(setup)
        if setup.command:
            self.knobs.steer(setup.command)

    def _identify(self, setup):
        for name in filter(None, (setup.policy, setup.second)):
            if name not in self.fingerprints:
                self.fingerprints[name] = policies.fingerprint(name, setup.env_id)

    def _reset(self, setup):
        if self.pushes is not None:
            self.pushes.clear()
        self.observation, self.info = self.env.reset(seed=setup.seeds)
        self.setup = setup
        self.reward, self.terms = np.zeros(self.count), {}
        self.ages, self.episodes = np.zeros((2, self.count), int)

    def _state(self):
        return np.ascontiguousarray(self.observation).tobytes() if self.bodies is None else self.bodies.state()


def _built(setup):
    """Returns the environment of a setup and its policies; an environment that its policy does not fit is closed."""
    env = _made(setup.world, setup.robots * setup.groups)
    try:
        return env, _loaded(setup, env)
    except (ValueError, RuntimeError, OSError):
        env.close()
        raise


def _made(world, num_envs):
    """Returns the simulations; without MuJoCo bodies they render pictures, if they can."""
    env = world.make(num_envs)
    if bodies_of(env) is None and "rgb_array" in (env.metadata.get("render_modes") or ()):
        env.close()
        env = world.make(num_envs, render_mode="rgb_array")
    return env


def _loaded(setup, env):
    return [policies.load(name, setup.env_id, env) for name in (setup.policy, setup.second)[: setup.groups]]


def _is_term(name, values):
    return not name.startswith("_") and numbers(values) is not None
