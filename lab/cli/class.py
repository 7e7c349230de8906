"""How far is the class? `python -m lab class`: the teacher's board."""

import sys

import click

from lab.classroom.attendance.board import DONE_MARK, SEEN_MARK, SOLUTION_MARK, class_board
from lab.classroom.attendance.showing import as_text
from lab.cli.command import Command
from lab.cli.watch import repeat
from lab.settings import Settings

COLORS = {DONE_MARK: "green", SOLUTION_MARK: "cyan", SEEN_MARK: "bright_black"}


@click.command("class", cls=Command)
@click.pass_obj
def command(settings: Settings) -> None:
    """Show how far the learners are who joined: live in a terminal, once otherwise."""
    if sys.stdout.isatty():
        repeat(lambda: print(as_text(class_board(**settings.kafka), paint)))
    else:
        print(class_board(**settings.kafka))


def paint(mark: str) -> str:
    """A mark in its colour; a number, which is not yet, is the one to look at."""
    if not mark.strip():
        return mark
    return click.style(mark, fg=COLORS.get(mark, "yellow"), bold=mark.isdigit() or None)
