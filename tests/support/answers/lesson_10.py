"""What learners answer in lesson 10."""

from tests.support.answers import Answers

LAG = (
    "stored = warehouse.next_offsets(topic.topic_id)\n"
    "ends = topic_offsets(topic.name, **settings.kafka)\n"
    "lag = {n: end - stored.get(n, first) for n, (first, end) in ends.items()}\n"
)

ANSWERS = {
    "10.1": Answers(wrong={}),
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
