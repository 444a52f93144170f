"""Tables and pictures of benchmarks/robust_sac_table.py."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.robust_sac_study import BASELINE, CLEAN, RIVALS, Task, methods, sweep
from evaluation.study.results import ALL, Results
from evaluation.study.returns import auc_text, pooled
from evaluation.study.tables import Column, differences_table, in_group, markdown, methods_table, worst
from utils.console.outputs import check_picture, picture_mark
from utils.files import write_aside

PROGRAM = "robust_sac_table"
LOW, HIGH = 0.10, 0.90  # quantiles of the bands
COLUMNS = (
    Column("clean return", in_group("return", CLEAN), 0, interval=True),
    Column("all sweeps", in_group("return", ALL), 0, interval=True),
    Column("worst point", worst("return"), 0, interval=True),
    Column("CPU min", in_group("cpu_minutes", CLEAN), 1),
)


def report(task: Task, results: Results) -> str:
    """Returns all tables as Markdown."""
    titles = {method.name: method.title for method in methods(task)}
    parts = {
        "Returns: interquartile means over trainings, and their 95 % intervals": methods_table(results, COLUMNS, titles),
        "Robust-AUC of all trainings, and its uncertainty": _auc_table(task, results, titles),
    } | {
        f"Difference of the return from {titles[rival]}": differences_table(
            results, "return", rival, titles, digits=0, methods_as_rows=True
        )
        for rival in (BASELINE, *RIVALS)
        if rival in results.methods
    }
    counts = ", ".join(f"{titles[name]} {len(results.seeds(name))}" for name in results.methods)
    return "\n\n".join(f"## {title}\n\n{table}" for title, table in parts.items()) + f"\n\nTrainings: {counts}."


def picture_files(task: Task, folder: Path) -> dict[str, Path]:
    """Returns the PNG of each parameter of the task by name.

    Raises:
        ValueError: a file exists that this program has not written, or cannot be written.
    """
    return {name: check_picture(folder / f"{name}.png", PROGRAM) for name in task.ranges}


def draw(task: Task, results: Results, files: Mapping[str, Path], shown: Sequence[str]) -> list[Path]:
    """Draws a PNG for each swept parameter: the mean return of the methods `shown`, and the band of their episodes.

    `files` has the PNG of each parameter by name. Returns those that it wrote.
    """
    from matplotlib.figure import Figure

    titles, drawn = {method.name: method.title for method in methods(task)}, []
    for name in (name for name in task.ranges if name in results.groups):
        figure = Figure(figsize=(7, 4.5), layout="constrained")
        axes = figure.add_subplot(xlabel=name, ylabel="return")
        for method in (method for method in shown if results.seeds(method)):
            returns, values = pooled(results, method, results.groups[name]), sweep(task, name)
            low, high = np.transpose([np.quantile(row, (LOW, HIGH)) for row in returns])
            (line,) = axes.plot(values, [row.mean() for row in returns], label=titles[method])
            axes.fill_between(values, low, high, alpha=0.15, color=line.get_color())
        axes.axvline(task.ranges[name][0], color="grey", linestyle=":", label="nominal")
        figure.legend(loc="outside lower center", ncols=3, fontsize="small")
        write_aside(files[name], partial(figure.savefig, format="png", dpi=90, metadata=picture_mark(PROGRAM)))
        drawn.append(files[name])
    return drawn


def _auc_table(task: Task, results: Results, titles: Mapping[str, str]) -> str:
    """Returns the Robust-AUC of each method over each parameter's sweep; only whole sweeps are shown."""
    names = [name for name in task.ranges if len(results.groups.get(name, [])) == len(sweep(task, name))]
    rows = []
    for method in (method for method in results.methods if results.seeds(method)):
        returns = {name: pooled(results, method, results.groups[name]) for name in names}
        rows.append([titles[method], *(auc_text(sweep(task, name), returns[name]) for name in names)])
    return markdown(["method", *names], rows)
