"""How is the board shown? As lines for a terminal, and as a table for a notebook, in both of its themes."""

import html
from collections.abc import Callable

from lab.classroom.attendance.board import (
    DONE_MARK,
    LEGEND,
    SEEN_MARK,
    SOLUTION_MARK,
    ClassBoard,
    lessons,
)
from lab.classroom.attendance.membership import MAX_ALIAS
from lab.classroom.exercises import report
from lab.classroom.exercises.exercise import DONE, NOT_ATTEMPTED, NOT_YET

MOST_ROWS = 100  # more learners than any room has
GAP = " "  # with two, the lessons of both parts do not fit into 80 columns
# Background and letter. Each pair is legible by itself, so that the theme of the notebook does not matter.
COLORS = {
    DONE_MARK: (report.COLORS[DONE], "white"),
    SOLUTION_MARK: ("#0072b2", "white"),
    SEEN_MARK: (report.COLORS[NOT_ATTEMPTED], "white"),
}
NOT_YET_COLORS = (report.COLORS[NOT_YET], "white")
CELL = "text-align: center; min-width: 1.4em; padding: 0.1em 0.3em; background: {}; color: {}"

Paint = Callable[[str], str]  # a mark, made to look like what it means


def as_text(board: ClassBoard, paint: Paint = str) -> str:
    """The board for a terminal of 80 columns: two letters for each lesson, or one for each exercise."""
    groups = lessons()
    lines = [_line("", list(groups))]
    for alias in _shown(board):
        cells = ["".join(board.mark(alias, n) for n in numbers) for numbers in groups.values()]
        lines.append(_line(alias, cells, paint))
    lines.append(_line("all of it done", [str(board.done_with(lesson)) for lesson in groups]))
    return "\n".join([*lines, "", *_below(board)])


def as_html(board: ClassBoard) -> str:
    """The board for a notebook. Aliases are foreign texts: nothing in them is markup."""
    groups = lessons()
    heads = "".join(
        f"<th colspan={len(ns)} style='text-align: left'>{name}</th>" for name, ns in groups.items()
    )
    rows = [f"<tr><th style='text-align: left'>learner</th>{heads}</tr>"]
    for alias in _shown(board):
        cells = "".join(_cell(board.mark(alias, n), n) for numbers in groups.values() for n in numbers)
        rows.append(f"<tr><th style='text-align: left'>{html.escape(alias)}</th>{cells}</tr>")
    done = "".join(
        f"<td colspan={len(ns)} style='text-align: left'>{board.done_with(name)}</td>"
        for name, ns in groups.items()
    )
    rows.append(f"<tr><th style='text-align: left'>all of it done</th>{done}</tr>")
    below = "".join(f"<div style='white-space: pre-wrap'>{html.escape(line)}</div>" for line in _below(board))
    return f"<table>{''.join(rows)}</table>{below}"


def _cell(mark: str, exercise: str) -> str:
    if mark.isspace():
        return f"<td title='{exercise}'></td>"
    return f"<td title='{exercise}' style='{CELL.format(*COLORS.get(mark, NOT_YET_COLORS))}'>{mark}</td>"


def _line(name: str, cells: list[str], paint: Paint = str) -> str:
    from rich.cells import set_cell_size  # here, because most commands show no board

    widths = [max(2, len(numbers)) for numbers in lessons().values()]
    padded = ["".join(map(paint, cell)) + " " * (width - len(cell)) for cell, width in zip(cells, widths)]
    return f"{set_cell_size(name, MAX_ALIAS)}{GAP}{GAP.join(padded)}".rstrip()


def _shown(board: ClassBoard) -> list[str]:
    return board.aliases()[:MOST_ROWS]


def _below(board: ClassBoard) -> list[str]:
    more = len(board.learners) - MOST_ROWS
    return [LEGEND, *([f"Not shown: {more} more learners."] if more > 0 else []), *board.summary()]
