"""What is looked at in the exercises of lesson 10, live dashboard?"""

from collections.abc import Mapping, Sequence
from typing import Any

from lab.classroom.exercises.answers import is_given, name_of, number_of
from lab.classroom.exercises.exercise import Exercise, Step, exercise
from lab.classroom.exercises.queries import lag_of
from lab.clients.groups import group_assignments
from lab.system.signals import wait_until
from lab.topics import describe_topic

SECONDS = 15  # members need a moment to join and to get their partitions


@exercise("10.1")
def share_the_work(topic: Any, group: str, consumers: Sequence, **kafka: Any) -> Exercise:
    """The group has two members; each has partitions, and each partition has a member."""
    name = name_of(topic)

    def shares() -> list[tuple[int, ...]]:
        return [topics.get(name, ()) for topics in group_assignments(group, **kafka).values()]

    def is_all_owned() -> bool:
        numbers = [each.partition for each in describe_topic(name, **kafka).partitions]
        return sorted(n for some in shares() for n in some) == numbers

    def running() -> list:
        return [each for each in consumers if each.poll() is None]

    return Exercise(
        lambda: len(running()) > 1 or len(shares()) > 1,
        "The list consumers has one consumer.",
        (
            Step(
                "the group has 2 members",
                lambda: wait_until(lambda: len(shares()) >= 2, timeout=SECONDS),
                ("Start one more in the way in which the first was started, and append it to consumers.",),
                found=lambda: len(shares()),
            ),
            Step(
                "both have partitions, and each partition has a member",
                lambda: wait_until(lambda: sum(map(bool, shares())) >= 2 and is_all_owned(), timeout=SECONDS),
                ("The group has not settled. Is each consumer alive? Wait some seconds, then check again.",),
                found=lambda: shares(),
            ),
            Step(
                "both are in the list consumers",
                lambda: len(running()) > 1,
                ("consumers.append(...): the lesson ends the last of the list in a moment.",),
                found=lambda: len(running()),
            ),
        ),
    )


@exercise("10.2")
def the_lag_by_hand(warehouse: Any, topic: Any, lag: Any, **kafka: Any) -> Exercise:
    """`lag` is {partition: messages that are in the log but not in the warehouse}."""

    def right() -> dict[int, int]:
        return lag_of(warehouse, name_of(topic), kafka)

    def given() -> dict[int, float]:
        pairs = lag.items() if isinstance(lag, Mapping) or hasattr(lag, "items") else enumerate(lag)
        return {int(number): number_of(value) for number, value in pairs}

    return Exercise(
        lambda: is_given(lag),
        "lag has no value yet.",
        (
            Step(
                "it has a number for each partition",
                lambda: given().keys() == right().keys(),
                ("topic_offsets has a pair (first, end) for each partition: lag = {partition: number}.",),
                found=lambda: f"partitions {', '.join(map(str, given()))}" if given() else "none",
            ),
            Step(
                "each is the end minus the stored offset",
                lambda: given() == right(),
                (
                    "The lag is the end offset minus the stored one, or minus the first if none is stored.",
                    "topic_offsets and next_offsets both have the partition's number as key.",
                ),
                found=lambda: {number: int(value) for number, value in given().items()},
            ),
        ),
    )
