"""How far the gait alone and trained policies come on every terrain: `python benchmarks/terrain_benchmark.py --help`.

Beside every policy walks the gait that it was trained on top of, alone, where that is not the gait everyone starts with.
All walkers take the same starts, at the same commands (drawn from 0.2 to 0.5 m/s), on the same ground: several tiles a
kind, of a seed that no training used. The ground of the random kinds grows from level to level without changing its
pattern. A success is 10 m from the start without a fall, at two thirds of the commanded speed or more; who keeps walking
on the tile until its time is up has `survived`.
Cost of transport is the positive mechanical work at the servos' shafts over weight times distance, as
`evaluation.walks.evaluate` says. Every robot is the nominal one, whatever a policy was trained on.

Writes terrain.csv, flat.csv, terrain.md and terrain.png, and rows.jsonl: a run that is stopped goes on from there.
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
from evaluation.kept_rows import KeptRows, is_kept_rows
from evaluation.walk_judge import as_walk_judge
from evaluation.walks import GOAL_DISTANCE, MIN_PACE, Policy, evaluate, gait_alone, summarise, time_limit
from run_folder.records import read_env
from run_folder.runs import digest, load_run
from training.tasks import find_task
from utils.config import resolved
from utils.console.arguments import parse_arguments
from utils.console.outputs import MARK, check_output_folder, csv_with, marked, text_with, used_alone
from utils.console.terminal import tolerant_output
from utils.env_ids import DEFAULT_ID
from utils.files import write_aside
from utils.paths import with_home
from utils.provenance import code_state, git_state, versions

TILES = 4  # of a kind and level: one lucky tile must not decide
FLAT_TIME = 20.0  # s
COMMANDS = ResidualWalkConfig().command_vx  # m/s
FLAT_COMMANDS = (0.1, 0.2, 0.3, 0.4, 0.5)  # m/s
# What the benchmark decides, not the training: ground, commands, the ends of an episode, and which robot walks.
OWN = ("terrain", "terrain_scale", "command_vx", "command_vy", "command_yaw_rate", "min_height", "max_tilt", "variation")

OUTPUTS = (
    ("terrain.csv", csv_with("walker", "kind", "level")),
    ("flat.csv", csv_with("walker", "commanded_mps")),
    ("rows.jsonl", is_kept_rows),
    ("terrain.md", text_with(" episodes a row from seed ")),
    ("terrain.png", marked(f"{MARK} {PROGRAM}")),
)


@dataclass(frozen=True)
class BenchmarkConfig:
    """Who walks where, and how often."""

    model: tuple[Path, ...] = ()
    """Run or checkpoint folders, or shipped policies."""
    episodes: int = 100
    """Episodes of every walker on every kind and level."""
    seeds_from: int = 10_000
    """Seed of the first episode, from 10,000 on; decides the terrain too."""
    out: Path = Path("runs/terrain_benchmark")
    """Folder of the results."""
    kinds: tuple[str, ...] = tuple(kind for kind in KINDS if kind != "flat")
    """Terrain kinds; flat ground has a table of its own."""
    levels: tuple[float, ...] = (0.25, 0.5, 0.75, 1.0)
    """Terrain levels, 0 to 1."""
    own_gaits: bool = True
    """Walk the gaits, too, that policies were trained on top of, each alone."""
    min_pace: float = MIN_PACE
    """Share of the commanded speed that 10 m must be walked with, at least, to be a success."""
    num_envs: int = 32
    """Robots at once. It changes no figure of the gait alone."""
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
        [check_kind(kind) for kind in self.kinds], [check_level(level) for level in self.levels]

    @property
    def terrain_seed(self) -> int:
        return BENCHMARK_TERRAIN.at(self.seeds_from, name="seeds_from")


@dataclass(frozen=True)
class Walker:
    """Who walks: a policy with what it was trained to act on, or, without one, the gait alone."""

    title: str = "gait alone"
    policy: Policy | None = None
    env_id: str = DEFAULT_ID
    config: dict = field(default_factory=dict)
    digest: str = ""
    """Of the policy's files: a run that is trained again is somebody else."""


@tolerant_output()
def main(argv: list[str] | None = None) -> int:
    """Plays and writes what the command line says; returns the exit code."""
    try:
        run(parse_arguments(BenchmarkConfig, with_home(argv), about=__doc__))
    except (ValueError, RuntimeError, OSError, gym.error.Error) as error:
        print(f"terrain_benchmark: {error}", file=sys.stderr)
        return 2
    return 0


def run(config: BenchmarkConfig) -> None:
    """Plays everything, prints the tables, and writes results; a file of an earlier run stays until the new one is whole.

    Rows are kept as they come, with the conditions: a run that was stopped goes on, and more models can be added to it.
    """
    out = check_output_folder(config.out, OUTPUTS)  # before hours of walking
    walkers, made_with = load_walkers(config), provenance()  # now: files may change while robots walk
    with used_alone(out):
        measure(config, out, walkers, made_with)


def measure(config: BenchmarkConfig, out: Path, walkers: list[Walker], made_with: str) -> None:
    """Plays every walker and writes the results; what `out` holds of other walkers under these conditions stays in them."""
    settings = (conditions(config), config.min_pace, config.num_envs)
    kept = KeptRows(out / "rows.jsonl", "; ".join([code_state(), *map(" ".join, versions().items())]), settings)
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
    """Returns the gait alone, the policies' own gaits alone where they differ from it, and every policy.

    Raises:
        ValueError: a policy cannot be read, or was trained on the benchmark's own terrain.
    """
    policies = [load_walker(model, config.terrain_seed) for model in dict.fromkeys(config.model)]
    by_gait = {}
    for walker in policies:
        by_gait.setdefault(gait_of(walker), walker)
    by_gait.pop(gait_of(Walker()), None)
    gaits = [own_gait(walker) for walker in by_gait.values()] if config.own_gaits else []
    return [Walker(), *gaits, *policies]


def earlier_walkers(kept: KeptRows, walkers: list[Walker], config: BenchmarkConfig) -> list[Walker]:
    """Returns the walkers that earlier runs of the benchmark measured at all of the places, without those of `walkers`."""
    places = {*product(("flat",), FLAT_COMMANDS), *product(config.kinds, config.levels)}
    done: dict[tuple, set] = {}
    for title, known, kind, level in kept.others():
        done.setdefault((title, known), set()).add((kind, level))
    digests = {title: known for (title, known), measured in done.items() if places <= measured}
    measured_now = {walker.title for walker in walkers}
    return [Walker(title, digest=known) for title, known in digests.items() if title not in measured_now]


def gait_of(walker: Walker) -> GaitParameters:
    """Returns the gait that a walker walks with, or adds to."""
    return resolved(ResidualWalkConfig(), walker.config, {}).gait


def own_gait(walker: Walker) -> Walker:
    """Returns the gait that a policy was trained on top of, alone."""
    return Walker(f"gait of {walker.title}, alone", None, walker.env_id, walker.config, walker.digest)


def load_walker(model: Path, terrain_seed: int) -> Walker:
    """Returns a policy with the part of its task's config that it acts on.

    Raises:
        ValueError: it cannot be read, does not walk, or was trained on the benchmark's terrain.
    """
    env_id, arguments = read_env(model)
    as_walk_judge(find_task(env_id).judge, env_id)
    env = arguments.get("config", {})
    if env.get("terrain", {}).get("seed") == terrain_seed:
        raise ValueError(f"{model} was trained on terrain seed {terrain_seed}: give another --seeds-from")
    acts_on = {name: value for name, value in env.items() if name not in OWN}
    return Walker(str(model), load_run(model, (env_id, arguments)).act, env_id, acts_on, digest(model))


def walk(walker: Walker, kind: str, level: float, config: BenchmarkConfig, command: float | None = None) -> list[dict]:
    """Returns the records of config.episodes walks of 10 m; at `command`, m/s, if given, of FLAT_TIME each."""
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
    """Returns the figures of walks on one kind and level, and prints how many succeeded."""
    summary = summarise(walk(walker, kind, level, config))
    print(f"{kind} {level:g}, {walker.title}: {summary['success']:.0%} success", flush=True)
    return {"walker": walker.title, "kind": kind, "level": level, **summary}


def flat_row(walker: Walker, command: float, config: BenchmarkConfig) -> dict:
    """Returns the figures of walks at `command`, m/s, on flat ground: the mean speed, and the worst episode's errors."""
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
    """Returns what the figures mean, in words."""
    return (
        f"{config.episodes} episodes a row from seed {config.seeds_from}, commands from {COMMANDS[0]} to {COMMANDS[1]} m/s; "
        f"success is {GOAL_DISTANCE:g} m without a fall, at {config.min_pace:.0%} of the commanded speed or more; {TILES} "
        f"tiles a row of terrain seed {config.terrain_seed}. On flat ground {FLAT_TIME:g} s at one command: the mean speed, "
        "and the worst episode's error and angles."
    )


def provenance() -> str:
    """Returns the versions and the commit of the code that runs."""
    return ", ".join(f"{name} {number}" for name, number in versions().items()) + f"; commit {git_state()}"


if __name__ == "__main__":
    sys.exit(main())
