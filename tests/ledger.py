"""Count what became of every message: the log of the topic against the warehouse, one by one.

And the means to disturb it: commands of the kit as processes, and numbered readings to send.
"""

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest
from kafka import KafkaConsumer, TopicPartition

from lab.errors import InvalidReading
from lab.readings import Reading, decode_reading
from lab.warehouse import Warehouse

DELETES_TOPIC = pytest.mark.skipif(
    os.name == "nt", reason="on Windows Kafka cannot remove a topic, so the kit's broker refuses it"
)


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
        until = time.monotonic() + 60
        while any(consumer.position(partition) < ends[partition] for partition in partitions):
            assert time.monotonic() < until, "the log could not be read to its end"
            for some in consumer.poll(500, max_records=5000).values():
                records += some
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


def numbered_readings(sensors: int = 10) -> Iterator[list[Reading]]:
    """Readings that are all different, so that each can be told from every other."""
    for number in count():
        yield [Reading(f"sensor-{n}", number, "count", "OK", datetime.now(UTC)) for n in range(sensors)]


def wait_for(condition: Callable, timeout: float = 30, pause: float = 0.02):
    """The condition's value, once it is true; fails after `timeout` seconds.

    It is asked for a third of the time at most: what it waits for needs the machine as well.
    """
    until = time.monotonic() + timeout
    while True:
        began = time.monotonic()
        if value := condition():
            return value
        asked = time.monotonic()
        assert asked < until, f"not within {timeout} s"
        time.sleep(max(pause, min(2 * (asked - began), 1)))


def soon(seconds: float) -> float:
    """So many seconds; on a busy machine as many times more as a program takes longer there than alone."""
    began, used = time.monotonic(), time.thread_time()
    while time.thread_time() - used < 0.05:
        pass
    return seconds * max(1, (time.monotonic() - began) / 0.05)


class Command:
    """`python -m lab ...` as a process, its output kept line by line."""

    def __init__(self, *arguments: str, output: Path, **environment: str):
        self.output = output
        with output.open("ab") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-u", "-m", "lab", *map(str, arguments)],
                env=os.environ | environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
            )

    @property
    def text(self) -> str:
        return self.output.read_text(encoding="utf-8", errors="replace")

    def wait(self, timeout: float = 30) -> int:
        return self.process.wait(timeout)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)


@contextmanager
def running(*arguments: str, output: Path, **environment: str):
    """A command that is killed at the end of the block if it still runs."""
    command = Command(*arguments, output=output, **environment)
    try:
        yield command
    finally:
        command.kill()
