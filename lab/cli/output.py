"""How is output shown? As lines, tables and progress bars; without colours and bars outside a terminal."""

import sys
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import click

from lab.text.printable import printable

if TYPE_CHECKING:
    from lab.readings import Reading

WIDE = 1_000_000  # columns, so that nothing is wrapped or cut off


def say(line: str) -> None:
    """Print a line about the work, not a result, on stderr, above any progress bar."""
    with suppress(OSError):  # stderr is closed: the work goes on without the line
        print(line, file=sys.stderr)


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows in columns, each row on one line of any width. The header is bold in a terminal.

    A tuple, such as the replicas of a partition, is shown as `1,2,3`.
    """
    from rich.console import Console  # here, because most commands show no table
    from rich.table import Table
    from rich.text import Text

    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in header:
        grid.add_column(Text(printable(name)), overflow="fold")
    for row in rows:
        grid.add_row(*[Text(printable(_text(cell))) for cell in row])
    console = Console(width=WIDE, color_system=None)
    with console.capture() as captured:
        console.print(grid)
    first, *others = [line.rstrip() for line in captured.get().splitlines()]
    click.secho(first, file=sys.stdout, bold=True)
    for line in others:
        print(line)


def _text(cell: object) -> str:
    return ",".join(map(str, cell)) if isinstance(cell, tuple) else str(cell)


@contextmanager
def progress(*labels: str, total: int | None = None) -> Generator[tuple[Callable[[int], None], ...]]:
    """Show a progress bar for each label on stderr; yield a function for each that adds readings to it.

    If stderr is not a terminal, nothing is shown.
    """
    if not sys.stderr.isatty():
        yield tuple(lambda count: None for _ in labels)
        return
    from lab.cli.bars import bars  # here, because it is slow to import

    shown = bars(has_end=total is not None)
    tasks = [shown.add_task(label, total=total) for label in labels]
    shown.start()
    try:
        yield tuple(lambda count, task=task: shown.advance(task, count) for task in tasks)
    finally:
        with suppress(OSError):  # the terminal was closed
            shown.stop()


@contextmanager
def show_readings(verb: str, quiet: bool, total: int | None) -> "Generator[Callable[[list[Reading]], None]]":
    """Yield a function that prints a line for each reading, such as `Stored: temperature-1 at ...`.

    With `quiet`, it moves a progress bar instead; `total` is the end of that bar, if it is known.
    """
    if not quiet:
        yield lambda readings: print_readings(verb, readings)
        return
    with progress(verb.lower(), total=total) as (advance,):
        yield lambda readings: advance(len(readings))


def print_readings(verb: str, readings: "list[Reading]") -> None:
    """Print a line for each reading."""
    lines = (f"{verb}: {printable(x.sensor_id)} at {x.ts.isoformat()}\n" for x in readings)
    sys.stdout.write("".join(lines))
    sys.stdout.flush()
