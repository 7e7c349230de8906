"""What learners do about a member of a group that is dead, and is expected back."""

from kafka import KafkaAdminClient
from kafka.admin import MemberToRemove

from lab.classroom.incidents.system import System
from lab.clients.connection import connect
from tests.support.mends import change, for_a_while, hiding, more_partitions, restart

ANNA = "anna-laptop"


def remove_it(system: System) -> None:
    with connect(KafkaAdminClient, **system.kafka) as admin:
        admin.remove_group_members(system.group, [MemberToRemove(group_instance_id=ANNA)])


def another_storer(system: System) -> None:
    system.add("storer-2", "storer", **system.program("storer").settings)


def in_its_place(system: System) -> None:
    """A second program, as Anna's was."""
    settings = system.program("storer").settings
    kafka = settings["kafka"] | {"group_instance_id": ANNA}
    system.add("storer-2", "storer", **settings | {"kafka": kafka})


WRONG = {
    "a new group that begins at the end": hiding(
        for_a_while("storer", kafka={"group_id": "new", "auto_offset_reset": "latest"})
    ),
    "restart the programs": restart("sender", "storer"),
    "another storer": another_storer,
    "more partitions": more_partitions,
}
RIGHT = {
    "remove the member": remove_it,
    "be that member": change("storer", kafka={"group_instance_id": ANNA}),
    "another one in its place": in_its_place,
}
FATAL = {"another group, from the beginning": change("storer", kafka={"group_id": "new"})}
