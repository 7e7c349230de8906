"""What does a test send, or store? Readings that can all be told apart."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count

from lab.readings import Batch, Reading
from lab.warehouse import Warehouse


def numbered_readings(sensors: int = 10) -> Iterator[list[Reading]]:
    """Readings that are all different, so that each can be told from every other."""
    for number in count():
        yield [Reading(f"sensor-{n}", number, "count", "OK", datetime.now(UTC)) for n in range(sensors)]


START = datetime(2026, 1, 1, tzinfo=UTC)


TOPIC = ("sensor-data", "id-of-the-topic")


def batch(first: int, end: int, partition: int = 0, **options) -> Batch:
    """The messages with the offsets from `first` up to `end`, whose values are their offsets."""
    readings = [Reading("t-1", n, "°C", "OK", START + timedelta(minutes=n)) for n in range(first, end)]
    usual = {"expected": first or None, "next_offset": end, "readings": readings}
    return Batch(partition, **(usual | options))


VALUES = "SELECT val FROM sensor_logs ORDER BY id"


def values(warehouse: Warehouse) -> list[float]:
    return [val for (val,) in warehouse.query(VALUES)]
