"""Checks an exported policy in an independent control loop: `python sim2sim.py --model RUN`; see docs/deploy.md.

The loop uses plain MuJoCo at 1 kHz, explicit PD servos, and nothing of the training but the description of the policy. The
program names the first quantity in which the loop differs from the training environment, and then plays a script of
commands. The exit code is 0 if nothing differs and every command passes, otherwise 1.
"""

import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Literal

import gymnasium as gym

from deploy.loop import ControlLoop, LoopConfig
from deploy.manifest import Manifest, manifest_of
from deploy.metrics import play, table
from deploy.policy import OnnxPolicy
from deploy.robot import load_model
from deploy.script import Script, default_script, script_of
from evaluation.alignment.difference import Difference
from evaluation.alignment.recording import record
from evaluation.alignment.stages import first_difference
from evaluation.alignment.training_side import training_side
from evaluation.film import Film
from run_folder.exported_pair import exported_pair
from run_folder.runs import Run
from utils.config import read_yaml
from utils.console.arguments import parse_arguments
from utils.console.interrupts import ends_in_order
from utils.console.options import refuse_idle
from utils.console.outputs import check_output, json_with, marked
from utils.console.terminal import tolerant_output
from utils.fields import Checked, within
from utils.files import read_json, write_json
from utils.paths import expanded, with_home
from utils.rendering.video import Video, check_suffix

FPS = 25
SCRIPTED = ("script", "video")
ASSETS = Path(str(files("assets")))


@dataclass(frozen=True)
class Sim2SimConfig(Checked):
    """The policy, the physics of the loop, and what to check."""

    model: Path
    """Run folder, checkpoint, shipped policy, or exported .onnx with its .json beside it."""
    only: Literal["compare", "script"] | None = None
    """Only compare the loop with the training environment, or only play the script. Default: both."""
    script: Path | None = None
    """YAML or JSON file with `segments` (name, seconds, vx, vy, yaw_rate) and `limits`. Default: standing, half of the
    trained speeds to each side, and turns."""
    mjcf: Path | None = None
    """MJCF file of the robot, with one free joint and the joint names of the policy. Default: the model of the training."""
    physics_dt: float = within(0.001, 1e-5, 0.02, unit="s")
    """Physics step of the loop, s."""
    delay: float = within(0.0, 0.0, 0.1, unit="s")
    """Delay from the action to the servos, s. A comparison reports it as a difference."""
    json: Path | None = None
    """Write difference, measurements and result to this JSON file."""
    video: Path | None = None
    """Write the script to this video file: .mp4, .mkv, .mov, .avi or .webm."""


@tolerant_output()
@ends_in_order()
def main(argv: list[str] | None = None) -> int:
    """Compares and plays as the command line says; returns the exit code."""
    options = sys.argv[1:] if argv is None else argv
    config = parse_arguments(Sim2SimConfig, with_home(argv), about=__doc__)
    try:
        if config.only == "compare":
            refuse_idle(options, dict.fromkeys(SCRIPTED, "--only compare plays no script"))
        return 0 if check(with_checked_paths(config)) else 1
    except KeyboardInterrupt:
        print("sim2sim: interrupted", file=sys.stderr)
        return 130
    except (ValueError, RuntimeError, OSError, ImportError, gym.error.Error) as error:
        print(f"sim2sim: {error}", file=sys.stderr)
        return 2


def with_checked_paths(config: Sim2SimConfig) -> Sim2SimConfig:
    """Returns the config with `~` expanded in its paths.

    Raises:
        ValueError: the JSON or the video would overwrite a file of a run, a file that this program did not write, or each
            other.
    """
    names = ("model", "script", "mjcf", "json", "video")
    paths = {name: expanded(getattr(config, name)) for name in names if getattr(config, name) is not None}
    if paths.get("json") == paths.get("video", ""):
        raise ValueError(f"--json and --video both name {config.json}")
    if "json" in paths:
        check_output(paths["json"], json_with("passed", "difference", "segments"))
    if "video" in paths:
        check_suffix(paths["video"])
        check_output(paths["video"], marked())
    return replace(config, **paths)


def check(config: Sim2SimConfig) -> bool:
    """Compares and plays, prints the results, and writes the JSON file; returns whether the policy passes."""
    with exported_pair(config.model) as (path, run):
        manifest = read_manifest(path, config.model)
        policy, loop = OnnxPolicy(path, manifest), make_loop(config, manifest)
        script = script_of(read_yaml(config.script), manifest) if config.script else default_script(manifest)
        found = None if config.only == "script" else compare(loop, run, policy)
        segments = [] if config.only == "compare" else play_script(config, loop, policy, script)
    passed = found is None and all(segment["passed"] for segment in segments)
    print("PASS" if passed else "FAIL")
    if config.json is not None:
        write_json(config.json, {"passed": passed, "difference": found and asdict(found), "segments": segments})
    return passed


def read_manifest(path: Path, model: Path) -> Manifest:
    """Returns the description beside an ONNX file; errors name the `model` of the command line."""
    try:
        return manifest_of(read_json(path.with_suffix(".json")))
    except ValueError as error:
        raise ValueError(f"{model}: {error}") from error


def make_loop(config: Sim2SimConfig, manifest: Manifest) -> ControlLoop:
    """Returns the control loop around the robot of the command line, or of the description."""
    path = (ASSETS / manifest.model).resolve()
    if config.mjcf is None and not path.is_relative_to(ASSETS.resolve()):
        raise ValueError(f"the description names the model {manifest.model!r}, which is outside of the project: give --mjcf")
    model = load_model(config.mjcf or path)
    return ControlLoop(manifest, model, LoopConfig(config.physics_dt, config.delay))


def compare(loop: ControlLoop, run: Run | None, policy: OnnxPolicy) -> Difference | None:
    """Returns the first difference between the control loop and the training environment, or None; prints the result."""
    manifest = loop.manifest
    with training_side(manifest.env_id, manifest.env_kwargs) as side:
        found = first_difference(record(side, loop, (run.act, policy.act_many) if run else None), manifest)
    print(found or "The control loop and the training environment agree in every quantity.", flush=True)
    return found


def play_script(config: Sim2SimConfig, loop: ControlLoop, policy: OnnxPolicy, script: Script) -> list[dict]:
    """Plays the script, with a video if the command line asks for one, and prints its table; returns its rows."""
    with ExitStack() as stack:
        segments = play(loop, policy.act, script, camera_operator(stack, config.video, loop))
    print(table(segments))
    return segments


def camera_operator(stack: ExitStack, path: Path | None, loop: ControlLoop) -> Callable[[], None] | None:
    """Returns a function that films the loop, or None without a path; `stack` closes the video."""
    if path is None:
        return None
    video = stack.enter_context(Video(path, FPS))
    film = Film(video, FPS, loop.robot.model, loop.robot.data, loop.dt)
    stack.callback(film.close)
    return film.step


if __name__ == "__main__":
    sys.exit(main())
