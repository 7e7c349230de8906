"""What is looked at in the exercises of lesson 03, producer?"""

from typing import Any

from lab.classroom.exercises.answers import name_of, number_of
from lab.classroom.exercises.exercise import Exercise, Step, exercise
from lab.classroom.exercises.queries import about_messages, about_number, fault_of, is_reading_of, messages_of
from lab.readings import decode_reading

SENSOR = "my-sensor"


@exercise("03.1")
def own_reading(mine: Any, **kafka: Any) -> Exercise:
    """A valid reading of `my-sensor` is in the topic `mine`, under the key of its sensor."""
    topic = name_of(mine)

    def records() -> list[Any]:
        return messages_of(topic, kafka)

    def readings() -> list[Any]:
        return [record for record in records() if fault_of(record.value) is None]

    def own() -> list[Any]:
        return [record for record in readings() if is_reading_of(record.value, SENSOR)]

    return about_messages(
        mine,
        kafka,
        Step(
            "a message is a reading",
            lambda: len(readings()) > 0,
            (
                "encode_reading turns a Reading into the bytes of its message.",
                'A Reading has five fields: Reading("my-sensor", 21.5, "°C", "OK", SAMPLE_DAY).',
            ),
            found=lambda: fault_of(records()[-1].value),
        ),
        Step(
            f"it is a reading of {SENSOR}",
            lambda: len(own()) > 0,
            ("The first field of a Reading is its sensor_id.",),
            found=lambda: decode_reading(readings()[-1].value).sensor_id,
        ),
        Step(
            f"its key is {SENSOR}, as bytes",
            lambda: any(record.key == SENSOR.encode() for record in own()),
            ("send takes key=.", "A key is bytes: b'my-sensor', or 'my-sensor'.encode()."),
            found=lambda: own()[-1].key,
        ),
    )


@exercise("03.2")
def same_partition(topic: Any, answer: Any, **kafka: Any) -> Exercise:
    """`answer` is the partition that has the readings of `pressure-2`."""
    key = b"pressure-2"

    def found() -> set[int]:
        return {record.partition for record in messages_of(name_of(topic), kafka) if record.key == key}

    return about_number(
        "answer",
        answer,
        Step(
            "it is the partition of pressure-2",
            lambda: found() == {number_of(answer)},
            (
                "Each row of the table above has one number that is not 0; its column is the partition.",
                "sent[sent['key'] == 'pressure-2'] has the column partition.",
            ),
        ),
    )
