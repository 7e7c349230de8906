"""The commands of `python -m lab`, looked up and parsed, and not run."""

import click

from lab.cli.program import COMMANDS, program

TOP = click.Context(program)


def command_names() -> list[str]:
    """Every command as it is typed, such as `broker start`."""
    names = []
    for name in COMMANDS:
        found = find(name)
        inner = found.commands if isinstance(found, click.Group) else [""]
        names += [f"{name} {word}".rstrip() for word in inner]
    return names


def find(name: str) -> click.Command:
    """The command of that name; AssertionError if there is none."""
    found: click.Command = program
    for word in name.split():
        assert isinstance(found, click.Group)
        found = found.get_command(TOP, word)
        assert found, name
    return found


def parse(words: list[str]) -> click.Context:
    """The command with its options, as click has them; raises click.UsageError of a wrong call."""
    found, context = program, TOP
    while isinstance(found, click.Group) and (words or not found.invoke_without_command):
        _, found, words = found.resolve_command(context, words)
    return found.make_context(found.name, words)
