"""What became of a message that Kafka did not acknowledge: was it written, refused, or neither?

kafka-python's idempotent producer knows, and does not tell. The functions here reach into its
private parts, each for one reason, as they are in 3.0.12. Each says what goes wrong without it, and
tests/test_faults.py shows it: delete the function when those tests pass without it.
"""

from contextlib import suppress
from typing import Any

from kafka import KafkaAdminClient, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import (
    IllegalStateError,
    InvalidProducerEpochError,
    InvalidTimestampError,
    KafkaError,
    MessageSizeTooLargeError,
    OutOfOrderSequenceNumberError,
    RecordListTooLargeError,
    RetriableError,
    UnknownError,
    UnknownProducerIdError,
)
from kafka.producer.producer_batch import FinalState, ProducerBatch

from lab.clients.connection import admin_config, connect, make_client
from lab.errors import LabError


class LostPartition(KafkaError):
    """The topic was made anew, with fewer partitions: nothing was written to this one."""


class InDoubt(KafkaError):
    """A batch failed, and an earlier attempt had no answer: the broker may have written it."""

    def __init__(self, cause: Exception, batch: ProducerBatch):
        super().__init__(str(cause))
        self.cause = cause
        self.partition: TopicPartition = batch.topic_partition
        last = batch.base_sequence + batch.record_count - 1
        self.written_as = batch.producer_id, batch.producer_epoch, last


SIZE_SETTINGS = {MessageSizeTooLargeError: "max.message.bytes", RecordListTooLargeError: "segment.bytes"}
REMEDIES = {InvalidTimestampError: "Is the clock of this machine right?"}
# The broker wrote nothing, and not for the message's sake: so it can be sent again.
NOT_WRITTEN = (
    LostPartition,
    OutOfOrderSequenceNumberError,
    UnknownProducerIdError,
    InvalidProducerEpochError,
)


def fail_alone(producer: KafkaProducer) -> None:
    """See to it that a batch which the broker refuses fails alone.

    By itself, kafka-python fails with it everything in flight, which the broker may be writing, and
    sends nothing any more. There is no need: a producer has one batch of a partition in flight, so
    nothing follows the refused one, and its sequence numbers can be taken again. If there was an
    attempt without an answer before, nobody knows which numbers the broker has: so then the batch
    is in doubt, and those that follow get a new producer id.
    """
    sender, manager = producer._sender, producer._transaction_manager
    if not manager:
        return  # not idempotent, by the settings of the caller
    dispatch, classify = sender._dispatch_error, manager.classify_batch_error

    def dispatch_error(batch, exception, partition_response):
        is_doubtful = batch.attempts or partition_response is None or isinstance(exception, UnknownError)
        if is_doubtful and not isinstance(exception, RetriableError):
            exception, partition_response = InDoubt(exception, batch), None
        dispatch(batch, exception, partition_response)

    def classify_batch_error(error, batch, log_start_offset=-1):
        if isinstance(error, InDoubt):
            return classify(OutOfOrderSequenceNumberError(), batch)  # it has the same remedy
        outcome = classify(error, batch, log_start_offset)
        if outcome != manager.ERROR_CLASS_FATAL:
            return outcome
        if manager.producer_id_and_epoch.match(batch):
            manager.set_sequence_number(batch.topic_partition, batch.base_sequence)
        return manager.ERROR_CLASS_RETRIABLE  # this fails the batch, and nothing else

    def can_retry(batch, error_cls):
        # Also when the others have a new producer id: the batch keeps its own, by which the broker knows it.
        return issubclass(error_cls, RetriableError) and batch.final_state is None

    sender._dispatch_error, sender._can_retry = dispatch_error, can_retry
    manager.classify_batch_error = classify_batch_error


def was_written(doubt: InDoubt, **kafka: Any) -> bool:
    """Ask the broker whether the last batch that it wrote for that producer is the one in doubt.

    It wrote none after that one, for there is one of a partition in flight. Raises KafkaError if it does
    not say, as to a user that may not read the topic.
    """
    with make_client(KafkaAdminClient, **admin_config(kafka)) as admin:
        producers = admin.describe_producers([doubt.partition])[doubt.partition].active_producers
    return any(producer[:3] == doubt.written_as for producer in producers)


def fail_lost_partitions(producer: KafkaProducer, topic: str) -> bool:
    """Fail what waits for a partition that the topic no longer has; whether there was any.

    By itself it would wait for ever.
    """
    try:
        there = producer.partitions_for(topic)
    except KafkaError:
        return False  # there is no topic now, or no broker: both are waited for
    accumulator, found = producer._accumulator, False
    for batch in accumulator._incomplete.all():
        with accumulator._tp_lock(batch.topic_partition):
            waiting = accumulator._batches[batch.topic_partition]
            # One that is in flight is not among them: its answer brings it back.
            if is_lost := batch.topic_partition.partition not in there and batch in waiting:
                waiting.remove(batch)
        if is_lost:
            batch.abort(LostPartition())
            accumulator.deallocate(batch)
            found = True
    return found


def is_dead(producer: KafkaProducer) -> bool:
    """Whether it sends nothing any more, for it got no producer id."""
    manager = producer._transaction_manager
    return bool(manager and manager.has_fatal_error())


def close_producer(producer: KafkaProducer) -> int:
    """Close it now. How many messages were sent and have no answer: they may have been written."""
    batches = producer._accumulator._incomplete.all()
    try:
        producer.close(timeout=0.1)
    except KafkaError:
        # Else its thread would go on, and send later what is counted as unsent.
        producer._sender.force_close()
        producer._sender.join(1)
        with suppress(KafkaError):
            producer.close(timeout=0)
    unanswered = (None, FinalState.ABORTED)
    return sum(batch.record_count for batch in batches if batch.drained and batch.final_state in unanswered)


def explain_failure(failure: Exception, size: int, topic: str, **kafka: Any) -> str:
    """Why a message of so many bytes was not written, and what to do, in one line."""
    if isinstance(failure, (IllegalStateError, *NOT_WRITTEN)):  # the first one: it was closed by force
        return "Stopped before Kafka had acknowledged all: send the rest when it answers again."
    if setting := SIZE_SETTINGS.get(type(failure)):
        limit = _topic_setting(topic, setting, kafka)
        return (
            f"Too large for the topic {topic!r}: a message of {size:,} bytes, and Kafka adds about 80; "
            f"{setting} is {limit}. Send smaller ones, or raise that setting of the topic."
        )
    remedy = REMEDIES.get(type(failure), "Look at the message, and at the settings of the topic.")
    return f"Refused by the topic {topic!r}: {failure}. {remedy}"


def _topic_setting(topic: str, name: str, kafka: dict[str, Any]) -> str:
    resource = ConfigResource(ConfigResourceType.TOPIC, topic, {name: None})
    try:
        with connect(KafkaAdminClient, timeout=1, **admin_config(kafka)) as admin:
            answer = admin.describe_configs([resource], config_filter="all")
        return f"{int(answer['topic'][topic][name]['value']):,}"
    except (KafkaError, LabError, LookupError, TypeError, ValueError):
        return "lower than that"  # who may write to a topic may not always read its settings
