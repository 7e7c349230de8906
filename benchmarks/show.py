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
    figure = Figure(figsize=(13, 1.8 + 0.62 * len(comparisons)), layout="constrained")
    panel = figure.subplots()
    panel.set_xscale("log")
    panel.axvline(1, color="#bbbbbb", linewidth=1.5)
    colors = {True: REACHED, False: MISSED, None: FREE}
    for n, each in enumerate(comparisons):
        color = colors[each.is_reached]
        panel.hlines(n, each.ratios[0], each.ratios[-1], color=color, linewidth=8, alpha=0.45)
        panel.plot(each.median, n, "o", color=color, markersize=9)
        if each.goal:
            panel.plot(float(each.goal.split()[1]), n, "|", color=GOAL, markersize=20, markeredgewidth=2.5)
        text = f"{_number(each.median)}{f'   goal {each.goal}' if each.goal else ''}"
        panel.text(1.02, n, text, transform=panel.get_yaxis_transform(), va="center", fontsize=12)
    labels = [f"{each.what}\nagainst {each.reference.split(':')[0]}" for each in comparisons]
    panel.set_yticks(range(len(comparisons)), labels, fontsize=11)
    panel.set_ylim(len(comparisons) - 0.4, -0.6)
    panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    panel.set_xlabel("ratio of ours to the reference", fontsize=12)
    figure.suptitle("The kit against others that do the same: the ratio, its spread, its goal (black)\n"
                    "blue: reached, orange: not reached, grey: no goal", fontsize=14)  # fmt: skip
    panel.grid(axis="x", alpha=0.3)
    panel.spines[["top", "right"]].set_visible(False)
    return figure
