"""What became of every message? The log of the topic against the warehouse, one by one."""

import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from kafka import KafkaConsumer, TopicPartition

from lab.errors import InvalidReading
from lab.readings import Reading, decode_reading
from lab.warehouse import Warehouse
from tests.support.waiting import wait_for


@dataclass(frozen=True)
class Ledger:
    """Messages in the log, and what the warehouse made of them."""

    produced: int
    stored: int
    dead_letters: int
    lost: int
    twice: int
    gone: int = 0  # stored, and not in the log any more

    @property
    def clean(self) -> bool:
        return self.lost == self.twice == self.gone == 0


def read_log(topic: str, bootstrap_servers: str) -> list:
    """Every message of a topic, from its first to its end."""
    with KafkaConsumer(bootstrap_servers=bootstrap_servers) as consumer:
        numbers = wait_for(lambda: consumer.partitions_for_topic(topic))
        partitions = [TopicPartition(topic, number) for number in numbers]
        ends = consumer.end_offsets(partitions)
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        records = []
        last = time.monotonic()  # when something came: how long it all takes depends on the log's length
        while any(consumer.position(partition) < ends[partition] for partition in partitions):
            assert time.monotonic() < last + 60, "the log could not be read to its end"
            for some in consumer.poll(500, max_records=5000).values():
                records += some
                last = time.monotonic()
        return records


def take_ledger(topic: str, bootstrap_servers: str, warehouse: Path | str) -> Ledger:
    """The log against the rows and dead letters, by their whole content."""
    good, bad = Counter(), Counter()
    for record in read_log(topic, bootstrap_servers):
        try:
            good[row(decode_reading(record.value))] += 1
        except InvalidReading:
            bad[record.partition, record.offset, record.key, record.value] += 1
    with Warehouse(str(warehouse), create=False) as db:
        rows = Counter(db.query("SELECT sensor_id, val, unit, status, ts FROM sensor_logs"))
        sql = 'SELECT "partition", "offset", "key", value FROM dead_letters WHERE topic = ?'
        letters = Counter(db.query(sql, topic))
    lost, more = (good - rows) + (bad - letters), (rows - good) + (letters - bad)
    gone = {message for message in more if message not in good and message not in bad}
    twice = more.total() - len(gone)
    return Ledger((good + bad).total(), rows.total(), letters.total(), lost.total(), twice, len(gone))


def row(reading: Reading) -> tuple:
    ts = reading.ts.isoformat(timespec="microseconds")
    return reading.sensor_id, reading.val, reading.unit, reading.status, ts
