"""A topic was deleted and made anew under its readers."""

from collections.abc import Sequence

from kafka import KafkaAdminClient

from lab.classroom.exercises.exercise import Step
from lab.classroom.incidents.ledger import sent
from lab.classroom.incidents.scenario import DOUBLES, Scenario
from lab.clients.connection import connect
from lab.system.signals import wait_until

MISSING = 9  # readings that are in the new topic before the storer is back


class RecreatedTopic(Scenario):
    """The place of the group went with the topic, and the storer begins at the end of the new one."""

    call = "After the maintenance the charts go on, but with a gap. The machines ran all the time!"
    hints = (
        "Are the readings of the gap in Kafka? Compare the first ones in the topic with those in charts.db.",
        "The topic was deleted and made anew. Which offset had the group storers in the new one, when "
        "storer.py came back, and what does auto_offset_reset in storer.json say then?",
        "The offsets of the group were deleted with the topic. storer.py began at the end (latest), behind "
        "the first readings of the new topic.",
    )
    cause = (
        "The topic was deleted and made anew, and with the old one the offsets of the group were deleted. "
        "storer.py began at the end of the new one, by auto_offset_reset=latest."
    )
    mend = (
        "python -m lab incident stop storer; after some seconds python -m lab kafka consumer-groups "
        "--group storers --topic readings --reset-offsets --to-earliest --execute; then "
        "python -m lab incident restart storer. Then remove from charts.db what it has stored for the second "
        f"time: {DOUBLES}."
    )
    deletes = True

    def promises(self) -> Sequence[Step]:
        """The gap is closed, and nothing is there twice."""
        return [*super().promises(), self.once()]

    def break_it(self) -> None:
        """Make the topic anew, and let the storer come back last: nothing was lost until then."""
        self.system.end("sender")
        wait_until(self.complete().done)
        self.system.end("storer")
        with connect(KafkaAdminClient, **self.system.kafka) as admin:
            admin.delete_topics([self.system.topic])
        self.create_topic()
        before = len(sent(self.system.folder))
        self.system.restart("sender")
        wait_until(lambda: len(sent(self.system.folder)) >= before + MISSING)
        kafka = self.system.program("storer").settings["kafka"]
        self.system.program("storer").change(kafka=kafka | {"auto_offset_reset": "latest"})
        self.system.restart("storer")
        wait_until(self.flows().done)
