"""What is looked at in the exercises of lesson 11, the alarm consumer?"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from heapq import merge
from itertools import groupby
from types import SimpleNamespace
from typing import Any

from lab.classroom.exercises.answers import name_of
from lab.classroom.exercises.exercise import Exercise, Step, exercise
from lab.classroom.exercises.queries import (
    about_topic,
    fault_of,
    is_reading_of,
    num_partitions,
)
from lab.errors import InvalidReading
from lab.readings import Reading, decode_reading, encode_reading
from lab.simulation import SAMPLE_DAY
from lab.topics import read_records

ONE_EACH = "One for each run: a CRITICAL reading right after another one of its sensor begins no run."
COMMITTED = {"isolation_level": "read_committed"}  # alarms of a transaction that was aborted are none


@exercise("11.1")
def a_topic_for_alarms(alarms: Any, topic: Any, **kafka: Any) -> Exercise:
    """The topic of the alarms has as many partitions as the topic of the readings."""
    name, readings = name_of(alarms), name_of(topic)
    return about_topic(
        alarms,
        kafka,
        Step(
            "it has as many partitions as the topic of the readings",
            lambda: num_partitions(name, kafka) == num_partitions(readings, kafka),
            (
                "describe_topic(topic, **settings.kafka) shows how many partitions that has.",
                "An existing topic keeps its number. Run your whole cell again: it makes a new name.",
            ),
            found=lambda: f"{num_partitions(name, kafka)}, not {num_partitions(readings, kafka)}",
        ),
    )


@exercise("11.2")
def find_the_runs(find_alarms: Callable, topic: Any, **kafka: Any) -> Exercise:
    """`find_alarms` gives the first reading of each CRITICAL run, once, of any messages."""
    records = _as_sent(read_records(name_of(topic), **kafka))
    runs = critical_runs(records)

    def found(some: Iterable[Any] = records) -> list[Reading]:
        return list(find_alarms(iter(some)))

    def is_given() -> bool:
        try:
            return find_alarms(iter(())) is not ...
        except Exception:
            return True

    return Exercise(
        is_given, "find_alarms gives nothing yet.", (*_about_type(found), *_about_runs(found, runs))
    )


def _about_type(found: Callable) -> tuple[Step, ...]:
    return (
        Step(
            "it goes through every message, the bad ones too",
            lambda: isinstance(found(), list),
            (
                "decode_reading raises InvalidReading for a bad message: try, except, continue.",
                "It yields readings, or returns a list of them.",
            ),
            found=lambda: _error_of(found),
        ),
        Step(
            "it gives readings",
            lambda: len(found()) > 0 and all(isinstance(one, Reading) for one in found()),
            ("yield the reading that decode_reading returned, when its status is CRITICAL.",),
            found=lambda: type(found()[0]).__name__ if found() else "nothing",
        ),
    )


def _about_runs(found: Callable, runs: list[Reading]) -> tuple[Step, ...]:
    return (
        Step(
            "no run is missing",
            lambda: set(runs) <= set(found()),
            (
                "A sensor can have several runs: after an OK or a WARNING, the next CRITICAL begins one.",
                "Each sensor has its own runs: remember which of them are CRITICAL, for example in a set.",
                "A bad message ends nothing: continue with the next one, not break or return.",
            ),
            found=lambda: f"{len(set(found()) & set(runs))} of {len(runs)}",
        ),
        Step(
            "each run is found once, and nothing else",
            lambda: sorted(map(str, runs)) == sorted(map(str, found())),
            (
                ONE_EACH,
                "Each sensor has its own runs: remember each CRITICAL sensor, not one state for all of them.",
            ),
            found=lambda: f"{len(found())} readings for {len(runs)} runs",
        ),
        Step(
            "a bad message in the middle of a run does not begin a new one",
            lambda: len(found(_split_run())) == 1,
            ("A bad message says nothing about any sensor: keep what you remember.",),
            found=lambda: f"{len(found(_split_run()))} alarms for a run with a bad message in it",
        ),
    )


@exercise("11.3")
def send_them(topic: Any, alarms: Any, **kafka: Any) -> Exercise:
    """Each CRITICAL run of the topic has an alarm, with its sensor as key."""
    return _about_alarms(topic, alarms, kafka)


@exercise("11.4")
def a_memory(topic: Any, alarms: Any, **kafka: Any) -> Exercise:
    """Each CRITICAL run of the topic has exactly one alarm, although the program died in between."""

    def sent() -> list[Reading]:
        return alarms_of(name_of(alarms), kafka)

    once = Step(
        "no alarm is there twice",
        lambda: len(sent()) == len(set(sent())),
        (
            "Before it sends, the program must know what it sent before it died: ask the alarms topic.",
            "sent = {record.value for record in read_records(alarms, **kafka)}, before the loop.",
        ),
        found=lambda: f"{len(sent()) - len(set(sent()))} too many",
    )
    return _about_alarms(topic, alarms, kafka, once)


def _about_alarms(topic: Any, alarms: Any, kafka: dict[str, Any], *more: Step) -> Exercise:
    """The steps that every alarm consumer has to pass."""
    name = name_of(alarms)

    def messages() -> list[Any]:
        return committed(name, kafka)

    def sent() -> set[Reading]:
        return set(alarms_of(name, kafka))

    def runs() -> set[Reading]:
        return set(critical_runs(read_records(name_of(topic), **kafka)))

    steps = (*_about_messages(messages, sent), *_about_each_run(sent, runs), *more)
    return Exercise(lambda: len(messages()) > 0, f"Topic {name} is empty.", steps)


def _about_messages(messages: Callable, sent: Callable) -> tuple[Step, ...]:
    return (
        Step(
            "an alarm is a reading, as bytes",
            lambda: any(fault_of(message.value) is None for message in messages()),
            ("encode_reading(reading) makes the bytes.",),
            found=lambda: fault_of(messages()[-1].value),
        ),
        Step(
            "its key is its sensor, as bytes",
            lambda: len(sent()) > 0,
            ("producer.send(alarms, value, key=reading.sensor_id.encode())",),
            found=lambda: messages()[-1].key,
        ),
    )


def _about_each_run(sent: Callable, runs: Callable) -> tuple[Step, ...]:
    return (
        Step(
            "no alarm is missing",
            lambda: runs() <= sent(),
            (
                "The program begins with the oldest reading, and goes on to the last one.",
                "Is exercise 2 done? And wait for each alarm: .get(timeout=10), or flush at the end.",
            ),
            found=lambda: f"{len(runs() & sent())} of {len(runs())}",
        ),
        Step(
            "every alarm is the first reading of a run",
            lambda: sent() <= runs(),
            (
                ONE_EACH,
                "Is exercise 2 done? Alarms of an earlier try are not here: each check makes a new topic.",
            ),
            found=lambda: f"{len(sent() - runs())} others",
        ),
    )


def committed(topic: str, kafka: dict[str, Any]) -> list[Any]:
    """The messages of a topic, without those of a transaction that was aborted."""
    return list(read_records(topic, **kafka | COMMITTED))


def alarms_of(alarms: str, kafka: dict[str, Any]) -> list[Reading]:
    """The readings in the topic of the alarms that have their sensor as key; others are ignored."""
    records = [record for record in committed(alarms, kafka) if record.key]
    own = [r for r in records if is_reading_of(r.value, r.key.decode(errors="replace"))]
    return [decode_reading(record.value) for record in own]


def critical_runs(records: Iterable[Any]) -> list[Reading]:
    """The first reading of each CRITICAL run, that is, of consecutive CRITICAL readings of one sensor."""
    sensors: dict[str, list[Reading]] = defaultdict(list)
    for record in records:
        try:
            reading = decode_reading(record.value)
        except InvalidReading:
            continue
        sensors[reading.sensor_id].append(reading)
    return [
        next(run)
        for readings in sensors.values()
        for status, run in groupby(readings, key=lambda one: one.status)
        if status == "CRITICAL"
    ]


def _as_sent(records: Iterable[Any]) -> list[Any]:
    """The partitions merged by time, so that an answer finds the same each time. Each keeps its own order."""
    partitions: dict[int, list[Any]] = defaultdict(list)
    for record in records:
        partitions[record.partition].append(record)
    logs = [partitions[number] for number in sorted(partitions)]
    return list(merge(*logs, key=lambda record: record.timestamp))


def _split_run() -> list[SimpleNamespace]:
    """Messages of one run, with a bad one in its middle."""
    hot = encode_reading(Reading("temperature-1", 50, "°C", "CRITICAL", SAMPLE_DAY))
    fields = {"topic": "a run", "partition": 0, "key": b"temperature-1", "timestamp": 0, "headers": []}
    return [SimpleNamespace(offset=n, value=value, **fields) for n, value in enumerate((hot, b"warm", hot))]


def _error_of(function: Callable[[], object]) -> str:
    """The exception that it raises, as one line."""
    try:
        return type(function()).__name__
    except Exception as error:
        return f"{type(error).__name__}: {error}"
