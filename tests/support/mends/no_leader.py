"""What learners do about a partition without a leader."""

import os

from kafka import KafkaAdminClient, TopicPartition
from kafka.protocol.admin.topics import ElectionType

from lab.classroom.incidents.system import System
from lab.clients.connection import connect
from tests.support.mends import (
    Mends,
    for_a_while,
    make_it_anew,
    more_partitions,
    restart,
    start_what_is_down,
)


def elect_a_leader(system: System) -> None:
    """There is none to elect."""
    with connect(KafkaAdminClient, **system.kafka) as admin:
        places = [TopicPartition(system.topic, number) for number in range(3)]
        admin.elect_leaders(ElectionType.UNCLEAN, places, raise_errors=False)


WRONG: Mends = {
    "restart the programs": restart("sender", "storer"),
    "elect a leader": elect_a_leader,
    "to any partition": for_a_while("sender", key="ts"),
    "more partitions": more_partitions,
}
RIGHT: Mends = {"start the broker": start_what_is_down}
FATAL: Mends = {} if os.name == "nt" else {"make the topic anew": make_it_anew}
