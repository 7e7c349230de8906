"""What learners answer in lesson 04."""

from tests.support.answers import Answers

CONSUME = "consume(topic.name, warehouse, group_id=topic.name, {0}, **settings.kafka)"
TIMES = (
    "with KafkaConsumer(**settings.kafka) as clock:\n    answer = clock.offsets_for_times({{partition: {0}}})"
)

ANSWERS = {
    "04.1": Answers(
        wrong={
            CONSUME.format("max_messages=29"): "nothing is left to read",
            CONSUME.format("max_messages=1"): "nothing is left to read",
            # Half-right: twice ten of the thirty.
            "for _ in range(2):\n    " + CONSUME.format("max_messages=10"): "(found: a lag of",
            # Stored first, and then sent more.
            CONSUME.format("idle_timeout=1")
            + "\nproduce(topic.name, simulate_readings(seed=8), interval=0, max_batches=1, **settings.kafka)": (
                "(found: a lag of 3)"
            ),
            CONSUME.format("max_messages=10"): "nothing is left to read: the lag is 0 (found: a lag of",
        },
        right=[
            "end = topic_offsets(topic.name, **settings.kafka)[0][1]\n"
            "while warehouse.next_offsets(topic.topic_id) != {0: end}:\n    "
            + CONSUME.format("max_messages=10, idle_timeout=1"),
            "while consume(topic.name, warehouse, group_id='other', idle_timeout=1, **settings.kafka).stored:\n"
            "    pass",
            "left = topic_offsets(topic.name, **settings.kafka)[0].end - before[0]\n"
            + CONSUME.format("max_messages=left"),
        ],
    ),
    "04.2": Answers(
        wrong={
            "answer = 0": "it is as late as that (found: 0)",
            "answer = 1000": "no message before it is as late as that (found: 1000)",
            "answer = 'soon'": "your answer is a number (found: str)",
            "answer = (0, 1)": "your answer is a number (found: tuple)",
        },
        right=[
            TIMES.format("since"),
            TIMES.format("since") + "[partition]",
            "import numpy\n" + TIMES.format("since") + "[partition].offset\nanswer = numpy.int64(answer)",
            "with KafkaConsumer(topic.name, auto_offset_reset='earliest', consumer_timeout_ms=2000, "
            "**settings.kafka) as every:\n"
            "    answer = min(record.offset for record in every if record.timestamp >= since)",
        ],
    ),
}
