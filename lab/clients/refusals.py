"""What became of a message that Kafka did not acknowledge: was it written, refused, or neither?"""

from typing import Any

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import (
    IllegalStateError,
    InvalidProducerEpochError,
    InvalidTimestampError,
    KafkaError,
    MessageSizeTooLargeError,
    OutOfOrderSequenceNumberError,
    RecordListTooLargeError,
    UnknownProducerIdError,
)

from lab.clients.connection import admin_config, connect, make_client
from lab.clients.workarounds import InDoubt, LostPartition
from lab.errors import LabError

SIZE_SETTINGS = {MessageSizeTooLargeError: "max.message.bytes", RecordListTooLargeError: "segment.bytes"}
REMEDIES = {InvalidTimestampError: "Is the clock of this machine right?"}
# The broker wrote nothing, and the message was not the cause. So it can be sent again.
NOT_WRITTEN = (
    LostPartition,
    OutOfOrderSequenceNumberError,
    UnknownProducerIdError,
    InvalidProducerEpochError,
)


def was_written(doubt: InDoubt, **kafka: Any) -> bool:
    """Ask the broker whether the last batch that it wrote for this producer is the one in doubt.

    It cannot have written a later one: only one batch per partition is in flight. Raises KafkaError if the
    broker does not answer this, for example because the user may not read the topic.
    """
    with make_client(KafkaAdminClient, **admin_config(kafka)) as admin:
        producers = admin.describe_producers([doubt.partition])[doubt.partition].active_producers
    return any(producer[:3] == doubt.written_as for producer in producers)


def explain_failure(failure: Exception, size: int, topic: str, **kafka: Any) -> str:
    """Why a message of `size` bytes was not written, and what to do, in one line."""
    if isinstance(failure, (IllegalStateError, *NOT_WRITTEN)):  # the first: closed by force
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
        return "lower than that"  # a user that may write to a topic may not always read its settings
