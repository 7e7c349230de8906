"""Has each partition a leader, and enough replicas in sync?"""

from collections.abc import Collection, Sequence

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource
from kafka.errors import KafkaError

from lab.classroom.doctor.finding import Fault, Finding
from lab.clients.connection import connect, is_answering
from lab.errors import LabError
from lab.settings import Settings
from lab.topics import Topic, describe_topics

NOBODY = -1  # the leader of a partition that has none
LOST_DISK = "Give it back what python -m lab kafka log-dirs --describe shows as lost. Only then restart it."


def check_replicas(settings: Settings) -> Finding:
    """Each partition has a leader, and as many replicas in sync as its topic demands."""
    if not is_answering(settings.bootstrap_servers, security_protocol=settings.security_protocol):
        return Finding("Replicas", "not checked: no broker answers")
    try:
        topics = describe_topics(**settings.kafka)
        fault = replicas_fault(topics, settings)
    except (LabError, KafkaError):
        return Finding("Replicas", "not checked: Kafka cannot be used, see above")
    partitions = sum(len(topic.partitions) for topic in topics)
    return Finding("Replicas", *(fault or (f"{partitions} partitions, each with a leader",)))


def replicas_fault(topics: Sequence[Topic], settings: Settings) -> Fault | None:
    """The fault if a partition of these topics has no leader, or too few replicas in sync."""
    with connect(KafkaAdminClient, **settings.kafka) as admin:
        demanded = {topic.name: _min_insync_replicas(admin, topic.name) for topic in topics}
        running = {each["broker_id"] for each in admin.describe_cluster()["brokers"]}
    return _leaderless(topics, running) or _too_few(topics, demanded)


def _leaderless(topics: Sequence[Topic], running: Collection[int]) -> Fault | None:
    for topic in topics:
        for partition in topic.partitions:
            if partition.leader == NOBODY:
                brokers = ", ".join(map(str, partition.replicas))
                found = f"partition {partition.partition} of {topic.name} has no leader: "
                if set(partition.replicas) <= set(running):
                    found += f"broker {brokers} runs, and cannot use one of its log.dirs"
                    return found, LOST_DISK
                return f"{found}its replicas are on broker {brokers}", f"Start broker {brokers} again."
    return None


def _too_few(topics: Sequence[Topic], demanded: dict[str, int]) -> Fault | None:
    for topic in topics:
        for partition in topic.partitions:
            in_sync = set(partition.isr)
            least = min(demanded[topic.name], len(partition.replicas))  # Kafka demands no more than there are
            if len(in_sync) < least:
                gone = ", ".join(map(str, sorted(set(partition.replicas) - in_sync))) or "another"
                found = (
                    f"partition {partition.partition} of {topic.name} has {len(in_sync)} replica(s) in sync, "
                    f"and min.insync.replicas is {least}: what is sent with acks=all is refused"
                )
                return found, f"Start broker {gone} again, or wait until it has caught up."
    return None


def _min_insync_replicas(admin: KafkaAdminClient, topic: str) -> int:
    wanted = ConfigResource("TOPIC", topic, {"min.insync.replicas": None})
    configs = admin.describe_configs([wanted], config_filter="all")["topic"][topic]
    return int(configs["min.insync.replicas"]["value"])
