"""PPO whose critic reads privileged observations, and whose actor can read a history and estimate privileged values.

Asymmetric actor-critic: Pinto et al., 2017, arXiv:1710.06542. Symmetric networks are in `algorithms.symmetric_layers`, the
networks that read a history in `algorithms.history_reader`.

A rollout of 128 robots x 48 steps x 3,321 values would be 82 MB, and grow with every frame. With an encoder or an estimator
a rollout stores every frame once (`algorithms.frame_buffer`): 8 MB; 4,096 robots x 24 steps take 155 MB instead of 1.3 GB.
"""

from typing import Literal

import torch
from stable_baselines3.common.vec_env import VecEnv, unwrap_vec_normalize
from torch.nn.utils import parametrize

from algorithms.adaptive_update import UpdateOptions
from algorithms.asymmetric_config import AsymmetricPpoConfig as AsymmetricPpoConfig
from algorithms.asymmetric_config import symmetry_of
from algorithms.asymmetric_policy import AsymmetricPolicy
from algorithms.frame_buffer import FrameBuffer
from algorithms.frame_statistics import FrameMeanStd, SymmetricMeanStd
from algorithms.history_options import HistoryOptions
from algorithms.ppo import PPO, Minibatch, Update


class AsymmetricPPO(PPO):
    """PPO with an `AsymmetricPolicy`.

    Args:
        policy: ignored; SB3 passes the name of a policy.
        env: a BatchVecEnv or a wrapper of one; its `observation_groups` give the part of the observation for the actor.
        symmetric: make the networks, and the statistics of a VecNormalize, symmetric.
        history: encoder and estimator. With either of them the frames share the statistics of a VecNormalize.
        limits: learning rate that follows the KL divergence, floor or schedule of the standard deviation.
        critic_reads: part of the observation for the critic.
        critic_warm_up: steps of all simulations together at the start in which only the critic learns.
        policy_kwargs: as in SB3.

    Raises:
        FieldError: the environment lacks what an option needs, such as a symmetry or several frames.
    """

    def __init__(
        self,
        policy,
        env: VecEnv,
        symmetric: bool = True,
        history: HistoryOptions = HistoryOptions(),
        limits: UpdateOptions = UpdateOptions(),
        critic_reads: Literal["everything", "privileged", "newest"] = "everything",
        critic_warm_up: int = 0,
        policy_kwargs: dict | None = None,
        **kwargs,
    ):
        self.history, self.limits, self.critic_warm_up = history, limits, critic_warm_up
        part, symmetry = env.observation_groups["policy"], symmetry_of(env) if symmetric else None
        shape = history.shape(env)
        reading = {"actor_slice": part, "shape": shape, "estimated": history.columns(env), "symmetry": symmetry}
        if critic_reads == "privileged":
            reading["critic_slice"] = slice(part.stop, *env.observation_space.shape)
        elif critic_reads == "newest":
            reading["critic_slice"] = shape.newest(part)
        if shape.frames > 1:
            about = {"frames": shape.frames, "stacked": part.stop, "normalizer": unwrap_vec_normalize(env)}
            kwargs |= {"rollout_buffer_class": FrameBuffer, "rollout_buffer_kwargs": about}
        super().__init__(AsymmetricPolicy, env, policy_kwargs={**(policy_kwargs or {}), **reading}, **kwargs)
        self._share_statistics(None if symmetry is None else symmetry.observation)

    def collect_rollouts(self, *args, **kwargs) -> bool:
        """Collects a rollout with the scheduled standard deviation; tied weights, which do not change, are computed once."""
        if self.limits.std_schedule is not None:
            self.policy.set_std(self.limits.std(self.num_timesteps / self._total_timesteps))
        with parametrize.cached():
            return super().collect_rollouts(*args, **kwargs)

    @property
    def _warms_up(self):
        return max(1, self.num_timesteps) <= self.critic_warm_up

    def _share_statistics(self, mirror):
        """Lets the two sides of the robot, and all frames of a history, have the same statistics in a VecNormalize."""
        normalizer = self.get_vec_normalize_env()
        if normalizer is None:
            return
        if not self.policy.shape.plain:
            normalizer.obs_rms = FrameMeanStd(normalizer.newest_columns, mirror)
        elif mirror is not None:
            normalizer.obs_rms = SymmetricMeanStd(mirror)

    def _update_learning_rate(self, optimizers) -> None:
        """Sets the learning rate of the schedule, unless the rate follows the KL divergence."""
        if self.limits.desired_kl is None:
            super()._update_learning_rate(optimizers)

    def _should_stop(self, batch: Minibatch, epoch: int, update: Update) -> bool:
        """Adapts the learning rate to the KL divergence, which is 0 before the first step of an update."""
        stops = super()._should_stop(batch, epoch, update)
        if self.limits.desired_kl is None or self._warms_up:
            return stops
        (group,), rates = self.policy.optimizer.param_groups, update.logged["learning_rate"]
        if rates:
            group["lr"] = self.limits.adapted(group["lr"], float(update.logged["approx_kl"][-1]))
        rates.append(group["lr"])
        return stops

    def _loss(self, batch: Minibatch, update: Update) -> torch.Tensor:
        """Returns the weighted sum of all losses; during the warm-up that of the critic alone.

        The advantages of a new critic would take a started policy away from where it is.
        """
        if self._warms_up:
            return self.vf_coef * self._value_loss(batch, update)
        return super()._loss(batch, update)

    def _value_loss(self, batch: Minibatch, update: Update) -> torch.Tensor:
        """Returns the values' mean squared error; with `clip_range_vf`, c, that of PPO2 (Dhariwal et al., 2017).

        mean(max((v - R)^2, (v_old + clip(v - v_old, -c, c) - R)^2))
        """
        clip, old, returns = update.clip_range_vf, batch.data.old_values, batch.data.returns
        if clip is None:
            return super()._value_loss(batch, update)
        clipped = old + torch.clamp(batch.values - old, -clip, clip)
        loss = torch.max((batch.values - returns).square(), (clipped - returns).square()).mean()
        update.logged["value_loss"].append(loss.item())
        return loss

    def _extra_loss(self, batch: Minibatch, update: Update) -> torch.Tensor | None:
        """Returns the weighted error of the estimates; None without an estimator."""
        if not self.history.estimate:
            return None
        loss = self.policy.estimator_loss(batch.data.observations)
        update.logged["estimator_loss"].append(loss.item())
        return self.history.estimator_coef * loss

    def _optimise(self, loss: torch.Tensor) -> None:
        """Takes one step of the optimiser, and keeps a learned standard deviation above its floor."""
        super()._optimise(loss)
        if self.limits.std_floor is not None and not self._warms_up:
            self.policy.keep_std_above(self.limits.std_floor)
