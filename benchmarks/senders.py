"""Programs that send readings: ours and the reference. Each runs in a process of its own.

`python -m benchmarks.senders NAME SERVERS TOPIC MESSAGES` prints {"rate"}: messages a second, from the
first one handed over until all are acknowledged. The readings are made before.
"""

import json
import sys
import time
from functools import partial
from itertools import islice
from typing import Any

from kafka import KafkaProducer

from lab.producer import produce
from lab.readings import Reading, encode_reading
from lab.simulation import simulate_readings


def with_lab(servers: str, topic: str, batches: list[list[Reading]], **kafka: Any) -> None:
    """Ours: what becomes of each message is looked at; a broker that goes away is waited for."""
    produce(topic, batches, interval=0, bootstrap_servers=servers, **kafka)


def with_bare_send(servers: str, topic: str, batches: list[list[Reading]]) -> None:
    """The client below ours, and nothing else."""
    with KafkaProducer(bootstrap_servers=servers) as producer:
        for batch in batches:
            for reading in batch:
                producer.send(topic, encode_reading(reading), reading.sensor_id.encode())
        producer.flush()


CODECS = {name: partial(with_lab, compression_type=name) for name in ("gzip", "lz4", "zstd")}
SENDERS = {
    "lab": with_lab,
    "bare": with_bare_send,
    "none": partial(with_lab, compression_type=None),
    **CODECS,
}


def main(name: str, servers: str, topic: str, messages: str) -> None:
    """Run one of them, and print what it took."""
    batches = list(islice(simulate_readings(10, seed=1), int(messages) // 10))
    began = time.perf_counter()
    SENDERS[name](servers, topic, batches)
    print(json.dumps({"rate": int(messages) / (time.perf_counter() - began)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
