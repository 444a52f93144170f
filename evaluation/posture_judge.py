"""Judge of robots that walk in some of their tasks and take a posture in the others."""

from dataclasses import dataclass, replace

from evaluation.judges import Scene, Setting
from evaluation.walk_judge import WalkJudge


@dataclass(frozen=True)
class PostureJudge(WalkJudge):
    """Evaluates walks as `WalkJudge` does, and postures by `is_success` at the end of an episode of `steered_time`.

    The config of the task must have a property `runs`: whether the robot follows a velocity.
    """

    def play_task(self, setting: Setting, scene: Scene, seed: int):
        """Returns the config of the task for `play`; a posture has no command."""
        if not self.task(setting).runs:
            scene = replace(scene, terrain="flat", command=0.0, command_vy=0.0, command_yaw_rate=0.0)
        return super().play_task(setting, scene, seed)

    def idle(self, setting: Setting, scene: Scene) -> dict[str, str]:
        """Returns the fields of a scene that have no effect -> the reason."""
        if self.task(setting).runs:
            return super().idle(setting, scene)
        names = ("terrain", "level", "command", "command_vy", "command_yaw_rate")
        return dict.fromkeys(names, "a robot that takes a posture has neither a command nor terrain")
