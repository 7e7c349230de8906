"""One of two disks of Kafka is gone."""

from collections.abc import Sequence
from types import MappingProxyType

from lab.classroom.exercises.exercise import Step
from lab.classroom.incidents.scenario import Scenario
from lab.embedded.folders import node_folder
from lab.system.signals import wait_until
from lab.topics import describe_topic

DISK, AWAY = "disk-2", "old-files"


class LostDisk(Scenario):
    """Somebody has moved one of the two folders in which Kafka keeps its data."""

    call = "The charts stand still. A colleague made room on your machine. He says that he deleted nothing."
    hints = (
        "Kafka runs. python -m lab kafka topics --describe --topic readings: has each partition a leader?",
        "Kafka keeps its partitions in two folders, see log.dirs in kafka.properties. python -m lab kafka "
        "log-dirs --describe shows which of them it can use.",
        "The folder disk-2 in kafka/broker-1 is called old-files now, and Kafka needs it.",
    )
    cause = "One of the two folders with Kafka's data had been moved. Its partitions had no leader."
    mend = (
        "In kafka/broker-1, call the folder old-files disk-2 again (if there is an empty disk-2, remove that "
        "first); then python -m lab incident restart kafka, and the same with storer."
    )
    doctor = "cannot use one of its log.dirs"
    properties = MappingProxyType(
        {"log.dirs": f"data,{DISK}", "replica.high.watermark.checkpoint.interval.ms": 500}
    )
    deletes = True  # on Windows a folder in use cannot be moved

    def break_it(self) -> None:
        """Move the folder, and wait until Kafka finds that it cannot write there."""
        folder = node_folder(self.system.folder / "kafka", 1)
        (folder / DISK).rename(folder / AWAY)
        wait_until(self._has_no_leader)

    def promises(self) -> Sequence[Step]:
        """What was in Kafka is still there."""
        return [self.flows(), self.complete(), self.kept()]

    def _has_no_leader(self) -> bool:
        partitions = describe_topic(self.system.topic, **self.system.kafka).partitions
        return any(each.leader < 0 for each in partitions)
