"""What is the state of the pipeline? `python -m lab status`: rows, dead letters, consumers, offsets, lag."""

import click
from kafka import KafkaAdminClient

from lab.cli.command import Command
from lab.cli.output import table
from lab.cli.watch import repeat
from lab.clients.connection import connect
from lab.clients.groups import partition_owners, two_groups_fault
from lab.clients.offsets import lags
from lab.databases.counts import count_by_sensor
from lab.databases.queries import consumers
from lab.dead_letters import list_dead_letters
from lab.settings import Settings
from lab.topics import describe_topic, topic_offsets
from lab.warehouse import Warehouse
from lab.watching.gaps import list_gaps


@click.command("status", cls=Command)
@click.option("--watch", is_flag=True, help="Show it again every two seconds, until Ctrl-C.")
@click.pass_obj
def command(settings: Settings, watch: bool) -> None:
    """Show rows, dead letters, what each consumer did, offsets and lag."""
    if watch:
        repeat(lambda: show_status(settings))
    else:
        show_status(settings)


def show_status(settings: Settings) -> None:
    """Print the status once."""
    with Warehouse(settings.warehouse_url, create=False) as warehouse:
        _show_warehouse(warehouse)
        _show_consumers(warehouse, settings)
        print()
        topic = describe_topic(settings.topic, **settings.kafka)
        stored = warehouse.next_offsets(topic.topic_id)
    _show_offsets(settings, stored)


def _show_warehouse(warehouse: Warehouse) -> None:
    print(f"Warehouse {warehouse.name}")
    table(["sensor", "rows", "last reading"], count_by_sensor(warehouse))
    letters = list_dead_letters(warehouse)
    print(f"dead letters: {len(letters)}, of which replayed: {sum(x.is_replayed for x in letters)}\n")
    if gaps := list_gaps(warehouse):
        print("Gaps in the log")
        rows = [(f"{x.topic}-{x.partition}", x.first_offset, x.next_offset, x.reason, x.ts) for x in gaps]
        table(["partition", "first offset", "next offset", "reason", "at"], rows)
        print()


def _show_consumers(warehouse: Warehouse, settings: Settings) -> None:
    print("Consumers, each as it last wrote")
    header = ["group", "member", "at", "processed", "stored", "dead letters", "fenced", "reconnects"]
    rows = [(*row, round(row[3] / seconds, 1) if seconds else 0) for *row, seconds in consumers(warehouse)]
    table([*header, "a second"], rows)
    with connect(KafkaAdminClient, **settings.kafka) as admin:
        for line in two_groups_fault(settings.topic, warehouse.running_consumers(), admin) or ():
            print(f"{line[0].upper()}{line[1:].rstrip('.')}.")


def _show_offsets(settings: Settings, stored: dict[int, int]) -> None:
    offsets = topic_offsets(settings.topic, **settings.kafka)
    owners = partition_owners(settings.topic, settings.group, **settings.kafka)
    lag = lags(offsets, stored)
    rows = [(n, end, stored.get(n, 0), lag[n], owners.get(n, "nobody")) for n, (_, end) in offsets.items()]
    print(f"Topic {settings.topic} at {settings.bootstrap_servers}")
    table(["partition", "end offset", "stored offset", "lag", f"owner in {settings.group}"], rows)
    for partition, (_, end) in offsets.items():
        if stored.get(partition, 0) > end:
            print(
                f"Partition {partition}: Kafka lost messages that are stored; 'consume' goes on from there."
            )
