"""One sensor's readings are larger than the topic takes."""

import json
from collections.abc import Sequence

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource

from lab.classroom.exercises.exercise import Step
from lab.classroom.incidents.scenario import Scenario, promise
from lab.clients.connection import connect
from lab.system.signals import wait_until
from lab.topics import read_records

FIELD = "spectrum"
LARGE = 4000  # characters, more than 1,600 bytes if they are compressed


class TooLarge(Scenario):
    """Somebody has set max.message.bytes of the topic, and one sensor sends a field that is longer."""

    call = "One chart stands still, that of the vibration sensor. We have replaced its cable, twice."
    hints = (
        "A program of its own sends the readings of that machine. What does its log say?",
        "Kafka refuses its messages, and takes the smaller ones of the others. How large may a message be? "
        "python -m lab kafka configs --describe --entity-type topics --entity-name readings.",
        "max.message.bytes of the topic is smaller than a reading with a spectrum. After one refusal, the "
        "program also has to be restarted.",
    )
    cause = "max.message.bytes of the topic had been set, and the readings of one sensor are larger."
    mend = (
        "python -m lab kafka configs --alter --entity-type topics --entity-name readings --delete-config "
        "max.message.bytes, or set it to a larger number; then python -m lab incident restart vibration: "
        "the producer of kafka-python sends nothing more after such a refusal."
    )

    def begin(self) -> None:
        """One sensor has a program of its own, which sends a long field."""
        self.create_topic()
        more = {FIELD: "".join(self.chance.choices("0123456789", k=LARGE))}
        self.system.add("sender", **self.sender(sensors=self.sensors[1:]))
        self.system.add("vibration", "sender", **self.sender(sensors=self.sensors[:1], more=more))
        self.system.add("storer", **self.storer())

    def break_it(self) -> None:
        """Set the limit between the small readings and the large ones, and wait until it works."""
        settings = {"max.message.bytes": str(self.chance.randrange(1000, 1400))}  # also if it is compressed
        with connect(KafkaAdminClient, **self.system.kafka) as admin:
            admin.alter_configs([ConfigResource("TOPIC", self.system.topic, settings)])
        wait_until(lambda: "MessageSizeTooLarge" in self.system.program("vibration").last_line())

    def promises(self) -> Sequence[Step]:
        """The long field is still sent."""
        whole = promise("the newest reading of each sensor has all its fields", self._cut)
        return [*super().promises(), whole]

    def _cut(self) -> str:
        messages = read_records(self.system.topic, **self.system.kafka)
        readings = [json.loads(message.value) for message in messages]
        large = (reading for reading in readings if reading["sensor_id"] == self.sensors[0])
        newest = max(large, key=lambda reading: reading["ts"])
        return "" if len(newest.get(FIELD, "")) == LARGE else f"that of {self.sensors[0]} has not"
