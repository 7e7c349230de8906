"""How are the programs for part two of the course fetched? `python -m lab fetch streams`."""

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager

import click

from lab.cli.command import Command
from lab.cli.output import say, table
from lab.errors import LabError
from lab.neighbours.fetching import fetch
from lab.neighbours.neighbour import NEIGHBOURS, Neighbour, neighbour_of
from lab.settings import Settings
from lab.text.commandline import kit

ASK_FROM_MB = 100


@click.command("fetch", cls=Command, example="streams")
@click.argument("name", metavar="[NAME]", required=False)
@click.option("--yes", is_flag=True, help=f"Do not ask before {ASK_FROM_MB} MB or more are fetched.")
@click.pass_obj
def command(settings: Settings, name: str | None, yes: bool) -> None:
    """What the lessons of part two need beside Kafka: list it, or fetch one."""
    if not name:
        show()
        return
    neighbour = neighbour_of(name)
    if neighbour.is_here:
        print(f"{neighbour.what} is here, for lesson {neighbour.lesson}: {neighbour.folder}")
        return
    size = f"{neighbour.download_mb} MB"
    if neighbour.download_mb >= ASK_FROM_MB and not yes:
        ask(f"{neighbour.what}: {size}. Fetch it?", f"{kit()} fetch {name} --yes")
    say(f"Fetching {neighbour.what}, {size}, for lesson {neighbour.lesson} ...")
    try:
        fetch(neighbour, bar)
    except KeyboardInterrupt:
        say(f"Interrupted. The same command begins again: {kit()} fetch {name}")
        raise
    lesson = f"Lesson {neighbour.lesson} needs no network now."
    if more := [each for each in NEIGHBOURS.values() if each.lesson == neighbour.lesson and not each.is_here]:
        lesson = f"All of lesson {neighbour.lesson} also needs: {kit()} fetch {more[0].name}"
    print(f"{neighbour.what} is here. {lesson}")


def show() -> None:
    """List all of them, and say how one is fetched."""
    table(["name", "what", "lesson", "to fetch", "memory", "state"], map(_row, NEIGHBOURS.values()))
    if missing := [name for name, each in NEIGHBOURS.items() if not each.is_here]:
        say(f"One is fetched by its name: {kit()} fetch {missing[0]}")


def _row(each: Neighbour) -> tuple[str, ...]:
    state = "here" if each.is_here else "not here"
    return each.name, each.what, each.lesson, f"{each.download_mb} MB", f"{each.memory_mb} MB", state


def ask(question: str, instead: str) -> None:
    """Go on if the answer is yes. Raises LabError without a terminal: `instead` is what to type there."""
    if not sys.stdin.isatty():
        raise LabError(f"{question} This is no terminal, so say yes in the command: {instead}")
    try:
        agreed = click.confirm(question, err=True)
    except click.Abort:
        raise KeyboardInterrupt from None
    if not agreed:
        raise LabError("Nothing was fetched.")


@contextmanager
def bar(what: str, size: int | None) -> Generator[Callable[[int], None]]:
    """A progress bar on stderr: of bytes, or of the time where the size is not known."""
    if not sys.stderr.isatty():
        yield lambda count: None
        return
    from rich.console import Console  # here, because it is slow to import
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn

    name = TextColumn("{task.description}", markup=False)
    columns = (name, BarColumn(), TimeElapsedColumn(), *([] if size is None else [DownloadColumn()]))
    with Progress(*columns, console=Console(stderr=True), redirect_stdout=False) as shown:
        task = shown.add_task(what, total=size)
        yield lambda count: shown.advance(task, count)
        shown.update(task, total=1, completed=1) if size is None else shown.update(task, completed=size)
