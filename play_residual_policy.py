"""Plays a trained policy, or the gait alone, and tells how far it came: `python play_residual_policy.py --help`."""

import math
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Annotated

import gymnasium as gym
import numpy as np
import tyro

from envs.locomotion.terrain import TerrainConfig, check_level
from envs.residual_walk.config import ResidualWalkConfig
from envs.residual_walk.variation import VariationConfig
from evaluation.episodes import evaluate_returns, returns_table, summarise_returns
from evaluation.held_out_seeds import PLAY
from evaluation.walks import GOAL_DISTANCE, evaluate, gait_alone, summarise, table, time_limit
from run_folder.bad_states import describe, read_dump, replayed
from run_folder.records import trained_id, trained_task
from run_folder.runs import load_policy, load_run
from training.tasks.presets import WALKS
from utils.config import updated
from utils.console.arguments import parse_arguments
from utils.console.interrupts import ends_in_order
from utils.console.options import refuse_idle
from utils.console.outputs import check_output, json_with, marked
from utils.console.terminal import tolerant_output
from utils.files import write_json
from utils.paths import expanded, with_home
from utils.rendering.camera import ViewerClosed
from utils.rendering.gl import has_display
from utils.rendering.video import Video, check_suffix, first_frame
from utils.vector_infos import control_dt

VIDEO_FPS = 25


@dataclass(frozen=True)
class PlayConfig:
    """What is played, where, and what is kept of it."""

    model: Path | None = None
    """Run folder, checkpoint folder or shipped policy."""
    baseline: bool = False
    """Play the gait alone; needs no model."""
    episodes: int = 3
    """How many episodes."""
    seed: int = 0
    """Decides terrain and starts, which no training and no benchmark sees: 0 to 9,999."""
    terrain: str = "rough"
    """Terrain kind: flat, rough, slope, stairs, blocks, waves."""
    level: float = 1.0
    """Terrain level, 0 to 1."""
    command: float = 0.3
    """Commanded forward speed, m/s."""
    render: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Show MuJoCo's viewer. Without --render and --no-render it opens if there is a display and no --video."""
    no_render: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Show nothing."""
    video: Path | None = None
    """Write the episodes to this video file: .mp4, .mkv, .mov, .avi or .webm."""
    json: Path | None = None
    """Write episodes and summary to this JSON file."""
    replay: Path | None = None
    """Show a simulation that went wrong in a training: a file of its run's bad_states/."""

    def __post_init__(self):
        if (self.model is not None) + self.baseline + (self.replay is not None) != 1:
            raise ValueError("give one of --model PATH, --baseline and --replay DUMP")
        if self.render and (self.no_render or self.video is not None):
            raise ValueError(f"--render has no effect with {'--no-render' if self.no_render else '--video'}: leave out one")
        if self.episodes < 1:
            raise ValueError(f"episodes must be at least 1, got {self.episodes}")
        PLAY.at(self.seed, self.episodes)

    @property
    def first_seed(self) -> int:
        """Seed of the first episode and of the terrain."""
        return PLAY.at(self.seed)


@tolerant_output()
@ends_in_order()
def main(argv: list[str] | None = None) -> int:
    """Plays as the command line says; returns the exit code."""
    try:
        config = parse_arguments(PlayConfig, with_home(argv), about=__doc__)
        config = with_checked_paths(config)
        refuse_idle(sys.argv[1:] if argv is None else argv, idle(config))
        if config.replay is not None:
            replay(config)
        elif trained_id(config.model) in WALKS:
            play(config)
        else:
            play_any(config)
    except ViewerClosed:
        print("The viewer was closed.")
    except KeyboardInterrupt:
        print("play_residual_policy: interrupted", file=sys.stderr)
        return 130
    except (ValueError, RuntimeError, OSError, ImportError, gym.error.Error) as error:
        print(f"play_residual_policy: {error}", file=sys.stderr)
        return 2
    return 0


def idle(config: PlayConfig) -> dict[str, str]:
    """Returns the options that have no effect -> why."""
    if config.replay is not None:
        names = ("episodes", "seed", "terrain", "level", "command", "json")
        return dict.fromkeys(names, "--replay shows states that were recorded")
    if (env_id := trained_id(config.model)) not in WALKS:
        return dict.fromkeys(("terrain", "level", "command"), f"{env_id} does not walk")
    return {"level": "--terrain flat has no levels"} if config.terrain == "flat" else {}


def with_checked_paths(config: PlayConfig) -> PlayConfig:
    """Returns the config with `~` expanded in its paths.

    Raises:
        ValueError: the JSON or the video would overwrite a file of a run, or one that this program did not write.
    """
    names = ("model", "replay", "json", "video")
    paths = {name: expanded(getattr(config, name)) for name in names if getattr(config, name) is not None}
    if paths.get("json") == paths.get("video", ""):
        raise ValueError(f"--json and --video both name {config.json}")
    if "json" in paths:
        check_output(paths["json"], json_with("episodes", "summary"))
    if "video" in paths:
        check_suffix(paths["video"])
        check_output(paths["video"], marked())
    return replace(config, **paths)


def play(config: PlayConfig) -> dict:
    """Plays, prints the table, writes what was asked for; returns {"episodes": [...], "summary": {...}}."""
    mode = render_mode(config)
    task = task_config(config, config.first_seed)
    env = make_env(task, 1 if mode else config.episodes, trained_id(config.model), render_mode=mode)
    policy = gait_alone(env) if config.baseline else load_policy(config.model)
    with watched(env, config.video) as on_step:
        records = evaluate(env, policy, config.episodes, config.first_seed, on_step=on_step)
    return told(records, summarise, table, config.json)


def play_any(config: PlayConfig) -> dict:
    """Plays a policy of an environment that does not walk, as its training had it; prints, writes and returns as `play`."""
    run, mode = load_run(config.model), render_mode(config)
    shown = {"render_mode": mode} if mode else {}  # an environment need not take the argument
    try:
        env = run.make_env(1 if mode else config.episodes, **shown)
    except TypeError as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"{run.env_id} cannot be shown, it refuses {shown}: {reason}; use --no-render") from error
    with watched(env, config.video) as on_step:
        records = evaluate_returns(env, run.act, config.episodes, config.first_seed, on_step)
    return told(records, summarise_returns, returns_table, config.json)


def told(records: list[dict], summarise: Callable, table: Callable, path: Path | None) -> dict:
    """Prints a table of the episodes and all together, and writes them to a JSON file if one is wanted; returns them."""
    result = {"episodes": records, "summary": summarise(records)}
    print(table({f"episode {i + 1}": summarise([record]) for i, record in enumerate(records)} | {"all": result["summary"]}))
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, result)
    return result


def render_mode(config: PlayConfig) -> str | None:
    """Returns how the environment is shown: in frames for a video, in a viewer if there is a display, or not at all.

    Raises:
        RuntimeError: the viewer was asked for, and there is no display.
    """
    if config.video or config.no_render:
        return "rgb_array" if config.video else None
    if config.render and not has_display():
        raise RuntimeError("--render needs a display, and there is none: write a file with --video instead")
    return "human" if has_display() else None


@contextmanager
def watched(env: gym.vector.VectorEnv, video: Path | None) -> Iterator[Callable[[dict], None] | None]:
    """Gives what is to be called after each step to film `env` into that file, if there is one; closes both."""
    with ExitStack() as stack:
        stack.callback(env.close)
        yield camera_operator(env, stack.enter_context(Video(video, VIDEO_FPS)) if video else None)


def replay(config: PlayConfig) -> None:
    """Prints what happened to a simulation that went wrong, and shows its last states slowly, in a video or the viewer."""
    dump = read_dump(config.replay)
    print(describe(dump))
    mode = render_mode(config)
    with ExitStack() as stack:
        film = stack.enter_context(Video(config.video, VIDEO_FPS)) if config.video else None
        for frame in replayed(dump, mode, 1 / VIDEO_FPS) if mode else ():
            if film:
                film.add(frame)


def task_config(config: PlayConfig, terrain_seed: int) -> ResidualWalkConfig:
    """Returns the task a policy was trained on, for the nominal robot on the terrain, level and speed asked for."""
    check_level(config.level)
    if not np.isfinite(config.command):
        raise ValueError(f"command must be a finite speed in m/s, got {config.command}")
    task = updated(ResidualWalkConfig(), trained_task(config.model))
    flat = config.terrain == "flat"
    levels = () if flat else (config.level,)
    terrain = TerrainConfig() if flat else TerrainConfig((config.terrain,), levels, terrain_seed)
    task = replace(task, terrain=terrain, terrain_scale=1.0, variation=VariationConfig())
    return replace(task, command_vx=(config.command, config.command))


def make_env(task: ResidualWalkConfig, num_envs: int, env_id: str = "ResidualWalk-v0", **kwargs) -> gym.vector.VectorEnv:
    """Returns the vector environment that evaluations play on; its episodes last as long as the way may take."""
    limit = time_limit(GOAL_DISTANCE, task.command_vx[0])
    if np.isfinite(limit):  # a robot told to stand has the environment's own limit
        kwargs["max_episode_steps"] = round(float(limit) / task.control_dt)
    return gym.make_vec(f"envs:{env_id}", num_envs=num_envs, config=task, **kwargs)


def camera_operator(env: gym.vector.VectorEnv, film: Video | None) -> Callable[[dict], None] | None:
    """Returns what films the first simulation, VIDEO_FPS times a simulated second, when called after every step.

    A control step longer than a frame gives several equal frames; an environment that does not say how long a control step
    is gives a frame for each.
    """
    if film is None:
        return None
    steps, dt = count(), control_dt(env) or 1 / VIDEO_FPS

    def operate(info):
        step = next(steps)
        for _ in range(frames_begun(step * dt) - frames_begun((step - 1) * dt)):
            film.add(first_frame(env))

    return operate


def frames_begun(time: float) -> int:
    """Returns how many frames of a video have begun at `time`, s; the first one begins at 0."""
    return math.floor(time * VIDEO_FPS + 1e-6) + 1


if __name__ == "__main__":
    sys.exit(main())
