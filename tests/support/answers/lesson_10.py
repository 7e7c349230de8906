"""What learners answer in lesson 10."""

from tests.support.answers import Answers

SKIPPED = {"## A member dies": "### Exercise 2: the lag"}

LAG = (
    "stored = warehouse.next_offsets(topic.topic_id)\n"
    "ends = topic_offsets(topic.name, **settings.kafka)\n"
    "lag = {n: end - stored.get(n, first) for n, (first, end) in ends.items()}\n"
)

NOT_IN_THE_LIST = """
from lab import partition_owners

other = start_program(reads, env=os.environ | own)
wait_until(lambda: len(set(partition_owners(topic.name, group, **settings.kafka).values())) > 1)
"""

ANSWERS = {
    "10.1": Answers(
        wrong={NOT_IN_THE_LIST: "both are in the list consumers (found: 1)"},
        right=[
            "other.terminate()\nother.wait(timeout=30)\n"
            "consumers += [start_program([*kit, 'consume', '--quiet'], env={**os.environ, **own})]"
        ],
    ),
    "10.2": Answers(
        wrong={
            "lag = 100": "it has a number for each partition",
            "lag = {0: 5}": "it has a number for each partition",
            "lag = {n: 0 for n in range(4)}": "each is the end minus the stored offset",
            LAG + "lag = {n: lag[(n + 1) % 4] + 1 for n in lag}": "each is the end minus the stored offset",
        },
        right=[
            LAG + "import pandas\nlag = pandas.Series(lag)",
            LAG + "import numpy\nlag = {numpy.int64(n): numpy.int64(value) for n, value in lag.items()}",
            LAG + "lag = [lag[n] for n in sorted(lag)]",
        ],
    ),
}
