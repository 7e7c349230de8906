"""All readings have the same key: one partition gets them all, and one program has to store them all."""

from collections.abc import Sequence
from typing import Any

from lab.classroom.exercises.exercise import Step
from lab.classroom.incidents.placement import in_order, places_of_new
from lab.classroom.incidents.scenario import Scenario, promise
from lab.clients.groups import group_offsets, partition_owners
from lab.clients.offsets import lags
from lab.system.signals import wait_until
from lab.topics import topic_offsets

# In a second, three sensors send some 13 readings, and a program stores some 11: enough for two sensors.
SENDS_EVERY, STORES_EVERY = 0.2, 0.08
BEHIND = 5  # messages


class HotKey(Scenario):
    """The key of the sender is a field that is the same in all readings."""

    storers = ("storer-1", "storer-2", "storer-3")
    call = (
        "My charts are late, and they get later and later. We have three programs that store, and I am told "
        "that two of them have nothing to do. How can that be?"
    )
    hints = (
        "python -m lab kafka consumer-groups --describe --group storers shows what waits for which program. "
        "In which partitions does the end move?",
        "All new messages are in one partition, and only one program of a group reads it. What decides the "
        "partition of a message?",
        "The key decides it, and in sender.json it is a field that is the same in all readings.",
    )
    cause = (
        "All readings had the same key. So they came to one partition, and one program had to store them all."
    )
    mend = (
        "In sender.json, set key to sensor_id; then python -m lab incident restart sender. What waits is "
        "stored sooner with pause 0 in the files storer-1.json to storer-3.json."
    )

    def sender(self, **changes: Any) -> dict[str, Any]:
        """It sends more than one program can store."""
        return super().sender(pause=SENDS_EVERY, **changes)

    def storer(self, **changes: Any) -> dict[str, Any]:
        """It needs its time for each reading."""
        return super().storer(pause=STORES_EVERY, **changes)

    def break_it(self) -> None:
        """Let the sender use another key, and wait until messages wait."""
        self.system.program("sender").change(key=self.chance.choice(("unit", "status")))
        self.system.restart("sender")
        wait_until(lambda: self._waiting() >= BEHIND)

    def _waiting(self) -> int:
        topic, group, kafka = self.system.topic, self.system.group, self.system.kafka
        return max(lags(topic_offsets(topic, **kafka), group_offsets(topic, group, **kafka)).values())

    def promises(self) -> Sequence[Step]:
        """The programs share the work, and each sensor is stored in order."""
        return [
            promise("more than one of the programs that store has something to do", self._alone),
            in_order(self.system, self.sensors),
            self.flows(),
            self.complete(),
        ]

    def _alone(self) -> str:
        new = places_of_new(self.system, self.sensors, rounds=1)
        owners = partition_owners(self.system.topic, self.system.group, **self.system.kafka)
        busy = {owners.get(place) for places in new.values() for place in places}
        return "" if len(busy) > 1 else "one has everything to do"
