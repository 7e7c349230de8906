"""How are the readings drawn? `python -m lab chart`."""

from pathlib import Path

import click

from lab.cli.command import Command
from lab.cli.options import output
from lab.cli.output import say
from lab.settings import Settings


@click.command("chart", cls=Command, example="--sensor temperature-1")
@output
@click.option(
    "--sensor",
    "sensors",
    multiple=True,
    metavar="ID",
    help="Only this one; can be given again for another.",
)
@click.pass_obj
def command(settings: Settings, output: Path, sensors: tuple[str, ...]) -> None:
    """Draw the values of each sensor as a picture."""
    from lab.charts import plot_sensor_logs, thin_sensor_logs  # here, because they take a second to import

    logs, gaps, left_out = thin_sensor_logs(settings.warehouse_url, sensors=sensors)
    chart = plot_sensor_logs(logs, gaps, left_out)
    chart.savefig(output)
    for line in chart.left_out:
        say(f"Not shown: {line}")
    print(f"{logs['readings'].sum()} readings: {output.resolve()}")
