"""How are readings stored? `python -m lab consume`."""

from collections.abc import Generator
from contextlib import contextmanager

import click

from lab.cli.command import Command
from lab.cli.options import group_id, number, quiet, seconds
from lab.cli.output import say, show_readings
from lab.cli.owners import say_whose_broker
from lab.consumer import ConsumeSummary, consume
from lab.settings import Settings
from lab.warehouse import Warehouse


@click.command("consume", cls=Command, example="--idle-timeout 10")
@click.option(
    "--max-messages", type=number(1), metavar="N", help="End after N messages; default: go on until Ctrl-C."
)
@click.option("--idle-timeout", type=seconds, metavar="S", help="End after S seconds without a message.")
@click.option("--group", type=group_id, metavar="ID", help="The consumer group; default: LAB_GROUP.")
@click.option(
    "--metrics-port",
    type=number(1, 65535),
    metavar="PORT",
    help="Serve its numbers to Prometheus, on this machine only.",
)
@quiet
@click.pass_obj
def command(
    settings: Settings,
    max_messages: int | None,
    idle_timeout: float | None,
    group: str | None,
    metrics_port: int | None,
    quiet: bool,
) -> None:
    """Store every reading, once."""
    say_whose_broker(settings)
    summary = ConsumeSummary()
    with (
        Warehouse(settings.warehouse_url) as warehouse,
        _metrics(summary, metrics_port),
        show_readings("Stored", quiet, max_messages) as show,
    ):
        consume(
            settings.topic,
            warehouse,
            group_id=group or settings.group,
            max_messages=max_messages,
            idle_timeout=idle_timeout,
            on_stored=show,
            summary=summary,
            **settings.kafka,
        )
    _say_what_was_done(summary)


def _say_what_was_done(summary: ConsumeSummary) -> None:
    lag = ", ".join(f"{messages} in partition {n}" for n, messages in sorted(summary.lag.items()))
    say(
        f"{summary.processed} messages in {summary.seconds:.1f} s ({summary.per_second:,.0f} a second): "
        f"{summary.stored} stored, {summary.dead_letters} dead letters, {summary.fenced} fenced, "
        f"{summary.lost_to_retention} gone from the log, {summary.reconnects} reconnects, "
        f"{summary.rebalances} rebalances ({summary.rebalance_seconds:.2f} s); "
        f"lag: {lag or 'not known'}"
    )
    if summary.truncated:
        say(f"{summary.truncated} messages had been stored before Kafka lost them; their rows stay")


@contextmanager
def _metrics(summary: ConsumeSummary, port: int | None) -> Generator[None]:
    if port is None:
        yield
        return
    from lab.watching.metrics import serve_metrics  # here, because it is rarely needed

    with serve_metrics(summary, port) as url:
        say(f"Metrics at {url}")
        yield
