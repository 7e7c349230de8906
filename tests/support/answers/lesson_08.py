"""What learners answer in lesson 08."""

from tests.support.answers import Answers

SKIPPED = {"## A third one": "## Two groups"}

CONSUME = "consume(topic.name, {0}, group_id={1}, {2}, **settings.kafka)"
MAKE = "create_topic(wide, num_partitions={0}, **settings.kafka)\n"
READER = (
    "reader = KafkaConsumer(topic.name, group_id=archive_group, **how, **settings.kafka)\n"
    "wait_until(lambda: reader.poll(timeout_ms=500))\n"
)
SEND = "produce(wide, simulate_readings({0}), interval=0, max_batches=1, **settings.kafka)"

ANSWERS = {
    "08.1": Answers(
        wrong={
            CONSUME.format("archive", "fresh_name('other')", "idle_timeout=2"): "the group of the exercise",
            CONSUME.format("archive", "archive_group", "max_messages=100"): "to its end (found:",
            "consume(topic.name, archive, idle_timeout=1, **settings.kafka)": "the group of the exercise",
            f"{READER}reader.commit()\nreader.close()": "to its end (found:",  # one poll, and no row
            CONSUME.format(
                "warehouse", "archive_group", "idle_timeout=2"
            ): "is a row in the archive (found: 0",
        },
        right=[
            "everything = sum(end - first for first, end in topic_offsets(topic.name, **settings.kafka).values())\n"
            + CONSUME.format("archive", "archive_group", "max_messages=everything"),
            CONSUME.format("archive", "archive_group", "max_messages=10")
            + "\n"
            + CONSUME.format("archive", "archive_group", "idle_timeout=1"),
            "mine = {'LAB_GROUP': archive_group, 'LAB_WAREHOUSE': str(folder / f'{archive_group}.db')}\n"
            "number = sum(end for _, end in topic_offsets(topic.name, **settings.kafka).values())\n"
            "start_program([*command, '--max-messages', str(number)], env=env | mine).wait()",
        ],
    ),
    "08.2": Answers(
        wrong={
            SEND.format(24): "have a partition of it (found: num_partitions=1)",  # Kafka made the topic
            MAKE.format(12) + SEND.format(3): "something to read (found: nothing for member 1, 4)",
            MAKE.format(3) + SEND.format(24): "have a partition of it (found: num_partitions=3)",
            MAKE.format(4): "something to read (found: nothing for member 1, 2, 3, 4)",
            MAKE.format(4) + SEND.format(12): "there is something to read (found: nothing for member 3)",
            MAKE.format(8) + SEND.format(12): "there is something to read",  # the second has 2 and 3
        },
        right=[
            f"wide = {MAKE.format(4)}" + SEND.format(24).replace("wide", "wide.name"),
            MAKE.format(8) + SEND.format(15),  # of the second member's two partitions, only one is empty
            MAKE.format(6) + SEND.format(6),  # two each for the first two members
            MAKE.format(4) + "from kafka import KafkaProducer\nwith KafkaProducer(**settings.kafka) as own:\n"
            "    for number in range(4):\n        own.send(wide, b'any', partition=number)",
        ],
    ),
}
