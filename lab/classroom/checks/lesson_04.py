"""Is the exercise done? Lesson 04, consumer."""

from typing import Any

from lab.classroom.checks.steps import Report, Step, check
from lab.topics import describe_topic, read_records, topic_offsets


def check_everything_stored(warehouse: Any, topic: str, **kafka: Any) -> Report:
    """The warehouse has stored every partition up to its end."""

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
            # A partition without messages has no stored offset.
            lambda: all(
                stored().get(n, first) == end for n, (first, end) in topic_offsets(topic, **kafka).items()
            ),
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
            "The offset is too high: offsets_for_times gives the first offset at or after a time.",
        ),
        Step(
            "it is as late as the time asked for",
            lambda: isinstance(answer, int) and answer >= min(later()),
            "The offset is too low: offsets_for_times takes {partition: milliseconds}.",
        ),
    )
