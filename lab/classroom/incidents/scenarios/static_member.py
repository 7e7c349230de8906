"""A static member has died, and its partitions wait for it."""

from collections.abc import Sequence
from types import MappingProxyType

from lab.classroom.exercises.exercise import Step
from lab.classroom.incidents.ledger import sent
from lab.classroom.incidents.promises import not_again
from lab.classroom.incidents.scenario import Scenario
from lab.clients.groups import partition_owners
from lab.system.signals import wait_until

ANNA = "anna-laptop"
HOURS = 12
SESSION_MS = HOURS * 3600 * 1000


class StaticMember(Scenario):
    """Anna tried a static member of the group on her laptop, with a long session timeout, and closed it."""

    call = (
        "Not all charts get new values. Anna helped out with her laptop for a moment, and it was fine. "
        "She has gone home, and her laptop is off."
    )
    hints = (
        "Which readings are stored, and which wait in Kafka? Who is to read those that wait?",
        "python -m lab kafka consumer-groups --describe --group storers --members --verbose shows who has "
        "which partitions. Does each of them run?",
        f"{ANNA} is a static member: Kafka keeps its partitions for it until its session times out, in "
        f"{HOURS} hours. Remove it from the group.",
    )
    cause = f"{ANNA} was a static member with a long session timeout. It was dead, and kept its partitions."
    mend = (
        "admin.remove_group_members('storers', [member]), where admin is a KafkaAdminClient and member is "
        f"MemberToRemove(group_instance_id='{ANNA}') of kafka.admin. Or, in the settings for kafka in "
        f"storer.json, set group_instance_id to {ANNA}, and restart storer: it takes the dead one's place."
    )
    properties = MappingProxyType({"group.max.session.timeout.ms": SESSION_MS})
    doctor = f"the member {ANNA} of"

    def break_it(self) -> None:
        """Let her read until she has some partition, kill her program, and wait until others wait for it."""
        self.system.remember(early=len(sent(self.system.folder)))
        timeouts = {"session_timeout_ms": SESSION_MS, "heartbeat_interval_ms": 1000}
        self.system.add("anna", "storer", **self.storer(kafka={"group_instance_id": ANNA} | timeouts))
        wait_until(self._has_some)
        self.system.end("anna", at_once=True)
        for file in self.system.folder.glob("anna.*"):
            file.unlink()  # it was on her laptop
        wait_until(self._some_wait)

    def promises(self) -> Sequence[Step]:
        """What was stored before is not stored again."""
        return [not_again(self.system), *super().promises()]

    def _has_some(self) -> bool:
        return ANNA in partition_owners(self.system.topic, self.system.group, **self.system.kafka).values()

    def _some_wait(self) -> bool:
        return self.unstored(sent(self.system.folder)) > len(self.sensors)
