"""How is something shown that changes? Again every two seconds, in a terminal at the same place."""

import io
import sys
from collections.abc import Callable
from contextlib import redirect_stdout

import click
from kafka.errors import KafkaError

from lab.errors import LabError
from lab.system.signals import stop_on_signals

WATCH_SECONDS = 2


def repeat(show: Callable[[], None]) -> None:
    """Show it repeatedly, until Ctrl-C. After an error, the next try may succeed."""
    with stop_on_signals() as stop:
        while not stop.is_set():
            shown = io.StringIO()  # collected first, because printing line by line would flicker
            with redirect_stdout(shown):
                try:
                    show()
                except (LabError, KafkaError) as error:
                    print(f"error: {error}")
            if sys.stdout.isatty():
                click.clear()
            click.echo(shown.getvalue())
            stop.wait(WATCH_SECONDS)
