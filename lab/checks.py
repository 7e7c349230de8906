"""Is the exercise done? Checks that look at the broker and at the database, not at the code.

In the classroom a check shows what is done, and for what is not yet, a hint. With `LAB_CHECK=1` in
the environment, as in the tests, it raises instead, so that the given solutions are proven.
"""

import html
import os
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType

from lab.connection import connect
from lab.errors import InvalidReading
from lab.readings import decode_reading
from lab.simulation import DAY, PLANTS
from lab.topics import describe_topic, read_records, topic_offsets


@dataclass(frozen=True)
class Step:
    """One thing that an exercise asks for. A `done` that raises counts as not yet."""

    text: str
    done: Callable[[], bool]
    hint: str


@dataclass(frozen=True)
class Report:
    """What is done and what is not yet; a notebook shows it as a list."""

    lines: tuple[tuple[bool, str, str], ...]

    @property
    def passed(self) -> bool:
        """Whether everything is done."""
        return all(done for done, _, _ in self.lines)

    def __repr__(self) -> str:
        return "\n".join(
            f"[done] {text}" if done else f"[not yet] {text}\n          Hint: {hint}"
            for done, text, hint in self.lines
        )

    def _repr_html_(self) -> str:
        items = "".join(
            f"<li style='color:#007050'>&#10004; {html.escape(text)}</li>"
            if done
            else f"<li style='color:#b04000'>&#9675; not yet: {html.escape(text)}"
            f"<br><small>Hint: {html.escape(hint)}</small></li>"
            for done, text, hint in self.lines
        )
        return f"<ul style='list-style:none; font-size:110%; line-height:1.6'>{items}</ul>"


class NotYet(AssertionError):
    """An exercise is not done (raised only with LAB_CHECK=1)."""


def check(*steps: Step) -> Report:
    """Look at every step, and show what was found; raises NotYet with LAB_CHECK=1."""
    report = Report(tuple((_is_done(step), step.text, step.hint) for step in steps))
    if os.environ.get("LAB_CHECK") == "1" and not report.passed:
        raise NotYet(f"\n{report!r}")
    return report


def _is_done(step: Step) -> bool:
    try:
        return bool(step.done())
    except Exception:  # an answer can be of any shape; what it lacks is said by the hint
        return False


def _topic_is_there(topic: str, kafka: dict[str, Any]) -> Step:
    return Step(
        f"the broker has a topic {topic}",
        lambda: bool(describe_topic(topic, **kafka)),
        "create_topic makes it; pass the name that is asked for.",
    )


def check_partitions(topic: str, num_partitions: int, **kafka: Any) -> Report:
    """Lesson 02: the topic is there, with that many partitions."""
    return check(
        _topic_is_there(topic, kafka),
        Step(
            f"it has {num_partitions} partitions",
            lambda: len(describe_topic(topic, **kafka).partitions) == num_partitions,
            "num_partitions= says how many. A topic that is there keeps its number: use a new name.",
        ),
    )


def check_retention(topic: str, retention_ms: int, **kafka: Any) -> Report:
    """Lesson 02: the topic keeps its messages for that long."""
    return check(
        _topic_is_there(topic, kafka),
        Step(
            f"its retention.ms is {retention_ms}",
            lambda: topic_config(topic, "retention.ms", **kafka) == str(retention_ms),
            "configs={'retention.ms': ...} when you create it; one hour is 3,600,000 milliseconds.",
        ),
    )


def check_message(topic: str, sensor_id: str, **kafka: Any) -> Report:
    """Lesson 03: a valid reading of that sensor is in the topic, under the key of its sensor."""

    def records() -> Any:
        return list(read_records(topic, **kafka))

    return check(
        Step(
            f"topic {topic} holds a message",
            lambda: len(records()) > 0,
            "producer.send(...) hands it over, and .get(timeout=10) waits until it is there.",
        ),
        Step(
            f"one is a reading of {sensor_id}",
            lambda: any(is_reading_of(record.value, sensor_id) for record in records()),
            "encode_reading turns a Reading into the bytes of its message; look at its sensor_id.",
        ),
        Step(
            f"its key is {sensor_id}, as bytes",
            lambda: any(
                record.key == sensor_id.encode() and is_reading_of(record.value, sensor_id)
                for record in records()
            ),
            "send takes key=; a text becomes bytes with .encode().",
        ),
    )


def check_same_partition(topic: str, key: str, answer: int | None, **kafka: Any) -> Report:
    """Lesson 03: `answer` is the partition on which every message of that key is."""

    def found() -> Any:
        return {r.partition for r in read_records(topic, **kafka) if r.key == key.encode()}

    return check(
        Step(
            "your answer is a number",
            lambda: isinstance(answer, int),
            "Set answer to the partition's number.",
        ),
        Step(
            f"it is the partition of {key}",
            lambda: found() == {answer},
            "Look for the key in the table above: each key has one partition.",
        ),
    )


def check_everything_stored(warehouse: Any, topic: str, **kafka: Any) -> Report:
    """Lesson 04: the warehouse has come to the end of every partition."""

    def stored() -> Any:
        return warehouse.next_offsets(describe_topic(topic, **kafka).topic_id)

    return check(
        Step(
            "something of the topic is stored",
            lambda: bool(stored()),
            "consume(topic, warehouse, ...) stores it; does it have a bound, such as idle_timeout=2?",
        ),
        Step(
            "nothing is left to read",
            lambda: stored() == {n: end for n, (_, end) in topic_offsets(topic, **kafka).items()},
            "The lag is not 0 yet. Run it again, without max_messages, until it is.",
        ),
    )


def check_first_offset_since(topic: str, time_ms: int, answer: int | None, **kafka: Any) -> Report:
    """Lesson 04: `answer` is the first offset of partition 0 whose timestamp is `time_ms` or later."""

    def later() -> Any:
        return [r.offset for r in read_records(topic, **kafka) if r.timestamp >= time_ms]

    return check(
        Step("your answer is a number", lambda: isinstance(answer, int), "Set answer to an offset."),
        Step(
            "no message before it is as late",
            lambda: isinstance(answer, int) and answer <= min(later()),
            "That is too far on. offsets_for_times gives the first offset at or after a time.",
        ),
        Step(
            "it is as late as the time asked for",
            lambda: isinstance(answer, int) and answer >= min(later()),
            "That is too early. offsets_for_times takes {partition: milliseconds}.",
        ),
    )


def check_outliers(answer: Iterable | None) -> Report:
    """Lesson 05: `answer` has the times of the planted outliers, and no others."""
    planted = {planted_at(plant.first) for plant in PLANTS if plant.fault == "outlier"}

    def given() -> Any:
        return {pd_time(time) for time in (() if answer is None else answer)}

    return check(
        Step(
            "you found some", lambda: bool(given()), "Set outliers to the times (the column ts) of some rows."
        ),
        Step(
            "all of them were planted",
            lambda: bool(given()) and given() <= planted,
            "Some are ordinary values. An outlier is far from the readings around it, not only warm.",
        ),
        Step(
            "none is missing", lambda: given() >= planted, "One can be far too low as well as far too high."
        ),
    )


def check_gap(answer: Any) -> Report:
    """Lesson 05: `answer` is the length of the planted gap, within two minutes."""
    gap = next(plant for plant in PLANTS if plant.fault == "gap")
    minutes = gap.last - gap.first + 1

    def given() -> Any:
        return answer.total_seconds() / 60 if hasattr(answer, "total_seconds") else float(answer)

    return check(
        Step(
            "your answer is a length of time",
            lambda: given() > 0,
            "Subtract start from end, or give minutes.",
        ),
        Step(
            "it is as long as the sensor was silent",
            lambda: abs(given() - minutes) <= 2,
            "find_gaps gives start and end of each silence; take the sensor that has one.",
        ),
    )


def check_doubles(database: str | Path, answer: int | None) -> Report:
    """Lesson 06: `answer` is the number of readings that have more than one row in `sensor_logs`."""
    sql = "SELECT count(*), count(DISTINCT sensor_id || ts) FROM sensor_logs"

    def rows() -> Any:
        return ask(database, sql)[0]

    return check(
        Step("your answer is a number", lambda: isinstance(answer, int), "Set doubles to a number."),
        Step(
            "it is not the number of rows",
            lambda: isinstance(answer, int) and answer not in rows(),
            "HAVING count(*) > 1 keeps only the readings with more than one row.",
        ),
        Step(
            "so many readings have more than one row",
            lambda: answer == rows()[0] - rows()[1],
            "GROUP BY sensor_id, ts makes one line of each reading; count the lines with more than one row.",
        ),
    )


def check_each_once(database: str | Path, table: str) -> Report:
    """Lesson 06: the table has every reading of `sensor_logs`, each in one row."""
    name = '"' + table.replace('"', "") + '"'
    readings = f"SELECT sensor_id, val, unit, status, ts FROM {name}"
    logs = "SELECT sensor_id, val, unit, status, ts FROM sensor_logs"
    return check(
        Step(
            f"there is a table {table} with the columns of sensor_logs",
            lambda: ask(database, f"{readings} LIMIT 1") is not None,
            "CREATE TABLE makes it: sensor_id, val, unit, status, ts, and UNIQUE (sensor_id, ts).",
        ),
        Step(
            "no reading is missing in it",
            lambda: set(ask(database, readings)) == set(ask(database, logs)),
            "INSERT OR IGNORE INTO ... SELECT ... FROM sensor_logs brings them all.",
        ),
        Step(
            "no reading is in it twice",
            lambda: ask(database, f"SELECT count(*) = count(DISTINCT sensor_id || ts) FROM {name}") == [(1,)],
            "The UNIQUE belongs into CREATE TABLE, before the rows are in it.",
        ),
    )


def check_dead_letter(warehouse: Any, topic: str, field: str) -> Report:
    """Lesson 07: a message of the topic is a dead letter because of that field."""

    def errors() -> Any:
        return [x[0] for x in warehouse.query("SELECT error FROM dead_letters WHERE topic = ?", topic)]

    return check(
        Step(
            f"the topic {topic} has dead letters",
            lambda: len(errors()) > 0,
            "Send a message with KafkaProducer, and consume: only a consumer can find it bad.",
        ),
        Step(
            f"one of them is there because of its {field}",
            lambda: any(error.startswith(f"{field}:") for error in errors()),
            f"Take the bytes in `good`, and .replace(...) its {field} by something it must not be.",
        ),
    )


def check_replayed(warehouse: Any, number: int, **kafka: Any) -> Report:
    """Lesson 07: that dead letter was fixed, sent to its topic again, and stored."""
    sql = "SELECT topic, replayed FROM dead_letters WHERE id = ?"

    def place() -> Any:
        return warehouse.query(sql, number)[0]

    def is_stored() -> bool:
        topic, replayed = place()
        partition, offset = map(int, replayed.removeprefix(f"{topic}-").split("@"))
        return warehouse.next_offsets(describe_topic(topic, **kafka).topic_id)[partition] > offset

    return check(
        Step(
            f"dead letter {number} was replayed",
            lambda: "@" in (place()[1] or ""),
            "replay(warehouse, number, fixed value, **settings.kafka) sends it.",
        ),
        Step("the reading is stored", is_stored, "Now consume(...) again, until nothing is left."),
    )


# What the checks look at.


def ask(database: str | Path, sql: str) -> list[tuple]:
    """The rows of a SELECT in an SQLite file, which must be there."""
    with closing(sqlite3.connect(f"{Path(database).resolve().as_uri()}?mode=ro", uri=True)) as db:
        return db.execute(sql).fetchall()


def topic_config(topic: str, name: str, **kafka: Any) -> str:
    """One setting of a topic, as text."""
    with connect(KafkaAdminClient, **kafka) as admin:
        found = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
    return found[ConfigResourceType.TOPIC.name.lower()][topic][name]["value"]


def is_reading_of(value: bytes | None, sensor_id: str) -> bool:
    """Whether these bytes are a reading of that sensor."""
    try:
        return decode_reading(value).sensor_id == sensor_id
    except InvalidReading:
        return False


def planted_at(batch: int) -> datetime:
    """The time of a batch in the simulated day."""
    return DAY + timedelta(minutes=batch)


def pd_time(time: Any) -> datetime:
    """A time of pandas, or a text, as a datetime in UTC."""
    time = datetime.fromisoformat(str(time))
    return time if time.tzinfo else time.replace(tzinfo=UTC)
