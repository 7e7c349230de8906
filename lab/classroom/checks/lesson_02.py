"""Is the exercise done? Lesson 02, topics."""

from typing import Any

from lab.classroom.checks.queries import topic_config, topic_is_there
from lab.classroom.checks.steps import Report, Step, check
from lab.topics import describe_topic


def check_partitions(topic: str, num_partitions: int, **kafka: Any) -> Report:
    """The topic exists and has that many partitions."""
    return check(
        topic_is_there(topic, kafka),
        Step(
            f"it has {num_partitions} partitions",
            lambda: len(describe_topic(topic, **kafka).partitions) == num_partitions,
            "num_partitions= says how many. An existing topic keeps its number: use a new name.",
        ),
    )


def check_retention(topic: str, retention_ms: int, **kafka: Any) -> Report:
    """The topic keeps its messages for that time."""
    return check(
        topic_is_there(topic, kafka),
        Step(
            f"its retention.ms is {retention_ms}",
            lambda: topic_config(topic, "retention.ms", **kafka) == str(retention_ms),
            "configs={'retention.ms': ...}, in milliseconds. An existing topic keeps it: use a new name.",
        ),
    )
