"""PPO with a smoothness loss: near observations must lead to near actions. The losses are in `algorithms.smoothness`."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from gymnasium.spaces import Box, Dict
from stable_baselines3.common.vec_env import VecEnv

from algorithms.next_buffer import NextBuffer
from algorithms.ppo import PPO, Minibatch, PpoConfig, Update
from algorithms.smoothness import DISTANCES, METHODS, Method, Steps
from utils.config import nearest_name
from utils.fields import Checked, FieldError, within

_STREAM = 7  # keeps the random numbers of the loss apart from other numbers of the same seed
_OPTIONS = ("distance", "radius", "rows", "inner_steps")


@dataclass(frozen=True)
class Smoothness(Checked):
    """The smoothness loss of `SmoothPPO`."""

    pairs: Literal[*METHODS] = "ball_max"
    """Pairs of observations whose actions must be near: an observation s and the worst observation in a ball around it
    (ball_max: SR2L), a random one in the ball (ball_random: CAPS, spatial), the next one of the episode (next: CAPS,
    temporal), or a random point between both (interpolated: L2C2). lcp limits the gradient of log pi(a|s) instead."""
    distance: Literal[*DISTANCES] = "jeffreys"
    """Distance of mean actions: jeffreys counts them in standard deviations of the policy, l2 in units of the action."""
    coef: float = within(0.1, 0)
    """Final weight of the smoothness loss; 0 gives plain PPO."""
    radius: float | tuple[float, ...] = within(0.05, above=0)
    """Half-width of the ball, standard deviations of the observation: one for all entries, or one for each of rows."""
    rows: tuple[str, ...] = ()
    """Rows of the observation that the loss changes, such as joint_pos joint_vel; none names all rows."""
    inner_steps: int = within(3, 1)
    """Gradient steps of the search for the worst observation. Each costs a pass of the actor forward and backward."""

    @property
    def method(self) -> Method:
        """The loss, and what it uses."""
        return METHODS[self.pairs]

    @property
    def idle(self) -> dict[str, str]:
        """Fields that have no effect -> the reason."""
        if self.coef == 0.0:
            return dict.fromkeys(("pairs", *_OPTIONS), "coef is 0")
        return {name: f"pairs is {self.pairs}" for name in _OPTIONS if name not in self.method.uses}

    def check(self) -> None:
        """Raises FieldError if a row is named twice, or there is not one radius for each row."""
        if len({*self.rows}) < len(self.rows):
            raise FieldError("rows", f"must name each row once, got {' '.join(self.rows)}")
        if isinstance(self.radius, tuple) and (not self.rows or len(self.radius) != len(self.rows)):
            words = f"must be one number, or one for each of the {len(self.rows)} rows, got {len(self.radius)} numbers"
            raise FieldError("radius", words)

    def half_widths(self, env: VecEnv | PPO) -> np.ndarray:
        """Returns the radius of every entry of the observation, (k,); 0 for entries that are not in `rows`.

        Raises:
            FieldError: the environment has no such row; the message names the nearest.
        """
        widths = np.zeros(env.observation_space.shape, np.float32)
        if not self.rows:
            return widths + self.radius
        known = getattr(env, "observation_rows", {})
        if not known:
            raise FieldError("rows", "must be left out: the environment names no rows of its observation")
        for i, name in enumerate(self.rows):
            if name not in known:
                raise FieldError("rows", f"must not contain {name!r}, which is no row{nearest_name(name, known)}")
            widths[known[name]] = self.radius[i] if isinstance(self.radius, tuple) else self.radius
        return widths


@dataclass(frozen=True)
class SmoothPpoConfig(Smoothness, PpoConfig):
    """Config of PPO with a smoothness loss, and of the schedule of that loss."""

    warm_up_steps: int = within(0, 0)
    """Control steps of all simulations together before the smoothness loss gets a weight."""
    rise_steps: int = within(0, 0)
    """Control steps after the warm-up over which the weight rises linearly from 0 to coef; 0 sets it at once."""
    radius_rise_steps: int = within(0, 0)
    """Control steps after the warm-up over which the radius rises linearly from 0; 0 sets it at once."""
    return_margin: float | None = within(None, 0)
    """The weight and the radius rise only while the mean return of recent episodes is at most this percentage below the
    best mean return so far; None lets them always rise."""

    @property
    def idle(self) -> dict[str, str]:
        """Fields that have no effect -> the reason."""
        idle, schedule = super().idle, ("warm_up_steps", "rise_steps", "radius_rise_steps", "return_margin")
        if self.coef == 0.0:
            return idle | dict.fromkeys(schedule, "coef is 0")
        if not any(self._rises):
            idle["return_margin"] = "neither the weight nor the radius rises"
        return idle | ({"radius_rise_steps": idle["radius"]} if "radius" in idle else {})

    @property
    def smoothing(self) -> dict:
        """Arguments of `callbacks.sr2l_callback.SR2LCallback`."""
        rise, radius_rise = self._rises
        return self.named("warm_up_steps", "return_margin") | {"rise_steps": rise, "radius_rise_steps": radius_rise}

    def check(self) -> None:
        """Raises FieldError as PpoConfig and Smoothness do."""
        PpoConfig.check(self)
        Smoothness.check(self)

    def check_length(self, total_timesteps: int) -> None:
        """Raises FieldError if the warm-up does not end before the training."""
        if self.warm_up_steps >= total_timesteps:
            words = f"must be below total_timesteps, {total_timesteps:,}, got {self.warm_up_steps:,}"
            raise FieldError("warm_up_steps", f"{words}: the smoothness loss would never have a weight")

    def check_env(self, env: VecEnv) -> None:
        """Raises FieldError if the observation has no row that `rows` names."""
        if not isinstance(env.observation_space, Dict):
            self.half_widths(env)

    def arguments(self) -> dict:
        """Returns the arguments of `SmoothPPO`."""
        return super().arguments() | {"smoothness": Smoothness(**self.named(*Smoothness.__dataclass_fields__))}

    @property
    def _rises(self):
        """The steps over which weight and radius rise."""
        return self.rise_steps, self.radius_rise_steps if "radius" in self.method.uses else 0


class RandomStream:
    """A generator of random numbers apart from torch's global one; a checkpoint keeps its state."""

    def __init__(self, seed: int | None):
        self.generator = torch.Generator()
        entropy = None if seed is None else (seed, _STREAM)
        self.generator.manual_seed(int(np.random.SeedSequence(entropy).generate_state(1)[0]))

    def state_dict(self) -> dict[str, torch.Tensor]:
        """Returns the state of the generator."""
        return {"state": self.generator.get_state()}

    def load_state_dict(self, state: dict[str, torch.Tensor]) -> None:
        """Continues from a `state_dict`."""
        self.generator.set_state(state["state"])


class SmoothPPO(PPO):
    """PPO with a smoothness loss on mean actions.

    Args:
        policy, env, seed: as in SB3; `env` needs `observation_rows`, as a BatchVecEnv has, if the loss names rows.
        smoothness: the loss. Default: `Smoothness()`.

    Attributes:
        coef_share, radius_share: current shares of the final weight and radius, 0 to 1; `SR2LCallback` schedules them.

    Raises:
        ValueError: observations or actions are not vectors of a Box, or the observation has no such row.
    """

    def __init__(self, policy, env, smoothness: Smoothness | None = None, seed: int | None = None, **kwargs):
        self.smoothness, self.random_stream = smoothness or Smoothness(), RandomStream(seed)
        self.coef_share = self.radius_share = 1.0
        if self.smoothness.method.reads_next:
            kwargs["rollout_buffer_class"] = NextBuffer
        super().__init__(policy, env, seed=seed, **kwargs)

    @property
    def coef(self) -> float:
        """The current weight of the smoothness loss."""
        return self.smoothness.coef * self.coef_share

    def _setup_model(self) -> None:
        super()._setup_model()
        if not (isinstance(self.observation_space, Box) and isinstance(self.action_space, Box)):
            spaces = f"{self.observation_space} and {self.action_space}"
            raise ValueError(f"SmoothPPO needs a Box of observations and a Box of actions, got {spaces}")
        self.smoothness.check()
        self.half_widths = torch.as_tensor(self.smoothness.half_widths(self.env or self), device=self.device)

    def _begin_update(self) -> Update:
        """Sets up the update, and gives the rollout the observations after its last step."""
        if self.smoothness.method.reads_next:
            self.rollout_buffer.complete(self._last_obs, self._last_episode_starts)
        return super()._begin_update()

    def _extra_loss(self, batch: Minibatch, update: Update) -> torch.Tensor | None:
        """Returns the weighted smoothness loss; None, without drawing a random number, while its weight is 0."""
        if self.coef == 0.0:
            return None
        loss = self.smoothness.method.loss(self._steps(batch))
        update.logged["smooth"].append(loss.item())
        return self.coef * loss

    def _steps(self, batch):
        return Steps(
            policy=self._means_and_stds,
            observations=batch.data.observations.float(),
            actions=batch.data.actions,
            following=getattr(batch.data, "following", None),
            same_episode=getattr(batch.data, "same_episode", None),
            radius=self.half_widths * self.radius_share,
            chosen=self.half_widths > 0,
            distance=DISTANCES[self.smoothness.distance],
            inner_steps=self.smoothness.inner_steps,
            generator=self.random_stream.generator,
        )

    def _means_and_stds(self, observations):
        """Returns the means (b, a) of the actions, and their standard deviations (b, a) without a gradient."""
        normal = self.policy.get_distribution(observations).distribution
        return normal.mean, normal.stddev.detach()

    def _log_update(self, update: Update) -> None:
        """Records the numbers of the update, and weight, radius and value of the smoothness loss under smooth/."""
        losses = update.logged.pop("smooth", [])
        super()._log_update(update)
        self.logger.record("smooth/coef", self.coef)
        if "radius" in self.smoothness.method.uses:
            self.logger.record("smooth/radius", np.max(self.smoothness.radius) * self.radius_share)
        if losses:
            self.logger.record("smooth/loss", np.mean(losses))
