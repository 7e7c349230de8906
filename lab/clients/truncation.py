"""Is the log still the one that was read? A power cut or an older data folder can change it.

With each offset the warehouse keeps a mark: the offset, time and checksum of the last stored message. A
consumer that gets a partition reads this message again. If the message differs now, or the log ends before
it, the log was truncated, and perhaps written again since then.

Kafka's own check is the leader epoch (KIP-320). It is not enough here: a broker with an older data folder
continues counting its epochs from there, and can reach the same numbers.
"""

import logging
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaTimeoutError

from lab.clients.connection import connect
from lab.clients.readers import READER, REQUEST_MS
from lab.clients.workarounds import ConsumerRecord
from lab.errors import InvalidReading
from lab.readings import Batch, DeadLetter, Gap, Mark, Reading, decode_reading

log = logging.getLogger("lab")
BLOCK = 1000  # messages in the first block that is compared; doubled each time
READ_SECONDS = 10.0  # how long to wait for the next message of a block

WhichAreStored = Callable[[str, int, Sequence[Reading | DeadLetter]], list[bool]]


def mark(records: Sequence[ConsumerRecord], before: Mark | None) -> Mark:
    """The mark of the last of these messages. `before`: the mark that was stored before them."""
    latest = max(map(attrgetter("timestamp"), records))
    if before:
        latest = max(latest, before.timestamp)
    return Mark(records[-1].offset, latest, checksum(records[-1]))


def is_marked(record: ConsumerRecord, last: Mark) -> bool:
    """Whether it is the message of this mark."""
    return (record.offset, checksum(record)) == (last.offset, last.checksum)


def checksum(record: ConsumerRecord) -> int:
    """CRC-32 of its whole content."""
    return zlib.crc32(record.value or b"", zlib.crc32(record.key or b"", record.timestamp & 0xFFFFFFFF))


def is_same_log(partition: TopicPartition, last: Mark, **kafka: Any) -> bool | None:
    """Whether the log still has the message of the mark; None if retention or compaction removed it.

    Raises KafkaError if the log cannot be read.
    """
    with connect(KafkaConsumer, **READER | kafka) as reader:
        first = reader.beginning_offsets([partition], timeout_ms=REQUEST_MS)[partition]
        end = reader.end_offsets([partition], timeout_ms=REQUEST_MS)[partition]
        if last.offset < first:
            return None
        if last.offset >= end:
            return False
        reader.assign([partition])
        found = next(iter(_read(reader, partition, last.offset, last.offset + 1)), None)
    return is_marked(found, last) if found else None


def expired(partition: TopicPartition, stored: int, first: int) -> Batch:
    """A batch with the gap from `stored` up to `first`: retention removed messages before they were read."""
    log.warning(
        "%s, partition %d: the messages from offset %d up to %d are no longer in the log; going on at %d.",
        partition.topic, partition.partition, stored, first - 1, first,
    )  # fmt: skip
    return Batch(partition.partition, stored, first, gap=Gap(stored, first, "retention"))


def truncated(
    partition: TopicPartition,
    stored: int,
    last: Mark | None,
    end: int | None,
    which_are_stored: WhichAreStored,
    **kafka: Any,
) -> Batch:
    """A batch that moves the stored offset back to the first one at which log and warehouse differ.

    The log lost messages that are stored. `end`: the end of the log, if it is before `stored`. Raises
    KafkaError if the log cannot be read.
    """
    there, before = end or 0, None
    if last:
        high = stored if end is None else min(stored, end)
        there, before = first_difference(partition, last, high, which_are_stored, **kafka)
    gap = Gap(there, stored, "truncation", last.timestamp if last else None) if there < stored else None
    if gap:
        log.warning(
            "%s, partition %d: Kafka lost the end of the log. What was stored of it, offsets %d to %d, "
            "stays in the warehouse. What is in the log from offset %d on is new: it is stored as well.",
            partition.topic, partition.partition, there, stored - 1, there,
        )  # fmt: skip
    return Batch(partition.partition, stored, there, last=before, gap=gap)


def without_repeats(
    partition: TopicPartition,
    records: list[ConsumerRecord],
    lost_until: Mapping[int, int],
    which_are_stored: WhichAreStored,
) -> list[ConsumerRecord]:
    """The records without those that were stored before the log lost them.

    A producer that had no answer sends them again, and they keep their time. `lost_until` is {partition: the
    time of the last one that was lost}.
    """
    until = lost_until.get(partition.partition)
    old = [] if until is None else [record for record in records if record.timestamp <= until]
    if not old:
        return records
    stored = which_are_stored(partition.topic, partition.partition, list(map(decode, old)))
    repeats = {record.offset for record, is_stored in zip(old, stored) if is_stored}
    if repeats:
        log.warning(
            "%s, partition %d: %d messages that Kafka had lost came again; they are stored already.",
            partition.topic, partition.partition, len(repeats),
        )  # fmt: skip
    return [record for record in records if record.offset not in repeats]


def first_difference(
    partition: TopicPartition, last: Mark, end: int, which_are_stored: WhichAreStored, **kafka: Any
) -> tuple[int, Mark | None]:
    """The first offset at which the log differs from the warehouse, and the mark of the message before it.

    Compares messages with rows, in blocks from `end` backwards, until all of a block is stored. A message
    with a later time than `last` was certainly not stored, even if its content was: it may be an old reading
    that was sent again. What comes behind it proves nothing: a producer without an answer sends again what
    was stored. Raises KafkaError if the log cannot be read.
    """
    with connect(KafkaConsumer, **READER | kafka) as reader:
        first = reader.beginning_offsets([partition], timeout_ms=REQUEST_MS)[partition]
        later = reader.offsets_for_times({partition: last.timestamp + 1}, timeout_ms=REQUEST_MS)[partition]
        reader.assign([partition])
        there = high = min(end, later.offset) if later else end
        size = BLOCK
        while high > first:
            low = max(first, high - size)
            records = _read(reader, partition, low, high)
            stored = which_are_stored(partition.topic, partition.partition, list(map(decode, records)))
            same = 0
            while same < len(records) and stored[same] and records[same].timestamp <= last.timestamp:
                same += 1
            if same < len(records):
                there = records[same].offset
            if same:
                return there, mark(records[:same], last)
            high, size = low, 2 * size
    return there, None


def decode(record: ConsumerRecord) -> Reading | DeadLetter:
    """The message as a reading, or as a dead letter."""
    try:
        return decode_reading(record.value)
    except InvalidReading as reason:
        return DeadLetter(record.offset, record.key, record.value, str(reason))


def _read(reader: KafkaConsumer, partition: TopicPartition, low: int, high: int) -> list[ConsumerRecord]:
    """The messages from offset `low` up to, but not including, `high`."""
    reader.seek(partition, low)
    polls = _polls(reader, partition, high)
    return [record for records in polls for record in records if record.offset < high]


def _polls(reader: KafkaConsumer, partition: TopicPartition, high: int) -> Iterator[list[ConsumerRecord]]:
    until = time.monotonic() + READ_SECONDS
    while reader.position(partition) < high:
        if records := reader.poll(500).get(partition):
            until = time.monotonic() + READ_SECONDS
            yield records
        elif time.monotonic() > until:
            raise KafkaTimeoutError(f"{partition} could not be read within {READ_SECONDS:.0f} s")
