"""What learners do about readings that come in a wrong order, because a key has two partitions."""

from lab.classroom.incidents.system import System
from tests.support.mends import change, for_a_while, hiding, more_partitions, restart


def without_the_second(system: System):
    system.end("sender-2")
    return lambda: system.restart("sender-2")


def crc32_for_all(system: System) -> None:
    change("sender", partitioner="crc32")(system)


WRONG = {
    "fetch at once": hiding(for_a_while("storer", kafka={"fetch_min_bytes": 1})),
    "without the second": hiding(without_the_second),
    "restart the programs": restart("sender", "sender-2", "storer"),
    "more partitions": more_partitions,
}
RIGHT = {
    "the same partitioner": change("sender-2", partitioner="murmur2"),
    "the other one for all": crc32_for_all,
}
