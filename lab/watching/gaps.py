"""Which messages are not in the warehouse, or not in the log any more? The table `gaps`.

The consumer records what retention took before it was read, and what the log lost after it was stored.
What the client cannot read is recorded by `skip_unreadable`, when somebody asks for that.
"""

from dataclasses import dataclass
from typing import Any

from kafka import TopicPartition

from lab.clients.unreadable import next_readable
from lab.databases import queries
from lab.errors import UnreadableError
from lab.readings import Batch, Gap
from lab.topics import describe_topic, topic_offsets
from lab.warehouse import Warehouse


@dataclass(frozen=True)
class StoredGap:
    """A row of `gaps`: offsets of a partition, up to and without `next_offset`; for `reason` see `Gap`."""

    topic: str
    partition: int
    first_offset: int
    next_offset: int
    reason: str
    ts: str


def list_gaps(warehouse: Warehouse) -> list[StoredGap]:
    """All of them, the oldest first."""
    rows = queries.gaps(warehouse)
    return [StoredGap(*row[:4], row[4] or "retention", row[5]) for row in rows]  # None: by an older kit


def skip_unreadable(topic: str, partition: int, offset: int, warehouse: Warehouse, **kafka: Any) -> int:
    """Let the warehouse go past the messages at `offset` that cannot be read; returns where it goes on.

    They are recorded in the table `gaps`. Raises UnreadableError, with nothing changed, if they can be
    read, or if `offset` is not where the warehouse is.
    """
    found = describe_topic(topic, **kafka)
    place = warehouse.next_offsets(found.topic_id).get(partition)
    start = topic_offsets(topic, **kafka).get(partition, (None, None))[0] if place is None else place
    if start is None:
        raise UnreadableError(f"{topic} has no partition {partition}")
    if offset != start:
        raise UnreadableError(f"{topic}, partition {partition} is read up to offset {start}, not {offset}")
    there = next_readable(TopicPartition(topic, partition), offset, **kafka)
    if there == offset:
        raise UnreadableError(
            f"{topic}, partition {partition}: the messages at offset {offset} can be read, or there are none "
            "yet, and nothing was skipped",
            "To store them: python -m lab consume",
        )
    gap = Gap(offset, there, "unreadable")
    # With no mark: from the last message that was stored nobody could read on.
    if warehouse.store(topic, found.topic_id, [Batch(partition, place, there, gap=gap)]):
        raise UnreadableError(
            f"{topic}, partition {partition}: a consumer went on meanwhile, and nothing was skipped"
        )
    return there
