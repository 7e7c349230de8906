"""What is in Kafka? Create a topic, describe it, and read its offsets and messages."""

import secrets
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.errors import (
    LeaderNotAvailableError,
    NoError,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
    for_code,
)

from lab.clients.auth_errors import explain_rights
from lab.clients.connection import admin_config, ask_again, connect
from lab.clients.offsets import Offsets
from lab.clients.workarounds import ConsumerRecord
from lab.errors import TopicError

LEARN_SECONDS = 2.0  # in which every broker of a cluster has learned of a new topic


@dataclass(frozen=True)
class Partition:
    """One partition of a topic: its leader, and the brokers that have its replicas."""

    partition: int
    leader: int
    replicas: tuple[int, ...]
    isr: tuple[int, ...]  # in-sync replicas: the ones that have every message


@dataclass(frozen=True)
class Topic:
    """A topic as the broker describes it. A recreated topic has the same name and another id."""

    name: str
    topic_id: str
    partitions: tuple[Partition, ...]


def fresh_name(prefix: str) -> str:
    """A name that no topic and no group has yet, so that a lesson can be run twice."""
    return f"{prefix}-{secrets.token_hex(3)}"


@ask_again
def create_topic(
    topic: str,
    *,
    num_partitions: int = 1,
    replication_factor: int = 1,
    configs: Mapping[str, object] | None = None,
    **kafka: Any,
) -> Topic:
    """Create a topic, or leave an existing one as it is, and wait until it can be used.

    `configs` are settings of the topic, such as `retention.ms`; `kafka` says how to reach the broker
    (`bootstrap_servers=...`). The returned topic may differ from your arguments if it existed before.
    Raises TopicError if the broker refuses.
    """
    wanted = {
        "num_partitions": num_partitions,
        "replication_factor": replication_factor,
        "configs": {name: str(value) for name, value in (configs or {}).items()},
    }
    with connect(KafkaAdminClient, **kafka) as admin:
        answer = admin.create_topics({topic: wanted}, raise_errors=False)["topics"][0]
        if answer["error_code"] not in (NoError.errno, TopicAlreadyExistsError.errno):
            raise TopicError(f"Kafka refuses the topic {topic!r}: {answer['error_message']}")
        admin.wait_for_topics([topic])
        return _describe(admin, topic)


@ask_again
def describe_topic(topic: str, **kafka: Any) -> Topic:
    """The topic's id and partitions. Raises TopicError if there is no such topic."""
    with connect(KafkaAdminClient, **kafka) as admin:
        return _describe(admin, topic)


@ask_again
def describe_topics(**kafka: Any) -> list[Topic]:
    """All topics except Kafka's internal ones."""
    with connect(KafkaAdminClient, **kafka) as admin:
        found = [each for each in admin.describe_topics() if each["name"][:2] != "__"]
    return [_topic(each, each["name"]) for each in sorted(found, key=lambda each: each["name"])]


@ask_again
def topic_offsets(topic: str, **kafka: Any) -> dict[int, Offsets]:
    """{partition: (first offset still in the log, offset that the next message will get)}."""
    partitions = _partitions(topic, kafka)
    with connect(KafkaConsumer, **kafka) as consumer:
        first, end = consumer.beginning_offsets(partitions), consumer.end_offsets(partitions)
    return {tp.partition: Offsets(first[tp], end[tp]) for tp in partitions}


def read_records(topic: str, **kafka: Any) -> Iterator[ConsumerRecord]:
    """Every message of a topic, from the first one in the log to the current end.

    Messages of one partition are in order; partitions are mixed. Raises TopicError if there is no such topic.
    """
    partitions = _partitions(topic, kafka)
    with connect(KafkaConsumer, **kafka) as consumer:
        ends = consumer.end_offsets(partitions)
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        while any(consumer.position(partition) < end for partition, end in ends.items()):
            for records in consumer.poll(500).values():
                yield from records


def _partitions(topic: str, kafka: dict[str, Any]) -> list[TopicPartition]:
    found = describe_topic(topic, **admin_config(kafka))  # without what only a consumer takes
    for each in found.partitions:
        if each.leader < 0:  # kafka-python fails with a KeyError, or waits
            raise LeaderNotAvailableError(f"partition {each.partition} of {topic} has no leader")
    return [TopicPartition(topic, each.partition) for each in found.partitions]


def _describe(admin: KafkaAdminClient, topic: str) -> Topic:
    """The topic as a broker describes it. In a cluster, each broker learns of a new one at its own time."""
    until = time.monotonic() + LEARN_SECONDS
    while True:
        found = admin.describe_topics([topic])[0]
        is_unknown = found["error_code"] == UnknownTopicOrPartitionError.errno
        if not is_unknown or time.monotonic() > until or len(admin.describe_cluster()["brokers"]) == 1:
            return _topic(found, topic)
        time.sleep(0.05)


def _topic(found: dict[str, Any], topic: str) -> Topic:
    """The topic in Kafka's answer."""
    if refusal := explain_rights(for_code(found["error_code"])(), "DESCRIBE", topic):
        raise refusal
    if found["error_code"]:
        raise TopicError(f"There is no topic {topic!r}. Make it: python -m lab topic create.")
    partitions = sorted(found["partitions"], key=lambda p: p["partition_index"])
    return Topic(
        topic,
        str(found["topic_id"]),
        tuple(
            Partition(p["partition_index"], p["leader_id"], tuple(p["replica_nodes"]), tuple(p["isr_nodes"]))
            for p in partitions
        ),
    )
