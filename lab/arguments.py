"""How is a command asked for? What `python -m lab` offers, gathered from its functions, as a parser."""

import argparse
from collections.abc import Callable
from typing import Any

from lab.commandline import kit
from lab.settings import Settings

Command = Callable[[Settings, argparse.Namespace], int | None]
Option = tuple[str, dict[str, Any]]  # its name, and what argparse is told of it
GROUPS = {
    "broker": "the embedded Kafka: start, stop, kill, restart, status, reset",
    "topic": "the topic: create, describe",
    "dead-letters": "messages that were no readings: list, replay",
}
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


def command(name: str, text: str, *options: Option, example: str = "") -> Callable[[Command], Command]:
    """Make the function below a command of the program."""

    def register(run: Command) -> Command:
        COMMANDS.append((name, text, example, options, run))
        return run

    return register


def option(name: str, text: str, **how: Any) -> Option:
    """An option or argument of a command, as argparse takes it."""
    return name, {"help": text, **how}


def whole_number(text: str) -> int:
    """0 or more."""
    return _at_least(0, int(text))


def positive_number(text: str) -> int:
    """1 or more."""
    return _at_least(1, int(text))


def seconds(text: str) -> float:
    """0 or more, with a fraction."""
    return _at_least(0, float(text))


def _at_least(least: int, number):
    if not least <= number < float("inf"):
        raise argparse.ArgumentTypeError(f"{number} is not {least} or more")
    return number


def assignment(text: str) -> tuple[str, Any]:
    """'val=21.5' as ('val', 21.5): a number where it is one, else a text."""
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r}: expected FIELD=VALUE, for example val=21.5")
    try:
        return name, float(value)
    except ValueError:
        return name, value
