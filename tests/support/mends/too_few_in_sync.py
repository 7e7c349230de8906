"""What learners do when a broker is down, and too few replicas are left."""

from kafka import KafkaAdminClient, TopicPartition

from lab.classroom.incidents.system import System
from lab.clients.connection import connect
from lab.topics import describe_topic
from tests.support.mends import configure, for_a_while, hiding, restart, start_what_is_down
from tests.support.waiting import wait_for


def one_copy_is_enough(system: System):
    configure(min_insync_replicas=1)(system)
    return lambda: configure(min_insync_replicas=2)(system)


def move_the_replicas(system: System) -> None:
    """To the two brokers that run."""
    up = [number for number in (1, 2, 3) if system.is_running(f"kafka-{number}")]
    partitions = describe_topic(system.topic, **system.kafka).partitions
    with connect(KafkaAdminClient, **system.kafka) as admin:
        wanted = {TopicPartition(system.topic, each.partition): up for each in partitions}
        assert not any(admin.alter_partition_reassignments(wanted).values())
    wait_for(
        lambda: all(len(each.isr) == 2 for each in describe_topic(system.topic, **system.kafka).partitions)
    )


WRONG = {
    "restart the programs": restart("sender", "storer"),
    "acks=1": for_a_while("sender", kafka={"acks": 1, "enable_idempotence": False}),
    "min.insync.replicas=1": hiding(one_copy_is_enough),
}
RIGHT = {"start the broker": start_what_is_down, "move the replicas": move_the_replicas}
