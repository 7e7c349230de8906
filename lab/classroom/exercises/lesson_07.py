"""What is looked at in the exercises of lesson 07, bad messages?"""

import json
from typing import Any

from lab.classroom.exercises.answers import name_of, number_of
from lab.classroom.exercises.exercise import Exercise, Step, exercise
from lab.classroom.exercises.queries import about_messages, fault_of, is_reading_of, messages_of
from lab.dead_letters import list_dead_letters
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

    def place() -> tuple[str, str]:
        letter = {letter.id: letter for letter in list_dead_letters(warehouse)}[int(number_of(to_save))]
        return letter.topic, letter.replayed or ""

    def is_stored() -> bool:
        topic, replayed = place()
        partition, offset = map(int, replayed.removeprefix(f"{topic}-").split("@"))
        return warehouse.next_offsets(describe_topic(topic, **kafka).topic_id)[partition] > offset

    return Exercise(
        lambda: place()[1] != "",
        f"Dead letter {to_save} was not replayed yet.",
        (
            Step(
                "it is in its topic again",
                lambda: "@" in place()[1],
                ("replay(warehouse, to_save, the fixed value, **settings.kafka) sends it.",),
                found=lambda: place()[1],
            ),
            Step(
                "the reading is stored",
                is_stored,
                (
                    "Now consume it, as the dead letter before. Do not replay it again: it is in the topic.",
                    "consume(topic, warehouse, group_id=topic, idle_timeout=2, **settings.kafka)",
                ),
            ),
        ),
    )


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
