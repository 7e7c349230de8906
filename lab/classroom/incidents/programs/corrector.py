"""Sends readings that replace wrong ones, all or none: in one transaction.

Its settings are in the file of the same name that ends in .json. It prints what it sent.
"""

import json
import time
from datetime import UTC, datetime
from pathlib import Path

from kafka import KafkaProducer

here = Path(__file__)
settings = json.loads(here.with_suffix(".json").read_text(encoding="utf-8"))
producer = KafkaProducer(**settings["kafka"])

producer.init_transactions()
producer.begin_transaction()
for value in settings["values"]:
    ts = datetime.now(UTC).isoformat(timespec="microseconds")
    reading = {"sensor_id": settings["sensor"], "val": value, "unit": "C", "status": "corrected", "ts": ts}
    producer.send(settings["topic"], json.dumps(reading).encode(), settings["sensor"].encode()).get(timeout=5)
    print(f"{settings['sensor']},{ts}", flush=True)
    time.sleep(settings["pause"])
producer.commit_transaction()
