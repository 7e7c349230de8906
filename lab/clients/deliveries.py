"""How is each message written to the topic exactly once, whatever fails on the way?

The producer of kafka-python 3 is idempotent (a retry does not write twice) and waits for all replicas
(`acks="all"`). If a batch times out after it was sent once, the producer never sends anything again (seen
with 3.0.12). So deliveries never time out here. A failed message is sent again if the broker certainly did
not write it. If the broker may have written it, the broker is asked.
"""

import logging
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from kafka import KafkaProducer
from kafka.errors import IllegalStateError, KafkaError, KafkaTimeoutError

from lab.clients.auth_errors import explain_rights
from lab.clients.connection import is_answering, make_client, wait_until_answering
from lab.clients.partitioning import RememberingPartitioner
from lab.clients.refusals import NOT_WRITTEN, was_written
from lab.clients.workarounds import (
    InDoubt,
    advertised_addresses,
    close_producer,
    fail_alone,
    fail_lost_partitions,
    is_dead,
)
from lab.text.commandline import as_typed

log = logging.getLogger("lab")
NEVER_MS = 2**31 - 1
# For messages that are sent as fast as possible: up to 450 readings in a batch, where there were six. A
# message that nothing follows leaves after 5 ms. With lz4 they need a sixth of the place in the log and no
# more time on either side (`compression` in benchmarks). Zstd would need a tenth, but a broker needs a native
# library for it, where it has Java code for lz4.
BULK = {"linger_ms": 5, "batch_size": 65536, "compression_type": "lz4"}
CLOSE_SECONDS = 2.0
ASK_TIMES = 300  # at least half a minute: within this time a partition has a leader again
STALL_SECONDS = 5.0  # after this time without an acknowledgement, a broker that answers gets a warning too


@dataclass(slots=True)
class Message:
    """A key and a value that are being sent, and the state of their delivery.

    When it is sent again it keeps its `timestamp`, by which a consumer recognises it: it may have been in the
    topic before. One that was refused was not, and gets a new time.
    """

    key: bytes
    value: bytes
    handed_over: float = 0
    future: Any = None
    error: KafkaError | None = None  # why the client did not accept it
    timestamp: int | None = None  # in ms, when it was first sent
    is_written: bool | None = None  # the broker's answer when it was asked

    @property
    def failure(self) -> Exception | None:
        """Why it was not acknowledged; None if that is not known yet, or it was."""
        return self.error or (self.future.exception if self.future else None)

    @property
    def is_acknowledged(self) -> bool:
        """Whether it is in the topic."""
        return bool(self.is_written) or (self.is_done and not self.failure)

    @property
    def is_done(self) -> bool:
        """Whether the client has finished with it, successfully or not."""
        return self.error is not None or (self.future is not None and self.future.is_done)


class PatientProducer:
    """A KafkaProducer that waits for its broker, logs each wait, and is replaced if it can send no more.

    `waiting`: the unacknowledged messages, the oldest one first. The caller adds each message before handing
    it over. After `stop` it waits only for CLOSE_SECONDS.
    """

    def __init__(self, topic: str, waiting: Iterable[Message], stop: threading.Event, kafka: dict[str, Any]):
        self.topic, self.waiting, self.stop, self.kafka = topic, waiting, stop, kafka
        self.servers = kafka["bootstrap_servers"]
        self.protocol = kafka.get("security_protocol", "PLAINTEXT")
        self.client: KafkaProducer | None = None
        self.in_doubt = 0  # messages that were sent and had no answer when their client was closed
        self.deadline: float | None = None
        self.last_ack = time.monotonic()
        self.last_probe = 0.0  # when it last checked why nothing is acknowledged
        self.warned = False

    def hand_over(self, message: Message) -> bool:
        """Give it to the client, and wait for the broker if necessary; False if stopped before that."""
        if message.failure and not isinstance(message.failure, (InDoubt, IllegalStateError, *NOT_WRITTEN)):
            message.timestamp = None  # refused, perhaps because it is too old
        message.future, message.handed_over = None, time.monotonic()
        while client := self.client or self._make_client():
            try:
                began = int(time.time() * 1000)  # the client finds the topic, and then takes its time
                message.future = client.send(
                    self.topic, message.value, message.key, timestamp_ms=message.timestamp
                )
                message.timestamp = message.timestamp or began
                return True
            except KafkaTimeoutError:  # no metadata: the broker is away, or there is no such topic
                if self.is_stopping():
                    return False
                self.watch()
            except KafkaError as error:  # refused before it was sent, because it is too large
                message.error = error
                return True
        return False

    def wait(self, messages: Iterable[Message]) -> None:
        """Wait until all of them are done, there is no client, or the time is over."""
        while self.client and not self.is_out_of_time() and not all(each.is_done for each in messages):
            self.flush()
            self.watch()

    def flush(self) -> None:
        """Wait up to 0.2 s for the acknowledgements."""
        try:
            if self.client:
                self.client.flush(timeout=0.2)
        except KafkaError:
            pass  # the futures of the messages tell more

    def is_stopping(self) -> bool:
        """Whether `stop` is set. The first call that returns True starts the CLOSE_SECONDS."""
        if self.stop.is_set() and self.deadline is None:
            self.deadline = time.monotonic() + CLOSE_SECONDS
        return self.stop.is_set()

    def is_out_of_time(self) -> bool:
        """Whether `stop` was set and CLOSE_SECONDS are over."""
        return self.is_stopping() and time.monotonic() > (self.deadline or 0)

    def close(self) -> None:
        """Close the client, which may still deliver something; the next message gets a new client."""
        client, self.client = self.client, None
        if client:
            self.in_doubt += close_producer(client)

    def watch(self) -> None:
        """Warn once, with the reason, when acknowledgements stop, and log once when they resume."""
        now, oldest = time.monotonic(), next(iter(self.waiting), None)
        silent = now - max(self.last_ack, oldest.handed_over) if oldest else 0.0
        if self.warned and silent <= 1:
            log.warning("Kafka is back.")
            self.warned = False
        if not oldest or silent <= 1 or now - self.last_probe < 1:
            return
        self.last_probe = now
        if self.client and fail_lost_partitions(self.client, self.topic):
            log.warning("Topic %s has fewer partitions than before: sending again what waits.", self.topic)
        elif not self.warned and (found := self._why(silent, is_handed_over=oldest.future is not None)):
            (why, until), count = found, sum(1 for _ in self.waiting)
            log.warning("%s %d messages wait. Going on when %s.", why, count, until)
            self.warned = True

    def _why(self, silent: float, is_handed_over: bool) -> tuple[str, str] | None:
        """(reason, what it waits for) after `silent` seconds without an acknowledgement; None: just slow."""
        if not is_answering(self.servers, security_protocol=self.protocol):
            return "Kafka is away:", "it is back"
        if silent <= STALL_SECONDS:
            return None
        named = ",".join(advertised_addresses(self.client)) if self.client else ""
        if named and not is_answering(named, security_protocol=self.protocol):
            why = (
                f"Kafka at {self.servers} answers, but sends its clients on to {named}, where nothing answers"
            )
            return f"{why}: look at its advertised.listeners.", "something does"
        if not is_handed_over:
            create = as_typed("python -m lab topic create")
            return f"Kafka answers, and knows no topic {self.topic!r}: make it by '{create}'.", "it is there"
        return "Kafka answers, and acknowledges nothing: are too few of its brokers in sync?", "it does"

    def _make_client(self) -> KafkaProducer | None:
        if not wait_until_answering(self.servers, stop=self.stop, security_protocol=self.protocol):
            return None
        ours = {"max_block_ms": 1000, "partitioner": RememberingPartitioner()}
        config = {**ours, **self.kafka, "delivery_timeout_ms": NEVER_MS}
        self.client = make_client(KafkaProducer, **config)
        fail_alone(self.client)
        return self.client


def send_again(messages: Iterable[Message], producer: PatientProducer) -> None:
    """Wait until all are done, then send again together those that the broker certainly did not write."""
    producer.wait(messages)
    if producer.client and is_dead(producer.client):
        producer.close()
    for message in messages:
        if isinstance(message.failure, NOT_WRITTEN) and not producer.is_out_of_time():
            producer.hand_over(message)
    producer.wait(messages)


def send_alone(message: Message, producer: PatientProducer) -> None:
    """Send a failed message again, until it is acknowledged or is itself refused.

    It is sent alone, because a batch is refused as a whole: another message may have been the cause. Raises
    AccessError if this user may not write to the topic.
    """
    is_alone = False
    while _may_go_again(message, is_alone, producer) and not producer.is_out_of_time():
        is_alone = True
        producer.hand_over(message)
        producer.wait([message])
        producer.last_ack = time.monotonic()


def _may_go_again(message: Message, is_alone: bool, producer: PatientProducer) -> bool:
    """Whether it was not written, and another try may succeed."""
    failure = message.failure
    if not failure or message.error:
        return False
    if refusal := explain_rights(getattr(failure, "cause", failure), "WRITE", producer.topic):
        raise refusal from failure
    if isinstance(failure, InDoubt):
        message.is_written = _ask(failure, producer)
        return message.is_written is False
    return not is_alone or isinstance(failure, NOT_WRITTEN)


def _ask(doubt: InDoubt, producer: PatientProducer) -> bool | None:
    """Whether the broker wrote it; None if the broker gives no answer."""
    for _ in range(ASK_TIMES):
        if producer.is_out_of_time():
            break
        try:
            if wait_until_answering(
                producer.servers, stop=producer.stop, security_protocol=producer.protocol
            ):
                return was_written(doubt, **producer.kafka)
        except KafkaError as error:
            if not error.retriable:
                break
        time.sleep(0.1)
    return None
