"""What is looked at in the exercises of lesson 07, bad messages?"""

import json
from typing import Any

from lab.classroom.exercises.answers import name_of, number_of
from lab.classroom.exercises.exercise import Exercise, Step, exercise
from lab.classroom.exercises.queries import about_messages, fault_of, is_reading_of, messages_of
from lab.dead_letters import StoredDeadLetter, fix_value, list_dead_letters
from lab.readings import Reading, decode_reading
from lab.topics import describe_topic


@exercise("07.1")
def own_dead_letter(warehouse: Any, mine: Any, **kafka: Any) -> Exercise:
    """A message of the topic `mine` is a dead letter because of its unit."""
    topic = name_of(mine)

    def errors() -> list[str]:
        return [letter.error for letter in list_dead_letters(warehouse) if letter.topic == topic]

    def values() -> list[bytes]:
        return [record.value for record in messages_of(topic, kafka)]

    return about_messages(
        mine,
        kafka,
        Step(
            "a message in it is no reading, because of its unit",
            lambda: any((fault_of(value) or "").startswith("unit:") for value in values()),
            (
                "Take the bytes in `good`, and .replace(...) the unit in them by a bad one.",
                "A unit of more than 50 characters is bad: good.replace('°C'.encode(), b'x' * 60).",
            ),
            found=lambda: fault_of(values()[-1]) or "a reading",
        ),
        Step(
            "it is a dead letter",
            lambda: any(error.startswith("unit:") for error in errors()),
            (
                "Only a consumer finds that a message is bad: consume(...) the topic in `mine`.",
                "consume(mine, warehouse, group_id=mine, idle_timeout=2, **settings.kafka)",
            ),
        ),
    )


@exercise("07.2")
def save_one(warehouse: Any, to_save: Any, **kafka: Any) -> Exercise:
    """The dead letter `to_save` was fixed, sent to its topic again, and stored."""

    def letter() -> StoredDeadLetter:
        return {letter.id: letter for letter in list_dead_letters(warehouse)}[int(number_of(to_save))]

    return Exercise(
        lambda: letter().replayed is not None,
        f"Dead letter {to_save} was not replayed yet.",
        (
            Step(
                "it is in its topic again",
                lambda: letter().is_replayed,
                (
                    "fix_value(bad['unknown status'], {...}) changes the field that is named there.",
                    "replay(warehouse, to_save, the fixed value, **settings.kafka) sends it.",
                ),
                found=lambda: letter().replayed,
            ),
            Step(
                "its status is OK, and nothing else is changed",
                lambda: _sent(letter(), kafka) == decode_reading(fix_value(letter().value, {"status": "OK"})),
                (
                    "fix_value(bad['unknown status'], {'status': 'OK'}) is the value to send.",
                    "A dead letter is replayed once. Run your whole cell again: it makes a new one.",
                ),
                found=lambda: _sent(letter(), kafka),
            ),
            Step(
                "the reading is stored",
                lambda: _is_stored(letter(), warehouse, kafka),
                (
                    "Now consume it, as the dead letter before. Do not replay it again: it is in the topic.",
                    "consume(topic, warehouse, group_id=topic, idle_timeout=2, **settings.kafka)",
                ),
            ),
        ),
    )


def _place(letter: StoredDeadLetter) -> tuple[int, int]:
    """The partition and the offset of its replay."""
    partition, offset = (letter.replayed or "").removeprefix(f"{letter.topic}-").split("@")
    return int(partition), int(offset)


def _is_stored(letter: StoredDeadLetter, warehouse: Any, kafka: dict[str, Any]) -> bool:
    partition, offset = _place(letter)
    return warehouse.next_offsets(describe_topic(letter.topic, **kafka).topic_id)[partition] > offset


def _sent(letter: StoredDeadLetter, kafka: dict[str, Any]) -> Reading:
    """Its replay."""
    there = {(record.partition, record.offset): record for record in messages_of(letter.topic, kafka)}
    return decode_reading(there[_place(letter)].value)


CELLAR = "A good message: encode_reading(Reading('cellar', 12.5, '°C', 'OK', SAMPLE_DAY))."


@exercise("07.3")
def new_field(warehouse: Any, mine: Any, **kafka: Any) -> Exercise:
    """A reading of `cellar` with the additional field `battery` was sent to the topic `mine`, and stored."""
    topic = name_of(mine)

    def records() -> list[Any]:
        return messages_of(topic, kafka)

    def newer() -> list[Any]:
        return [record for record in records() if _has_number(record.value, "battery")]

    def readable() -> list[Any]:
        return [record for record in newer() if is_reading_of(record.value, "cellar")]

    def is_stored() -> bool:
        stored = warehouse.next_offsets(describe_topic(topic, **kafka).topic_id)
        return any(stored.get(record.partition, 0) > record.offset for record in readable())

    return about_messages(
        mine,
        kafka,
        Step(
            "a message has the field battery, a number",
            lambda: len(newer()) > 0,
            ("A message is JSON. fix_value(a good message, {'battery': 80}) also adds a field.", CELLAR),
            found=lambda: records()[-1].value,
        ),
        Step(
            "an old reader reads it as a reading of cellar",
            lambda: len(readable()) > 0,
            ("It needs all five fields of a Reading too; its sensor_id is cellar.",),
            found=lambda: fault_of(newer()[-1].value) or "a reading of another sensor",
        ),
        Step(
            "the reading is stored",
            is_stored,
            ("consume(mine, warehouse, group_id=mine, idle_timeout=2, **settings.kafka) stores it.",),
        ),
    )


def _has_number(value: bytes | None, field: str) -> bool:
    """Whether these bytes are a JSON object that has a number in that field."""
    try:
        fields = json.loads(value or b"")
    except (ValueError, RecursionError):
        return False
    number = fields.get(field) if isinstance(fields, dict) else None
    return isinstance(number, int | float) and not isinstance(number, bool)
