"""Sends a reading of each sensor, again and again.

Its settings are in the file of the same name that ends in .json. The one that ends in .csv lists the readings
that Kafka has acknowledged. The partitioner is murmur2, or crc32 as in programs that are built on librdkafka.
"""

import json
import logging
import random
import time
import zlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

from kafka import KafkaProducer
from kafka.errors import KafkaError

logging.basicConfig()  # warnings of Kafka's client are printed
here = Path(__file__)
settings = json.loads(here.with_suffix(".json").read_text(encoding="utf-8"))
producer = KafkaProducer(**settings["kafka"])
acknowledged = here.with_suffix(".csv").open("a", encoding="utf-8")
clock_is_ahead = timedelta(seconds=settings["clock_is_ahead"])  # of this machine
partitioners = {
    "murmur2": lambda key: None,  # kafka-python chooses so
    "crc32": lambda key: zlib.crc32(key) % len(producer.partitions_for(settings["topic"])),
}
partition_of = partitioners[settings["partitioner"]]

while True:
    for sensor in settings["sensors"]:
        ts = datetime.now(UTC) + clock_is_ahead
        reading = {
            "sensor_id": sensor,
            "val": round(random.gauss(20, 1), 2),
            "unit": "C",
            "status": "ok",
            "ts": ts.isoformat(timespec="microseconds"),
        }
        key = str(reading[settings["key"]]).encode()
        message = json.dumps(reading | settings["more"]).encode()
        milliseconds = int(ts.timestamp() * 1000)
        try:
            place = partition_of(key)
            sent = producer.send(settings["topic"], message, key, partition=place, timestamp_ms=milliseconds)
            sent.get(timeout=5)
        except KafkaError as error:
            print(f"{sensor} at {reading['ts']} was not acknowledged: {error!r}", flush=True)
        else:
            print(f"{sensor},{reading['ts']}", file=acknowledged, flush=True)
    time.sleep(settings["pause"])
