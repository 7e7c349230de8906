"""Which values can options have? Their types, and the options that several commands share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from lab.settings import GROUP, ODD

MAX_COUNT = 2**31 - 1
MAX_SECONDS = 30 * 24 * 3600  # every system can wait for this time
# What one machine can handle, and can do in a second.
MAX_BROKERS, MAX_PARTITIONS, MAX_COPIES, MAX_SENSORS = 9, 1000, 100, 10_000
PICTURES = (".png", ".pdf", ".svg")


def number(
    least: float, most: float = MAX_COUNT, kind: Callable[[str], float] = int
) -> Callable[[str], float]:
    """The type of an option: a number within these bounds, by default a whole one."""

    def read(text: str) -> float:
        try:
            if least <= (found := kind(text)) <= most:
                return found
        except ValueError:
            pass
        raise click.BadParameter(f"{short(text)}: expected a number from {least} to {most}.")

    return read


seconds = number(0, MAX_SECONDS, float)


def whole_number(text: str) -> int:
    """The type of an option: a whole number of any size."""
    try:
        return int(text)
    except ValueError:
        raise click.BadParameter(f"{short(text)}: expected a whole number.") from None


def group_id(text: str) -> str:
    """The type of an option: the name of a consumer group."""
    if not GROUP.fullmatch(text):
        raise click.BadParameter(f"{short(text)}: expected 1 to 249 letters.")
    return text


def picture(text: str) -> Path:
    """The type of an option: a file for a chart. It checks at once that the file can be written."""
    path = Path(text)
    if click.get_current_context().resilient_parsing:  # a shell completes the line: touch no file
        return path
    if path.suffix.lower() not in PICTURES:
        raise click.BadParameter(f"{short(text)}: expected a name in {', '.join(PICTURES)}.")
    try:
        is_new = not path.exists()
        path.open("ab").close()
        if is_new:
            path.unlink()
    except (OSError, ValueError) as error:  # ValueError: an impossible file name
        reason = getattr(error, "strerror", None) or error
        raise click.BadParameter(f"{short(text)} cannot be written: {reason}.") from error
    return path


def assignment(text: str) -> tuple[str, Any]:
    """The type of an option: 'val=21.5' as ('val', 21.5). A value that is not a number stays a text."""
    name, equals, value = text.partition("=")
    if not equals or ODD.search(text):
        raise click.BadParameter(f"{short(text)}: expected FIELD=VALUE, for example val=21.5.")
    try:
        return name, float(value)
    except ValueError:
        return name, value


def short(text: str) -> str:
    """A text for an error message: in quotation marks, and shortened."""
    return repr(text if len(text) <= 40 else text[:37] + "...")


output = click.option(
    "--output",
    type=picture,
    default="sensor_logs.png",
    show_default=True,
    metavar="FILE",
    help="Where the chart goes: .png, .pdf or .svg.",
)
quiet = click.option("--quiet", is_flag=True, help="A progress bar instead of a line for each reading.")
