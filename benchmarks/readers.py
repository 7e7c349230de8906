"""Programs that read a topic: ours and the references. Each runs in a process of its own.

`python -m benchmarks.readers NAME SERVERS TOPIC MESSAGES URL` prints {"rate", "work", "memory"}.
The rate is that between the first batch that was done and the last, so that joining the group, some
tenths of a second for each of them, does not count. The work is microseconds of a core for each message in
the same time, on all threads; the memory is what the process has at the end, in bytes.
"""

import json
import os
import sqlite3
import sys
import time
import uuid
from collections.abc import Callable, Iterable
from contextlib import closing

import psutil

import lab.clients.workarounds  # noqa: F401 - its import mends every client, else the bare ones hang now and then

Rows = Iterable[tuple[str, float, str, str, str]]
INSERT = "INSERT INTO sensor_logs (sensor_id, val, unit, status, ts) VALUES (?, ?, ?, ?, ?)"


class Clock:
    """Counts messages that are done with, and the time from the first of them on."""

    def __init__(self, messages: int):
        self.messages, self.done, self.first = messages, 0, 0
        self.began, self.ended, self.memory = time.perf_counter(), 0.0, 0
        self.worked, self.work = time.process_time(), 0.0

    def add(self, count: int) -> None:
        """So many more are done."""
        self.done += count
        self.ended = time.perf_counter()
        if not self.first and not self.is_over:  # if the first batch is all there is, it counts
            self.first, self.began, self.worked = self.done, self.ended, time.process_time()
        if self.is_over:
            self.work = time.process_time() - self.worked
            self.memory = psutil.Process().memory_info().rss

    @property
    def is_over(self) -> bool:
        """Whether all messages are done."""
        return self.done >= self.messages


def with_lab(servers: str, topic: str, url: str, clock: Clock) -> None:
    """Ours: exactly once, validated."""
    from lab.consumer import consume
    from lab.warehouse import Warehouse

    with Warehouse(url) as warehouse:
        consume(
            topic,
            warehouse,
            group_id=_group(),
            max_messages=clock.messages,
            on_stored=lambda readings: clock.add(len(readings)),
            bootstrap_servers=servers,
        )


def with_raw_poll(servers: str, topic: str, url: str, clock: Clock) -> None:
    """The client below ours, and nothing else: the messages are counted and forgotten."""
    from kafka import KafkaConsumer

    group = {"group_id": _group(), "auto_offset_reset": "earliest", "enable_auto_commit": False}
    with KafkaConsumer(topic, bootstrap_servers=servers, **group) as consumer:
        while not clock.is_over:
            if polled := consumer.poll(200, max_records=2000):
                clock.add(sum(map(len, polled.values())))


def with_simple_loop(servers: str, topic: str, url: str, clock: Clock) -> None:
    """The loop that ours grew from: json, one INSERT, one commit for each message; at least once."""
    from kafka import KafkaConsumer

    group = {"group_id": _group(), "auto_offset_reset": "earliest"}
    with (
        closing(_sqlite(url, wal=False)) as db,
        KafkaConsumer(topic, bootstrap_servers=servers, value_deserializer=json.loads, **group) as consumer,
    ):
        for message in consumer:
            reading = message.value
            row = reading["sensor_id"], reading["val"], reading["unit"], reading["status"], reading["ts"]
            db.execute(INSERT, row)
            db.commit()
            clock.add(1)
            if clock.is_over:
                break


def with_confluent(servers: str, topic: str, url: str, clock: Clock) -> None:
    """By hand, with the quickest parts there are: at least once, nothing validated."""
    import orjson
    from confluent_kafka import Consumer

    names = "sensor_id", "val", "unit", "status", "ts"
    write, close = _writer(url)
    group = {"group.id": _group(), "auto.offset.reset": "earliest", "enable.auto.commit": False}
    # Its default waits a second whenever 100,000 messages are fetched ahead.
    consumer = Consumer({"bootstrap.servers": servers, "fetch.queue.backoff.ms": 5, **group})
    consumer.subscribe([topic])
    while not clock.is_over:
        if messages := consumer.consume(5000, timeout=0.05):
            readings = [orjson.loads(message.value()) for message in messages]
            write([tuple([reading[name] for name in names]) for reading in readings])
            consumer.commit(asynchronous=True)
            clock.add(len(messages))
    consumer.close()
    close()


def with_quixstreams(servers: str, topic: str, url: str, clock: Clock) -> None:
    """A batching sink of Quix Streams: at least once, nothing validated."""
    from quixstreams import Application
    from quixstreams.sinks import BatchingSink

    db = _sqlite(url)

    class Sink(BatchingSink):
        def write(self, batch):
            readings = [item.value for item in batch]
            rows = [(r["sensor_id"], r["val"], r["unit"], r["status"], r["ts"]) for r in readings]
            db.executemany(INSERT, rows)
            db.commit()
            clock.add(len(rows))

    application = Application(
        broker_address=servers,
        consumer_group=_group(),
        auto_offset_reset="earliest",
        commit_every=5000,
        loglevel="ERROR",
    )
    application.dataframe(application.topic(topic, value_deserializer="json")).sink(Sink())
    application.run(count=clock.messages, collect=False)
    db.close()


READERS = {
    "lab": with_lab,
    "raw": with_raw_poll,
    "loop": with_simple_loop,
    "confluent": with_confluent,
    "quixstreams": with_quixstreams,
}


def _group() -> str:
    return f"benchmark-{uuid.uuid4().hex[:8]}"


def _sqlite(url: str, wal: bool = True) -> sqlite3.Connection:
    db = sqlite3.connect(url.removeprefix("sqlite:///"))
    if wal:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
    db.execute(
        "CREATE TABLE IF NOT EXISTS sensor_logs (id INTEGER PRIMARY KEY, sensor_id TEXT NOT NULL,"
        " val REAL NOT NULL, unit TEXT NOT NULL, status TEXT NOT NULL, ts TEXT NOT NULL)"
    )
    return db


def _writer(url: str) -> tuple[Callable[[Rows], None], Callable[[], None]]:
    """How to write rows with executemany and one commit, and how to close."""
    if url.startswith("sqlite:"):
        db, insert = _sqlite(url), INSERT
    else:
        import psycopg

        db, insert = psycopg.connect(url), INSERT.replace("?", "%s")
        db.execute(
            "CREATE TABLE IF NOT EXISTS sensor_logs (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
            " sensor_id TEXT NOT NULL, val DOUBLE PRECISION NOT NULL, unit TEXT NOT NULL,"
            " status TEXT NOT NULL, ts TIMESTAMPTZ NOT NULL)"
        )

    def write(rows: Rows) -> None:
        db.cursor().executemany(insert, rows)
        db.commit()

    return write, db.close


def main(name: str, servers: str, topic: str, messages: str, url: str) -> None:
    """Run one of them, and print what it took."""
    clock = Clock(int(messages))
    READERS[name](servers, topic, url, clock)
    messages_in_time = clock.done - clock.first
    found = {
        "rate": messages_in_time / (clock.ended - clock.began),
        "work": 1e6 * clock.work / messages_in_time,
        "memory": clock.memory,
    }
    print(json.dumps(found), flush=True)
    os._exit(0)  # some of them leave threads that take their time


if __name__ == "__main__":
    main(*sys.argv[1:])
