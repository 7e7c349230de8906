"""What is a scenario? A system that works, one fault that breaks it, and what must hold when it is mended.

Each scenario is a class in the folder `scenarios`. Its promises speak of what the callers see and of what the
system must keep, never of the cause.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from random import Random
from typing import Any, ClassVar

from lab.classroom.exercises.exercise import Step
from lab.classroom.incidents.ledger import Reading, in_kafka, sent, stored
from lab.classroom.incidents.system import NONE, System
from lab.system.signals import wait_until
from lab.topics import create_topic, describe_topic

SENSORS = (  # those of each partition: Kafka's clients compute it from the name
    ("chiller", "furnace", "mixer", "pump"),
    ("cooler", "dryer", "tank", "welder"),
    ("boiler", "crane", "press", "turbine"),
)
PARTITIONS = len(SENSORS)
DOUBLES = "DELETE FROM sensor_logs WHERE id NOT IN (SELECT min(id) FROM sensor_logs GROUP BY sensor_id, ts)"
WORKS_SECONDS = 60.0  # within which a new system works
SECONDS = 6.0  # within which a reading is stored, also by a program that has just been restarted
# A program that was killed is out of its group after three seconds, not ten: Kafka must allow that.
SESSION_MS = 3000
METADATA_MS = 3000  # a program that reads learns of new partitions within this time, not in five minutes


class Scenario:
    """One way in which a system breaks. A subclass says the call, what is wrong, and how it is mended.

    `begin` starts a system in order: by default a program that sends, `sender`, and the `storers`.
    `break_it` breaks it. `promises` are the steps of the check.
    """

    call: ClassVar[str]  # the symptom, in the words of the one who calls
    hints: ClassVar[tuple[str, str, str]]  # the first says where to look, the last names the cause
    cause: ClassVar[str]  # what was wrong: told at the end
    mend: ClassVar[str]  # one way to mend it: told at the end
    brokers: ClassVar[int] = 1
    storers: ClassVar[Sequence[str]] = ("storer",)  # the programs that store, in one group
    copies: ClassVar[int] = 0  # of each partition; by default, one on each broker
    properties: ClassVar[Mapping[str, object]] = NONE  # further settings of Kafka
    topic_settings: ClassVar[Mapping[str, object]] = NONE
    deletes: ClassVar[bool] = False  # whether files that Kafka has open are removed or moved: not on Windows
    doctor: ClassVar[str] = ""  # words by which the doctor names it; empty if it cannot know

    def __init__(self, system: System, seed: int):
        self.system = system
        self.chance = Random(seed)  # for the details, which differ from seed to seed
        self.sensors = [self.chance.choice(names) for names in SENSORS]  # number n is in partition n

    def happen(self) -> None:
        """Start the system, wait until it works, and break it."""
        self.start_kafka()
        self.begin()
        wait_until(self.flows().done, WORKS_SECONDS)
        self.break_it()

    def start_kafka(self, properties: Mapping[str, object] = NONE, port: int = 0) -> None:
        """Start the Kafka of the system, with these further settings."""
        usual = {"group.min.session.timeout.ms": SESSION_MS} | dict(self.properties)
        self.system.start_kafka(self.brokers, usual | dict(properties), port)

    def begin(self) -> None:
        """Start the system, in order."""
        self.create_topic()
        self.system.add("sender", **self.sender())
        for name in self.storers:
            settings = self.storer()
            settings["kafka"]["client_id"] = name
            self.system.add(name, "storer", **settings)

    def create_topic(self) -> None:
        """Create the topic of the readings."""
        create_topic(
            self.system.topic,
            num_partitions=PARTITIONS,
            replication_factor=self.copies or self.brokers,
            configs=self.topic_settings,
            **self.system.kafka,
        )

    def sender(self, **changes: Any) -> dict[str, Any]:
        """The settings of a program that sends. `changes` to those for the client are in `kafka`."""
        kafka = {"acks": "all", "max_block_ms": 3000} | self.system.kafka | changes.pop("kafka", {})
        what = {"topic": self.system.topic, "sensors": self.sensors, "more": {}}
        how = {"key": "sensor_id", "partitioner": "murmur2", "pause": 0.5, "clock_is_ahead": 0}
        return {**what, **how, "kafka": kafka} | changes

    def storer(self, **changes: Any) -> dict[str, Any]:
        """The settings of a program that stores. `changes` to those for the client are in `kafka`."""
        kafka: dict[str, Any] = {"group_id": self.system.group, "enable_auto_commit": False}
        kafka |= {"auto_offset_reset": "earliest", "metadata_max_age_ms": METADATA_MS}
        kafka |= {"session_timeout_ms": SESSION_MS, "heartbeat_interval_ms": SESSION_MS // 3}
        kafka |= self.system.kafka | changes.pop("kafka", {})
        return {"topic": self.system.topic, "pause": 0, "kafka": kafka} | changes

    def break_it(self) -> None:
        """Break the system, which works."""
        raise NotImplementedError

    def promises(self) -> Sequence[Step]:
        """What must hold, in the order in which it is looked at."""
        return [self.flows(), self.complete()]

    # Promises that several scenarios make.

    def flows(self) -> Step:
        """What is sent from now on is stored, once."""
        return promise("a new reading of each sensor is stored within seconds, once", self._late)

    def complete(self) -> Step:
        """What was acknowledged before is stored."""
        return promise("every reading that was acknowledged so far is stored", self._missing)

    def once(self) -> Step:
        """What is stored is stored once."""
        return promise("no reading is stored twice", self._twice)

    def kept(self) -> Step:
        """What was acknowledged is in Kafka."""
        return promise("Kafka still has every reading that was acknowledged so far", self._gone)

    def _late(self) -> str:
        """What is not as it should be with the readings that are sent from now on."""
        before = set(sent(self.system.folder))

        def fault() -> str:
            new = [reading for reading in sent(self.system.folder) if reading not in before]
            if silent := sorted(set(self.sensors) - {sensor for sensor, _ in new}):
                return f"no new reading of {', '.join(silent)} was acknowledged"
            rows_of = stored(self.system.folder)
            first = {sensor: (sensor, ts) for sensor, ts in reversed(new)}
            rows = {sensor: rows_of[reading] for sensor, reading in sorted(first.items())}
            wrong = [f"of {sensor} {n} times" for sensor, n in rows.items() if n != 1]
            return f"stored {', '.join(wrong)}" if wrong else ""

        return in_time(fault)

    def _missing(self) -> str:
        """How many of the readings acknowledged by now are not stored in time."""
        readings = sent(self.system.folder)

        def fault() -> str:
            missing = self.unstored(readings)
            return f"{missing} of {len(readings)} are not" if missing else ""

        return in_time(fault)

    def unstored(self, readings: Sequence[Reading]) -> int:
        """How many of these readings are not stored now."""
        rows = stored(self.system.folder)
        return sum(not rows[reading] for reading in readings)

    def _twice(self) -> str:
        twice = sum(rows > 1 for rows in stored(self.system.folder).values())
        return f"{twice} are" if twice else ""

    def _gone(self) -> str:
        """How many of the readings acknowledged by now are not in Kafka."""
        topic, kafka = self.system.topic, self.system.kafka
        if any(each.leader < 0 for each in describe_topic(topic, **kafka).partitions):
            return "not all of them can be read"  # also not here: a consumer would wait
        readings, log = sent(self.system.folder), in_kafka(topic, kafka)
        gone = sum(reading not in log for reading in readings)
        return f"{gone} of {len(readings)} are not there" if gone else ""


def promise(text: str, fault: Callable[[], str]) -> Step:
    """A step that is done if there is no fault; otherwise the fault is shown as what was found."""
    found: list[str] = []

    def is_kept() -> bool:
        found[:] = [fault()]
        return not found[0]

    return Step(text, is_kept, (), found=lambda: found[0])


def in_time(fault: Callable[[], str]) -> str:
    """Empty as soon as there is no fault; otherwise the fault that is there after some seconds."""
    last: list[str] = []

    def is_over() -> bool:
        last[:] = [fault()]
        return not last[0]

    with suppress(TimeoutError):
        wait_until(is_over, SECONDS)
    return last[0]
