"""How do readings get out of Kafka? Poll, decode, store, commit; and go on after any fault.

The offset that counts is the one in the warehouse, not the one committed to Kafka. It is written in the same
transaction as the rows, and the consumer returns to it after every start, rebalance or fault. The offset
committed to Kafka afterwards only serves the tools that show the lag.
"""

import threading
import time
from collections.abc import Callable
from typing import Any

from lab.clients.collector import rare_collections
from lab.clients.connection import is_answering
from lab.clients.members import static_member
from lab.clients.membership import Group
from lab.clients.positions import Positions
from lab.clients.session import Session
from lab.clients.summaries import ConsumeSummary
from lab.clients.workarounds import ConsumerRecord
from lab.databases.sink import GuardedSink, Sink, SinkError
from lab.errors import BrokerError, InvalidReading
from lab.readings import Batch, DeadLetter, Reading, decode_reading
from lab.system.signals import stop_on_signals

MAX_POLL_RECORDS: int = 2000
MIN_IDLE_SECONDS = 0.5  # a shorter idle time could end during a single poll
JOIN_SECONDS = 8.0  # a consumer that joins gets its partitions within this time, if there are any for it
REPORT_SECONDS = 1.0


def consume(
    topic: str,
    warehouse: Sink,
    *,
    group_id: str = "sensor-logs",
    max_messages: int | None = None,
    idle_timeout: float | None = None,
    stop: threading.Event | None = None,
    on_stored: Callable[[list[Reading]], object] | None = None,
    summary: ConsumeSummary | None = None,
    **kafka: Any,
) -> ConsumeSummary:
    """Store every reading of a topic in the warehouse, once.

    Ends after `max_messages`, after `idle_timeout` seconds without a message, on Ctrl-C, or when
    `stop` is set. `on_stored` is called with readings once they are in the warehouse. Pass a
    `summary` to watch its numbers from another thread; the same object is returned.

    Messages that are not readings become dead letters. While the broker is away or the warehouse is
    locked, the consumer waits and then goes on. Where waiting cannot help, it raises AccessError (no right,
    or a wrong password), GroupError (a member of the group is another program, or stores the topic in
    another warehouse) or UnreadableError. It raises BrokerError if Kafka is away when `idle_timeout` is
    over. An exception of your own sink is passed on unchanged.
    """
    member_of = static_member(group_id, warehouse.identity)
    with rare_collections(), stop_on_signals(stop) as stop, member_of as member:
        group = Group(topic, group_id, member, kafka)
        consumer = _Consumer(group, warehouse, stop, summary or ConsumeSummary(), idle_timeout)
        try:
            return consumer.run(max_messages, on_stored)
        except SinkError as error:
            raise error.reason from error.reason.__cause__


class _Consumer:
    """The loop and its state."""

    def __init__(
        self,
        group: Group,
        warehouse: Sink,
        stop: threading.Event,
        summary: ConsumeSummary,
        idle_timeout: float | None,
    ):
        self.group, self.stop, self.summary = group, stop, summary
        self.warehouse: Any = GuardedSink(warehouse)
        self.positions = Positions(group.topic, self.warehouse, stop, group.kafka)
        self.session = Session(group, self.positions, summary, store=self.store)
        self.idle_timeout = None if idle_timeout is None else max(idle_timeout, MIN_IDLE_SECONDS)
        self.last_message: float | None = None
        self.began = self.last_report = time.monotonic()

    def run(
        self, max_messages: int | None, on_stored: Callable[[list[Reading]], object] | None
    ) -> ConsumeSummary:
        """Repeat `step` until the stop event is set, the idle time is over, or `max_messages` is reached."""
        try:
            while not self.stop.is_set() and not self.is_idle():
                left = MAX_POLL_RECORDS
                if max_messages is not None:
                    left = min(left, max_messages - self.summary.processed)
                if left <= 0:
                    break
                stored = self.step(left)
                if stored and on_stored:
                    on_stored(stored)
                if time.monotonic() - self.last_report > REPORT_SECONDS:
                    self.report()
        finally:
            self.session.close()
            self.report()
        return self.summary

    def step(self, max_records: int) -> list[Reading]:
        """Poll, decode, store, commit; return the readings that were stored."""
        polled = self.session.poll(max_records, self.idle_seconds_left())
        batch = self.positions.batch
        readings = self.store([decode(records, batch(p, records)) for p, records in polled.items()])
        self.session.commit()
        return readings

    def store(self, batches: list[Batch]) -> list[Reading]:
        """Write the batches in one transaction; a fenced partition goes back to the stored offset."""
        if not batches:
            return []
        fenced = self.warehouse.store(self.group.topic, self.positions.topic_id, batches, self.stop)
        if fenced is None:
            return []  # stopped before the batches were written: the next start reads them again
        readings = []
        for batch in batches:
            if batch.partition in fenced:
                self.session.note_fenced(batch)
                self.summary.fenced += len(batch)
                self.group.count_fence(self.warehouse.running_consumers)
                continue
            self.session.note_stored(batch)
            self.summary.count(batch)
            readings += batch.readings
            if len(batch):
                self.last_message = time.monotonic()
        return readings

    def is_idle(self) -> bool:
        """Whether no message came for `idle_timeout`. Raises BrokerError if no broker answers to tell."""
        left = self.idle_seconds_left()
        if left is None or left > 0:
            return False
        servers = self.session.servers
        if is_answering(servers, security_protocol=self.session.protocol):
            return True
        raise BrokerError(
            f"No Kafka broker answers at {servers}: ended after {self.idle_timeout:g} s without a "
            f"message. {self.summary.stored} readings were stored before. "
            "Start one with 'python -m lab broker start'."
        )

    def idle_seconds_left(self) -> float | None:
        """The seconds until `idle_timeout` is over. The time it takes to join the group does not count."""
        if self.idle_timeout is None:
            return None
        since, seconds = self.last_message or self.positions.first_seek, self.idle_timeout
        if self.session.client and not since:
            seconds = max(seconds, JOIN_SECONDS)
        return (since or self.began) + seconds - time.monotonic()

    def report(self) -> None:
        """Publish the progress for `status` and the metrics."""
        self.last_report, summary = time.monotonic(), self.summary
        summary.seconds = round(self.last_report - self.began, 3)
        self.session.note_lag()
        self.warehouse.note_consumer(
            self.group.group_id,
            self.group.member,
            stored=summary.stored,
            dead_letters=summary.dead_letters,
            fenced=summary.fenced,
            reconnects=summary.reconnects,
            seconds=summary.seconds,
        )


def decode(records: list[ConsumerRecord], batch: Batch) -> Batch:
    """Sort the messages into the readings and dead letters of the batch."""
    keep = batch.readings.append
    for record in records:
        try:
            keep(decode_reading(record.value))
        except InvalidReading as reason:
            letter = DeadLetter(record.offset, record.key, record.value, str(reason), record.headers)
            batch.dead_letters.append(letter)
    return batch
