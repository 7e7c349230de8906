"""Is the exercise done? Lesson 11, the alarm consumer."""

from collections import defaultdict
from collections.abc import Iterable
from itertools import groupby
from typing import Any

from lab.classroom.checks.queries import is_reading_of, topic_is_there
from lab.classroom.checks.steps import Report, Step, check
from lab.errors import InvalidReading
from lab.readings import Reading, decode_reading
from lab.topics import describe_topic, read_records

RESUME = "decode_reading raises InvalidReading for a bad message: then go on with the next one (continue)."
ONE_EACH = "One for each run: a CRITICAL reading right after another one of its sensor does not begin a run."
FIRST_TRY = "Alarms of an earlier try stay in the topic: in that case create another one, with a new name."


def check_alarms_topic(alarms: str, topic: str, **kafka: Any) -> Report:
    """The topic of the alarms exists and has as many partitions as the topic of the readings."""

    def partitions(name: str) -> int:
        return len(describe_topic(name, **kafka).partitions)

    return check(
        topic_is_there(alarms, kafka),
        Step(
            "it has as many partitions as the topic of the readings",
            lambda: partitions(alarms) == partitions(topic),
            "describe_topic shows those. An existing topic keeps its number: use a new name.",
        ),
    )


def check_runs(topic: str, found: Iterable[Reading], **kafka: Any) -> Report:
    """`found` has the first reading of each CRITICAL run of the topic, once."""
    found = list(found or ())

    def runs(behind_bad: bool = False) -> list[Reading]:
        return critical_runs(topic, kafka, behind_bad)

    return check(
        Step("you found some", lambda: len(found) > 0, "yield a reading whose status is CRITICAL."),
        Step(
            "bad messages do not stop it",
            lambda: set(runs(behind_bad=True)) <= set(found),
            RESUME,
        ),
        Step("no run is missing", lambda: set(runs()) <= set(found), "A sensor can have several runs."),
        Step("each run is found once, and nothing else", lambda: len(runs()) == len(found) > 0, ONE_EACH),
    )


def check_alarms(topic: str, alarms: str, **kafka: Any) -> Report:
    """Each CRITICAL run of the topic has an alarm; bad messages did not stop it."""

    def runs(behind_bad: bool = False) -> set[Reading]:
        return set(critical_runs(topic, kafka, behind_bad))

    def given() -> list[Reading]:
        return alarms_of(alarms, kafka)

    return check(
        Step(
            f"topic {alarms} holds alarms",
            lambda: len(given()) > 0,
            "send the bytes that encode_reading returns for the reading, with the sensor's name as key.",
        ),
        Step("bad messages did not stop it", lambda: runs(behind_bad=True) <= set(given()), RESUME),
        *each_run_has_one(runs, given),
    )


def check_each_alarm_once(topic: str, alarms: str, **kafka: Any) -> Report:
    """Each CRITICAL run of the topic has exactly one alarm, although the program died in between."""

    def given() -> list[Reading]:
        return alarms_of(alarms, kafka)

    return check(
        *each_run_has_one(lambda: set(critical_runs(topic, kafka)), given),
        Step(
            "no alarm is there twice",
            lambda: len(given()) == len(set(given())) > 0,
            "Before it sends, the program must know what it sent before it died: ask the alarms topic.",
        ),
    )


def each_run_has_one(runs: Any, given: Any) -> tuple[Step, Step]:
    """The steps that every alarm consumer has to pass: no alarm is missing, and none is wrong."""
    return (
        Step(
            "no alarm is missing",
            lambda: runs() <= set(given()),
            "The program begins with the oldest reading, and an alarm's key is its sensor, as bytes.",
        ),
        Step(
            "every alarm is the first reading of a run",
            lambda: set() != set(given()) <= runs(),
            f"{ONE_EACH} {FIRST_TRY}",
        ),
    )


def alarms_of(alarms: str, kafka: dict[str, Any]) -> list[Reading]:
    """The readings in the topic of the alarms that have their sensor as key; others are ignored."""
    records = [record for record in read_records(alarms, **kafka) if record.key]
    mine = [r for r in records if is_reading_of(r.value, r.key.decode(errors="replace"))]
    return [decode_reading(record.value) for record in mine]


def critical_runs(topic: str, kafka: dict[str, Any], behind_bad: bool = False) -> list[Reading]:
    """The first reading of each CRITICAL run, that is, of consecutive CRITICAL readings of one sensor.

    With `behind_bad`, only the runs that begin after a bad message of their partition.
    """
    sensors: dict[str, list[tuple[Reading, bool]]] = defaultdict(list)
    bad = set()
    for record in read_records(topic, **kafka):
        try:
            reading = decode_reading(record.value)
            sensors[reading.sensor_id].append((reading, record.partition in bad))
        except InvalidReading:
            bad.add(record.partition)
    runs = (
        next(run)
        for readings in sensors.values()
        for status, run in groupby(readings, key=lambda one: one[0].status)
        if status == "CRITICAL"
    )
    return [reading for reading, is_behind in runs if is_behind or not behind_bad]
