"""Plays a trained policy or the gait alone, and reports its episodes: `python play_residual_policy.py --help`."""

import math
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields, replace
from itertools import count
from pathlib import Path
from typing import Annotated

import gymnasium as gym
import tyro

from evaluation.held_out_seeds import PLAY
from evaluation.judges import Judge, Scene, Setting
from run_folder.bad_states import describe, read_dump, replayed
from run_folder.records import read_env
from run_folder.runs import load_run
from training.tasks import find_task
from utils.config import as_plain
from utils.console.arguments import parse_arguments
from utils.console.interrupts import ends_in_order
from utils.console.options import given_options, refuse_idle
from utils.console.outputs import check_output, json_with, marked
from utils.console.terminal import tolerant_output
from utils.env_ids import DEFAULT_ID
from utils.files import finite, write_json
from utils.paths import expanded, with_home
from utils.rendering.camera import ViewerClosed
from utils.rendering.gl import has_display
from utils.rendering.video import Video, check_suffix, first_frame
from utils.vector_infos import control_dt
from viewer.policies import default_policy
from viewer.session import Setup
from viewer.show import HIGHEST_PORT, is_installed, show

VIDEO_FPS = 25
BASELINE = "gait alone"
CHOSEN = tuple(field.name for field in fields(Scene))
IDLE_ON_PAGE = dict.fromkeys(("episodes", "json", "video", "render", "no_render"), "a page plays until it is ended")
IDLE_IN_REPLAY = dict.fromkeys((*CHOSEN, "episodes", "seed", "json", "port"), "--replay shows recorded states")


@dataclass(frozen=True)
class PlayConfig:
    """Policy, scene, episodes, and output files."""

    model: Path | None = None
    """Run folder, checkpoint folder or shipped policy."""
    baseline: bool = False
    """Play the gait alone, without a model."""
    episodes: int = 3
    """Number of episodes."""
    seed: int = 0
    """Seed of terrain and initial states, 0 to 9,999. No training and no benchmark uses these seeds."""
    terrain: str | None = None
    """Terrain kind: flat, rough, slope, stairs, blocks, waves. Default: that of the training; rough if it had several."""
    level: float | None = None
    """Terrain level, 0 to 1. Default: the highest of the training."""
    command: float | None = None
    """Commanded forward speed, m/s. Default: 0.3, or the nearest speed that the training commanded."""
    command_vy: float = 0.0
    """Commanded speed to the left, m/s."""
    command_yaw_rate: float = 0.0
    """Commanded yaw rate, rad/s."""
    render: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Show MuJoCo's viewer. Default: show it if there is a display and no --video."""
    no_render: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Do not show MuJoCo's viewer."""
    video: Path | None = None
    """Write the episodes to this video file: .mp4, .mkv, .mov, .avi or .webm."""
    json: Path | None = None
    """Write episodes and summary to this JSON file."""
    replay: Path | None = None
    """Show a simulation that failed in a training: a file in bad_states/ of its run folder."""
    web: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Show the robot in the browser and steer it there. Default in a terminal without a display, unless an option asks for
    episodes, a file or no rendering."""
    port: int = 8080
    """Port of the page."""

    def __post_init__(self):
        if (self.model is not None) + self.baseline + (self.replay is not None) != 1:
            raise ValueError("give one of --model PATH, --baseline and --replay DUMP")
        if self.render and (self.no_render or self.video is not None):
            raise ValueError(f"--render has no effect with {'--no-render' if self.no_render else '--video'}: leave out one")
        if not 1 <= self.port <= HIGHEST_PORT:
            raise ValueError(f"port must lie in 1 to {HIGHEST_PORT}, got {self.port}")
        if self.web and self.replay is not None:
            raise ValueError("--web has no effect with --replay: leave out one")
        if self.episodes < 1:
            raise ValueError(f"episodes must be at least 1, got {self.episodes}")
        PLAY.at(self.seed, self.episodes)

    @property
    def scene(self) -> Scene:
        """The options that describe the scene."""
        terrain = self.terrain or ("rough" if self.baseline else None)
        return Scene(terrain, self.level, self.command, self.command_vy, self.command_yaw_rate)

    @property
    def setting(self) -> Setting:
        """The training environment of the policy, read from its run; without a policy the default environment."""
        return Setting(*read_env(self.model)) if self.model else Setting(DEFAULT_ID)

    @property
    def first_seed(self) -> int:
        """Seed of the first episode and of the terrain."""
        return PLAY.at(self.seed)


@tolerant_output()
@ends_in_order()
def main(argv: list[str] | None = None) -> int:
    """Plays episodes as the command line says; returns the exit code."""
    options = sys.argv[1:] if argv is None else argv
    try:
        config = with_checked_paths(parse_arguments(PlayConfig, with_home(argv), about=__doc__))
        if config.replay is not None:
            refuse_idle(options, IDLE_IN_REPLAY)
            replay(config)
        else:
            setting = config.setting  # reads the run, so call it only once
            refuse_idle(options, find_task(setting.env_id).judge.idle(setting, config.scene))
            page = config.web or chooses_page(options)
            refuse_idle(options, IDLE_ON_PAGE if page else {"port": "there is no page: give --web"})
            show(page_setup(config, setting), config.port, runs_of(config)) if page else play(config, setting)
    except ViewerClosed:
        print("The viewer was closed.")
    except KeyboardInterrupt:
        print("play_residual_policy: interrupted", file=sys.stderr)
        return 130
    except (ValueError, RuntimeError, OSError, ImportError, gym.error.Error) as error:
        print(f"play_residual_policy: {error}", file=sys.stderr)
        return 2
    return 0


def chooses_page(options: list[str]) -> bool:
    """Returns whether a page is the default: in a terminal without a display, unless an option asks for something else."""
    asked = {*given_options(options)} & {*IDLE_ON_PAGE, "replay"}
    return not asked and not has_display() and sys.stdout.isatty() and is_installed()


def page_setup(config: PlayConfig, setting: Setting) -> Setup:
    """Returns what a page shows: the policy or the gait alone, in the scene of the command line."""
    judge = find_task(setting.env_id).judge
    policy = default_policy(setting.env_id, config.model) if config.model else next(iter(judge.baselines))
    scene, ground, command = judge.chosen(setting, config.scene), {}, None
    if "command" not in judge.idle(setting, scene):
        command = {"vx": scene.command, "vy": scene.command_vy, "yaw_rate": scene.command_yaw_rate}
    if scene.terrain is not None:
        ground = {"kind": scene.terrain, "level": scene.level}
    seeds = {"seed": config.seed, "ground_seed": config.first_seed}
    return Setup(setting.env_id, as_plain(setting.arguments), policy=policy, command=command, **seeds, **ground)


def runs_of(config: PlayConfig) -> tuple[Path, ...]:
    """Returns the run folders whose policies the page offers."""
    return (config.model,) if config.model else ()


def with_checked_paths(config: PlayConfig) -> PlayConfig:
    """Returns the config with `~` expanded in its paths.

    Raises:
        ValueError: the JSON or the video would overwrite a file of a run, or a file that this program did not write.
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


def play(config: PlayConfig, setting: Setting) -> dict:
    """Plays episodes, prints their table, and writes them if --json is given; returns episodes and summary."""
    judge, mode = find_task(setting.env_id).judge, render_mode(config)
    run = load_run(config.model, (setting.env_id, setting.arguments)) if config.model else None
    env = judge.play_env(setting, config.scene, 1 if mode else config.episodes, config.first_seed, mode)
    with watched(env, config.video) as on_step:
        for sentence in judge.unfamiliar(setting, config.scene) if run else ():
            print(f"play_residual_policy: note: {sentence}", file=sys.stderr)
        policy = judge.baseline(BASELINE, env) if run is None else run.act
        records = judge.play(env, policy, config.episodes, config.first_seed, on_step)
    return report(records, judge, config.json)


def report(records: list[dict], judge: Judge, path: Path | None) -> dict:
    """Prints a table of the episodes and their summary; writes both to a JSON file if `path` is given."""
    result = {"episodes": records, "summary": judge.summarise(records)}
    rows = {f"episode {i + 1}": judge.summarise([record]) for i, record in enumerate(records)}
    print(judge.table(rows | {"all": result["summary"]}))
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, finite(result))
    return result


def render_mode(config: PlayConfig) -> str | None:
    """Returns the render mode: "rgb_array" for a video, "human" for the viewer, None for neither.

    Raises:
        RuntimeError: --render was given, and there is no display.
    """
    if config.video or config.no_render:
        return "rgb_array" if config.video else None
    if config.render and not has_display():
        raise RuntimeError("--render needs a display, and there is none: write a file with --video instead")
    return "human" if has_display() else None


@contextmanager
def watched(env: gym.vector.VectorEnv, video: Path | None) -> Iterator[Callable[[dict], None] | None]:
    """Yields a function that films `env` after each step, or None without a `video`; closes both afterwards."""
    with ExitStack() as stack:
        stack.callback(env.close)
        yield camera_operator(env, stack.enter_context(Video(video, VIDEO_FPS)) if video else None)


def replay(config: PlayConfig) -> None:
    """Prints a description of a failed simulation, and shows its last states slowly, in a video or the viewer."""
    dump = read_dump(config.replay)
    print(describe(dump))
    mode = render_mode(config)
    with ExitStack() as stack:
        film = stack.enter_context(Video(config.video, VIDEO_FPS)) if config.video else None
        for frame in replayed(dump, mode, 1 / VIDEO_FPS) if mode else ():
            if film:
                film.add(frame)


def camera_operator(env: gym.vector.VectorEnv, film: Video | None) -> Callable[[dict], None] | None:
    """Returns a function that films the first simulation, VIDEO_FPS frames per simulated second, if called at every step.

    A control step longer than a frame gives several equal frames. Without a known length of the control step, each step
    gives one frame.
    """
    if film is None:
        return None
    steps, dt = count(), control_dt(env) or 1 / VIDEO_FPS

    def operate(info):
        step = next(steps)
        for _ in range(frames_until(step * dt) - frames_until((step - 1) * dt)):
            film.add(first_frame(env))

    return operate


def frames_until(time: float) -> int:
    """Returns the number of frames of a video that start by `time`, s; the first frame starts at 0."""
    return math.floor(time * VIDEO_FPS + 1e-6) + 1


if __name__ == "__main__":
    sys.exit(main())
