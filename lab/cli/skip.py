"""How are messages skipped that cannot be read? `python -m lab skip`."""

import click

from lab.cli.command import Command
from lab.cli.options import number
from lab.settings import Settings
from lab.text.commandline import kit
from lab.warehouse import Warehouse
from lab.watching.gaps import skip_unreadable


@click.command("skip", cls=Command, example="--partition 0 --offset 41")
@click.option(
    "--partition", type=number(0), required=True, metavar="N", help="The partition that the error names."
)
@click.option("--offset", type=number(0), required=True, metavar="N", help="The offset that the error names.")
@click.pass_obj
def command(settings: Settings, partition: int, offset: int) -> None:
    """Skip messages that cannot be read, and record the gap."""
    with Warehouse(settings.warehouse_url) as warehouse:
        there = skip_unreadable(settings.topic, partition, offset, warehouse, **settings.kafka)
    print(
        f"{settings.topic}, partition {partition}: skipped offsets {offset} to "
        f"{there - 1}, and recorded the gap. Go on with: {kit()} consume"
    )
