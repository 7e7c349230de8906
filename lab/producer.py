"""How do readings get into Kafka? A loop that sends one batch every interval, and loses none unsaid.

The producer of kafka-python 3 is idempotent (a retry does not write twice) and waits for all
replicas (`acks="all"`). Two of its traps are avoided here. A batch that times out after it was sent
once silences the producer for ever (seen with 3.0.12): so nothing times out. And after a message
that the broker refuses, that producer refuses every later one: so it is made anew.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from kafka import KafkaProducer
from kafka.errors import KafkaError, KafkaTimeoutError

from lab.access import explain_rights
from lab.connection import is_answering, make_client, wait_until_answering
from lab.readings import Reading, encode_reading
from lab.stopping import stop_on_signals

log = logging.getLogger("lab")
NEVER_MS = 2**31 - 1
# Messages sent and not yet acknowledged. With 10,000 a sixth of all time went to the garbage
# collector, which looks through them again and again.
MAX_PENDING = 2000
CLOSE_SECONDS = 2.0
PATIENCE = 5.0  # seconds without an acknowledgement, until a broker that answers is said to be of no use


@dataclass
class ProduceSummary:
    """What became of the readings. `unsent` ones were never acknowledged by the broker."""

    acknowledged: int = 0
    unsent: int = 0
    seconds: float = 0
    errors: list[str] = field(default_factory=list)

    @property
    def per_second(self) -> float:
        """Acknowledged readings a second."""
        return self.acknowledged / self.seconds if self.seconds else 0


def produce(
    topic: str,
    batches: Iterable[list[Reading]],
    *,
    interval: float = 1.0,
    max_batches: int | None = None,
    stop: threading.Event | None = None,
    on_batch: Callable[[list[Reading]], object] | None = None,
    **kafka: Any,
) -> ProduceSummary:
    """Send a batch every `interval` seconds (0: as fast as it goes), keyed by sensor.

    Ends after `max_batches`, at the end of `batches`, on Ctrl-C, or when `stop` is set. While the
    broker is away it waits, and goes on when it is back. `on_batch` is called with each batch
    that was handed to the client. Raises AccessError if the broker does not let us write there.
    """
    began = due = time.monotonic()
    with stop_on_signals(stop) as stop:
        sender = _Sender(topic, stop, kafka)
        try:
            # No batch is taken that is not sent: the next call goes on with it.
            for n, batch in enumerate(islice(batches, max_batches)):
                if stop.wait(max(0, due - time.monotonic())):
                    break
                for reading in batch:
                    sender.send(reading.sensor_id.encode(), encode_reading(reading))
                sender.settle()
                if on_batch:
                    on_batch(batch)
                # The first batch waited for the connection. From then on small delays do not add
                # up, and after a long one there is no burst.
                now = time.monotonic()
                due = max(due + interval, now) if n else now + interval
            sender.flush()
        finally:
            sender.close()
    sender.summary.seconds = round(time.monotonic() - began, 3)
    return sender.summary


class _Sender:
    """A producer that is made anew when it fails, and what it has not heard of yet."""

    def __init__(self, topic: str, stop: threading.Event, kafka: dict[str, Any]):
        self.topic, self.stop, self.kafka = topic, stop, kafka
        self.servers = kafka["bootstrap_servers"]
        self.protocol = kafka.get("security_protocol", "PLAINTEXT")
        self.summary = ProduceSummary()
        self.pending: deque[_Message] = deque()
        self.producer: KafkaProducer | None = None
        self.heard = time.monotonic()  # when the broker last acknowledged something
        self.looked = 0.0  # when we last looked why nothing is acknowledged
        self.partitions: set[int] = set()
        self.deadline: float | None = None
        self.told = False

    def send(self, key: bytes, value: bytes) -> None:
        """Hand a message to the client; wait, while there are too many of which nothing is known."""
        self._hand_over(_Message(key, value))
        while len(self.pending) >= MAX_PENDING:
            self.settle()
            if len(self.pending) < MAX_PENDING or self.stop.wait(0.01):
                break

    def flush(self) -> None:
        """Wait until every message is settled; after `stop`, only for CLOSE_SECONDS."""
        while self.pending and self.producer and not self.is_out_of_time():
            self._flush_client(0.2)
            self.settle()

    def is_out_of_time(self) -> bool:
        """Whether `stop` was set CLOSE_SECONDS ago."""
        if not self.stop.is_set():
            return False
        self.deadline = self.deadline or time.monotonic() + CLOSE_SECONDS
        return time.monotonic() > self.deadline

    def close(self) -> None:
        """Close the client; whatever is still pending then counts as unsent."""
        self._close_client()  # first, for it may still deliver something
        for message in self.pending:
            self._count(message)
        self.pending.clear()

    def _hand_over(self, message: "_Message") -> None:
        """Give it to the client, waiting for the broker if need be; unsent if `stop` is set first."""
        while producer := self.producer or self._make_client():
            try:
                message.future = producer.send(self.topic, message.value, message.key)
                with suppress(KafkaTimeoutError):  # the topic is gone again; the message waits for it
                    self.partitions |= producer.partitions_for(self.topic)
                break
            except KafkaTimeoutError:  # no metadata: the broker is away, or has no such topic
                self._watch()
                if self.stop.is_set():
                    break
            except KafkaError as error:  # refused before it was sent, for its size
                message.error = error
                break
        self.pending.append(message)

    def settle(self) -> None:
        """Count the messages that are done, in order, and mend the client after a failed one."""
        while self.pending and self.pending[0].is_done:
            if failure := self.pending[0].failure:
                if refusal := explain_rights(failure, self.topic):
                    raise refusal from failure
                self._mend(one_by_one=True)
            else:
                self._count(self.pending.popleft())
        self._watch()

    def _mend(self, one_by_one: bool) -> None:
        """Send again with a new client what was not acknowledged; one by one, if some were refused."""
        self._flush_client(CLOSE_SECONDS)
        self._close_client()
        waiting, self.pending = self.pending, deque()
        for message in waiting:
            if message.is_acknowledged or message.error or self.is_out_of_time():
                self._count(message)
            elif one_by_one:
                self._count(self._send_alone(message))
            else:
                self._hand_over(_Message(message.key, message.value))

    def _send_alone(self, message: "_Message") -> "_Message":
        again = _Message(message.key, message.value)
        self._hand_over(again)
        self.pending.clear()
        while not again.is_done and not self.is_out_of_time():
            self._flush_client(0.2)
        if again.failure:
            self._close_client()
        return again

    def _count(self, message: "_Message") -> None:
        if message.is_acknowledged:
            self.summary.acknowledged += 1
            self.heard = time.monotonic()
            return
        self.summary.unsent += 1
        if message.failure and str(message.failure) not in self.summary.errors:
            self.summary.errors.append(str(message.failure))

    def _make_client(self) -> KafkaProducer | None:
        if not wait_until_answering(self.servers, stop=self.stop, security_protocol=self.protocol):
            return None
        config = {"delivery_timeout_ms": NEVER_MS, "max_block_ms": 1000, **self.kafka}
        self.producer = make_client(KafkaProducer, **config)
        return self.producer

    def _flush_client(self, seconds: float) -> None:
        try:
            if self.producer:
                self.producer.flush(timeout=seconds)
        except KafkaError:
            pass  # what is pending says more

    def _close_client(self) -> None:
        producer, self.producer = self.producer, None
        if not producer:
            return
        try:
            producer.close(timeout=0.1)
        except KafkaError:
            # Else its thread would go on, and send later what is counted as unsent.
            producer._sender.force_close()
            producer._sender.join(1)
            with suppress(KafkaError):
                producer.close(timeout=0)

    def _watch(self) -> None:
        """Say once when nothing is acknowledged any more, and why, and once when it is again."""
        now = time.monotonic()
        waits = bool(self.pending) and now - max(self.heard, self.pending[0].handed_over) > 1
        if self.told and not waits:
            log.warning("Kafka is back.")
            self.told = False
        if not waits or now - self.looked < 1:
            return
        self.looked = now
        if self._has_lost_partitions():
            log.warning("Topic %s has fewer partitions than before: sending again what waits.", self.topic)
            self._mend(one_by_one=False)
        elif not self.told:
            if not is_answering(self.servers, security_protocol=self.protocol):
                log.warning("Kafka is away: %d messages wait. Going on when it is back.", len(self.pending))
                self.told = True
            elif now - max(self.heard, self.pending[0].handed_over) > PATIENCE:
                log.warning(
                    "Kafka answers, and acknowledges nothing: are too few of its brokers in sync? "
                    "%d messages wait. Going on when it does.", len(self.pending)
                )  # fmt: skip
                self.told = True

    def _has_lost_partitions(self) -> bool:
        """Whether the topic was made anew, smaller: what waits for its old partitions would for ever."""
        try:
            there = self.producer.partitions_for(self.topic) if self.producer else set()
        except KafkaTimeoutError:
            there = set()  # there is no topic now, or no broker: both are waited for
        lost = self.partitions - there if there else set()
        self.partitions = set(there or self.partitions)
        return bool(lost)


@dataclass(slots=True)
class _Message:
    key: bytes
    value: bytes
    handed_over: float = field(default_factory=time.monotonic)
    future: Any = None
    error: KafkaError | None = None

    @property
    def failure(self) -> Exception | None:
        return self.error or (self.future.exception if self.future else None)

    @property
    def is_acknowledged(self) -> bool:
        return self.is_done and not self.failure

    @property
    def is_done(self) -> bool:
        return self.error is not None or (self.future is not None and self.future.is_done)
