"""What learners answer in lesson 02."""

import os

from tests.support.answers import Answers

USUAL = -1 if os.name == "nt" else 604_800_000  # on Windows the kit's broker keeps everything

ADMIN = """
from kafka import KafkaAdminClient
from kafka.admin import NewTopic
with KafkaAdminClient(**settings.kafka) as admin:
    admin.create_topics([NewTopic({0})])
"""

ANSWERS = {
    "02.1": Answers(
        wrong={
            "create_topic(mine, **settings.kafka)": "it has 4 partitions (found: 1)",
            "create_topic(mine, num_partitions=3, **settings.kafka)": "it has 4 partitions (found: 3)",
        },
        right=[
            "mine = create_topic(mine, num_partitions=4, **settings.kafka)",
            ADMIN.format("mine, num_partitions=4, replication_factor=1"),
        ],
    ),
    "02.2": Answers(
        wrong={
            "create_topic(hourly, **settings.kafka)": f"one hour (found: {USUAL} ms)",
            "create_topic(hourly, configs={'retention.ms': 3600}, **settings.kafka)": "(found: 3600 ms)",
        },
        right=[
            "hourly = create_topic(hourly, configs={'retention.ms': '3600000'}, **settings.kafka)",
            ADMIN.format(
                "hourly, num_partitions=2, replication_factor=1, topic_configs={'retention.ms': 3600000}"
            ),
        ],
    ),
}
