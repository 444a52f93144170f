"""What every wrapper here shares: hooks that compute for n simulations, and two faces around them, single and vector."""

import functools
import inspect
from collections.abc import Mapping, Sequence

import gymnasium as gym
import numpy as np
from gymnasium.utils import RecordConstructorArgs
from gymnasium.vector import AutoresetMode, VectorEnv, VectorWrapper
from gymnasium.vector.utils import batch_space, create_empty_array

from envs.arguments import seeds_of
from envs.lifecycle import check_step
from envs.wrappers.batches import copied, joined, put, singles, taken
from envs.wrappers.layout import Layout, layout_of
from utils.vector_infos import info_of_step

ONE = np.array([0])


class ChallengeWrapper:
    """Wraps a single environment or a vector: what is made is a `gymnasium.Wrapper` or a `VectorWrapper` accordingly.

    A subclass overrides the hooks below. `ids` (k,) are simulations; what belongs to them has k on its first axis, also
    in a single environment, whose only simulation is 0. `info` is a whole info: numbers in a single environment, arrays
    (n, ...) in a vector. Vectors may start ended episodes in the same step or in the next one.

    Infos of a vector that starts them in the same step are those of the step itself, also where an episode has ended; what
    belongs to the new episode stands in `info["reset_info"]`, and the end as usual in `final_obs` and `final_info`.

    Attributes:
        layout: of the observations that this wrapper shows.
    """

    env: gym.Env | VectorEnv
    num_envs: int

    def __new__(cls, env=None, *args, **kwargs):
        faced = issubclass(cls, (_SingleFace, _VectorFace))
        face = _VectorFace if isinstance(env, VectorEnv) else _SingleFace
        wrapper = super().__new__(cls if faced else _faced(cls, face))
        if env is not None:  # `gymnasium.make(env.spec)` asks for what a wrapper was made with
            given = inspect.signature(cls.__init__).bind(wrapper, env, *args, **kwargs).arguments
            RecordConstructorArgs.__init__(wrapper, **dict(list(given.items())[2:]))
        return wrapper

    def __init__(self, env):
        super().__init__(env)
        self.layout = layout_of(env)

    @functools.cached_property
    def action_layout(self) -> Layout:
        """The layout of one simulation's action; raises ValueError if that is no Box."""
        return Layout(self.single_action_space if isinstance(self, VectorEnv) else self.action_space)

    def _seed(self, seeds: Sequence[int | None], ids: np.ndarray) -> None:
        """Seeds what draws for simulations `ids`; None leaves one as it is."""

    def _prepare(self, ids: np.ndarray) -> None:
        """Is called before a caller's own reset (not before those at the end of an episode)."""

    def _begin(self, ids: np.ndarray, info: dict) -> None:
        """Forgets the episodes of simulations `ids`: new ones have begun, with this info."""

    def _act(self, actions: np.ndarray, ids: np.ndarray) -> np.ndarray:
        """Returns what is sent on instead of these actions."""
        return actions

    def _tell(self, info: dict) -> None:
        """Adds to an info, of a step or of a reset."""

    def _settle(self, rewards: np.ndarray, info: dict, ids: np.ndarray) -> np.ndarray:
        """Returns what is paid instead of these rewards (k,)."""
        return rewards

    def _observe(self, observations, ids: np.ndarray):
        """Returns what is shown instead of these observations."""
        return observations

    def _add_term(self, info: dict, name: str, values: np.ndarray, ids: np.ndarray) -> None:
        """Adds a term (k,) to those that the reward is the sum of, if they are told."""
        if "reward_terms" in info:
            term = np.zeros(self.num_envs)
            term[ids] = values
            info["reward_terms"] = {**info["reward_terms"], name: self._shaped(term)}

    def _stream(self, number: int) -> tuple[int, ...]:
        """Returns what tells random numbers from other wrappers': `number`, and how many of this class are inside."""
        inside, env = 0, self.env
        while isinstance(env, (gym.Wrapper, VectorWrapper)):
            inside, env = inside + (type(env).__name__ == type(self).__name__), env.env
        return number, inside

    def _check_exact(self, exact: bool) -> bool:
        """Returns `exact`; raises ValueError for vectors, which the original does not know."""
        if exact and isinstance(self, VectorEnv):
            raise ValueError("exact wrappers need single environments: put those into a SyncVectorEnv")
        return exact


class _SingleFace(gym.Wrapper, RecordConstructorArgs):
    num_envs = 1

    def __init__(self, env):
        super().__init__(env)
        # Inside an entry point there is no spec yet, and whatever makes the environment anew adds this wrapper again.
        self._is_recorded = env.spec is not None

    @property
    def spec(self):
        """The registration of the environment with this wrapper, unless the environment's entry point adds it."""
        return super().spec if self._is_recorded else self.env.spec

    def reset(self, *, seed=None, options=None):
        if seed is not None:
            self._seed([seed], ONE)
        self._prepare(ONE)
        observation, info = self.env.reset(seed=seed, options=options)
        self._begin(ONE, info)
        self._tell(info)
        return self._shown(observation), info

    def step(self, action):
        check_step(self)
        action = self._act(np.asarray(action)[None], ONE)[0]
        observation, reward, terminated, truncated, info = self.env.step(action)
        self._tell(info)
        reward = float(self._settle(np.array([reward], float), info, ONE)[0])
        return self._shown(observation), reward, terminated, truncated, info

    def _shown(self, observation):
        if isinstance(observation, Mapping):
            return taken(self._observe({name: np.asarray(part)[None] for name, part in observation.items()}, ONE), (0, ...))
        return self._observe(np.asarray(observation)[None], ONE)[0]

    def _show(self, layout: Layout) -> None:
        self.layout, self.observation_space = layout, layout.space

    def _shaped(self, values):
        """Returns the only simulation's value of (1, ...) as an info holds it."""
        return values[0].item() if values.ndim == 1 else values[0].copy()


class _VectorFace(VectorWrapper):
    def __init__(self, env):
        super().__init__(env)
        mode = env.metadata.get("autoreset_mode")
        self._same_step, self._next_step = mode == AutoresetMode.SAME_STEP, mode == AutoresetMode.NEXT_STEP
        self._all, self._over = np.arange(env.num_envs), np.zeros(env.num_envs, bool)
        self._last = None

    def reset(self, *, seed=None, options=None):
        ids = self._chosen(options)
        if seed is not None:
            seed = seeds_of(seed, self.num_envs)
            self._seed([seed[i] for i in ids], ids)
        self._prepare(ids)
        observation, info = self.env.reset(seed=seed, options=None if options is None else dict(options))
        self._over[ids] = False
        self._begin(ids, info)
        self._tell(info)
        shown = self._observe(taken(observation, ids), ids)
        if len(ids) == self.num_envs:
            return self._kept(shown), info
        if self._last is None:  # no reset has covered the others yet
            self._last = create_empty_array(self.single_observation_space, self.num_envs, fn=np.zeros)
        return self._kept(put(copied(self._last), ids, shown)), info

    def step(self, actions):
        check_step(self)
        if self._over.any():
            return self._step_that_begins(np.asarray(actions))
        actions = self._act(np.asarray(actions), self._all)
        observation, reward, terminated, truncated, info = self.env.step(actions)
        ended = terminated | truncated
        if self._same_step and ended.any():
            reward, observation, info = self._across_ends(observation, reward, info, ended)
        else:
            self._over = ended & self._next_step
            self._tell(info)
            reward = self._settle(reward, info, self._all)
            observation = self._observe(observation, self._all)
        return self._kept(observation), reward, terminated, truncated, info

    def _across_ends(self, observation, reward, info, ended):
        """Goes on where the vector has begun new episodes in the step that ended others: both ends of it are seen to."""
        ids = np.flatnonzero(ended)
        last = put(copied(observation), ids, taken(info["final_obs"], ids))
        info = info_of_step(info, ended)
        self._tell(info)
        reward = self._settle(reward, info, self._all)
        last = self._observe(last, self._all)
        self._begin(ids, info["reset_info"])
        self._tell(info["reset_info"])
        shown = put(copied(last), ids, self._observe(taken(observation, ids), ids))
        info["final_obs"] = singles(last, ended) if isinstance(last, Mapping) else last
        info["final_info"] = {name: value for name, value in info.items() if name not in _AT_ENDS}
        return reward, shown, info

    def _step_that_begins(self, actions):
        """Takes a step in which the vector resets the simulations whose episode was over; their actions do not count."""
        ids, live = np.flatnonzero(self._over), np.flatnonzero(~self._over)
        acted = self._act(actions[live], live)
        observation, reward, terminated, truncated, info = self.env.step(put(actions.astype(acted.dtype), live, acted))
        self._over = terminated | truncated
        self._begin(ids, info)
        self._tell(info)
        reward[live] = self._settle(reward[live], info, live)
        going, begun = self._observe(taken(observation, live), live), self._observe(taken(observation, ids), ids)
        both, order = joined(going, begun), np.argsort(np.concatenate([live, ids]))
        return self._kept(taken(both, order)), reward, terminated, truncated, info

    def _chosen(self, options):
        mask = (options or {}).get("reset_mask")
        return self._all if mask is None else np.flatnonzero(mask)

    def _kept(self, observation):
        """Returns the observations, and remembers them: a reset of some simulations shows the others' again."""
        self._last = observation
        return copied(observation)

    def _show(self, layout: Layout) -> None:
        self.layout, self.single_observation_space = layout, layout.space
        self.observation_space = batch_space(layout.space, self.num_envs)

    def _shaped(self, values):
        """Returns all simulations' values (n, ...) as an info holds them."""
        return values.copy()


_AT_ENDS = {"final_obs", "_final_obs", "final_info", "_final_info", "reset_info"}


@functools.cache
def _faced(kind, face):
    return type(kind.__name__, (kind, face), {"__module__": kind.__module__, "__doc__": kind.__doc__})
