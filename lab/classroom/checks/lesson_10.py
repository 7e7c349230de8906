"""Is the exercise done? Lesson 10, live dashboard."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from lab.classroom.checks.steps import Report, Step, check
from lab.clients.groups import group_assignments
from lab.clients.offsets import lags
from lab.system.signals import wait_until
from lab.topics import describe_topic, topic_offsets


def check_shared(topic: str, group_id: str, members: int, *, seconds: float = 15, **kafka: Any) -> Report:
    """The group has at least that many members; each has partitions, and each partition has a member.

    Members need a moment to join and to get their partitions, so this waits up to `seconds`.
    """

    def partitions() -> list[tuple[int, ...]]:
        return [topics.get(topic, ()) for topics in group_assignments(group_id, **kafka).values()]

    def is_all_owned() -> bool:
        numbers = [each.partition for each in describe_topic(topic, **kafka).partitions]
        return sorted(n for some in partitions() for n in some) == numbers

    until = time.monotonic() + seconds

    def soon(condition: Callable[[], bool]) -> bool:
        return wait_until(condition, max(0, until - time.monotonic()))

    return check(
        Step(
            f"the group has {members} members",
            lambda: soon(lambda: len(partitions()) >= members),
            "subprocess.Popen(reads, env=os.environ | own) starts one more.",
        ),
        Step(
            f"{members} of them have partitions",
            lambda: soon(lambda: sum(map(bool, partitions())) >= members),
            "One has joined and got none. Has the topic a partition for each? Or wait, and check again.",
        ),
        Step(
            "each partition has a member",
            lambda: soon(is_all_owned),
            "Some partitions have no member: does a consumer run? Or wait, and check again.",
        ),
    )


def check_lag(warehouse: Any, topic: str, answer: Mapping[int, int] | None, **kafka: Any) -> Report:
    """`answer` is {partition: messages that are in the log but not yet in the warehouse}."""

    def lag() -> dict[int, int]:
        stored = warehouse.next_offsets(describe_topic(topic, **kafka).topic_id)
        return lags(topic_offsets(topic, **kafka), stored)

    def given() -> dict[int, int]:
        return dict(answer or {})

    return check(
        Step(
            "your answer has a number for each partition",
            lambda: given().keys() == lag().keys(),
            "Set lag to {partition: number}, for all partitions of topic_offsets.",
        ),
        Step(
            "the numbers add up to the lag of the topic",
            lambda: bool(given()) and sum(given().values()) == sum(lag().values()),
            "The lag is the end offset minus the stored one, or minus the first one if nothing is stored.",
        ),
        Step(
            "each partition has its own",
            lambda: bool(given()) and given() == lag(),
            "topic_offsets and next_offsets both have the partition's number as key.",
        ),
    )
