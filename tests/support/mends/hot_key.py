"""What learners do about one key for all readings."""

from lab.classroom.incidents.system import System
from tests.support.mends import change, edit, for_a_while, hiding, more_partitions, one_more_storer, restart


def by_its_name(system: System) -> None:
    edit(system, "sender.py", 'str(reading[settings["key"]])', "sensor")
    system.restart("sender")


WRONG = {
    "a key that never comes twice": hiding(for_a_while("sender", key="ts")),
    "more partitions": more_partitions,
    "one more program": one_more_storer,
    "restart the sender": restart("sender"),
    "one that is quicker": change("storer-1", pause=0),
}
RIGHT = {"each sensor has its key": change("sender", key="sensor_id"), "in the program": by_its_name}
