"""How does a worker of lesson 16 do jobs? It takes them from a topic, works, and writes down what it did.

    python worker.py SERVERS JOBS DONE GROUP NAME PROTOCOL SECONDS GIVES_BACK DIES_AT

It needs the environment of the neighbour `queues`. PROTOCOL is `share`, or, for a group whose partitions have
owners, `classic` or `consumer`. A job takes SECONDS. A member of a share group gives back a job that begins
with GIVES_BACK. The worker dies when it has done one that begins with DIES_AT, before it says so.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator

from confluent_kafka import AcknowledgeType, Consumer, Message, Producer, ShareConsumer

WARM_UP = "warm up"  # a job by which a member shows that it takes part
REST_SECONDS = 1.0  # after a job that was given back; else the same worker would have it again at once
Work = Iterator[tuple[Message, int, Callable[[bool], object]]]


def main(
    servers: str, jobs: str, done: str, group: str, name: str, protocol: str,
    seconds: str, gives_back: str, dies_at: str,
) -> None:  # fmt: skip
    """Work until this program is ended."""
    ledger = Producer({"bootstrap.servers": servers})
    settings = {"bootstrap.servers": servers, "group.id": group}
    work = shared(settings, jobs) if protocol == "share" else owned(settings, jobs, protocol)
    for message, delivery, acknowledge in work:
        job, began = message.value().decode(), time.time()
        is_mine = not gives_back or not job.startswith(gives_back)
        if is_mine:
            time.sleep(min(float(seconds), 0.1) if job == WARM_UP else float(seconds))
        entry = {"job": job, "worker": name, "delivery": delivery, "did": "done" if is_mine else "gave back"}
        entry |= {"partition": message.partition(), "sent": message.timestamp()[1] / 1000, "began": began}
        ledger.produce(done, json.dumps(entry | {"ended": time.time()}).encode())
        ledger.flush()
        if dies_at and job.startswith(dies_at):
            os._exit(1)
        acknowledge(is_mine)
        if not is_mine:
            time.sleep(REST_SECONDS)


def shared(settings: dict, jobs: str) -> Work:
    """The jobs that a share group gives to this member, one by one."""
    consumer = ShareConsumer(settings | {"share.acknowledgement.mode": "explicit", "max.poll.records": 1})
    consumer.subscribe([jobs])

    def acknowledge(job: Message, is_done: bool) -> None:
        consumer.acknowledge(job, AcknowledgeType.ACCEPT if is_done else AcknowledgeType.RELEASE)
        consumer.commit_sync(10)

    while True:
        for job in consumer.poll(1.0):
            if not job.error():
                yield job, job.delivery_count(), lambda is_done, job=job: acknowledge(job, is_done)


def owned(settings: dict, jobs: str, protocol: str) -> Work:
    """The jobs of the partitions that this member owns, one by one."""
    how = {"group.protocol": protocol, "auto.offset.reset": "earliest", "enable.auto.commit": False}
    consumer = Consumer(settings | how)
    consumer.subscribe([jobs])
    while True:
        job = consumer.poll(1.0)
        if job is not None and not job.error():
            yield job, 1, lambda is_done, job=job: consumer.commit(job, asynchronous=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
