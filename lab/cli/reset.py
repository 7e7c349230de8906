"""How does a learner start over? `python -m lab reset`."""

from pathlib import Path

import click

from lab.cli.broker import embedded_broker, end_programs
from lab.cli.command import Command
from lab.databases.counts import count_sensor_logs
from lab.errors import LabError
from lab.settings import Settings
from lab.system.programs import read_programs
from lab.warehouse import Warehouse


@click.command("reset", cls=Command)
@click.pass_obj
def command(settings: Settings) -> None:
    """Go back to the start: remove all topics, messages and stored rows; notebooks stay."""
    end_programs(read_programs(settings.home))
    embedded_broker(settings).reset()
    print(f"Kafka is stopped, and empty: {settings.home}")
    url = settings.warehouse_url
    file = Path(url.removeprefix("sqlite:///"))
    if not url.startswith("sqlite:"):
        print("The warehouse is on a server, and stays as it is.")
    elif file.exists():
        with Warehouse(url, create=False) as warehouse:  # raises if it is not a warehouse
            rows = count_sensor_logs(warehouse)
        try:
            for ending in ("", "-wal", "-shm", ".replay.lock"):
                file.with_name(file.name + ending).unlink(missing_ok=True)
        except PermissionError as error:  # on Windows, while a program has it open
            raise LabError(f"{file} is in use: end consumers and notebooks, and try again.") from error
        print(f"The warehouse is removed, with {rows} rows: {file}")
