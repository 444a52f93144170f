"""An actor-critic whose actor and critic read parts of the observation, and whose networks can be symmetric.

A symmetric network gives the mirrored action for the mirrored observation, whatever its weights are; see
`algorithms.symmetric_layers`.
"""

import math
from collections.abc import Mapping, Sequence
from operator import attrgetter

import torch
from stable_baselines3.common.policies import ActorCriticPolicy
from torch.nn import functional
from torch.nn.utils import parametrize

from algorithms.history_reader import HistoryReader, TwoReaders
from algorithms.reader_shape import ReaderShape
from algorithms.symmetric_layers import Tied, tie, tie_reader
from utils.mirror import Mirror, Symmetry, unchanged


class AsymmetricPolicy(ActorCriticPolicy):
    """SB3's actor-critic with an actor that reads only the part `actor_slice` of the observation.

    With a `symmetry`, the mirrored observation gives the mirrored mean action, the same standard deviations on the other
    side, and the same value. The widths of the hidden layers must then be even.

    Args:
        actor_slice: the part for the actor.
        symmetry: mirror images of observation and action; None for networks without a symmetry.
        critic_slice: the part for the critic; None for all of the observation.
        shape: networks between the actor's part and its hidden layers.
        estimated: columns of the observation that the estimator of `shape` learns.
    """

    def __init__(
        self,
        *args,
        actor_slice: slice,
        symmetry: Symmetry | None = None,
        critic_slice: slice | None = None,
        shape: ReaderShape = ReaderShape(),
        estimated: Sequence[int] = (),
        **kwargs,
    ):
        self.actor_slice, self.symmetry, self.shape = actor_slice, symmetry, shape
        self._critic_slice, self.estimated = critic_slice or slice(None), list(estimated)
        super().__init__(*args, **kwargs)

    def plain_weights(self) -> dict[str, torch.Tensor]:
        """Returns the weights of an equal policy without parametrisations, by the names of its `state_dict`."""
        return {name: attrgetter(name)(self).detach() for name in map(_plain, self.state_dict())}

    def copy_plain(self, weights: Mapping[str, torch.Tensor]) -> None:
        """Copies the weights that are given by the names of `plain_weights`; the others stay as they are.

        The symmetric part of the weights has an effect in a symmetric policy.
        """
        for name, tensor in self.state_dict().items():
            if (plain := _plain(name)) in weights:
                tensor.copy_(weights[plain])

    def estimator_loss(self, observations: torch.Tensor) -> torch.Tensor:
        """Returns the mean squared error of the estimates for observations (b, k), a scalar."""
        estimates = self.estimates(observations[:, self.actor_slice])
        return functional.mse_loss(estimates, observations[:, self.estimated])

    def estimates(self, observations: torch.Tensor) -> torch.Tensor:
        """Returns the estimates (b, e) of normalised values for the actor's part (b, k) of normalised observations."""
        return self.mlp_extractor.policy_net[0].estimate(observations)

    def keep_std_above(self, floor: float) -> None:
        """Raises standard deviations that are below `floor` to it."""
        with torch.no_grad():
            self._learned_log_std.clamp_(min=math.log(floor))

    def set_std(self, std: float) -> None:
        """Sets all standard deviations, which are not learned any more."""
        self._learned_log_std.requires_grad_(False).fill_(math.log(std))

    @property
    def _learned_log_std(self):
        tied = parametrize.is_parametrized(self, "log_std")
        return self.parametrizations.log_std.original if tied else self.log_std

    def _build_mlp_extractor(self) -> None:
        self.mlp_extractor = TwoReaders(
            self.actor_slice, self.features_dim, self.net_arch, self.activation_fn, self._critic_slice, self.shape
        )

    def _build(self, lr_schedule) -> None:
        super()._build(lr_schedule)
        if self.symmetry is None:
            return
        observation, action = self.symmetry
        hidden, into = [*self.mlp_extractor.policy_net], observation.part(self.actor_slice)
        if isinstance(hidden[0], HistoryReader):
            into = tie_reader(hidden.pop(0), into, observation.chosen(self.estimated) if self.estimated else None)
        tie([*hidden, self.action_net], into, action)
        tie([*self.mlp_extractor.value_net, self.value_net], observation.part(self._critic_slice), unchanged(1))
        parametrize.register_parametrization(self, "log_std", Tied(Mirror(action.order, (1.0,) * len(action))))
        self.optimizer = self.optimizer_class(self.parameters(), lr=lr_schedule(1), **self.optimizer_kwargs)


def _plain(name):
    """Returns the name that a weight has without its parametrisation."""
    return name.replace("parametrizations.", "").removesuffix(".original")
