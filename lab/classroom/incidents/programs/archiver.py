"""Stores the readings in charts.db: all that have come, and then it rests.

Its settings are in the file of the same name that ends in .json.
"""

import json
import logging
import sqlite3
import time
from pathlib import Path

from kafka import KafkaConsumer

logging.basicConfig()  # warnings of Kafka's client are printed
here = Path(__file__)
settings = json.loads(here.with_suffix(".json").read_text(encoding="utf-8"))
columns = ("sensor_id", "val", "unit", "status", "ts")

db = sqlite3.connect(here.with_name("charts.db"), timeout=30)
db.execute(f"CREATE TABLE IF NOT EXISTS sensor_logs (id INTEGER PRIMARY KEY, {', '.join(columns)})")
consumer = KafkaConsumer(settings["topic"], **settings["kafka"])
patience = 10_000  # at first it joins its group

while True:
    while records := consumer.poll(timeout_ms=patience):
        for message in (message for messages in records.values() for message in messages):
            reading = json.loads(message.value)
            db.execute(
                f"INSERT INTO sensor_logs ({', '.join(columns)}) VALUES (?, ?, ?, ?, ?)",
                [reading[name] for name in columns],
            )
        db.commit()
        consumer.commit()
        patience = 100
    time.sleep(settings["pause"])
