"""Writes the tables of benchmarks/smooth_table.py as Markdown."""

from benchmarks.smooth_claims import CLAIMED
from benchmarks.smooth_study import BASELINE, CLAIMS, CLEAN, METHODS
from evaluation.study.claims import claims_table
from evaluation.study.results import ALL, STEPS, TIME, Results
from evaluation.study.tables import (
    Column,
    conditions_table,
    differences_table,
    in_group,
    methods_table,
    ratio,
    tail,
    worst,
)

TITLES = {method.name: method.title for method in (*METHODS, *CLAIMS)}
CLEAN_COLUMNS = (
    Column("success", in_group("success", CLEAN), interval=True),
    Column("success, equal time", in_group("success", CLEAN, TIME), interval=True),
    Column("time to target (s)", in_group("time_to_target_s", CLEAN), 1),
    Column("falls", in_group("fall", CLEAN)),
    Column("net (m)", in_group("net_m", CLEAN)),
    Column("path (m)", in_group("path_m", CLEAN)),
    Column("return", in_group("return", CLEAN), 0, interval=True),
    Column("Sm (1e-3)", in_group("smoothness", CLEAN), scale=1000.0),
    Column("mean abs da", in_group("mean_da", CLEAN), 3),
)
ALL_COLUMNS = (
    Column("success", in_group("success", ALL), interval=True),
    Column("success, equal time", in_group("success", ALL, TIME), interval=True),
    Column("worst condition", worst("success"), interval=True),
    Column("CVaR 10 %", tail("success"), interval=True),
    Column("return", in_group("return", ALL), 0, interval=True),
    Column("return, CVaR 10 %", tail("return_cvar10"), 0, interval=True),
    Column("falls", in_group("fall", ALL)),
    Column("CPU min", in_group("cpu_minutes", CLEAN), 1),
    Column("CPU / PPO", ratio("cpu_minutes", BASELINE, [method.name for method in METHODS])),  # of one machine
)


def report(results: Results) -> str:
    """Returns all tables: interquartile means over trainings, and their 95 % intervals.

    A table with a column for each method leaves out the trainings that only test claims.
    """
    wide = results.only(method.name for method in METHODS)
    success, returned = (f"Difference of the {name} from {TITLES[BASELINE]}" for name in ("success", "return"))
    parts = [
        ("Clean episodes", methods_table(results, CLEAN_COLUMNS, TITLES)),
        ("All groups of conditions", methods_table(results, ALL_COLUMNS, TITLES)),
        ("Success by condition, equal steps", conditions_table(wide, "success", TITLES)),
        (f"{success}, equal steps", differences_table(wide, "success", BASELINE, TITLES, STEPS)),
        (f"{returned}, in thousands, equal steps", differences_table(wide, "return", BASELINE, TITLES, STEPS, 1e-3)),
        (f"{success}, equal time", differences_table(wide, "success", BASELINE, TITLES, TIME)),
        ("Claims of the earlier analysis", claims_table(results, CLAIMED, TITLES)),
    ]
    text = "\n\n".join(f"## {title}\n\n{table}" for title, table in parts)
    return f"{text}\n\n{_trainings(results)}"


def _trainings(results):
    """Returns the number of trainings of each method, and the trainings that lack conditions."""
    counts = ", ".join(f"{TITLES.get(name, name)} {len(results.seeds(name))}" for name in results.methods)
    lacking = ", ".join(dict.fromkeys(f"{method} {seed}" for method, _, seed in results.incomplete))
    return f"Trainings: {counts}." + (f" Left out, because conditions are missing: {lacking}." if lacking else "")
