"""Writes the tables of the terrain benchmark as Markdown and CSV, and draws its figure."""

import csv
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from evaluation.walks import GOAL_DISTANCE, success_table, table, with_pooled
from utils.console.outputs import picture_mark

PROGRAM = "terrain benchmark"


def markdown(rows: list[dict], flat: list[dict], conditions: str, made_with: str) -> str:
    """Returns the tables of success, of all figures, and of flat ground, with conditions and versions."""
    success = success_table(with_pooled(rows, "kind", ("walker", "level")), ("kind", "level"), "walker")
    terrain = table({f"{row['kind']} {row['level']:g}, {row['walker']}": row for row in rows})
    return f"{conditions}\n\nSuccess:\n\n{success}\n\n{terrain}\n\n{flat_table(flat)}\n\n{made_with}.\n"


def flat_table(rows: list[dict]) -> str:
    """Returns the rows of flat ground as a Markdown table."""
    lines = [
        "| flat ground | command (m/s) | speed (m/s) | worst error (m/s) | tilt (deg) | heading (deg) | falls "
        "| past joint limits (steps) |",
        "|" + "---|" * 8,
    ]
    for r in rows:
        lines.append(
            f"| {r['walker']} | {r['commanded_mps']:g} | {r['mean_speed_mps']:.3f} | {r['worst_error_mps']:.3f} "
            f"| {r['worst_tilt_deg']:.1f} | {r['worst_heading_error_deg']:.1f} | {r['falls']} of {r['episodes']} "
            f"| {r['joint_limit_violations']} |"
        )
    return "\n".join(lines)


def write_csv(path: Path, rows: list[dict]) -> None:
    """Writes rows of the same keys as CSV; an interval (low, high) becomes two columns."""
    flat = [{name: value for pair in row.items() for name, value in _columns(*pair)} for row in rows]
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, flat[0])
        writer.writeheader()
        writer.writerows(flat)


def draw(rows: list[dict], out: Path) -> None:
    """Draws success over level with its Wilson interval to the PNG `out`: a panel for each kind, a line for each walker."""
    kinds, titles = (list(dict.fromkeys(row[name] for row in rows)) for name in ("kind", "walker"))
    size = (1 + 2.6 * len(kinds), 3.4)
    figure, axes = plt.subplots(1, len(kinds), figsize=size, sharey=True, squeeze=False, layout="constrained")
    for axis, kind in zip(axes[0], kinds):
        for title in titles:
            curve = sorted((row for row in rows if (row["kind"], row["walker"]) == (kind, title)), key=lambda r: r["level"])
            levels, intervals = [row["level"] for row in curve], zip(*(row["success_interval"] for row in curve))
            (line,) = axis.plot(levels, [row["success"] for row in curve], marker="o", ms=4, label=title)
            axis.fill_between(levels, *intervals, alpha=0.2, color=line.get_color())
        axis.set(title=kind, xlabel="level", xticks=levels, ylim=(-0.03, 1.03))
        axis.grid(alpha=0.3)
    axes[0, 0].set_ylabel(f"{GOAL_DISTANCE:g} m without a fall, in time")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False, fontsize=8)
    figure.savefig(out, dpi=110, metadata=picture_mark(PROGRAM))
    plt.close(figure)


def _columns(name, value):
    return [(f"{name}_low", value[0]), (f"{name}_high", value[1])] if name.endswith("_interval") else [(name, value)]
