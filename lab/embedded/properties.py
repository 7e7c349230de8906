"""Which settings does a node of Kafka have in `server.properties`, and why?"""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from lab.embedded.nodes import Node
from lab.embedded.ports import HOST

Maker = Callable[[Node, Sequence[Node]], Mapping[str, object]]  # of the settings of one of these nodes
MAX_COPIES = 3  # of each partition of Kafka's internal topics, if there are that many nodes
# These make Kafka small and fast enough for a laptop. The reason is above each group.
PROPERTIES = {
    # Kafka's internal topics have one partition instead of 50.
    "offsets.topic.num.partitions": 1,
    "transaction.state.log.num.partitions": 1,
    "share.coordinator.state.topic.num.partitions": 1,
    # A new group gets its first message after 0.2 s, not 3 s.
    "group.initial.rebalance.delay.ms": 0,
    # A killed broker stays registered for this time. It can be back after 2 s, not 11 s.
    "broker.session.timeout.ms": 1500,
    "broker.heartbeat.interval.ms": 300,
    # An idle Kafka writes nothing. By default, it writes an empty record to its metadata twice a second,
    # which every node reads: a third of the work of an idle Kafka.
    "metadata.max.idle.interval.ms": 0,
    # Half the memory: by default, Kafka reserves 128 MB just for its log cleaner.
    "log.cleaner.dedupe.buffer.size": 4194304,
    "log.cleaner.io.buffer.size": 65536,
    # It looks for something to compact every second, not every 15 s.
    "log.cleaner.backoff.ms": 1000,
    "log.segment.bytes": 16777216,
    "log.index.size.max.bytes": 1048576,
    "metadata.log.segment.bytes": 8388608,
    "num.network.threads": 1,
    "num.io.threads": 2,
    "background.threads": 2,
}
# Windows cannot rename an open file. A deleted, expired or compacted topic would stop the broker
# there (KAFKA-1194), so nothing is ever deleted; `reset` empties everything instead.
WINDOWS_PROPERTIES = {
    "log.retention.ms": -1,
    "log.retention.bytes": -1,
    "log.cleaner.enable": "false",
    "metadata.max.retention.ms": -1,
    "delete.topic.enable": "false",
}


def server_properties(node: Node, nodes: Sequence[Node]) -> dict[str, object]:
    """The settings of `node`; `nodes` are all nodes of its cluster."""
    return {
        "process.roles": "broker,controller",
        "node.id": node.id,
        "controller.quorum.voters": ",".join(f"{n.id}@{HOST}:{n.controller_port}" for n in nodes),
        "listeners": f"PLAINTEXT://{node.address},CONTROLLER://{HOST}:{node.controller_port}",
        "advertised.listeners": f"PLAINTEXT://{node.address}",
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": "data",
        **PROPERTIES,
        **_replication(len(nodes)),
        **(WINDOWS_PROPERTIES if os.name == "nt" else {}),
    }


def write_properties(folder: Path, properties: Mapping[str, object]) -> None:
    """Write `server.properties` into the folder of a node.

    Its paths are relative, because Java reads the file as Latin-1, and an accent or a backslash would break
    an absolute one.
    """
    lines = [f"{name}={value}\n" for name, value in properties.items()]
    (folder / "server.properties").write_text("".join(lines), encoding="ascii")


def _replication(brokers: int) -> dict[str, object]:
    """The replication settings. A message needs all replicas but one, so one node may be down."""
    copies = min(brokers, MAX_COPIES)
    in_sync = max(1, copies - 1)
    return {
        "min.insync.replicas": in_sync,
        "default.replication.factor": copies,
        "offsets.topic.replication.factor": copies,
        "transaction.state.log.replication.factor": copies,
        "transaction.state.log.min.isr": in_sync,
        "share.coordinator.state.topic.replication.factor": copies,
        "share.coordinator.state.topic.min.isr": in_sync,
    }
