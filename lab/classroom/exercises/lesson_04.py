"""What is looked at in the exercises of lesson 04, consumer?"""

from typing import Any

from lab.classroom.exercises.answers import name_of, number_of
from lab.classroom.exercises.exercise import Exercise, Step, exercise
from lab.classroom.exercises.queries import about_number, lag_of
from lab.topics import describe_topic, read_records


@exercise("04.1")
def catch_up(warehouse: Any, topic: Any, before: dict[int, int], **kafka: Any) -> Exercise:
    """The warehouse has stored every partition up to its end; `before` are the offsets that it had."""
    name = name_of(topic)

    def lag() -> int:
        return sum(lag_of(warehouse, name, kafka).values())

    return Exercise(
        lambda: warehouse.next_offsets(describe_topic(name, **kafka).topic_id) != before,
        "None of the new readings is stored yet.",
        (
            Step(
                "nothing is left to read: the lag is 0",
                lambda: lag() == 0,
                (
                    "consume(...) stores what is new; you did the same above, with the same warehouse.",
                    "max_messages ends it early. idle_timeout=2 ends it when nothing comes any more.",
                ),
                found=lambda: f"a lag of {lag()}",
            ),
        ),
    )


@exercise("04.2")
def since_when(topic: Any, since: int, answer: Any, **kafka: Any) -> Exercise:
    """`answer` is the first offset of partition 0 whose timestamp is `since` or later."""

    def first() -> int:
        records = read_records(name_of(topic), **kafka)
        return min(record.offset for record in records if record.timestamp >= since)

    def given() -> float:
        return number_of(answer)

    answer = _offset(answer)
    return about_number(
        "answer",
        answer,
        Step(
            "no message before it is as late as that",
            lambda: given() <= first(),
            (
                "The offset is too high: offsets_for_times gives the first offset at or after a time.",
                "Any client knows: KafkaConsumer(**settings.kafka).offsets_for_times({partition: since})",
            ),
            found=lambda: int(given()),
        ),
        Step(
            "it is as late as that",
            lambda: given() >= first(),
            (
                "The offset is too low: its message was sent before `since`.",
                "offsets_for_times takes {partition: milliseconds}; the result has an .offset.",
            ),
            found=lambda: int(given()),
        ),
    )


def _offset(answer: Any) -> Any:
    """The offset of what `offsets_for_times` returns, whole or in part."""
    if isinstance(answer, dict) and len(answer) == 1:
        answer = next(iter(answer.values()))
    return getattr(answer, "offset", answer)
