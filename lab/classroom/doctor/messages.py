"""Does the log match the warehouse, and can the next messages be read?"""

from kafka import TopicPartition
from kafka.errors import KafkaError

from lab.classroom.doctor.finding import Finding
from lab.classroom.doctor.replicas import replicas_fault
from lab.clients.connection import is_answering
from lab.clients.truncation import is_same_log
from lab.clients.unreadable import explain_unreadable
from lab.errors import LabError, NoWarehouseYet, TopicError
from lab.readings import Mark
from lab.settings import Settings
from lab.topics import describe_topic, topic_offsets
from lab.warehouse import Warehouse

GO_ON = "python -m lab consume: it finds where they differ, records the gap, and stores the new messages."


def check_messages(settings: Settings) -> Finding:
    """Each partition still has its stored messages, and its next message can be read."""
    if not is_answering(settings.bootstrap_servers, security_protocol=settings.security_protocol):
        return Finding("Messages", "not checked: no broker answers")
    try:
        topic = describe_topic(settings.topic, **settings.kafka)
        if replicas_fault([topic], settings):  # of such a partition no broker tells the end: 30 s of waiting
            return Finding("Messages", "not checked: a partition lacks replicas, see above")
        stored = _stored(settings, topic.topic_id)
        offsets = topic_offsets(settings.topic, **settings.kafka)
        for partition in sorted(offsets):
            if fault := _lost_end(
                settings, partition, offsets[partition][1], *stored.get(partition, (0, None))
            ):
                return fault
        places = {TopicPartition(topic.name, n): stored[n][0] if n in stored else None for n in offsets}
        if error := explain_unreadable(places, **settings.kafka):
            return Finding("Messages", error.found, error.fix)
    except TopicError:
        return Finding("Messages", f"there is no topic {settings.topic} yet")
    except (LabError, KafkaError):
        return Finding("Messages", "not checked: Kafka or the warehouse cannot be used, see above")
    there = sum(end - first for first, end in offsets.values())
    return Finding("Messages", f"{there} in the log of {topic.name}, as they were stored, and readable")


def _stored(settings: Settings, topic_id: str) -> dict[int, tuple[int, Mark | None]]:
    try:
        with Warehouse(settings.warehouse_url, create=False) as warehouse:
            return warehouse.positions(topic_id)
    except NoWarehouseYet:
        return {}


def _lost_end(settings: Settings, partition: int, end: int, stored: int, last: Mark | None) -> Finding | None:
    """A finding if the log ends before the stored offset, or differs from what was stored."""
    place = f"{settings.topic}, partition {partition}"
    if stored > end:
        return Finding(
            "Messages", f"{place} ends at offset {end}, and {stored} are stored: Kafka lost some", GO_ON
        )
    if last and is_same_log(TopicPartition(settings.topic, partition), last, **settings.kafka) is False:
        found = f"{place} has another message at offset {last.offset} than the one that was stored"
        return Finding("Messages", f"{found}: Kafka lost some, and new ones took their place", GO_ON)
    return None
