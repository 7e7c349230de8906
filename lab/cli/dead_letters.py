"""What happened to messages that were not readings? `python -m lab dead-letters ...`."""

from typing import Any

import click

from lab.cli.command import Group
from lab.cli.options import assignment, whole_number
from lab.cli.output import table
from lab.dead_letters import fix_value, list_dead_letters, replay
from lab.settings import Settings
from lab.warehouse import Warehouse


@click.group("dead-letters", cls=Group)
def command() -> None:
    """Messages that were not readings: list, replay."""


@command.command("list")
@click.pass_obj
def show_list(settings: Settings) -> None:
    """Show them, with the reasons."""
    with Warehouse(settings.warehouse_url, create=False) as warehouse:
        letters = list_dead_letters(warehouse)
    rows = [
        (x.id, f"{x.topic}-{x.partition}@{x.offset}", _short(x.value), x.error, x.replayed or "")
        for x in letters
    ]
    table(["id", "where", "value", "reason", "replayed as"], rows)


def _short(value: bytes | None) -> str:
    text = repr(value.decode(errors="replace"))[1:-1] if value is not None else "(none)"
    return text if len(text) <= 40 else text[:37] + "..."


@command.command("replay", example="1 --set val=21.5")
@click.argument("letter_id", type=whole_number, metavar="ID")
@click.option(
    "--set", "changes", type=assignment, multiple=True, metavar="FIELD=VALUE", help="Change a field of it."
)
@click.option("--value", metavar="JSON", help="Send this instead.")
@click.pass_obj
def replay_one(
    settings: Settings, letter_id: int, changes: tuple[tuple[str, Any], ...], value: str | None
) -> None:
    """Send one to the topic again. ID is its number in the list."""
    # Bytes that are not text in the terminal's encoding are passed on, and refused with a reason.
    new = None if value is None else value.encode("utf-8", "surrogatepass")
    with Warehouse(settings.warehouse_url) as warehouse:
        if changes:
            values = {letter.id: letter.value for letter in list_dead_letters(warehouse)}
            new = fix_value(values.get(letter_id) if new is None else new, dict(changes))
        place = replay(warehouse, letter_id, new, **settings.kafka)
    print(f"Dead letter {letter_id} was sent again, as {place}.")
