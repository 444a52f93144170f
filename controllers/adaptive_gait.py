"""The diagonal trot with four parameters that are adjusted at every step, separately for each robot."""

import numpy as np

from controllers.bezier_gait import DiagonalGaitController, GaitParameters

# Change by an adjustment of 1; -1 has the opposite effect, 0 leaves the gait unchanged.
STEP_HEIGHT_CHANGE = 0.02  # m
STEP_LENGTH_CHANGE = 0.4  # fraction of the stride length at constant cadence: this changes the speed
CADENCE_CHANGE = 0.3  # fraction of the cycles per second at constant speed: a higher cadence shortens the strides
BODY_HEIGHT_CHANGE = 0.015  # m
ADJUSTMENTS = ("step_height", "step_length", "cadence", "body_height")


class AdaptiveGaitController(DiagonalGaitController):
    """A trot whose step height, step length, cadence and body height are inputs of every step."""

    def __init__(self, parameters: GaitParameters = GaitParameters(), num_robots: int = 1):
        self._commanded_cycle = np.full(num_robots, parameters.slow_cycle)  # s
        self.adjustment = np.zeros((num_robots, len(ADJUSTMENTS)))
        super().__init__(parameters, num_robots)

    def set_command(self, command, ids=slice(None)):
        super().set_command(command, ids)
        self._commanded_cycle[ids] = self.cycle_time[ids]

    def adjust(self, adjustment: np.ndarray) -> None:
        """Sets adjustments (n, 4) in [-1, 1], order ADJUSTMENTS, for the following updates."""
        self.adjustment = adjustment
        self.cycle_time = self._commanded_cycle / (1.0 + CADENCE_CHANGE * adjustment[:, 2])

    def _targets(self, along, lift):
        height, length, _, body = self.adjustment.T[:, :, None]
        lift = lift * (1.0 + STEP_HEIGHT_CHANGE / self.parameters.step_height * height)
        return super()._targets(along * (1.0 + STEP_LENGTH_CHANGE * length), lift - BODY_HEIGHT_CHANGE * body)
