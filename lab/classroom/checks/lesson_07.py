"""Is the exercise done? Lesson 07, bad messages."""

import json
from typing import Any

from lab.classroom.checks.queries import is_reading_of
from lab.classroom.checks.steps import Report, Step, check
from lab.dead_letters import list_dead_letters
from lab.topics import describe_topic, read_records


def check_dead_letter(warehouse: Any, topic: str, field: str) -> Report:
    """A message of the topic is a dead letter because of that field."""

    def errors() -> Any:
        return [letter.error for letter in list_dead_letters(warehouse) if letter.topic == topic]

    return check(
        Step(
            f"the topic {topic} has dead letters",
            lambda: len(errors()) > 0,
            "Send a message with KafkaProducer, then consume: only a consumer finds that it is bad.",
        ),
        Step(
            f"one of them is there because of its {field}",
            lambda: any(error.startswith(f"{field}:") for error in errors()),
            f"Take the bytes in `good`, .replace(...) the {field} with a bad one, send that, and consume.",
        ),
    )


def check_replayed(warehouse: Any, number: int, **kafka: Any) -> Report:
    """That dead letter was fixed, sent to its topic again, and stored."""

    def place() -> Any:
        letter = {letter.id: letter for letter in list_dead_letters(warehouse)}[number]
        return letter.topic, letter.replayed

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
        Step("the reading is stored", is_stored, "Now consume(...), without replay: it sends each once."),
    )


def check_new_field(warehouse: Any, topic: str, sensor_id: str, field: str, **kafka: Any) -> Report:
    """A reading of that sensor with one additional field was sent and stored."""

    def newer() -> Any:
        return [record for record in read_records(topic, **kafka) if has_field(record.value, field)]

    def readable() -> Any:
        return [record for record in newer() if is_reading_of(record.value, sensor_id)]

    def is_stored() -> bool:
        stored = warehouse.next_offsets(describe_topic(topic, **kafka).topic_id)
        return any(stored.get(record.partition, 0) > record.offset for record in readable())

    return check(
        Step(
            f"a message of {topic} has the field {field}",
            lambda: len(newer()) > 0,
            "A message is JSON: fix_value(a good one, {'field': value}) can also add a new field.",
        ),
        Step(
            f"an old reader reads it as a reading of {sensor_id}",
            lambda: len(readable()) > 0,
            "It must also have all five fields of a Reading, each in the form that the reader expects.",
        ),
        Step("the reading is stored", is_stored, "Now consume(...), until nothing is left."),
    )


def has_field(value: bytes | None, field: str) -> bool:
    """Whether these bytes are a JSON object with that field."""
    try:
        fields = json.loads(value or b"")
    except (ValueError, RecursionError):
        return False
    return isinstance(fields, dict) and field in fields
