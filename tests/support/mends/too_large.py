"""What learners do about readings that are too large for the topic."""

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource

from lab.classroom.incidents.system import System
from lab.clients.connection import connect
from lab.embedded.tools import run_tool
from tests.support.mends import configure, for_a_while, hiding, restart


def remove_it(system: System) -> None:
    with connect(KafkaAdminClient, **system.kafka) as admin:
        admin.reset_configs([ConfigResource("TOPIC", system.topic, ["max.message.bytes"])])
    system.restart("vibration")  # its producer gives up for ever after one such refusal


def remove_it_by_tool(system: System) -> None:
    words = f"--alter --entity-type topics --entity-name {system.topic} --delete-config max.message.bytes"
    assert run_tool("configs", words.split(), system.kafka) == 0
    system.restart("vibration")


def for_all_topics(system: System) -> None:
    """The topic has its own setting, which comes first."""
    with connect(KafkaAdminClient, **system.kafka) as admin:
        admin.alter_configs([ConfigResource("BROKER", "1", {"message.max.bytes": "10000000"})])


def raise_it(system: System) -> None:
    configure(max_message_bytes=10_000)(system)
    system.restart("vibration")


WRONG = {
    "restart the programs": restart("sender", "vibration", "storer"),
    "the limit of the client": for_a_while("vibration", kafka={"max_request_size": 10_000_000}),
    "compress": for_a_while("vibration", kafka={"compression_type": "gzip"}),
    "without the field": hiding(for_a_while("vibration", more={})),
    "for all topics": for_all_topics,
}
RIGHT = {
    "remove it": remove_it,
    "remove it by Kafka's tool": remove_it_by_tool,
    "raise it": raise_it,
}
