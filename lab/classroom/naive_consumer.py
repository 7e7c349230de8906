"""What happens if a consumer dies between two steps? A naive consumer, which lesson 06 kills there.

    python -m lab.classroom.naive_consumer BOOTSTRAP_SERVERS TOPIC DATABASE WAY DIES_IN_POLL

WAY is `commit_first` or `write_first`; DIES_IN_POLL is the number of the poll in which it dies, or `never`.
"""

import os
import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path

from kafka import KafkaConsumer, TopicPartition

from lab import Reading, decode_reading


def commit_first(readings: Sequence[Reading]) -> None:
    """Tell Kafka, then store."""
    consumer.commit()  # how far it has read
    die_if_it_is_time()
    write(readings)


def write_first(readings: Sequence[Reading]) -> None:
    """Store, then tell Kafka."""
    write(readings)
    die_if_it_is_time()
    consumer.commit()


def die_if_it_is_time() -> None:
    """As if the power failed here."""
    if str(polls) == dies_in_poll:
        os._exit(1)


def write(readings: Sequence[Reading]) -> None:
    """Store them in the database."""
    rows = [(r.sensor_id, r.val, r.unit, r.status, r.ts.isoformat()) for r in readings]
    db.executemany("INSERT INTO sensor_logs VALUES (?, ?, ?, ?, ?)", rows)
    db.commit()


servers, topic, database, way, dies_in_poll = sys.argv[1:]
store = {"commit_first": commit_first, "write_first": write_first}[way]
consumer = KafkaConsumer(
    bootstrap_servers=servers,
    group_id=f"{topic}-{way}-{Path(database).parent.name}",  # a new database begins with the oldest message
    enable_auto_commit=False,
    auto_offset_reset="earliest",
)
partition = TopicPartition(topic, 0)
consumer.assign([partition])
end = consumer.end_offsets([partition])[partition]
db = sqlite3.connect(database)
db.execute("CREATE TABLE IF NOT EXISTS sensor_logs (sensor_id, val, unit, status, ts)")

polls = 0
while consumer.position(partition) < end:
    polled = consumer.poll(timeout_ms=1000, max_records=100)
    if records := polled.get(partition):
        polls += 1
        store([decode_reading(record.value) for record in records])
