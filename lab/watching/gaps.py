"""Which messages are missing in the warehouse or in the log? They are recorded in the table `gaps`.

The consumer records messages that retention removed before they were read, and messages that the log lost
after they were stored. `skip_unreadable` records unreadable messages that were skipped by hand.
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
    """A row of `gaps`: offsets up to, but not including, `next_offset`; for `reason` see `Gap`."""

    topic: str
    partition: int
    first_offset: int
    next_offset: int
    reason: str
    ts: str


def list_gaps(warehouse: Warehouse) -> list[StoredGap]:
    """All gaps, the oldest first."""
    rows = queries.gaps(warehouse)
    return [StoredGap(*row[:4], row[4] or "retention", row[5]) for row in rows]  # None: an older kit wrote it


def skip_unreadable(topic: str, partition: int, offset: int, warehouse: Warehouse, **kafka: Any) -> int:
    """Move the stored offset past the unreadable messages at `offset`; return the new stored offset.

    The messages are recorded in the table `gaps`. Raises UnreadableError, and changes nothing, if they can
    be read, or if `offset` is not the stored offset.
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
    # Without a mark: a consumer could not read on after the last stored message.
    if warehouse.store(topic, found.topic_id, [Batch(partition, place, there, gap=gap)]):
        raise UnreadableError(
            f"{topic}, partition {partition}: a consumer went on meanwhile, and nothing was skipped"
        )
    return there
