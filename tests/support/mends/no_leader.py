"""What learners do about a partition without a leader."""

import os

from kafka.partitioner.default import murmur2

from lab.classroom.incidents.system import System
from lab.topics import describe_topic
from tests.support.mends import (
    Mends,
    elect_a_leader,
    hiding,
    make_it_anew,
    more_partitions,
    restart,
    start_what_is_down,
)


def around_it(system: System) -> None:
    """So many partitions that no sensor's readings go to the one without a leader."""
    partitions = describe_topic(system.topic, **system.kafka).partitions
    lost = {each.partition for each in partitions if each.leader < 0}
    hashes = [murmur2(name.encode()) & 0x7FFFFFFF for name in system.program("sender").settings["sensors"]]
    more_partitions(system, next(n for n in range(4, 99) if not lost & {each % n for each in hashes}))
    restart("sender", "storer")(system)


WRONG: Mends = {
    "restart the programs": restart("sender", "storer"),
    "elect a leader": elect_a_leader,
    "more partitions": hiding(around_it),
}
RIGHT: Mends = {"start the broker": start_what_is_down}
FATAL: Mends = {} if os.name == "nt" else {"make the topic anew": make_it_anew}
