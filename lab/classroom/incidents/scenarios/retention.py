"""Kafka deletes readings before they are stored."""

from collections.abc import Sequence
from types import MappingProxyType

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource

from lab.classroom.exercises.exercise import Step
from lab.classroom.exercises.queries import topic_config
from lab.classroom.incidents.scenario import Scenario, promise
from lab.clients.connection import connect
from lab.system.signals import wait_until

SHORT_MS = 100
REST = 1.0  # seconds between two looks of the program that stores
MINUTE_MS, MANY_BYTES = 60_000, 1_000_000  # more than what comes to a partition in a minute


class Retention(Scenario):
    """The topic keeps a message for less time than the storer rests."""

    call = "All charts have holes since yesterday: a few values, then none for a second, then a few again."
    hints = (
        "Are the readings of a hole in Kafka? Compare the first offset of each partition with those of the "
        "group storers: python -m lab kafka get-offsets --topic readings --time -2.",
        "Kafka has deleted readings that storer.py had not read yet. It rests between two looks, see "
        "storer.json. How long does the topic keep a message?",
        "retention.ms of the topic is shorter than the rest of storer.py.",
    )
    cause = "retention.ms of the topic had been set so low that Kafka deleted readings before they were read."
    mend = (
        "python -m lab kafka configs --alter --entity-type topics --entity-name readings --delete-config "
        "retention.ms, or set it to more than the storer may ever be late."
    )
    doctor = "removed messages before they were read"
    properties = MappingProxyType(
        {"log.retention.check.interval.ms": SHORT_MS, "log.initial.task.delay.ms": SHORT_MS}
    )
    deletes = True

    def begin(self) -> None:
        """The program that stores rests between two looks."""
        self.create_topic()
        self.system.add("sender", **self.sender())
        self.system.add("storer", "archiver", **self.storer(pause=REST))

    def break_it(self) -> None:
        """Let Kafka keep messages for a moment only, and wait until readings are lost."""
        settings = {"retention.ms": str(SHORT_MS), "segment.ms": str(SHORT_MS)}
        with connect(KafkaAdminClient, **self.system.kafka) as admin:
            admin.alter_configs([ConfigResource("TOPIC", self.system.topic, settings)])
        wait_until(lambda: not self.complete().done())

    def promises(self) -> Sequence[Step]:
        """What was lost is lost. From now on nothing can be."""
        late = "nothing is lost if the program that stores is late by a minute"
        return [self.flows(), promise(late, self._too_short)]

    def _too_short(self) -> str:
        def setting(name: str) -> str:
            return topic_config(self.system.topic, name, **self.system.kafka)

        enough = {"retention.ms": MINUTE_MS, "retention.bytes": MANY_BYTES}
        short = [name for name, least in enough.items() if 0 <= int(setting(name)) < least]
        thins_out = "compact" in setting("cleanup.policy")
        return "some would be" if short or thins_out else ""
