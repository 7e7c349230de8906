"""What does a progress bar look like? How many readings, in which time, and how many a second."""

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text


def bars(has_end: bool) -> Progress:
    """Bars on stderr; without an end only the numbers.

    What is printed on stderr meanwhile stands above them; stdout is left alone.
    """
    count = (BarColumn(), MofNCompleteColumn()) if has_end else (TextColumn("{task.completed:.0f}"),)
    return Progress(
        TextColumn("{task.description}", markup=False),
        *count,
        TextColumn("readings"),
        TimeElapsedColumn(),
        Rate(),
        console=Console(stderr=True),
        redirect_stdout=False,
    )


class Rate(ProgressColumn):
    """How many readings a second."""

    def render(self, task: Task) -> Text:
        """As a text."""
        return Text(f"{task.finished_speed or task.speed or 0:,.0f}/s")
