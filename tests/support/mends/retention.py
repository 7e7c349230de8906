"""What learners do when Kafka deletes what is not read yet."""

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource

from lab.classroom.incidents.system import System
from lab.clients.connection import connect
from lab.embedded.tools import run_tool
from tests.support.mends import configure, for_a_while, hiding, restart


def remove_it(system: System) -> None:
    with connect(KafkaAdminClient, **system.kafka) as admin:
        admin.reset_configs([ConfigResource("TOPIC", system.topic, ["retention.ms"])])


def remove_it_by_tool(system: System) -> None:
    words = f"--alter --entity-type topics --entity-name {system.topic} --delete-config retention.ms"
    assert run_tool("configs", words.split(), system.kafka) == 0


def by_size_only(system: System) -> None:
    configure(retention_ms=-1, retention_bytes=100_000_000)(system)


def compact(system: System):
    """It keeps the newest message of each sensor only."""
    configure(cleanup_policy="compact")(system)
    return lambda: configure(cleanup_policy="delete")(system)


WRONG = {
    "restart the programs": restart("sender", "storer"),
    "a little longer": hiding(configure(retention_ms=3000)),
    "compact": compact,
    "no rest": for_a_while("storer", pause=0),
}
RIGHT = {
    "remove it": remove_it,
    "remove it by Kafka's tool": remove_it_by_tool,
    "longer": configure(retention_ms=86_400_000),
    "for ever": configure(retention_ms=-1),
    "by size only": by_size_only,
}
