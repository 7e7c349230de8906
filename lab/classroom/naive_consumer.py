"""What happens if a consumer dies between two steps? A naive consumer, which lesson 06 kills there.

    python -m lab.classroom.naive_consumer BOOTSTRAP_SERVERS TOPIC DATABASE FIRST_STEP DIES_IN_POLL

FIRST_STEP is `commit` or `write`; DIES_IN_POLL is the number of the poll in which it dies, or `never`.
"""

import os
import sqlite3
import sys

from kafka import KafkaConsumer, TopicPartition

from lab import decode_reading

servers, topic, database, first_step, dies_in_poll = sys.argv[1:]
consumer = KafkaConsumer(
    bootstrap_servers=servers,
    group_id=f"{topic}-{first_step}",
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
    readings = [decode_reading(record.value) for record in polled.get(partition, [])]
    polls += bool(readings)
    for step in ("commit", "write") if first_step == "commit" else ("write", "commit"):
        if step == "commit":
            consumer.commit()  # tell Kafka how far it has read
        else:
            rows = [(r.sensor_id, r.val, r.unit, r.status, r.ts.isoformat()) for r in readings]
            db.executemany("INSERT INTO sensor_logs VALUES (?, ?, ?, ?, ?)", rows)
            db.commit()
        if step == first_step and readings and str(polls) == dies_in_poll:
            os._exit(1)  # as if the power failed here
