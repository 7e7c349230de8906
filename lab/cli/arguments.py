"""How is a command asked for? What `python -m lab` offers, gathered from its functions, as a parser."""

import argparse
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lab.settings import GROUP, ODD, Settings
from lab.text.commandline import kit

Command = Callable[[Settings, argparse.Namespace], int | None]
Option = tuple[str, dict[str, Any]]  # its name, and what argparse is told of it
GROUPS = {
    "broker": "the embedded Kafka: start, stop, kill, restart, status, reset",
    "topic": "the topic: create, describe",
    "dead-letters": "messages that were no readings: list, replay",
}
MOST = 2**31 - 1  # of what is counted
MOST_SECONDS = 30 * 24 * 3600  # what every system can wait for
PICTURES = (".png", ".pdf", ".svg")
# In the order in which they are defined: (name, help, example, options, what runs).
COMMANDS: list[tuple[str, str, str, tuple[Option, ...], Command]] = []


def parser() -> argparse.ArgumentParser:
    """All commands and options."""
    top = argparse.ArgumentParser(
        prog=kit(),
        description="Learn Apache Kafka with Python: a broker, a producer, a consumer, a warehouse.",
        epilog="Settings: LAB_BOOTSTRAP_SERVERS, LAB_TOPIC, LAB_GROUP, LAB_WAREHOUSE, LAB_HOME (README.md).",
    )
    commands = {"": top.add_subparsers(title="commands", metavar="COMMAND", required=True)}
    for name, text, example, options, run in COMMANDS:
        group, _, word = name.rpartition(" ")
        if group not in commands:
            parent = commands[""].add_parser(group, help=GROUPS[group], description=GROUPS[group])
            commands[group] = parent.add_subparsers(title="commands", metavar="COMMAND", required=True)
        epilog = f"Example: {kit()} {example or name}"
        parsed = commands[group].add_parser(word, help=text, description=text, epilog=epilog)
        parsed.set_defaults(run=run)
        for option_name, how in options:
            parsed.add_argument(option_name, **how)
    return top


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """What is asked for; of a wrong call the parser says what is wrong, and raises SystemExit."""
    top = parser()
    for text in sys.argv[1:] if arguments is None else arguments:
        if re.match("--.+=--$", text):
            top.error(f"{text}: expected a value")  # which Python 3.11 takes for an empty list
    return top.parse_args(arguments)


def command(name: str, text: str, *options: Option, example: str = "") -> Callable[[Command], Command]:
    """Make the function below a command of the program."""

    def register(run: Command) -> Command:
        COMMANDS.append((name, text, example, options, run))
        return run

    return register


def option(name: str, text: str, **how: Any) -> Option:
    """An option or argument of a command, as argparse takes it."""
    return name, {"help": text, **how}


def number(least: int, most: int = MOST, kind: Callable[[str], float] = int) -> Callable[[str], float]:
    """The type of an option: a number in these bounds, a whole one if nothing else is said."""

    def read(text: str) -> float:
        try:
            if least <= (found := kind(text)) <= most:
                return found
        except ValueError:
            pass
        raise argparse.ArgumentTypeError(f"{_short(text)}: expected a number from {least} to {most}")

    return read


seconds = number(0, MOST_SECONDS, float)


def group_id(text: str) -> str:
    """The name of a consumer group."""
    if not GROUP.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{_short(text)}: expected 1 to 249 letters")
    return text


def picture(text: str) -> Path:
    """A file for a chart: that it cannot be written shows here, and not after all the work."""
    path = Path(text)
    if path.suffix.lower() not in PICTURES:
        raise argparse.ArgumentTypeError(f"{_short(text)}: expected a name in {', '.join(PICTURES)}")
    try:
        is_new = not path.exists()
        path.open("ab").close()
        if is_new:
            path.unlink()
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        reason = getattr(error, "strerror", None) or error
        raise argparse.ArgumentTypeError(f"{_short(text)} cannot be written: {reason}") from error
    return path


def assignment(text: str) -> tuple[str, Any]:
    """'val=21.5' as ('val', 21.5): a number where it is one, else a text."""
    name, equals, value = text.partition("=")
    if not equals or ODD.search(text):
        raise argparse.ArgumentTypeError(f"{_short(text)}: expected FIELD=VALUE, for example val=21.5")
    try:
        return name, float(value)
    except ValueError:
        return name, value


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:37] + "...")
