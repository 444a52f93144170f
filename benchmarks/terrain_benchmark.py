"""Evaluates the gait alone and trained policies on every terrain: `python benchmarks/terrain_benchmark.py --help`.

If a policy was trained on another gait than the default one, that gait alone is evaluated too. All walkers have the same
start states, the same commands (drawn from 0.2 to 0.5 m/s) and the same ground: several tiles of each kind, of a held-out
terrain seed. On the random kinds the height of the ground grows with the level; its pattern stays the same. A success is
10 m from the start without a fall, at two thirds of the commanded speed or more. An episode `survived` if the robot walks
on the tile until the time limit. Cost of transport is the positive mechanical work at the shafts of the servos over weight
times distance, as defined in `evaluation.walks.evaluate`. Every robot is nominal, also if a policy was trained on others.

Writes terrain.csv, flat.csv, terrain.md and terrain.png, and the cache rows.jsonl: the same command resumes a stopped run.
"""

import sys
from contextlib import closing
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

import gymnasium as gym
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.terrain_report import PROGRAM, draw, markdown, write_csv
from controllers.bezier_gait import GaitParameters
from envs.locomotion.terrain import KINDS, TerrainConfig, check_kind, check_level
from envs.residual_walk.config import ResidualWalkConfig
from evaluation.held_out_seeds import BENCHMARK_EPISODES, BENCHMARK_TERRAIN
from evaluation.kept_rows import KeptRows, is_kept_rows, read_rows
from evaluation.walk_judge import as_gait_judge
from evaluation.walk_tally import time_limit
from evaluation.walks import GOAL_DISTANCE, MIN_PACE, Policy, evaluate, gait_alone, summarise
from run_folder.records import read_env
from run_folder.runs import digest, load_run
from training.tasks import find_task
from utils.config import resolved
from utils.console.arguments import parse_arguments
from utils.console.outputs import MARK, check_no_loss, check_output_folder, csv_with, marked, text_with, used_alone
from utils.console.terminal import tolerant_output
from utils.env_ids import DEFAULT_ID
from utils.fields import check_once
from utils.files import write_aside
from utils.paths import with_home
from utils.provenance import code_state, git_state, versions

TILES = 4  # of each kind and level, so that the result does not depend on one easy tile
FLAT_TIME = 20.0  # s
COMMANDS = ResidualWalkConfig().command_vx  # m/s
FLAT_COMMANDS = (0.1, 0.2, 0.3, 0.4, 0.5)  # m/s
# Fields that the benchmark sets instead of the training: ground, commands, ends of an episode, and variation of the robot.
_COMMAND = ("command_vx", "command_vy", "command_yaw_rate", "command_segments")
FIXED = ("terrain", "terrain_scale", *_COMMAND, "min_height", "max_tilt", "variation")

OUTPUTS = (
    ("terrain.csv", csv_with("walker", "kind", "level")),
    ("flat.csv", csv_with("walker", "commanded_mps")),
    ("rows.jsonl", is_kept_rows),
    ("terrain.md", text_with(" episodes a row from seed ")),
    ("terrain.png", marked(f"{MARK} {PROGRAM}")),
)


@dataclass(frozen=True)
class BenchmarkConfig:
    """Walkers, grounds, episodes, and the folder of the results."""

    model: tuple[Path, ...] = ()
    """Run folders, checkpoints or shipped policies."""
    episodes: int = 100
    """Number of episodes of every walker on every kind and level."""
    seeds_from: int = 10_000
    """Seed of the first episode and of the terrain, at least 10,000."""
    out: Path = Path("runs/terrain_benchmark")
    """Folder of the results."""
    kinds: tuple[str, ...] = tuple(kind for kind in KINDS if kind != "flat")
    """Terrain kinds; flat ground has a separate table."""
    levels: tuple[float, ...] = (0.25, 0.5, 0.75, 1.0)
    """Terrain levels, 0 to 1."""
    own_gaits: bool = True
    """Evaluate also the gait of each policy alone, if it is not the default gait."""
    min_pace: float = MIN_PACE
    """Minimum mean speed of a success over 10 m, as a share of the commanded speed."""
    num_envs: int = 32
    """Number of simulations of a vector. It has no effect on the figures of the gait alone."""
    num_threads: int = 2
    """Threads for physics."""

    def __post_init__(self):
        for name in ("episodes", "num_envs", "num_threads"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not 0 < self.min_pace <= 1:
            raise ValueError(f"min_pace must be over 0 and at most 1, got {self.min_pace}")
        BENCHMARK_EPISODES.at(self.seeds_from, self.episodes, "seeds_from")
        if not (self.own_gaits or self.model):
            raise ValueError("--no-own-gaits has no effect without a --model")
        if not self.kinds or not self.levels:
            raise ValueError("give at least one kind and one level")
        for name in ("kinds", "levels"):
            check_once(f"--{name}", getattr(self, name))
        [check_kind(kind) for kind in self.kinds], [check_level(level) for level in self.levels]

    @property
    def terrain_seed(self) -> int:
        return BENCHMARK_TERRAIN.at(self.seeds_from, name="seeds_from")


@dataclass(frozen=True)
class Walker:
    """A policy with its environment, or the gait alone if `policy` is None."""

    title: str = "gait alone"
    policy: Policy | None = None
    env_id: str = DEFAULT_ID
    config: dict = field(default_factory=dict)
    digest: str = ""
    """Digest of the files of the policy; it differs after the run is trained again."""


@tolerant_output()
def main(argv: list[str] | None = None) -> int:
    """Runs the benchmark on the command line; returns the exit code."""
    try:
        config = parse_arguments(BenchmarkConfig, with_home(argv), about=__doc__)
        check_grounds(config)
        run(config)
    except (ValueError, RuntimeError, OSError, gym.error.Error) as error:
        print(f"terrain_benchmark: {error}", file=sys.stderr)
        return 2
    return 0


def check_grounds(config: BenchmarkConfig) -> None:
    """Raises ValueError if flat ground is among the kinds: the report has a separate table for it."""
    if "flat" in config.kinds:
        raise ValueError("--kinds must not name flat: it has no levels, and the report has a separate table for it")


def run(config: BenchmarkConfig) -> None:
    """Plays all episodes, prints the tables, and writes the results; replaces an earlier file once the new one is complete.

    Each row is cached with its conditions: a stopped benchmark resumes, and further models add rows.
    """
    out = check_output_folder(config.out, OUTPUTS)  # before hours of playing
    walkers, made_with = load_walkers(config), provenance()  # first, because files may change during the episodes
    with used_alone(out):
        measure(config, out, walkers, made_with)


def measure(config: BenchmarkConfig, out: Path, walkers: list[Walker], made_with: str) -> None:
    """Plays every walker and writes the results, with the rows of other walkers that `out` has for the same conditions."""
    settings = (conditions(config), config.min_pace, config.num_envs)
    made = "; ".join([code_state(), *map(" ".join, versions().items())])
    if not read_rows(out / "rows.jsonl", made):  # rows of other code will be dropped
        check_no_loss(out / "terrain.csv", "walker", [walker.title for walker in walkers])
    kept = KeptRows(out / "rows.jsonl", made, settings)
    walkers = [*walkers, *earlier_walkers(kept, walkers, config)]
    flat = [
        kept.row((walker.title, walker.digest, "flat", command), lambda place=(walker, command): flat_row(*place, config))
        for walker, command in product(walkers, FLAT_COMMANDS)
    ]
    rows = [
        kept.row((walker.title, walker.digest, kind, level), lambda place=(walker, kind, level): terrain_row(*place, config))
        for kind, level, walker in product(config.kinds, config.levels, walkers)
    ]
    report = markdown(rows, flat, conditions(config), made_with)
    for name, content in (("terrain", rows), ("flat", flat)):
        write_aside(out / f"{name}.csv", lambda aside, content=content: write_csv(aside, content))
    write_aside(out / "terrain.md", lambda aside: aside.write_text(report))
    write_aside(out / "terrain.png", lambda aside: draw(rows, aside))
    print(f"\n{report}\nWritten to {out}: terrain.csv, flat.csv, terrain.md, terrain.png")


def load_walkers(config: BenchmarkConfig) -> list[Walker]:
    """Returns the default gait alone, the other gaits of the policies alone, and every policy.

    Raises:
        ValueError: a policy cannot be read, or was trained on the terrain of the benchmark.
    """
    policies = [load_walker(model, config.terrain_seed) for model in dict.fromkeys(config.model)]
    by_gait = {}
    for walker in policies:
        by_gait.setdefault(gait_of(walker), walker)
    by_gait.pop(gait_of(Walker()), None)
    gaits = [own_gait(walker) for walker in by_gait.values()] if config.own_gaits else []
    return [Walker(), *gaits, *policies]


def earlier_walkers(kept: KeptRows, walkers: list[Walker], config: BenchmarkConfig) -> list[Walker]:
    """Returns the walkers other than `walkers` that earlier runs of the benchmark measured on all grounds."""
    places = {*product(("flat",), FLAT_COMMANDS), *product(config.kinds, config.levels)}
    done: dict[tuple, set] = {}
    for title, files, kind, level in kept.others():
        done.setdefault((title, files), set()).add((kind, level))
    digests = {title: files for (title, files), measured in done.items() if places <= measured}
    measured_now = {walker.title for walker in walkers}
    return [Walker(title, digest=files) for title, files in digests.items() if title not in measured_now]


def gait_of(walker: Walker) -> GaitParameters:
    """Returns the gait of a walker, which its policy adds residuals to."""
    return resolved(ResidualWalkConfig(), walker.config, {}).gait


def own_gait(walker: Walker) -> Walker:
    """Returns the walker with the gait of a policy alone."""
    return Walker(f"gait of {walker.title}, alone", None, walker.env_id, walker.config, walker.digest)


def load_walker(model: Path, terrain_seed: int) -> Walker:
    """Reads a policy, with the config of its environment except the fields in FIXED.

    Raises:
        ValueError: the policy cannot be read, adds to no gait, or was trained on the terrain of the benchmark.
    """
    env_id, arguments = read_env(model)
    as_gait_judge(find_task(env_id).judge, env_id)
    env = arguments.get("config", {})
    if env.get("terrain", {}).get("seed") == terrain_seed:
        raise ValueError(f"{model} was trained on terrain seed {terrain_seed}: give another --seeds-from")
    settings = {name: value for name, value in env.items() if name not in FIXED}
    return Walker(str(model), load_run(model, (env_id, arguments)).act, env_id, settings, digest(model))


def walk(walker: Walker, kind: str, level: float, config: BenchmarkConfig, command: float | None = None) -> list[dict]:
    """Plays config.episodes walks of 10 m, or of FLAT_TIME each at `command`, m/s, if given; returns their records."""
    terrain = TerrainConfig() if kind == "flat" else TerrainConfig((kind,), (level,) * TILES, config.terrain_seed)
    commands, goal, limit = (command, command), np.inf, FLAT_TIME
    if command is None:  # the slowest command has the longest time
        commands, goal, limit = COMMANDS, GOAL_DISTANCE, float(time_limit(GOAL_DISTANCE, COMMANDS[0], config.min_pace))
    control_dt = walker.config.get("control_dt", ResidualWalkConfig().control_dt)
    env = gym.make_vec(
        f"envs:{walker.env_id}",
        num_envs=min(config.num_envs, config.episodes),
        config=walker.config | {"terrain": terrain, "command_vx": commands},
        num_threads=config.num_threads,
        max_episode_steps=round(limit / control_dt),
    )
    with closing(env):
        return evaluate(env, walker.policy or gait_alone(env), config.episodes, config.seeds_from, goal, config.min_pace)


def terrain_row(walker: Walker, kind: str, level: float, config: BenchmarkConfig) -> dict:
    """Plays walks on one kind and level, and prints the success rate; returns the row of figures."""
    summary = summarise(walk(walker, kind, level, config))
    print(f"{kind} {level:g}, {walker.title}: {summary['success']:.0%} success", flush=True)
    return {"walker": walker.title, "kind": kind, "level": level, **summary}


def flat_row(walker: Walker, command: float, config: BenchmarkConfig) -> dict:
    """Plays walks at `command`, m/s, on flat ground; returns the mean speed, and the largest errors of an episode."""
    records = walk(walker, "flat", 0.0, config, command)
    return {
        "walker": walker.title,
        "commanded_mps": command,
        "mean_speed_mps": float(np.mean([record["mean_speed_mps"] for record in records])),
        "worst_error_mps": max(abs(record["speed_error_mps"]) for record in records),
        "worst_tilt_deg": max(record["max_tilt_deg"] for record in records),
        "worst_heading_error_deg": max(record["max_heading_error_deg"] for record in records),
        "falls": sum(record["fall"] for record in records),
        "joint_limit_violations": sum(record["joint_limit_violations"] for record in records),
        "episodes": len(records),
    }


def conditions(config: BenchmarkConfig) -> str:
    """Returns a description of the episodes and of a success, as the report prints it."""
    return (
        f"{config.episodes} episodes a row from seed {config.seeds_from}, commands from {COMMANDS[0]} to {COMMANDS[1]} m/s; "
        f"success is {GOAL_DISTANCE:g} m without a fall, at {config.min_pace:.0%} of the commanded speed or more; {TILES} "
        f"tiles a row of terrain seed {config.terrain_seed}. On flat ground {FLAT_TIME:g} s at one command: the mean speed, "
        "and the worst episode's error and angles."
    )


def provenance() -> str:
    """Returns the versions of the packages and the commit of the code."""
    return ", ".join(f"{name} {number}" for name, number in versions().items()) + f"; commit {git_state()}"


if __name__ == "__main__":
    sys.exit(main())
