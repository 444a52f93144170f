"""Shows an environment in the browser and steers it from there: `python view.py [ID] [--model RUN ...]`."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated

import gymnasium as gym
import tyro

from envs.locomotion.terrain import typical_kind
from evaluation.held_out_seeds import PLAY
from run_folder.records import read_env
from utils.config import as_plain
from utils.console.arguments import YAML_MAPPING, parse_arguments
from utils.console.interrupts import ends_in_order
from utils.console.options import overruled, refuse_idle
from utils.console.terminal import tolerant_output
from utils.env_ids import DEFAULT_ID, registered
from utils.fields import Checked, within
from utils.paths import expanded, with_home
from utils.run_file_names import CHECKPOINTS
from viewer import policies
from viewer.recording import read_recording, replayed
from viewer.session import Setup
from viewer.show import FOLDER, HIGHEST_PORT, show
from viewer.worlds import Tile, World, legged_config


@dataclass(frozen=True)
class ViewConfig(Checked):
    """Environment, policies, scene and page."""

    env_id: Annotated[str | None, tyro.conf.Positional, tyro.conf.arg(metavar="ID")] = None
    """Id of an environment; by default that of the model, or ResidualWalk-v0."""
    model: tuple[Path, ...] = ()
    """Run folders or checkpoints: one, or two side by side."""
    policy: str | None = None
    """Policy without a model: a baseline such as 'gait alone', 'zero' or 'random', or 'shipped'."""
    follow: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Load each new checkpoint of the first model, to watch a training."""
    robots: int = within(1, 1, 16)
    """Number of robots; with two policies, of each."""
    seed: int = within(0, 0, 9999)
    """Seed of the episodes and of the terrain, 0 to 9,999. No training and no benchmark uses these seeds."""
    terrain: str | None = None
    """Terrain kind: flat, rough, slope, stairs, blocks, waves. Default: that of the training, rough if it had several;
    without a model, that of the shipped policy or of the environment."""
    level: float = within(0.5, 0.0, 1.0)
    """Terrain level, 0 to 1."""
    challenge: str = ""
    """Combined challenge around the environment: easy, medium or hard."""
    env_kwargs: Annotated[dict | None, YAML_MAPPING] = None
    """Arguments of the environment as a YAML mapping."""
    port: int = within(8080, 1, HIGHEST_PORT)
    """Port of the page. It is reachable from this machine only."""
    end_with_page: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """End when the last page is closed. By default the simulation goes on."""
    out: Path = FOLDER
    """Folder of recordings and films."""
    replay: Path | None = None
    """Repeat the commands of a recording."""
    check: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Replay without a page, as fast as possible, and say whether all numbers are the same."""

    def __post_init__(self):
        super().__post_init__()
        if len(self.model) > 2:
            raise ValueError(f"--model takes one or two folders, got {len(self.model)}")
        if self.model and self.policy is not None:
            raise ValueError("--policy has no effect with --model: leave out one")
        if self.follow and not self.model:
            raise ValueError("--follow needs the folder of a run: --model RUN")
        if self.check and self.replay is None:
            raise ValueError("--check needs a recording: --replay FILE")


_PAGE = {"replay", "check", "port", "end_with_page", "out"}
IDLE_IN_REPLAY = {field.name: "--replay repeats a recording" for field in fields(ViewConfig) if field.name not in _PAGE}
IDLE_IN_CHECK = IDLE_IN_REPLAY | dict.fromkeys(("port", "end_with_page", "out"), "--check opens no page")


@tolerant_output()
@ends_in_order()
def main(argv: list[str] | None = None) -> int:
    """Runs the viewer as the command line says; returns the exit code: 1 for a replay with other numbers, 2 for an error."""
    options = sys.argv[1:] if argv is None else argv
    try:
        config = parse_arguments(ViewConfig, with_home(argv), about=__doc__)
        if config.replay is not None:
            return repeat(config, options)
        setup = setup_of(config)
        refuse_idle(options, idle(setup))
        show(setup, config.port, config.model, config.follow, config.end_with_page, config.out)
    except KeyboardInterrupt:
        print()
    except (ValueError, RuntimeError, OSError, ImportError, gym.error.Error) as error:
        print(f"view: {error}", file=sys.stderr)
        return 2
    return 0


def setup_of(config: ViewConfig) -> Setup:
    """Returns the setup of a command line.

    Raises:
        ValueError: the models are of different environments, a value is wrong, or a value of --env-kwargs has no effect.
    """
    settings = [read_env(path) for path in config.model]
    env_id, arguments = settings[0] if settings else (config.env_id or DEFAULT_ID, {})
    for other in (config.env_id, *(setting[0] for setting in settings[1:])):
        if other not in (None, env_id):
            raise ValueError(f"{config.model[0]} is a policy for {env_id}, not for {other}")
    registered(env_id)
    names = [policies.default_policy(env_id, path) for path in config.model]
    first = names[0] if names else config.policy or policies.default_policy(env_id, None)
    if first == policies.SHIPPED_NAME and (shipped := policies.shipped_folder(env_id)):
        arguments = read_env(shipped)[1]
    given = {**arguments, **(config.env_kwargs or {})}
    setup = Setup(
        env_id,
        given,
        config.challenge,
        config.robots,
        config.seed,
        first,
        names[1] if len(names) > 1 else "",
        config.terrain or usual_terrain(env_id, given),
        config.level,
        PLAY.at(config.seed),
    )
    refuse_replaced(config.env_kwargs or {}, setup.world)  # raises for an unknown terrain, too
    if config.follow and not (config.model[0] / CHECKPOINTS).is_dir():
        raise ValueError(f"--follow has no effect: {config.model[0]} is not the folder of a run with checkpoints")
    for _, other in settings[1:]:
        note_differences(config.model, setup.world, World(env_id, other, setup.challenge, setup.world.tile))
    return setup


def refuse_replaced(given: Mapping, world: World) -> None:
    """Raises ValueError if the world has another value than `given`, arguments of the environment from the command line."""
    if world.config is None:
        return
    config, shown = given.get("config") if isinstance(given.get("config"), Mapping) else {}, as_plain(world.config)
    for name, value in overruled(as_plain({**config, **given}), shown):
        if name.partition(".")[0] in shown and name != "terrain.kinds":
            reason = "the page shows nominal robots under one command, on one tile"
            raise ValueError(f"--env-kwargs: {name} has no effect: {reason} (it is {value!r})")


def note_differences(models: Sequence[Path], first: World, second: World) -> None:
    """Prints a note if the second policy acts in another environment than that of its training."""
    if names := second.differences(first):
        words = f"was trained with other values of {', '.join(names)}, and acts in the environment of {models[0]}"
        print(f"view: note: {models[1]} {words}", file=sys.stderr)


def usual_terrain(env_id: str, arguments: Mapping) -> str:
    """Returns the terrain kind of the policy's training, or of the shipped policy's unless the arguments have another."""
    shipped = policies.shipped_folder(env_id)
    config = legged_config(env_id, {**(read_env(shipped)[1] if shipped else {}), **arguments})
    return Tile.kind if config is None else typical_kind(config.terrain.kinds)


def idle(setup: Setup) -> dict[str, str]:
    """Returns the options that have no effect in a setup -> the reason."""
    if not setup.world.has_terrain:
        return dict.fromkeys(("terrain", "level"), f"{setup.env_id} has no terrain")
    return {"level": "flat ground has no levels"} if setup.kind == "flat" else {}


def repeat(config: ViewConfig, options: list[str]) -> int:
    """Replays a recording on a page, or without one with --check; returns the exit code."""
    refuse_idle(options, IDLE_IN_CHECK if config.check else IDLE_IN_REPLAY)
    if config.env_id is not None:
        raise ValueError(f"{config.env_id} has no effect: --replay repeats a recording")
    if not config.check:
        recording = read_recording(expanded(config.replay))
        show(recording.start, config.port, (), False, config.end_with_page, config.out, recording)
        return 0
    try:
        recording = read_recording(expanded(config.replay))
        session = replayed(recording)
    except KeyboardInterrupt:
        print("view: interrupted", file=sys.stderr)
        return 130
    session.close()
    same = session.digest == recording.digest
    print(f"{session.steps} steps: {'the same bits' if same else 'other numbers'} as in the recording.")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
