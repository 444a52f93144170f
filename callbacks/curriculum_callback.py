"""Terrain that gets harder as training goes on."""

from stable_baselines3.common.callbacks import BaseCallback


class TerrainCurriculumCallback(BaseCallback):
    """Raises the highest terrain level from `start_scale` to `end_scale`, linearly over `total_steps`, at every rollout.

    Works on every SB3 vector environment whose environments have `set_terrain_scale`.
    """

    def __init__(self, start_scale: float = 0.1, end_scale: float = 1.0, total_steps: int = 2_000_000, verbose: int = 0):
        super().__init__(verbose)
        if total_steps < 1:
            raise ValueError(f"a curriculum must last at least one step, got {total_steps}")
        self.start_scale, self.end_scale, self.total_steps = start_scale, end_scale, total_steps

    @property
    def scale(self) -> float:
        """The highest terrain level at the current number of steps."""
        progress = min(1.0, self.num_timesteps / self.total_steps)
        return self.start_scale + (self.end_scale - self.start_scale) * progress

    def _on_rollout_start(self) -> None:
        self.training_env.env_method("set_terrain_scale", self.scale)
        self.logger.record("curriculum/terrain_scale", self.scale)
        if self.verbose > 0:
            print(f"Terrain scale: {self.scale:.2f}")

    def _on_step(self) -> bool:
        return True
