"""What learners answer in lesson 09."""

from tests.support.answers import Answers

# Brokers are killed there, again and again: for the exercises once more would take half a minute.
SKIPPED = {"We start both.": "### Exercise 1: a topic that survives"}

MAKE = "create_topic(mine, replication_factor={0}, {1} **settings.kafka)"
TWO = "configs={'min.insync.replicas': 2},"
TEXTS = "configs={'min.insync.replicas': '2', 'retention.ms': 60000},"
OTHER = "cluster.kill(next(node for node in before.replicas if node != before.leader))"

ANSWERS = {
    "09.1": Answers(
        wrong={
            MAKE.format(1, ""): "each partition has 3 copies (found: 1)",
            MAKE.format(2, TWO): "each partition has 3 copies (found: 2)",
            MAKE.format(3, "configs={'min.insync.replicas': 1},"): "its min.insync.replicas is 2 (found: 1)",
            MAKE.format(3, "configs={'min.insync.replicas': 3},"): "its min.insync.replicas is 2 (found: 3)",
        },
        right=[
            "mine = " + MAKE.format(3, TWO),
            MAKE.format(3, f"num_partitions=2, {TWO}"),
            MAKE.format(3, ""),  # the kit's cluster has 2 as its default
            "create_topic(mine, **copies, **settings.kafka)",
            f"mine = {MAKE.format(3, TEXTS)}.name",
        ],
    ),
    "09.2": Answers(
        wrong={
            OTHER: "is down (found: down:",
            f"cluster.kill(before.leader)\n{OTHER}": "the other two run (found: down:",
        },
        right=["cluster.stop(before.leader)"],  # the solution kills it; each answer is a start of Kafka
    ),
}
