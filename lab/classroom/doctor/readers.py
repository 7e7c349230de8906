"""Do the readers of the topic get on? Their place is in the log, and nothing holds them up."""

import time

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from lab.classroom.doctor.finding import Fault, Finding
from lab.classroom.doctor.replicas import replicas_fault
from lab.clients.connection import connect, is_answering
from lab.clients.groups import group_offsets, partition_owners
from lab.errors import LabError
from lab.settings import Settings
from lab.topics import describe_topic, topic_offsets

LOOK_SECONDS = 3.0  # a member that reads gets on within this time
OPEN_SECONDS = 10.0  # a transaction is committed within this time, if its producer is well
ABORT = "End it: python -m lab kafka transactions abort, with what transactions describe-producers shows."


def check_group(settings: Settings) -> Finding:
    """The place of the group is in the log, no open transaction is before it, and its members read."""
    if not is_answering(settings.bootstrap_servers, security_protocol=settings.security_protocol):
        return Finding("Group", "not checked: no broker answers")
    try:
        if replicas_fault([describe_topic(settings.topic, **settings.kafka)], settings):
            return Finding("Group", "not checked: a partition lacks replicas, see above")
        with connect(KafkaAdminClient, **settings.kafka) as admin:
            fault = _held_up(admin, settings)
        fault = fault or _outside(settings) or _standing(settings)
    except (LabError, KafkaError):
        return Finding("Group", f"not checked: there is no topic {settings.topic}, or no right to it")
    return Finding("Group", *(fault or (f"{settings.group}: no reader of {settings.topic} is held up",)))


def _held_up(admin: KafkaAdminClient, settings: Settings) -> Fault | None:
    """The fault if a transaction has been open for long: readers of committed messages wait for its end."""
    names = [
        each.transactional_id
        for found in admin.list_transactions(state_filters=["Ongoing"]).values()
        for each in found
    ]
    for name, each in (admin.describe_transactions(names) if names else {}).items():
        open_seconds = time.time() - each.transaction_start_time_ms / 1000
        places = sorted(place.partition for place in each.topic_partitions if place.topic == settings.topic)
        if places and open_seconds > OPEN_SECONDS:
            found = (
                f"a transaction of {name} has been open in partition {places[0]} of {settings.topic} "
                f"for {open_seconds:.0f} s: who reads only what is committed waits for its end"
            )
            return found, ABORT
    return None


def _outside(settings: Settings) -> Fault | None:
    """The fault if the group would go on at an offset that is not in the log."""
    offsets = topic_offsets(settings.topic, **settings.kafka)
    for partition, offset in sorted(group_offsets(settings.topic, settings.group, **settings.kafka).items()):
        first, end = offsets.get(partition, (0, 0))
        place = f"{settings.group} is at offset {offset} of partition {partition} of {settings.topic}"
        if offset > end:
            found = f"{place}, and its log ends at {end}: the topic was made anew, or lost its end"
            return found, _reset(settings)
        if offset < first:
            found = f"{place}, and its log begins at {first}: Kafka removed messages before they were read"
            return found, "Let Kafka keep them longer (retention.ms), and the group read faster."
    return None


def _reset(settings: Settings) -> str:
    command = "python -m lab kafka consumer-groups --reset-offsets --to-earliest --execute"
    return f"Stop its members; then: {command} --group {settings.group} --topic {settings.topic}."


def _standing(settings: Settings) -> Fault | None:
    """The fault if a member has a partition with messages for it, and does not read them."""
    before = group_offsets(settings.topic, settings.group, **settings.kafka)
    owners = partition_owners(settings.topic, settings.group, **settings.kafka)
    waiting = {n: count for n, count in _waiting(settings, before).items() if n in owners}
    if not waiting:
        return None
    time.sleep(LOOK_SECONDS)
    after = group_offsets(settings.topic, settings.group, **settings.kafka)
    for partition, count in waiting.items():
        if before[partition] == after.get(partition):
            found = (
                f"the member {owners[partition]} of {settings.group} has partition {partition} of "
                f"{settings.topic}, where {count} messages wait, and has read none in {LOOK_SECONDS:.0f} s"
            )
            return found, _remove(settings, owners[partition])
    return None


def _remove(settings: Settings, member: str) -> str:
    call = f"admin.remove_group_members('{settings.group}', [MemberToRemove(group_instance_id='{member}')])"
    return f"Look at that program. If it is gone for good, remove the member: {call}."


def _waiting(settings: Settings, committed: dict[int, int]) -> dict[int, int]:
    """{partition: how many messages wait}, of those where some do; only of what can be read."""
    places = [TopicPartition(settings.topic, partition) for partition in committed]
    with connect(KafkaConsumer, isolation_level="read_committed", **settings.kafka) as consumer:
        ends = consumer.end_offsets(places)
    waiting = {place.partition: end - committed[place.partition] for place, end in ends.items()}
    return {partition: count for partition, count in waiting.items() if count > 0}
