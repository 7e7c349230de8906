"""What does a warehouse have? The queries of the command line."""

from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lab.warehouse import Warehouse


def count_readings(warehouse: "Warehouse") -> int:
    """How many readings are stored."""
    return warehouse.query("SELECT count(*) FROM sensor_logs")[0][0]


def has_readings(warehouse: "Warehouse", start: datetime, end: datetime) -> bool:
    """Whether a reading of this time is stored: `start` is within it, `end` is not."""
    sql = "SELECT 1 FROM sensor_logs WHERE ts >= ? AND ts < ? LIMIT 1"
    return bool(warehouse.query(sql, start.isoformat(), end.isoformat()))


def sensor_rows(warehouse: "Warehouse") -> list[tuple[str, int, str]]:
    """For each sensor its name, the number of its readings, and the time of the last."""
    sql = "SELECT sensor_id, count(*), max(ts) FROM sensor_logs GROUP BY sensor_id ORDER BY sensor_id"
    return warehouse.query(sql)


def consumer_rows(warehouse: "Warehouse") -> list[tuple]:
    """What each consumer last wrote about itself, the latest at the end.

    That is its group, member, time, messages processed, stored, dead letters, fenced, reconnects, seconds.
    """
    return warehouse.query(
        "SELECT group_id, member, ts, stored + dead_letters, stored, dead_letters, fenced, reconnects,"
        " seconds FROM consumers ORDER BY ts"
    )
