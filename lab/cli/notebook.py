"""How does a learner get a clean notebook again? `python -m lab notebook ...`."""

import click

from lab.classroom.notebooks import restore as restore_notebook
from lab.cli.command import Group


@click.group("notebook", cls=Group)
def command() -> None:
    """The notebooks of the lessons: restore."""


@command.command("restore", example="03_producer")
@click.argument("lesson", metavar="LESSON")
def restore(lesson: str) -> None:
    """Put the clean notebook in place; yours is kept beside it."""
    notebook, kept = restore_notebook(lesson)
    print(f"Clean: {notebook}")
    if kept:
        print(f"Yours: {kept}")
        print("If it is open in JupyterLab: File > Reload Notebook from Disk.")
