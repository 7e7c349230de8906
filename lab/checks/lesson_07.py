"""Is the exercise done? Lesson 07, bad messages."""

from typing import Any

from lab.checks.steps import Report, Step, check
from lab.topics import describe_topic


def check_dead_letter(warehouse: Any, topic: str, field: str) -> Report:
    """A message of the topic is a dead letter because of that field."""

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
    """That dead letter was fixed, sent to its topic again, and stored."""
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
