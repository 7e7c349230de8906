"""A broker is down, and too few replicas are left for what is to be sent."""

from collections.abc import Sequence
from types import MappingProxyType

from lab.classroom.exercises.exercise import Step
from lab.classroom.exercises.queries import topic_config
from lab.classroom.incidents.scenario import Scenario, promise
from lab.system.signals import wait_until
from lab.topics import Partition, describe_topic

SAFE = 2  # brokers that a reading is to be on


class TooFewInSync(Scenario):
    """Each partition has two replicas, both must confirm, and one of three brokers is down."""

    call = "Some charts stand still, and the others are slow. Nothing was changed today, as far as I know."
    hints = (
        "sender.log says what Kafka answers to the readings that are not acknowledged.",
        "python -m lab kafka topics --describe --topic readings: compare Replicas with Isr, and look at the "
        "setting min.insync.replicas.",
        "A node of Kafka is down, so some partitions have one in-sync replica, and acks=all needs two.",
    )
    cause = "A node of Kafka was down. Its partitions had one in-sync replica, and min.insync.replicas was 2."
    mend = "Start the node that is down: python -m lab incident restart kafka-1, or kafka-2, or kafka-3."
    doctor = "and min.insync.replicas is"
    brokers = 3
    copies = SAFE
    topic_settings = MappingProxyType({"min.insync.replicas": SAFE})

    def break_it(self) -> None:
        """Kill one of the two brokers of a partition, and wait until the other one knows."""
        number = self.chance.randrange(len(self.sensors))
        node = self.chance.choice(self._partition(number).replicas)
        self.system.end(f"kafka-{node}", at_once=True)
        wait_until(lambda: len(self._partition(number).isr) < SAFE)

    def promises(self) -> Sequence[Step]:
        """What counts is still on two brokers."""
        return [promise("each reading is on two brokers before it counts", self._unsafe), *super().promises()]

    def _partition(self, number: int) -> Partition:
        return describe_topic(self.system.topic, **self.system.kafka).partitions[number]

    def _unsafe(self) -> str:
        acks = self.system.program("sender").settings["kafka"].get("acks", "all")
        needed = int(topic_config(self.system.topic, "min.insync.replicas", **self.system.kafka))
        return "" if acks in ("all", -1) and needed >= SAFE else "one is enough now"
