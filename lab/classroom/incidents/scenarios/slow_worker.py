"""One of three programs that store is slow: what waits for it grows, and the others cannot help."""

from collections.abc import Sequence
from typing import Any

from lab.classroom.exercises.exercise import Step
from lab.classroom.incidents.promises import as_often
from lab.classroom.incidents.scenario import Scenario
from lab.clients.groups import group_offsets, partition_owners
from lab.clients.offsets import lags
from lab.system.signals import wait_until
from lab.topics import topic_offsets

SENDS_EVERY, SLOW_SECONDS = 0.4, 2.0  # for each reading
BEHIND = 5  # messages: the newest of them is stored in ten seconds


class SlowWorker(Scenario):
    """One of the programs has a long pause in its settings."""

    storers = ("storer-1", "storer-2", "storer-3")
    call = (
        "One of my charts is behind, and more with every minute. All the others are up to date. I "
        "asked: the machine measures as often as all the others."
    )
    hints = (
        "python -m lab kafka consumer-groups --describe --group storers: where do readings wait, and "
        "whose are they? Ask twice: what grows?",
        "The lag grows in one partition only, and CLIENT-ID names the program that reads it. In what does "
        "that one differ from the others?",
        "That program has a pause of two seconds in its settings, the others have none.",
    )
    cause = "One of three programs that store had a long pause after each reading."
    mend = (
        "In its file .json, set pause to 0; then python -m lab incident restart with its name. Or stop it: "
        "the others take its partitions over."
    )

    def sender(self, **changes: Any) -> dict[str, Any]:
        """It sends more often than the slow one can store."""
        return super().sender(pause=SENDS_EVERY, **changes)

    def storer(self, **changes: Any) -> dict[str, Any]:
        """It takes one reading at a time: many, each with a pause, would take longer than its group waits.

        Then the others would get its partition after some minutes, and nothing would be left to mend.
        """
        kafka = {"max_poll_records": 1} | changes.pop("kafka", {})
        return super().storer(kafka=kafka, **changes)

    def break_it(self) -> None:
        """Make one of them slow, and wait until it is behind."""
        slow = self.chance.choice(self.storers[:2])  # with more partitions, the last one has only new ones
        self.system.program(slow).change(pause=SLOW_SECONDS)
        self.system.restart(slow)
        wait_until(lambda: self._behind() >= BEHIND)

    def promises(self) -> Sequence[Step]:
        """The lag does not shrink because less is sent."""
        return [*super().promises(), as_often(self.system, self.sensors, 4 * SENDS_EVERY)]

    def _behind(self) -> int:
        """How many messages wait for one program, as soon as each has something to do."""
        topic, group, kafka = self.system.topic, self.system.group, self.system.kafka
        if len(set(partition_owners(topic, group, **kafka).values())) < len(self.storers):
            return 0
        return max(lags(topic_offsets(topic, **kafka), group_offsets(topic, group, **kafka)).values())
