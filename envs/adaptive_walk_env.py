"""AdaptiveWalk-v0: ResidualWalk-v0 with four further actions for step height, step length, cadence and body height."""

import numpy as np
from gymnasium.spaces import Box

from controllers.adaptive_gait import ADJUSTMENTS, AdaptiveGaitController
from envs.residual_walk.observation import RESIDUALS, walk_observation
from envs.residual_walk.task import ResidualWalkTask
from envs.residual_walk_env import ResidualWalkEnv, ResidualWalkVectorEnv
from utils.mirror import joined, unchanged

ACTIONS = 12 + len(ADJUSTMENTS)
_MIRROR = joined(RESIDUALS, unchanged(len(ADJUSTMENTS)))


class AdaptiveWalkTask(ResidualWalkTask):
    """Action (n, 16) in [-1, 1]: the 12 residuals, then the gait's adjustments in the order ADJUSTMENTS."""

    observation, action_mirror = walk_observation(_MIRROR), _MIRROR
    action_space = Box(-1.0, 1.0, (ACTIONS,), np.float32)
    gait = AdaptiveGaitController

    def controls(self, action):
        self.controller.base_controller.adjust(action[:, 12:])  # after a new command, which sets the cycle
        return super().controls(action)

    def describe(self):
        description = super().describe()
        return description | {"action": [*description["action"][:12], *ADJUSTMENTS]}


class AdaptiveWalkEnv(ResidualWalkEnv):
    """One quadruped. Arguments as in `ResidualWalkEnv`."""

    task_class = AdaptiveWalkTask


class AdaptiveWalkVectorEnv(ResidualWalkVectorEnv):
    """`num_envs` quadrupeds. Arguments as in `ResidualWalkVectorEnv`."""

    task_class = AdaptiveWalkTask
