"""How do readings get into Kafka? A loop that sends one batch every interval, and loses none unsaid.

The producer of kafka-python 3 is idempotent (a retry does not write twice) and waits for all
replicas (`acks="all"`). A batch that times out after it was sent once silences it for ever (seen
with 3.0.12): so nothing times out. What the broker may have written is not sent again: see `refusals`.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from kafka import KafkaProducer
from kafka.errors import KafkaError, KafkaTimeoutError

from lab.clients.access import explain_rights
from lab.clients.connection import is_answering, make_client, wait_until_answering
from lab.clients.refusals import NOT_WRITTEN, explain_failure, was_written
from lab.clients.workarounds import InDoubt, close_producer, fail_alone, fail_lost_partitions, is_dead
from lab.readings import Reading, encode_reading
from lab.system.signals import stop_on_signals

log = logging.getLogger("lab")
NEVER_MS = 2**31 - 1
# Messages sent and not yet acknowledged. With 10,000 a sixth of all time went to the garbage
# collector, which looks through them again and again.
MAX_PENDING = 2000
CLOSE_SECONDS = 2.0
ASK_TIMES = 300  # half a minute at least: until then a partition has a leader again
PATIENCE = 5.0  # seconds without an acknowledgement, until a broker that answers is said to be of no use


@dataclass
class ProduceSummary:
    """What became of the readings. `unsent` ones were never acknowledged by the broker.

    `errors` says why, in one line for each kind of reason, and whether some may be in the topic all the same.
    """

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
    """A producer, and the messages of which it has not heard yet."""

    def __init__(self, topic: str, stop: threading.Event, kafka: dict[str, Any]):
        self.topic, self.stop, self.kafka = topic, stop, kafka
        self.servers = kafka["bootstrap_servers"]
        self.protocol = kafka.get("security_protocol", "PLAINTEXT")
        self.summary = ProduceSummary()
        self.pending: deque[_Message] = deque()
        self.producer: KafkaProducer | None = None
        self.heard = time.monotonic()  # when the broker last acknowledged something
        self.looked = 0.0  # when we last looked why nothing is acknowledged
        self.deadline: float | None = None
        self.told = False
        self.explained: set[type] = set()  # kinds of errors
        self.in_doubt = 0

    def send(self, key: bytes, value: bytes) -> None:
        """Hand a message to the client; wait, while there are too many of which nothing is known."""
        message = _Message(key, value)
        self._hand_over(message)
        self.pending.append(message)
        while len(self.pending) >= MAX_PENDING:
            self.settle()
            if len(self.pending) < MAX_PENDING or self.stop.wait(0.01):
                break

    def flush(self) -> None:
        """Wait until every message is settled; after `stop`, only for CLOSE_SECONDS."""
        while self.pending and self.producer and not self.is_out_of_time():
            self._flush_client()
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
        while self.pending:
            self._count(self.pending.popleft())
        if self.in_doubt:
            self.summary.errors.append(
                f"Up to {self.in_doubt} of those not acknowledged may be in the topic {self.topic!r} all the "
                "same: Kafka did not say. Look there before you send them again."
            )

    def _hand_over(self, message: "_Message") -> None:
        """Give it to the client, waiting for the broker if need be; unsent if `stop` is set first."""
        message.future, message.handed_over = None, time.monotonic()
        while producer := self.producer or self._make_client():
            try:
                message.future = producer.send(self.topic, message.value, message.key)
                return
            except KafkaTimeoutError:  # no metadata: the broker is away, or has no such topic
                self._watch()
                if self.stop.is_set():
                    return
            except KafkaError as error:  # refused before it was sent, for its size
                message.error = error
                return

    def settle(self) -> None:
        """Count the messages that are done, in order; if one failed, all that wait."""
        while self.pending and self.pending[0].is_done:
            if self.pending[0].failure:
                self._settle_failed()
            else:
                self._count(self.pending.popleft())
        self._watch()

    def _settle_failed(self) -> None:
        """Wait until all is done, and send again what failed without need.

        What may have failed for the sake of another one goes alone, for a batch is refused as a whole.
        """
        self._wait(lambda: all(message.is_done for message in self.pending))
        if self.producer and is_dead(self.producer):
            self._close_client()
        for message in self.pending:
            if isinstance(message.failure, NOT_WRITTEN) and not self.is_out_of_time():
                self._hand_over(message)
        self._wait(lambda: all(message.is_done for message in self.pending))
        while self.pending and self.pending[0].is_done:
            self._send_alone(self.pending[0])
            if self.pending[0].is_done:
                self._count(self.pending.popleft())

    def _send_alone(self, message: "_Message") -> None:
        """Send a message that failed again, until it is acknowledged, or refused for its own sake."""
        is_alone = False
        while self._may_go_again(message, is_alone) and not self.is_out_of_time():
            is_alone = True
            self._hand_over(message)
            self._wait(lambda: message.is_done)
            self.heard = time.monotonic()

    def _may_go_again(self, message: "_Message", is_alone: bool) -> bool:
        """Whether it was not written, and may be taken now. Raises AccessError if we may not write."""
        failure = message.failure
        if not failure or message.error:
            return False
        if refusal := explain_rights(getattr(failure, "cause", failure), self.topic):
            raise refusal from failure
        if isinstance(failure, InDoubt):
            message.is_written = self._ask(failure)
            return message.is_written is False
        return not is_alone or isinstance(failure, NOT_WRITTEN)

    def _ask(self, doubt: InDoubt) -> bool | None:
        """Whether the broker wrote it; None if it does not say."""
        for _ in range(ASK_TIMES):
            if self.is_out_of_time():
                break
            try:
                if wait_until_answering(self.servers, stop=self.stop, security_protocol=self.protocol):
                    return was_written(doubt, **self.kafka)
            except KafkaError as error:
                if not error.retriable:
                    break
            time.sleep(0.1)
        return None

    def _wait(self, condition: Callable[[], bool]) -> None:
        while self.producer and not condition() and not self.is_out_of_time():
            self._flush_client()
            self._watch()

    def _count(self, message: "_Message") -> None:
        if message.is_acknowledged:
            self.summary.acknowledged += 1
            self.heard = time.monotonic()
            return
        self.summary.unsent += 1
        failure = message.failure
        if isinstance(failure, InDoubt):
            self.in_doubt += message.is_written is None
            failure = failure.cause
        if failure and type(failure) not in self.explained:
            self.explained.add(type(failure))
            size = len(message.key) + len(message.value)
            self.summary.errors.append(explain_failure(failure, size, self.topic, **self.kafka))

    def _make_client(self) -> KafkaProducer | None:
        if not wait_until_answering(self.servers, stop=self.stop, security_protocol=self.protocol):
            return None
        config = {"max_block_ms": 1000, **self.kafka, "delivery_timeout_ms": NEVER_MS}
        self.producer = make_client(KafkaProducer, **config)
        fail_alone(self.producer)
        return self.producer

    def _flush_client(self) -> None:
        try:
            if self.producer:
                self.producer.flush(timeout=0.2)
        except KafkaError:
            pass  # what is pending says more

    def _close_client(self) -> None:
        producer, self.producer = self.producer, None
        if producer:
            self.in_doubt += close_producer(producer)

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
        if self.producer and fail_lost_partitions(self.producer, self.topic):
            log.warning("Topic %s has fewer partitions than before: sending again what waits.", self.topic)
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


@dataclass(slots=True)
class _Message:
    key: bytes
    value: bytes
    handed_over: float = 0
    future: Any = None
    error: KafkaError | None = None
    is_written: bool | None = None  # what the broker said when it was asked

    @property
    def failure(self) -> Exception | None:
        return self.error or (self.future.exception if self.future else None)

    @property
    def is_acknowledged(self) -> bool:
        return bool(self.is_written) or (self.is_done and not self.failure)

    @property
    def is_done(self) -> bool:
        return self.error is not None or (self.future is not None and self.future.is_done)
