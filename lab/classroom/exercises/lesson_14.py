"""What is looked at in the exercises of lesson 14, Connect?"""

import json
import time
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from lab.classroom.exercises.answers import is_given, name_of
from lab.classroom.exercises.exercise import Exercise, Step, exercise
from lab.classroom.exercises.queries import fault_of, messages_of
from lab.neighbours.connect_rest import FAILED, RUNNING, connector_path, reason_of, states_of
from lab.readings import decode_reading
from lab.topics import describe_topics

COLUMNS = "sensor_id, val, unit, status, ts"
WRITTEN_SECONDS, QUIET_SECONDS = 20.0, 3.0  # a sink writes when it runs, but not at once
TAKE_SINK = "worker.add(NAME, sink | {'topics': ..., 'collection.name.format': ...}) gives the worker a sink."
TOLERANT = (
    "'errors.tolerance': 'all' lets a sink go on after a message that it cannot convert.",
    "worker.add(careful, ...) with all settings again: it takes the place of the first.",
)


@exercise("14.1")
def latest(worker: Any, database: Any, latest: str, few: Any, **kafka: Any) -> Exercise:
    """A sink `latest` keeps a table of that name with one row for each sensor: its last reading."""

    def right() -> list[tuple]:
        return _rows_of({reading.sensor_id: reading for reading in _readings_of(few, kafka)}.values())

    return _about_sink(
        _Sink(worker, latest, few),
        lambda: (_stored(database, latest), right()),
        (TAKE_SINK,),
        Step(
            "its table has one row for each sensor",
            lambda: len(_stored(database, latest)) == len(right()),
            (
                "'insert.mode': 'upsert' writes over the row that has the same key.",
                "'primary.key.mode': 'record_value' and 'primary.key.fields': 'sensor_id' make the key.",
            ),
            found=lambda: f"{len(_stored(database, latest))} rows for {len(right())} sensors",
        ),
        Step(
            "each row is the last reading of its sensor",
            lambda: _stored(database, latest) == right(),
            ("'primary.key.fields': 'sensor_id', and nothing else, is the key.",),
        ),
    )


@exercise("14.2")
def careful(worker: Any, database: Any, careful: str, mixed: Any, dead: Any, **kafka: Any) -> Exercise:
    """A sink `careful` stores every reading of `mixed`, and sends what is none to the topic `dead`."""

    def right() -> list[tuple]:
        return _rows_of(_readings_of(mixed, kafka))

    def broken() -> list[bytes | None]:
        return [each.value for each in messages_of(name_of(mixed), kafka) if fault_of(each.value)]

    def letters() -> list[bytes | None]:
        is_there = _exists(name_of(dead), kafka)
        return [each.value for each in messages_of(name_of(dead), kafka)] if is_there else []

    return _about_sink(
        _Sink(worker, careful, mixed),
        lambda: ([*_stored(database, careful), *letters()], [*right(), *broken()]),
        TOLERANT,
        Step(
            "every reading has a row in its table, once",
            lambda: _stored(database, careful) == right(),
            ("Run your whole cell again: its names are new then, and no other sink writes there.",),
            found=lambda: f"{len(_stored(database, careful))} rows for {len(right())} readings",
        ),
        _topic_exists(name_of(dead), kafka),
        Step(
            "it has the message that is no reading, and no other",
            lambda: letters() == broken(),
            ("The key of a message is a text: keep the 'key.converter' of sink.",),
            found=lambda: f"{len(letters())} messages",
        ),
    )


def _topic_exists(name: str, kafka: dict[str, Any]) -> Step:
    return Step(
        f"the topic {name} exists",
        lambda: _exists(name, kafka),
        (
            "'errors.deadletterqueue.topic.name': dead says where the message goes.",
            "'errors.deadletterqueue.topic.replication.factor': 1, for there is one broker, not three.",
        ),
        found=lambda: "no such topic",
    )


def _exists(topic: str, kafka: dict[str, Any]) -> bool:
    return any(each.name == topic for each in describe_topics(**kafka))


@exercise("14.3")
def earlier(earlier: Any, changes: Any, **kafka: Any) -> Exercise:
    """`earlier` is the table after the first seven messages: {sensor_id: place}."""

    def given() -> dict[str, str]:
        items = earlier.to_dict() if hasattr(earlier, "to_dict") else earlier
        return {str(key): str(place) for key, place in items.items()}

    def right() -> dict[str, str]:
        return _table_after(messages_of(name_of(changes), kafka)[:7])

    return Exercise(
        lambda: is_given(earlier),
        "earlier has no value yet.",
        (
            _is_dictionary(earlier),
            _names_sensors(lambda: given().keys(), changes, kafka),
            Step(
                "it has no sensor that was not in the table then",
                lambda: given().keys() <= right().keys(),
                (
                    "list(read_records(changes, **settings.kafka))[:7] are the first seven messages.",
                    "A message whose after is None takes its sensor out: earlier.pop(sensor_id, None).",
                ),
                found=lambda: ", ".join(sorted(given().keys() - right().keys())[:3]),
            ),
            Step(
                "it has each sensor that was in the table then",
                lambda: given().keys() == right().keys(),
                ("The rows of the snapshot, with op r, count too.",),
                found=lambda: f"{len(given())} of {len(right())}",
            ),
            Step(
                "each place is the one of then",
                lambda: given() == right(),
                ("after is the row behind the change: json.loads(record.value)['after']['place'].",),
            ),
        ),
    )


def _is_dictionary(answer: Any) -> Step:
    return Step(
        "your answer is a dictionary",
        lambda: isinstance(answer, Mapping) or hasattr(answer, "to_dict"),
        ("Begin with earlier = {}, and set earlier[sensor_id] = place in a loop.",),
        found=lambda: type(answer).__name__,
    )


def _names_sensors(given: Callable[[], Set[str]], changes: Any, kafka: dict[str, Any]) -> Step:
    def others() -> Set[str]:
        return given() - {json.loads(each.key)["sensor_id"] for each in messages_of(name_of(changes), kafka)}

    return Step(
        "its keys are names of sensors",
        lambda: not others(),
        ("The key of a message is JSON: json.loads(record.key)['sensor_id'] is the name.",),
        found=lambda: min(others()),
    )


def _table_after(messages: Sequence[Any]) -> dict[str, str]:
    """{sensor_id: place} of the table, as these changes have left it."""
    table = {}
    for message in messages:
        sensor, change = json.loads(message.key)["sensor_id"], json.loads(message.value or b"{}")
        if after := change.get("after"):
            table[sensor] = after["place"]
        else:
            table.pop(sensor, None)
    return table


@dataclass(frozen=True)
class _Sink:
    """The sink that a learner has given to the worker."""

    worker: Any
    name: str
    topic: Any

    def is_there(self) -> bool:
        return self.name in self.worker.rest("GET", "/connectors")

    def asked(self, what: str) -> dict[str, Any]:
        return self.worker.rest("GET", f"{connector_path(self.name)}/{what}")

    def states(self) -> list[str]:
        return states_of(self.asked("status"))

    def runs(self) -> bool:
        return len(self.states()) > 1 and set(self.states()) == {RUNNING}

    def found(self) -> str:
        return reason_of(self.asked("status")) if FAILED in self.states() else ", ".join(self.states())


def _about_sink(
    sink: _Sink, written: Callable[[], tuple[list, list]], failure: tuple[str, ...], *steps: Step
) -> Exercise:
    """An exercise that gives the worker a sink: it is attempted when the worker has one of that name.

    `written` returns what it has written, and what is right.
    """

    def setting(key: str, wanted: str, *hints: str) -> Step:
        return Step(
            f"its {key} is {wanted}",
            lambda: sink.asked("config").get(key) == wanted,
            hints,
            found=lambda: sink.asked("config").get(key, "nothing"),
        )

    return Exercise(
        sink.is_there,
        f"The worker has no connector {sink.name} yet.",
        (
            setting("topics", name_of(sink.topic), TAKE_SINK, "'topics' is the topic that it reads."),
            setting("collection.name.format", sink.name, "It is the name of the table that it writes."),
            Step(
                "it runs, and so does its task",
                lambda: _wait_for(written, sink) or sink.runs(),
                failure,
                found=sink.found,
            ),
            *steps,
        ),
    )


def _wait_for(written: Callable[[], tuple[list, list]], sink: _Sink) -> None:
    """Wait until all is written, nothing more comes, or the sink has failed: it does not write at once."""
    began = changed = time.monotonic()
    last: list = []
    while time.monotonic() - began < WRITTEN_SECONDS and FAILED not in sink.states():
        try:
            now, right = written()
        except Exception:  # the table or the topic is not there yet
            now, right = [], [None]
        if now != last:
            last, changed = now, time.monotonic()
        if now == right or (now and time.monotonic() - changed > QUIET_SECONDS):
            return
        time.sleep(0.2)


def _stored(database: Any, table: str) -> list[tuple]:
    """Its rows; none if there is no such table (yet)."""
    is_there = database.query("SELECT 1 FROM information_schema.tables WHERE table_name = ?", table)
    return sorted(database.query(f'SELECT {COLUMNS} FROM "{table}"')) if is_there else []


def _readings_of(topic: Any, kafka: dict[str, Any]) -> list:
    messages = [each.value for each in messages_of(name_of(topic), kafka)]
    return [decode_reading(value) for value in messages if fault_of(value) is None]


def _rows_of(readings: Any) -> list[tuple]:
    """The rows that a table has of these readings."""
    return sorted(
        (r.sensor_id, r.val, r.unit, r.status, r.ts.isoformat(timespec="microseconds")) for r in readings
    )
