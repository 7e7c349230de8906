"""From which offset is each partition read? From the one in the warehouse, after any fault.

The client's own position is never trusted: after a start, a rebalance or an error the client seeks to the
stored offset. It first reads the last stored message again and compares it with its mark. If the log has
another message in its place, the log was truncated, and reading goes on where log and warehouse differ.
"""

import logging
import threading
import time
from collections import deque
from contextlib import suppress
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import IllegalStateError, KafkaTimeoutError

from lab.clients.readers import REQUEST_MS
from lab.clients.truncation import expired, is_marked, mark, truncated, without_repeats
from lab.clients.workarounds import ConsumerRecord, topic_id
from lab.databases.sink import Sink
from lab.readings import Batch, Mark

log = logging.getLogger("lab")
POSITION_MS = 200
Records = dict[TopicPartition, list[ConsumerRecord]]


class Positions:
    """The stored offset of each assigned partition, and the partitions that need a seek."""

    def __init__(self, topic: str, sink: Sink, stop: threading.Event, kafka: dict[str, Any]):
        self.topic, self.sink, self.stop, self.kafka = topic, sink, stop, kafka
        self.topic_id = ""
        self.stored: dict[TopicPartition, int | None] = {}  # the offset to read next; None: nothing stored
        self.marks: dict[TopicPartition, Mark | None] = {}  # the last stored message
        self.lost_until: dict[int, int] = {}  # messages up to this time may come again
        self.unproven: set[TopicPartition] = set()  # the next message must match the mark
        self.unreadable: set[tuple[TopicPartition, Mark]] = set()  # marks whose message cannot be read
        self.needs_seek: deque[TopicPartition] = deque()
        self.passed: list[Batch] = []  # gaps and control records, to be stored
        self.first_seek: float | None = None  # when this consumer had its first partition

    def clear(self) -> None:
        """Forget the state of a client that was closed."""
        self.stored.clear()
        self.unproven.clear()
        self.passed.clear()

    def advance(self, batch: Batch) -> None:
        """Move the stored offset and the mark behind a batch that was stored."""
        partition = TopicPartition(self.topic, batch.partition)
        self.stored[partition], self.marks[partition] = batch.next_offset, batch.last

    def batch(self, partition: TopicPartition, records: list[ConsumerRecord]) -> Batch:
        """A batch for these messages, which follow the stored offset; they are not in it yet."""
        last = mark(records, self.marks[partition])
        return Batch(partition.partition, self.stored[partition], last.offset + 1, last=last)

    def take_passed(self) -> list[Batch]:
        """Remove and return the batches that wait to be stored."""
        passed, self.passed = self.passed, []
        return passed

    def follow(self, client: KafkaConsumer, polled: Records) -> Records:
        """The polled records that follow the stored offsets. Seeks in the partitions that need it."""
        moved = self.seek(client)
        proven = {p: self._prove(client, p, records) for p, records in polled.items() if p not in moved}
        which = self.sink.which_are_stored
        new = {p: without_repeats(p, records, self.lost_until, which) for p, records in proven.items()}
        return {partition: records for partition, records in new.items() if records}

    def seek(self, client: KafkaConsumer) -> set[TopicPartition]:
        """Seek to the stored offset in the partitions that need it; return these partitions."""
        current = topic_id(client, self.topic) or self.topic_id
        if self.sink.reopen_if_lost(self.stop) or current != self.topic_id:
            if self.topic_id and current != self.topic_id:
                log.warning("Topic %s was recreated: reading it from its start.", self.topic)
            self.topic_id = current
            self.needs_seek.extend(client.assignment())
        if not self.needs_seek:
            return set()
        stored = self.sink.positions(self.topic_id, self.stop)
        self.lost_until = self.sink.lost_until(self.topic_id, self.stop)
        assigned, moved = client.assignment(), set()
        while self.needs_seek:
            partition = self.needs_seek.popleft()
            moved.add(partition)
            self.unproven.discard(partition)
            if partition in assigned:
                self._seek_one(client, partition, *stored.get(partition.partition, (None, None)))
            else:
                self.stored.pop(partition, None)
        return moved

    def _seek_one(
        self, client: KafkaConsumer, partition: TopicPartition, offset: int | None, last: Mark | None
    ) -> None:
        self.stored[partition], self.marks[partition] = offset, last
        self.first_seek = self.first_seek or time.monotonic()
        if offset is None:
            client.seek_to_beginning(partition)
        elif last is None or (partition, last) in self.unreadable:
            client.seek(partition, offset)
        else:
            client.seek(partition, last.offset)
            self.unproven.add(partition)

    def _prove(
        self, client: KafkaConsumer, partition: TopicPartition, records: list[ConsumerRecord]
    ) -> list[ConsumerRecord]:
        """The records after the one of the mark, if it comes first; none if another is in its place."""
        last = self.marks.get(partition)
        if partition not in self.unproven or last is None:
            return records
        self.unproven.discard(partition)
        if records[0].offset > last.offset:  # compaction removed it, so there is nothing to compare
            return records
        if is_marked(records[0], last):
            return records[1:]
        self._go_back(client, partition, None)
        return []

    def find(self, client: KafkaConsumer, partitions: list[TopicPartition]) -> None:
        """Find where to go on: the log begins after the stored offset, or ends before it."""
        client.topics()  # refresh the metadata: this may be another topic of the same name
        if self.seek(client):
            return
        firsts = client.beginning_offsets(partitions, timeout_ms=REQUEST_MS)
        ends = client.end_offsets(partitions, timeout_ms=REQUEST_MS)
        for partition in partitions:
            stored, last = self.stored[partition], self.marks[partition]
            first, end = firsts[partition], ends[partition]
            if stored is not None and end < stored:
                self._go_back(client, partition, end)
            elif stored is not None and stored < first:
                self.passed.append(expired(partition, stored, first))
            elif last and last.offset < first:
                self.unreadable.add((partition, last))
            self.needs_seek.append(partition)

    def find_ends(self, client: KafkaConsumer) -> None:
        """After an empty poll, look for a log that ends before a mark, and for control records."""
        ends: dict[TopicPartition, int] = {}
        if asked := self.unproven.difference(self.needs_seek):
            with suppress(KafkaTimeoutError):  # the broker is away, or the topic is gone
                ends = client.end_offsets(list(asked), timeout_ms=REQUEST_MS)
        for partition, end in ends.items():
            last = self.marks[partition]
            if last and end <= last.offset:
                self._go_back(client, partition, end)
        self._pass_control_records(client)

    def _pass_control_records(self, client: KafkaConsumer) -> None:
        """Move the stored offsets behind control records and aborted messages: else they are lag for ever."""
        for partition, offset in self.stored.items():
            if partition in self.unproven or partition in self.needs_seek:
                continue
            try:
                there = client.position(partition, timeout_ms=POSITION_MS) or 0
            except IllegalStateError:
                continue  # the partition was revoked just now
            if there > (offset or 0):
                self.passed.append(Batch(partition.partition, offset, there, last=self.marks[partition]))

    def _go_back(self, client: KafkaConsumer, partition: TopicPartition, end: int | None) -> None:
        """The log was truncated, and perhaps written again: go on where it differs from the warehouse."""
        client.topics()  # refresh the metadata: this may be another topic of the same name
        if (topic_id(client, self.topic) or self.topic_id) != self.topic_id:
            self.needs_seek.extend(client.assignment())
            return
        stored, last = self.stored[partition] or 0, self.marks[partition]
        self.passed.append(truncated(partition, stored, last, end, self.sink.which_are_stored, **self.kafka))
        self.needs_seek.append(partition)

    def distrust_marks(self) -> None:
        """Stop reading marks again: the message of a mark may be the unreadable one, and it is stored."""
        self.unreadable |= {(p, last) for p in self.unproven if (last := self.marks[p])}
