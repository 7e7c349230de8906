"""What is looked at in the exercises of lesson 09, several brokers?"""

from typing import Any

from lab.classroom.exercises.answers import name_of
from lab.classroom.exercises.exercise import Exercise, Step, exercise
from lab.classroom.exercises.queries import NEW_NAME, about_topic, topic_config
from lab.embedded.broker import EmbeddedBroker
from lab.system.signals import wait_until
from lab.topics import Partition, describe_topic

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
    """The former leader of the partition is down, and another broker leads it."""
    number, was = before.partition, before.leader

    def now() -> Partition:
        return describe_topic(name_of(topic), **kafka).partitions[number]

    def is_gone() -> bool:
        """Nobody needs to wait for the end of a broker that was not killed."""
        was_killed = not any(node.id == was and node.process for node in cluster.nodes())
        return was_killed and wait_until(lambda: was not in now().isr, timeout=SECONDS)

    return Exercise(
        lambda: not all(node.process for node in cluster.nodes()),
        "All brokers run: none was killed yet.",
        (
            Step(
                f"broker {was}, which led partition {number}, is not in sync any more",
                is_gone,
                (
                    "`before.leader` is the number of the broker that led it.",
                    "cluster.kill(...) takes that number. Run your whole cell again: it starts the others.",
                ),
                found=lambda: f"in sync: {', '.join(map(str, sorted(now().isr)))}",
            ),
            Step(
                f"partition {number} has another leader, and two copies in sync",
                lambda: wait_until(
                    lambda: now().leader in set(now().isr) - {was} and len(now().isr) == 2, timeout=SECONDS
                ),
                ("Kill the leader, and only that one. Run your whole cell again: it starts the others.",),
                found=lambda: f"leader {now().leader}, in sync: {', '.join(map(str, sorted(now().isr)))}",
            ),
        ),
    )
