"""The comparisons as a table, and as a picture."""

from collections.abc import Sequence
from pathlib import Path
from statistics import median

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from benchmarks.comparison import Comparison

BEGIN, END = "<!-- the table, as the last run wrote it -->", "<!-- end of the table -->"
REACHED, MISSED, FREE, GOAL = "#0072b2", "#d55e00", "#999999", "black"


def table(comparisons: Sequence[Comparison]) -> str:
    """One row each, in Markdown."""
    head = "| what | ours | reference | | ratio: median (min to max) | goal |\n|---|---|---|---|---|---|"
    return "\n".join([head, *map(_row, comparisons)])


def _row(c: Comparison) -> str:
    reached = {True: ", reached", False: ", **not reached**", None: ""}[c.is_reached]
    ratio = f"{_number(c.median)} ({_number(c.ratios[0])} to {_number(c.ratios[-1])})"
    ours, theirs = (f"{_number(median(values))} {c.unit}" for values in (c.ours, c.theirs))
    return f"| {c.what} | {ours} | {c.reference} | {theirs} | {ratio} | {c.goal}{reached} |"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def write_table(file: Path, comparisons: Sequence[Comparison], machines: Sequence[str]) -> None:
    """Between the two marks of a file, or into a new one."""
    text = file.read_text(encoding="utf-8") if file.exists() else f"# Benchmarks\n\n{BEGIN}\n{END}\n"
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    lines = [BEGIN, table(comparisons), "", *(f"Measured {machine}." for machine in machines), END]
    file.write_text(before + "\n".join(lines) + after, encoding="utf-8")


def draw(comparisons: Sequence[Comparison]) -> Figure:
    """One row each: the spread of the ratio as a bar, its median as a point, its goal as a line."""
    figure = Figure(figsize=(13, 1.6 + 0.62 * len(comparisons)), layout="constrained")
    panel = figure.subplots()
    panel.set_xscale("log")
    panel.axvline(1, color="#cccccc", linewidth=1)
    colors = {True: REACHED, False: MISSED, None: FREE}
    for n, each in enumerate(comparisons):
        color = colors[each.is_reached]
        low, high = each.ratios[0], each.ratios[-1]
        panel.plot([low, high], [n, n], color=color, linewidth=7, alpha=0.45, solid_capstyle="butt")
        panel.plot(each.median, n, "o", color=color, markersize=9)
        text = f"{_number(each.median)}"
        panel.annotate(text, (high, n), (10, 0), textcoords="offset points", va="center", fontsize=12)
        if each.goal:
            sign, bound = each.goal.split()
            panel.plot(float(bound), n, marker="|", color=GOAL, markersize=18, markeredgewidth=2)
            panel.plot(float(bound), n, marker=5 if sign == ">=" else 4, color=GOAL, markersize=7)
    labels = [f"{each.what}\nagainst {each.reference}" for each in comparisons]
    panel.set_yticks(range(len(comparisons)), labels, fontsize=10.5)
    panel.set_ylim(len(comparisons) - 0.4, -0.6)
    panel.margins(x=0.12)
    panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    panel.set_xlabel("ratio: ours to the reference (min, median, max of the runs); black: the goal,"
                     " and on which side of it", fontsize=12)  # fmt: skip
    panel.set_title("What the kit does, as a ratio to something that does the same", loc="left",
                    fontsize=14, fontweight="bold")  # fmt: skip
    panel.grid(axis="x", alpha=0.3)
    panel.spines[["top", "right"]].set_visible(False)
    return figure
