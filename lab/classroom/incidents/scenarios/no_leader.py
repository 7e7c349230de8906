"""The only broker that has a partition is down."""

from collections.abc import Sequence

from lab.classroom.exercises.exercise import Step
from lab.classroom.incidents.scenario import Scenario
from lab.system.signals import wait_until
from lab.topics import describe_topic


class NoLeader(Scenario):
    """Each partition has one replica, and one of three brokers is down."""

    call = "One of my machines has sent nothing for a while. I was there: it works, and its cable is fine."
    hints = (
        "sender.log names the sensor. To which partition do its readings go, and who has that partition?",
        "python -m lab kafka topics --describe --topic readings shows the leader of each partition.",
        "One partition has no leader, because the only broker that has it is down.",
    )
    cause = "A node of Kafka was down. One partition was on that node alone, and so it had no leader."
    mend = "Start the node that is down: python -m lab incident restart kafka-1, or kafka-2, or kafka-3."
    doctor = "has no leader"
    brokers = 3
    copies = 1

    def break_it(self) -> None:
        """Kill the broker of a partition, and wait until the others know."""
        number = self.chance.randrange(len(self.sensors))
        self.system.end(f"kafka-{self._leader(number)}", at_once=True)
        wait_until(lambda: self._leader(number) < 0)

    def promises(self) -> Sequence[Step]:
        """What was in Kafka is still there."""
        return [self.flows(), self.complete(), self.kept()]

    def _leader(self, number: int) -> int:
        return describe_topic(self.system.topic, **self.system.kafka).partitions[number].leader
