"""What does `python -m lab ...` do? It finds a command, runs it, and ends with an exit code."""

import errno
import io
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import IO

import click

from lab import __version__
from lab.cli.command import Group
from lab.cli.output import say
from lab.errors import LabError
from lab.text.commandline import PROGRAM, kit
from lab.text.printable import printable

# In the order of the help. Each command has a module: `dead-letters` is in `lab.cli.dead_letters`.
COMMANDS = {
    "demo": "Run the whole pipeline once, up to a chart.",
    "doctor": "Find what is wrong with a set-up, and how to fix it.",
    "broker": "The embedded Kafka: start, stop, kill, restart, status, reset.",
    "reset": "Go back to the start: remove all topics, messages and stored rows; notebooks stay.",
    "notebook": "The notebooks of the lessons: restore.",
    "topic": "The topic: create, describe.",
    "produce": "Send readings, a batch every second.",
    "consume": "Store every reading, once.",
    "skip": "Skip messages that cannot be read, and record the gap.",
    "status": "Show rows, dead letters, what each consumer did, offsets and lag.",
    "dead-letters": "Messages that were not readings: list, replay.",
    "chart": "Draw the values of each sensor as a picture.",
    "kafka": "Kafka's own tools: topics, console-consumer and more, with their own options.",
    "fetch": "What the lessons of part two need beside Kafka: list it, or fetch one.",
    "incident": "A small system that somebody broke: find out what it is, and mend it.",
    "class": "Show how far the learners are who joined: live in a terminal, once otherwise.",
}
COMPLETION = "_KAFKA_LAB_COMPLETE"  # the variable with which a shell asks click to complete a line


class Program(Group):
    """All commands. The module of a command is imported only when that command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Their names, in the order in which they are shown."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        if cmd_name not in COMMANDS:
            return None
        return import_module(f"lab.cli.{cmd_name.replace('-', '_')}").command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=Program,
    epilog="Settings: LAB_BOOTSTRAP_SERVERS, LAB_TOPIC, LAB_GROUP, LAB_WAREHOUSE, LAB_HOME (README.md).",
)
@click.version_option(__version__, message="Kafka lab kit %(version)s", help="Show the version and exit.")
@click.help_option(help="Show this text and exit.")
def program() -> None:
    """Learn Apache Kafka with Python: a broker, a producer, a consumer, a warehouse."""


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code: 0 done, 1 a fault, 2 a wrong call, 130 interrupted."""
    sys.stdout = sys.stdout or _nowhere()  # None if they are closed, as by `>&-`
    sys.stderr = sys.stderr or _nowhere()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a cp1252 console lacks the characters of some units
    try:
        code = _run(sys.argv[1:] if arguments is None else list(arguments))
        sys.stdout.flush()  # an error of printing is raised here, where it can be reported
    except KeyboardInterrupt:
        code = 130
    except OSError as error:
        code = _explain(error)
    for stream in (sys.stdout, sys.stderr):
        _let_go(stream)
    return code


def _run(arguments: list[str]) -> int:
    if asked := os.environ.get(COMPLETION):
        from click.shell_completion import shell_complete  # here, because only shells need it

        return shell_complete(program, {}, PROGRAM, COMPLETION, asked)
    try:
        # Not `program.main`, which has its own exit codes for Ctrl-C and for a closed pipe.
        with program.make_context(kit(), arguments) as context:
            return program.invoke(context) or 0
    except click.exceptions.Exit as end:  # of --help and --version
        return end.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        say(error.format_message())
        return error.exit_code
    except click.UsageError as error:
        call = error.ctx.command_path if error.ctx else kit()
        say(f"error: {printable(error.format_message())} See: {call} --help")
        return error.exit_code
    except LabError as error:
        say(f"error: {error}")
    return 1


def _explain(error: OSError) -> int:
    """Print in one line what the system refused; return the exit code."""
    # The reader of the output has closed the pipe, as in `| head`. Windows calls that an invalid argument.
    unnamed = os.name == "nt" and error.errno == errno.EINVAL and error.filename is None
    if isinstance(error, BrokenPipeError) or unnamed:
        return 0
    place = error.filename or "The output"  # a stream has no name
    say(f"error: {place} cannot be used: {error.strerror or error}. Choose another place.")
    return 1


def _let_go(stream: IO[str]) -> None:
    """Redirect a stream that cannot be written, because Python would fail again when it flushes it."""
    try:
        stream.flush()
    except OSError:
        with _nowhere() as nowhere:
            os.dup2(nowhere.fileno(), stream.fileno())


def _nowhere() -> IO[str]:
    return Path(os.devnull).open("w", encoding="utf-8")
