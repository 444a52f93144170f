"""The gait plus a learned correction: final foot position = Bezier gait + residual."""

from collections.abc import Mapping

import numpy as np

from controllers.bezier_gait import DiagonalGaitController, GaitParameters
from controllers.leg_names import LEG_NAMES
from utils.fields import number_within

LARGEST_RESIDUAL = 0.1  # m: about the reach of a leg


class BezierGaitResidualController:
    """Adds residuals of at most `residual_scale` m to the foot targets of a gait.

    `gait` is the class of the gait, `base_controller` the gait itself.
    """

    def __init__(
        self,
        params: GaitParameters = GaitParameters(),
        num_robots: int = 1,
        residual_scale: float = 0.02,
        gait: type[DiagonalGaitController] = DiagonalGaitController,
    ):
        self.base_controller = gait(params, num_robots)
        self.residual_scale = residual_scale

    @property
    def residual_scale(self) -> float:
        """The largest residual, m; a value outside [0, LARGEST_RESIDUAL] raises ValueError."""
        return self._residual_scale

    @residual_scale.setter
    def residual_scale(self, metres: float) -> None:
        self._residual_scale = number_within("residual_scale", metres, 0.0, LARGEST_RESIDUAL, "m")

    def reset(self, ids: np.ndarray | slice = slice(None), phase: np.ndarray | float = 0.0) -> None:
        """Starts the cycle of robots `ids` at `phase`, in [0, 1)."""
        self.base_controller.reset(ids, phase)

    def update_with_residuals(self, dt: float, residuals: np.ndarray | Mapping) -> np.ndarray | dict:
        """Advances the gait by `dt`, s, and returns its foot targets plus the clipped residuals.

        Args:
            dt: time since the last call, s.
            residuals: (n, 4, 3) in the leg frames, m, order LEG_NAMES. For one robot also a mapping from leg names to
                (3,) arrays; the residual of a missing leg is 0.

        Returns:
            Targets (n, 4, 3) in the leg frames, m; a mapping from leg names to (3,) if `residuals` is a mapping.

        Raises:
            ValueError: the residuals have another shape, or a mapping names an unknown leg or is used for several robots.
        """
        if isinstance(residuals, Mapping):
            targets = self.update_with_residuals(dt, self._from_mapping(residuals))
            return dict(zip(LEG_NAMES, targets[0]))
        shape = (len(self.base_controller.phase), len(LEG_NAMES), 3)
        if np.shape(residuals) != shape:
            raise ValueError(f"residuals must have the shape {shape} (robot, leg, xyz), got {np.shape(residuals)}")
        clipped = np.minimum(np.maximum(residuals, -self.residual_scale), self.residual_scale)
        return self.base_controller.update(dt) + clipped

    def get_phase_info(self) -> dict[str, np.ndarray]:
        """Returns, (n,) each: time in this half cycle and its duration, s, their ratio, and the swing pair (0: FL, RR)."""
        doubled = 2.0 * self.base_controller.phase
        active_pair = (doubled >= 1.0).astype(int)
        state_duration = self.base_controller.cycle_time / 2
        return {
            "phase_elapsed": (doubled - active_pair) * state_duration,
            "state_duration": state_duration,
            "phase_normalized": doubled - active_pair,
            "active_pair": active_pair,
        }

    def get_swing_stance_flags(self) -> dict[str, np.ndarray]:
        """Returns, for each leg name, integers (n,): 1 in swing, 0 in stance."""
        return dict(zip(LEG_NAMES, self.base_controller.swing.T.astype(int)))

    def _from_mapping(self, residuals):
        if len(self.base_controller.phase) != 1:
            raise ValueError(f"a mapping is for one robot, this controller has {len(self.base_controller.phase)}")
        unknown = sorted(set(residuals) - set(LEG_NAMES))
        if unknown:
            raise ValueError(f"unknown legs {unknown}; the legs are {', '.join(LEG_NAMES)}")
        rows = [np.asarray(residuals.get(leg, (0.0, 0.0, 0.0)), dtype=float) for leg in LEG_NAMES]
        for leg, row in zip(LEG_NAMES, rows):
            if row.shape != (3,):
                raise ValueError(f"residuals of a leg must have the shape (3,), got {row.shape} for {leg}")
        return np.array([rows])
