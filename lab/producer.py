"""How do readings get into Kafka? A loop sends one batch per interval and reports what was not acknowledged.

Each reading is in the topic once, or counted as not acknowledged, with the reason: `lab.clients.deliveries`.
"""

import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sized
from dataclasses import dataclass, field
from typing import Any

from lab.clients.collector import rare_collections
from lab.clients.deliveries import BULK, Message, PatientProducer, send_again, send_alone
from lab.clients.refusals import explain_failure
from lab.clients.workarounds import InDoubt
from lab.readings import Reading, encode_reading
from lab.system.signals import stop_on_signals

MAX_PENDING = 2000  # messages sent and not yet acknowledged; with more of them it is no faster


@dataclass
class ProduceSummary:
    """The result. The broker never acknowledged the `unsent` readings.

    `errors` gives the reasons, one line for each kind, and says whether some may be in the topic anyway.
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
    """Send a batch every `interval` seconds (0: as fast as possible), with the sensor as the key.

    Ends after `max_batches`, at the end of `batches` (if these have no length: when the next one would be
    due), on Ctrl-C, or when `stop` is set. Waits while the broker is away, and goes on when it is back.
    `on_batch` is called with each batch that was handed to the client. Raises AccessError if this user may
    not write to the topic.
    """
    began = due = time.monotonic()
    with rare_collections(), stop_on_signals(stop) as stop:
        sender = _Sender(topic, stop, kafka if interval else BULK | kafka)
        source = iter(batches)
        try:
            # A batch is taken when it is sent: so it has the time of sending, and the next call can go on
            # with the rest. A source without a length is asked for its end only when a batch is due.
            for n in range(_most(batches, max_batches)):
                if stop.wait(max(0, due - time.monotonic())) or (batch := next(source, None)) is None:
                    break
                is_handed_over = sender.send(batch)
                sender.settle()
                if on_batch and is_handed_over:
                    on_batch(batch)
                # The schedule starts after the first batch, which waited for the connection. Small delays
                # do not add up, and a long delay is not followed by a burst.
                now = time.monotonic()
                due = max(due + interval, now) if n else now + interval
            sender.flush()
        finally:
            sender.close()
    sender.summary.seconds = round(time.monotonic() - began, 3)
    return sender.summary


def _most(batches: Iterable[list[Reading]], max_batches: int | None) -> int:
    """How many batches there are at most."""
    most = sys.maxsize if max_batches is None else max_batches
    return min(most, len(batches)) if isinstance(batches, Sized) else most


class _Sender:
    """The messages that are not acknowledged yet, and the counts of the others."""

    def __init__(self, topic: str, stop: threading.Event, kafka: dict[str, Any]):
        self.topic, self.stop, self.kafka = topic, stop, kafka
        self.summary = ProduceSummary()
        self.pending: deque[Message] = deque()
        self.producer = PatientProducer(topic, self.pending, stop, kafka)
        self.explained: set[type] = set()  # kinds of errors
        self.in_doubt = 0  # messages that may have been written: the broker did not say

    def send(self, batch: list[Reading]) -> bool:
        """Hand a batch to the client, waiting while too many are unacknowledged; False if stopped before."""
        is_handed_over = True
        for reading in batch:
            message = Message(reading.sensor_id.encode(), encode_reading(reading))
            self.pending.append(message)
            is_handed_over = is_handed_over and self.producer.hand_over(message)
            while len(self.pending) >= MAX_PENDING:
                self.settle()
                if len(self.pending) < MAX_PENDING or self.stop.wait(0.01):
                    break
        return is_handed_over

    def settle(self) -> None:
        """Count the completed messages, in order. After a failure, settle all that are waiting."""
        while self.pending and self.pending[0].is_done:
            if self.pending[0].failure:
                send_again(self.pending, self.producer)
                self._settle_one_by_one()
            else:
                self._count(self.pending.popleft())
        self.producer.watch()

    def _settle_one_by_one(self) -> None:
        while self.pending and self.pending[0].is_done:
            send_alone(self.pending[0], self.producer)
            if self.pending[0].is_done:
                self._count(self.pending.popleft())

    def flush(self) -> None:
        """Wait until every message that was handed over is settled; after `stop`, only for a short time."""
        while any(message.future is not None for message in self.pending):
            if not self.producer.client or self.producer.is_out_of_time():
                break
            self.producer.flush()
            self.settle()

    def close(self) -> None:
        """Close the client; messages that are still pending then count as unsent."""
        self.producer.close()  # first: this may still deliver something
        while self.pending:
            self._count(self.pending.popleft())
        if in_doubt := self.in_doubt + self.producer.in_doubt:
            self.summary.errors.append(
                f"Up to {in_doubt} of those not acknowledged may be in the topic {self.topic!r} all the "
                "same: Kafka did not say. Look there before you send them again."
            )

    def _count(self, message: Message) -> None:
        if message.is_acknowledged:
            self.summary.acknowledged += 1
            self.producer.last_ack = time.monotonic()
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
