"""What is looked at in the exercises of lesson 09, several brokers?"""

from collections.abc import Iterable
from typing import Any

from lab.classroom.exercises.answers import name_of
from lab.classroom.exercises.exercise import Exercise, Step, exercise
from lab.classroom.exercises.queries import NEW_NAME, about_topic, topic_config
from lab.embedded.broker import EmbeddedBroker
from lab.system.signals import wait_until
from lab.topics import Partition, describe_topic

AGAIN = "Run your whole cell again: it starts the others."
SECONDS = 15  # the time in which a cluster has chosen another leader


@exercise("09.1")
def a_topic_that_survives(mine: Any, **kafka: Any) -> Exercise:
    """Each partition of `mine` has three replicas, and two of them must be in sync."""
    name = name_of(mine)

    def copies() -> set[int]:
        return {len(p.replicas) for p in describe_topic(name, **kafka).partitions}

    def in_sync() -> str:
        return topic_config(name, "min.insync.replicas", **kafka)

    return about_topic(
        mine,
        kafka,
        Step(
            "each partition has 3 copies",
            lambda: copies() == {3},
            ("replication_factor= says how many.", NEW_NAME),
            found=lambda: ", ".join(map(str, copies())),
        ),
        Step(
            "its min.insync.replicas is 2",
            lambda: in_sync() == "2",
            ("configs={'min.insync.replicas': ...} when you create it.", NEW_NAME),
            found=in_sync,
        ),
    )


@exercise("09.2")
def kill_the_leader(cluster: EmbeddedBroker, topic: Any, before: Partition, **kafka: Any) -> Exercise:
    """The former leader of the partition is down, the others run, and one of them leads it."""
    number, was = before.partition, before.leader

    def now() -> Partition:
        return describe_topic(name_of(topic), **kafka).partitions[number]

    def down() -> set[int]:
        return {node.id for node in cluster.nodes() if not node.process}

    return Exercise(
        lambda: bool(down()),
        "All brokers run: none was killed yet.",
        (
            Step(
                f"broker {was}, which led partition {number}, is down",
                lambda: was in down(),
                (
                    "`before.leader` is the number of the broker that led it.",
                    f"cluster.kill(...) takes it. {AGAIN}",
                ),
                found=lambda: f"down: {_listed(down())}",
            ),
            Step(
                "the other two run",
                lambda: down() == {was},
                (
                    "Two of three must run: one alone is no majority, and cannot choose a leader.",
                    f"Kill the leader, and only that one. {AGAIN}",
                ),
                found=lambda: f"down: {_listed(down())}",
            ),
            Step(
                f"partition {number} has another leader, and two copies in sync",
                lambda: wait_until(lambda: _has_another_leader(now(), was), timeout=SECONDS),
                ("Run your whole cell again: it starts the others, and waits until all are in sync.",),
                found=lambda: f"leader {now().leader}, in sync: {_listed(now().isr)}",
            ),
        ),
    )


def _has_another_leader(partition: Partition, was: int) -> bool:
    return partition.leader in set(partition.isr) - {was} and len(partition.isr) == 2


def _listed(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(numbers)))
