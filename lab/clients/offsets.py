"""How far behind is an offset? The lag as Kafka's tools compute it, and offsets in the form of a commit."""

from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple

from kafka import KafkaConsumer, OffsetAndMetadata, TopicPartition
from kafka.errors import IllegalStateError


class Offsets(NamedTuple):
    """Of a partition: the first offset still in the log, and the one that the next message will get."""

    first: int
    end: int


def lag(stored: int | None, first: int, end: int) -> int:
    """The messages of a partition that are not stored yet: its end offset minus the stored one.

    `stored` is the offset to read next, or None if nothing of the partition was stored; then the lag counts
    from `first`, the first offset in the log. It is never below 0: a truncated log ends before the stored
    offset.
    """
    return max(0, end - (first if stored is None else stored))


def lags(offsets: Mapping[int, tuple[int, int]], stored: Mapping[int, int]) -> dict[int, int]:
    """{partition: lag} of {partition: (first offset, end offset)} and {partition: stored offset}."""
    return {number: lag(stored.get(number), first, end) for number, (first, end) in offsets.items()}


def known_lag(client: KafkaConsumer, stored: Mapping[TopicPartition, int | None]) -> dict[int, int]:
    """{partition: lag} of the assigned partitions whose end the client has seen. It makes no request."""
    found = {}
    for partition, offset in stored.items():
        with suppress(IllegalStateError):  # the partition was revoked just now
            if (end := client.highwater(partition)) is not None:
                first = client.position(partition, timeout_ms=1) or 0 if offset is None else offset
                found[partition.partition] = lag(offset, first, end)
    return found


def ask_lag(
    client: KafkaConsumer, stored: Mapping[TopicPartition, int | None], timeout_ms: int
) -> dict[int, int]:
    """{partition: lag} of the assigned partitions, with the offsets that the broker has now."""
    if not stored:
        return {}
    ends = client.end_offsets(list(stored), timeout_ms=timeout_ms)
    new = [partition for partition, offset in stored.items() if offset is None]
    firsts = client.beginning_offsets(new, timeout_ms=timeout_ms) if new else {}
    return {p.partition: lag(stored[p], firsts.get(p, 0), ends[p]) for p in sorted(stored)}


def to_commit(stored: Mapping[TopicPartition, int | None]) -> dict[TopicPartition, OffsetAndMetadata]:
    """Stored offsets in the form of a commit; partitions without a stored offset are left out."""
    return {p: OffsetAndMetadata(offset, "", -1) for p, offset in stored.items() if offset is not None}
