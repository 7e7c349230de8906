"""What does a progress bar show? The number of readings, the elapsed time, and the readings per second."""

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
    """Progress bars on stderr; without a known end, only the numbers.

    Lines that are printed on stderr meanwhile appear above them. stdout is not changed.
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
    """The column with the readings per second."""

    def render(self, task: Task) -> Text:
        """The rate as text."""
        return Text(f"{task.finished_speed or task.speed or 0:,.0f}/s")
