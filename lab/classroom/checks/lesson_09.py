"""Is the exercise done? Lesson 09, several brokers."""

from typing import Any

from lab.classroom.checks.queries import topic_config, topic_is_there
from lab.classroom.checks.steps import Report, Step, check
from lab.topics import Partition, describe_topic


def check_copies(topic: str, copies: int, in_sync: int, **kafka: Any) -> Report:
    """Each partition has that many replicas, and its min.insync.replicas is `in_sync`."""
    return check(
        topic_is_there(topic, kafka),
        Step(
            f"each partition has {copies} copies",
            lambda: {len(p.replicas) for p in describe_topic(topic, **kafka).partitions} == {copies},
            "replication_factor= says how many. An existing topic keeps its number: use a new name.",
        ),
        Step(
            f"its min.insync.replicas is {in_sync}",
            lambda: topic_config(topic, "min.insync.replicas", **kafka) == str(in_sync),
            "configs={'min.insync.replicas': ...} when you create it.",
        ),
    )


def check_new_leader(topic: str, before: Partition, **kafka: Any) -> Report:
    """The former leader of the partition is down, and another broker leads it."""
    number, was = before.partition, before.leader

    def now() -> Partition:
        return describe_topic(topic, **kafka).partitions[number]

    return check(
        Step(
            f"broker {was}, which led partition {number}, is not in sync any more",
            lambda: was not in now().isr,
            f"cluster.kill({was}) ends it. The others need two or three seconds: run the check again.",
        ),
        Step(
            f"partition {number} has another leader",
            lambda: now().leader in set(now().isr) - {was},
            "It takes two or three seconds, and a majority of brokers: run the check again.",
        ),
        Step(
            "the other two copies are in sync",
            lambda: len(set(now().isr) - {was}) == len(now().isr) == 2,
            "Kill the leader, and only that one. cluster.start() starts the brokers that are not running.",
        ),
    )
