"""What is looked at in the exercises of lesson 13, streams?"""

import json
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from lab.classroom.exercises.answers import name_of
from lab.classroom.exercises.exercise import Exercise, Step, exercise
from lab.classroom.exercises.lesson_11 import alarms_of, committed, critical_runs
from lab.readings import Reading, decode_reading
from lab.topics import read_records

SIZE, GRACE = timedelta(minutes=5), timedelta(minutes=1)
EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
NOTHING = "The program has sent nothing to {}."
AGAIN = "Run your whole cell again, and then the check: each check makes a new topic."


@exercise("13.1")
def the_largest(topic: Any, answer: Any, **kafka: Any) -> Exercise:
    """The topic has the largest value of each closed window of five minutes, once."""
    name = name_of(answer)

    @cache
    def truth() -> dict[tuple[str, int], float]:
        return largest_of_each(readings_of(topic, kafka))

    @cache
    def found() -> list[tuple[tuple[str, int], dict]]:
        return [
            ((r.key.decode(), json.loads(r.value)["start"]), json.loads(r.value)) for r in sent(name, kafka)
        ]

    return Exercise(
        lambda: len(sent(name, kafka)) > 0,
        NOTHING.format(name),
        (
            Step(
                "each result is one of a window of five minutes",
                lambda: all(
                    each["end"] - each["start"] == SIZE / timedelta(milliseconds=1) for _, each in found()
                ),
                (
                    "It begins like that of the means: readings.tumbling_window(timedelta(minutes=5), ...).",
                    "agg(...) and then final(): one result for each window.",
                ),
                found=lambda: sent(name, kafka)[0].value,
            ),
            Step(
                "it has the name `largest`",
                lambda: all("largest" in each for _, each in found()),
                ('.agg(largest=Max("val")) gives the value its name.',),
                found=lambda: ", ".join(found()[0][1]),
            ),
            *_about_windows(truth, found),
        ),
    )


def _about_windows(truth: Callable, found: Callable) -> tuple[Step, ...]:
    return (
        Step(
            "each window has one result",
            lambda: max(Counter(window for window, _ in found()).values()) == 1,
            ("final() sends a result when the window is closed, current() one for each reading.",),
            found=lambda: f"{len(found())} results of {len(dict(found()))} windows",
        ),
        Step(
            "exactly the windows that are closed with one minute of grace",
            lambda: dict(found()).keys() == truth().keys(),
            (
                "grace_ms=timedelta(minutes=1): without it, windows close earlier.",
                "tumbling_window: only its windows do not overlap.",
            ),
            found=lambda: f"{len(dict(found()))} windows, {len(truth())} are expected",
        ),
        Step(
            "each value is the largest of those that came in time",
            lambda: all(each["largest"] == truth()[window] for window, each in found()),
            ('The largest val: Max("val"), not the mean, and nothing is filtered out.',),
            found=lambda: f"{sum(each['largest'] != truth()[window] for window, each in found())} others",
        ),
    )


@exercise("13.2")
def remember_the_status(night: Any, alarms: Any, **kafka: Any) -> Exercise:
    """Each CRITICAL run has exactly one alarm, although the program was killed in between."""
    name = name_of(alarms)

    @cache
    def runs() -> list[Reading]:
        return critical_runs(read_records(name_of(night), **kafka))

    @cache
    def found() -> list[Reading]:
        return alarms_of(name, kafka)

    return Exercise(
        lambda: len(sent(name, kafka)) > 0,
        NOTHING.format(name),
        _about_runs(runs, found),
    )


def _about_runs(runs: Callable, found: Callable) -> tuple[Step, ...]:
    return (
        Step(
            "no run is missing",
            lambda: set(runs()) <= set(found()),
            (
                "A sensor can have several runs: keep the status of every reading, also when it is OK.",
                'reading["status"] == "CRITICAL" and state.get("status") != "CRITICAL".',
            ),
            found=lambda: f"{len(set(runs()) & set(found()))} of {len(runs())}",
        ),
        Step(
            "every alarm is the first reading of a run",
            lambda: set(found()) <= set(runs()),
            (
                "Only the first of a run: ask for the status before you set the new one.",
                "What is in a variable of the program is gone when it is killed: keep it in state.",
            ),
            found=lambda: f"{len(set(found()) - set(runs()))} others",
        ),
        Step(
            "no alarm is there twice",
            lambda: len(found()) == len(set(found())),
            (AGAIN,),
            found=lambda: f"{len(found()) - len(set(found()))} too many",
        ),
    )


@exercise("13.3")
def above_the_limit(topic: Any, limits: Any, answer: Any, **kafka: Any) -> Exercise:
    """Each reading above the limit that its sensor had at that time is there once, with the limit."""
    name = name_of(answer)

    @cache
    def measured() -> list[Reading]:
        return readings_of(topic, kafka)

    @cache
    def truth() -> dict[tuple[str, datetime], float]:
        valid = limits_of(limits, kafka)
        each = [(r, valid(r.sensor_id, r.ts)) for r in measured()]
        return {(r.sensor_id, r.ts): limit for r, limit in each if limit is not None and r.val > limit}

    @cache
    def found() -> list[tuple[tuple[str, datetime], dict]]:
        values = [json.loads(record.value) for record in sent(name, kafka)]
        return [((each["sensor_id"], datetime.fromisoformat(each["ts"])), each) for each in values]

    return Exercise(
        lambda: len(sent(name, kafka)) > 0,
        NOTHING.format(name),
        (
            Step(
                "each message is a reading with its limit",
                lambda: all("limit" in each for _, each in found()) and len(found()) > 0,
                (
                    "readings.join_asof(limits, on_merge=...), as above, returns a stream with the limits.",
                    'The function in on_merge gives one dict: {**reading, "limit": row["limit"]}.',
                ),
                found=lambda: sent(name, kafka)[0].value,
            ),
            *_about_limits(measured, truth, found),
        ),
    )


def _about_limits(measured: Callable, truth: Callable, found: Callable) -> tuple[Step, ...]:
    return (
        Step(
            "each has the time at which it was measured",
            lambda: (
                {(*place, each["val"]) for place, each in found()}
                <= {(r.sensor_id, r.ts, r.val) for r in measured()}
            ),
            ("{**reading, **row} takes the ts of the row, too: take only its limit.",),
            found=lambda: found()[0][1],
        ),
        Step(
            "no reading above its limit is missing",
            lambda: truth().keys() <= dict(found()).keys(),
            ("Above is greater: val > limit. Each reading has the limit of its own time.",),
            found=lambda: f"{len(truth().keys() & dict(found()).keys())} of {len(truth())}",
        ),
        Step(
            "no other reading is there, and none twice",
            lambda: len(found()) == len(truth()),
            ('Return a filtered stream: joined.filter(lambda each: each["val"] > each["limit"]).',),
            found=lambda: f"{len(found())} messages, {len(truth())} are expected",
        ),
        Step(
            "the limits are those that were valid then",
            lambda: all(each["limit"] == truth()[place] for place, each in found()),
            ('The limit of the row: row["limit"].',),
            found=lambda: f"{sum(each['limit'] != truth()[place] for place, each in found())} others",
        ),
    )


def sent(topic: str, kafka: dict[str, Any]) -> list[Any]:
    """The messages of the results, without those of a transaction that was not committed."""
    return committed(topic, kafka)


def readings_of(topic: Any, kafka: dict[str, Any]) -> list[Reading]:
    """The readings of a topic, those of each sensor in the order in which they came."""
    return [decode_reading(record.value) for record in read_records(name_of(topic), **kafka)]


def largest_of_each(readings: list[Reading]) -> dict[tuple[str, int], float]:
    """{(sensor, start of the window in milliseconds): its largest value}, of the windows that are closed."""
    newest: dict[str, datetime] = {}
    largest: dict[tuple[str, datetime], float] = {}
    for reading in readings:
        newest[reading.sensor_id] = max(reading.ts, newest.get(reading.sensor_id, reading.ts))
        window = reading.sensor_id, reading.ts - (reading.ts - EPOCH) % SIZE
        if not _is_closed(window, newest):
            largest[window] = max(reading.val, largest.get(window, reading.val))
    closed = {window: value for window, value in largest.items() if _is_closed(window, newest)}
    return {
        (name, (start - EPOCH) // timedelta(milliseconds=1)): val for (name, start), val in closed.items()
    }


def _is_closed(window: tuple[str, datetime], newest: dict[str, datetime]) -> bool:
    return window[1] + SIZE + GRACE <= newest[window[0]]


def limits_of(topic: Any, kafka: dict[str, Any]) -> Callable[[str, datetime], float | None]:
    """A function that gives the limit of a sensor that was valid at a time; None if it had none."""
    rows = [(r.key.decode(), json.loads(r.value)) for r in read_records(name_of(topic), **kafka)]

    def valid(sensor: str, ts: datetime) -> float | None:
        known = [(datetime.fromisoformat(row["ts"]), row["limit"]) for name, row in rows if name == sensor]
        return max((each for each in known if each[0] <= ts), default=(ts, None))[1]

    return valid
