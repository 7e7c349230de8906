"""What was sent, and what was stored? A program that sends lists what Kafka has acknowledged, in `*.csv`."""

import json
import sqlite3
from collections import Counter
from collections.abc import Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from lab.topics import read_records

Reading = tuple[str, str]  # (sensor_id, ts): no two readings have the same


def sent(folder: Path) -> list[Reading]:
    """The readings that Kafka has acknowledged, those of each program in their order."""
    return [reading for readings in sent_by(folder).values() for reading in readings]


def sent_by(folder: Path) -> dict[str, list[Reading]]:
    """{program: the readings that Kafka has acknowledged to it, in their order}."""
    return {file.stem: _read(file) for file in sorted(folder.glob("*.csv"))}


def stored(folder: Path) -> Counter[Reading]:
    """{reading: its rows in the table sensor_logs of charts.db}."""
    file = folder / "charts.db"
    if not file.exists():
        return Counter()
    with closing(sqlite3.connect(file, timeout=30)) as db, suppress(sqlite3.OperationalError):
        return Counter(map(tuple, db.execute("SELECT sensor_id, ts FROM sensor_logs")))
    return Counter()  # no such table yet


def in_kafka(topic: str, kafka: Mapping[str, Any]) -> Counter[Reading]:
    """{reading: its messages in the topic}; also those of a transaction that is not committed."""
    found: Counter[Reading] = Counter()
    for message in read_records(topic, **kafka):
        with suppress(ValueError):  # no reading
            reading = json.loads(message.value)
            found[reading["sensor_id"], reading["ts"]] += 1
    return found


def _read(file: Path) -> list[Reading]:
    """Its whole lines: the last one may be half written."""
    lines = file.read_text(encoding="utf-8").rpartition("\n")[0].splitlines()
    return [(sensor, ts) for sensor, _, ts in (line.partition(",") for line in lines)]
