"""How are readings sent? `python -m lab produce`."""

from typing import Any

import click

from lab.cli.command import Command
from lab.cli.options import MAX_SENSORS, number, quiet, seconds, whole_number
from lab.cli.output import say, show_readings
from lab.cli.owners import say_whose_broker
from lab.producer import produce
from lab.settings import Settings
from lab.simulation import PLANTED_FAULTS, SAMPLE_DAY, count_readings, simulate_readings


@click.command("produce", cls=Command, example="--batches 60")
@click.option("--batches", type=number(0), metavar="N", help="How many batches; default: until Ctrl-C.")
@click.option(
    "--interval",
    type=seconds,
    default=1.0,
    show_default=True,
    metavar="S",
    help="Seconds between two batches; 0: as fast as possible.",
)
@click.option(
    "--sensors",
    type=number(1, MAX_SENSORS),
    default=3,
    show_default=True,
    metavar="N",
    help="How many sensors; each has one reading in a batch.",
)
@click.option("--seed", type=whole_number, metavar="N", help="The same seed sends the same values.")
@click.option("--plants", is_flag=True, help="Send a simulated day with planted faults.")
@quiet
@click.pass_obj
def command(
    settings: Settings,
    batches: int | None,
    interval: float,
    sensors: int,
    seed: int | None,
    plants: bool,
    quiet: bool,
) -> int:
    """Send readings, a batch every second."""
    say_whose_broker(settings)
    day: dict[str, Any] = {"start": SAMPLE_DAY, "plants": PLANTED_FAULTS} if plants else {}
    total = count_readings(batches, sensors, day.get("plants", ())) if batches else None
    with show_readings("Sent", quiet, total) as show:
        summary = produce(
            settings.topic,
            simulate_readings(sensors, seed=seed, **day),
            interval=interval,
            max_batches=batches,
            on_batch=show,
            **settings.kafka,
        )
    say(f"{summary.acknowledged} readings acknowledged, {summary.unsent} not, in {summary.seconds:.1f} s")
    for error in summary.errors:
        say(f"error: {error}")
    return 1 if summary.unsent else 0
