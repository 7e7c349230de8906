"""A message that is no reading: the program that stores them ends at it, and at every new start again."""

from kafka import KafkaProducer

from lab.classroom.incidents.scenario import Scenario
from lab.clients.connection import connect


class Poison(Scenario):
    """Somebody sent a text to the topic."""

    call = "The charts have stood still for some minutes. The sensors are fine, I can see their lights."
    hints = (
        "Follow the readings: are they sent, are they in the topic, are they read? What do the programs say?",
        "storer.log says at which message storer.py ends. Restarted, it reads the same message again.",
        "A message in the topic is no JSON. storer.py must step over it, and lose no reading beside it.",
    )
    cause = "A message that is no reading. storer.py ended at it, and after each restart again."
    mend = (
        "In storer.py, step over what is no reading, for example with try and except ValueError; then "
        "python -m lab incident restart storer."
    )

    def break_it(self) -> None:
        """Send the message; a reading is before it, and the next ones come behind it, in each partition."""
        with connect(KafkaProducer, **self.system.kafka) as producer:
            for partition in producer.partitions_for(self.system.topic):
                producer.send(self.system.topic, b"maintenance until 12:00", partition=partition)
