"""How is the topic created and described? `python -m lab topic ...`."""

import click

from lab.cli.command import Group
from lab.cli.options import MAX_COPIES, MAX_PARTITIONS, number
from lab.cli.output import table
from lab.settings import Settings
from lab.topics import create_topic, describe_topic, topic_offsets


@click.group("topic", cls=Group)
def command() -> None:
    """The topic: create, describe."""


@command.command("create", example="--partitions 3")
@click.option(
    "--partitions",
    type=number(1, MAX_PARTITIONS),
    default=1,
    show_default=True,
    metavar="N",
    help="How many partitions.",
)
@click.option(
    "--min-insync-replicas",
    type=number(1, MAX_COPIES),
    metavar="N",
    help="How many replicas must have a message before it is acknowledged; default: the broker's.",
)
@click.option(
    "--replication-factor",
    type=number(1, MAX_COPIES),
    default=1,
    show_default=True,
    metavar="N",
    help="How many brokers have a replica of each partition.",
)
@click.pass_obj
def create(
    settings: Settings, partitions: int, min_insync_replicas: int | None, replication_factor: int
) -> None:
    """Create the topic, if it does not exist."""
    topic = create_topic(
        settings.topic,
        num_partitions=partitions,
        replication_factor=replication_factor,
        configs={"min.insync.replicas": min_insync_replicas} if min_insync_replicas else None,
        **settings.kafka,
    )
    found = len(topic.partitions), len(topic.partitions[0].replicas)
    if found != (partitions, replication_factor):
        print("It existed before, and stays as it is:")
    print(f"{topic.name}: {found[0]} partition(s), replication factor {found[1]}, id {topic.topic_id}")


@command.command("describe")
@click.pass_obj
def describe(settings: Settings) -> None:
    """Show its id, partitions and offsets."""
    topic = describe_topic(settings.topic, **settings.kafka)
    offsets = topic_offsets(settings.topic, **settings.kafka)
    print(f"{topic.name}, id {topic.topic_id}")
    rows = [(p.partition, p.leader, p.replicas, p.isr, *offsets[p.partition]) for p in topic.partitions]
    table(["partition", "leader", "replicas", "isr", "first offset", "end offset"], rows)
