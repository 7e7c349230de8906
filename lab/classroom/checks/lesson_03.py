"""Is the exercise done? Lesson 03, producer."""

from typing import Any

from lab.classroom.checks.queries import is_reading_of
from lab.classroom.checks.steps import Report, Step, check
from lab.topics import read_records


def check_message(topic: str, sensor_id: str, **kafka: Any) -> Report:
    """A valid reading of that sensor is in the topic, under the key of its sensor."""

    def records() -> Any:
        return list(read_records(topic, **kafka))

    return check(
        Step(
            f"topic {topic} holds a message",
            lambda: len(records()) > 0,
            "producer.send(...) hands it to the client, and .get(timeout=10) waits until it is in the topic.",
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
    """Lesson 03: `answer` is the partition that has every message with that key."""

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
