"""What is the warehouse asked? Each query is a function of this module, and its SQL is nowhere else.

The SQL that moves the offsets is in `lab.warehouse`. Times are passed and returned as ISO 8601 text, in UTC.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from lab.databases import rows
from lab.databases.base import Database, Queryable
from lab.databases.opening import known_column
from lab.readings import DeadLetter, Mark, Reading

PAGE = 10_000  # rows per query when a whole table is scanned


class Limits(NamedTuple):
    """Times from `earliest` up to, but not including, `latest`; values from `-greatest` to `greatest`."""

    earliest: str
    latest: str
    greatest: float


class Selection(NamedTuple):
    """The readings of these sensors (all, if none is named) that are within the limits, if there are any."""

    sensors: Sequence[str] = ()
    limits: Limits | None = None

    def where(self) -> tuple[str, list]:
        """The WHERE clause and its values."""
        conditions, values = ["true"], list[object](self.sensors)
        if self.sensors:
            conditions.append(f"sensor_id IN ({', '.join('?' * len(self.sensors))})")
        if self.limits:
            conditions.append("ts >= ? AND ts < ? AND val BETWEEN ? AND ?")
            earliest, latest, greatest = self.limits
            values += [earliest, latest, -greatest, greatest]
        return f"WHERE {' AND '.join(conditions)}", values


class Extent(NamedTuple):
    """The number of readings and their first and last values; without readings, these are None."""

    readings: int
    first: str
    last: str
    least: float
    greatest: float


EVERYTHING = Selection()


# The offsets.


def positions(db: Database, topic_id: str) -> dict[int, tuple[int, Mark | None]]:
    """{partition: (the offset to read next, the last message that was stored)} of a topic."""
    mark = ", ".join(known_column(db, "offsets", name) for name in rows.MARK)
    sql = f'SELECT "partition", next_offset, {mark} FROM offsets WHERE topic_id = ?'
    found = db.execute(sql, (topic_id,)).fetchall()
    return {row[0]: (row[1], Mark(*row[2:]) if row[2] is not None else None) for row in found}


def lost_until(db: Database, topic_id: str) -> dict[int, int]:
    """{partition: the time in milliseconds of the last message that was stored, and then lost by the log}."""
    time = known_column(db, "gaps", "last_timestamp")
    sql = f'SELECT "partition", max({time}) FROM gaps WHERE topic_id = ? GROUP BY "partition"'
    return {partition: time for partition, time in db.execute(sql, (topic_id,)).fetchall() if time}


# The readings.


def sensor_logs(warehouse: Queryable, selection: Selection = EVERYTHING) -> list[tuple]:
    """(id, sensor_id, val, unit, status, ts) of the readings, in the order of their times."""
    where, values = selection.where()
    sql = f"SELECT id, sensor_id, val, unit, status, ts FROM sensor_logs {where} ORDER BY ts, id"
    return warehouse.query(sql, *values)


def last_sensor_logs(warehouse: Queryable, number: int) -> list[tuple]:
    """(sensor_id, val, unit, ts) of the readings that were stored last, the oldest first."""
    sql = "SELECT sensor_id, val, unit, ts FROM sensor_logs ORDER BY id DESC LIMIT ?"
    return warehouse.query(sql, number)[::-1]


def slices(warehouse: Queryable, start: datetime, width: float, selection: Selection) -> list[tuple]:
    """The minimum and maximum of each sensor and status in each slice of `width` seconds from `start` on.

    (sensor_id, status, slice, unit, readings, least, greatest, first, last)
    """
    where, values = selection.where()
    # This rounds down: not every SQLite has floor(), and CAST rounds in PostgreSQL. Half a millisecond is
    # added because SQLite's times are no more exact, and one at the start of a slice would fall before it.
    number = f"round(({warehouse.seconds('ts')} - ? + 0.0005) / ? - 0.5)"
    sql = (
        f"SELECT sensor_id, status, {number} AS slice, min(unit), count(*), min(val), max(val),"
        f" min(ts), max(ts) FROM sensor_logs {where} AND id > ? AND id <= ? GROUP BY sensor_id, slice, status"
    )
    # SQLite sorts the rows to group them. It sorts many pages in three quarters of the time of a whole table.
    page_end = f"SELECT id FROM sensor_logs WHERE id > ? ORDER BY id LIMIT 1 OFFSET {PAGE - 1}"
    found: dict[tuple, tuple] = {}
    above, is_ordered = -(2**63), True
    while above < 2**63 - 1:
        ends = warehouse.query(page_end, above) if is_ordered else []
        up_to = ends[0][0] if ends else 2**63 - 1
        part = warehouse.query(sql, start.timestamp(), width, *values, above, up_to)
        for row in part:
            key, new = row[:3], row[3:]
            found[key] = _one_slice(found[key], new) if key in found else new
        # Readings that were not stored in the order of time are of many slices. Then the rest is one page.
        above, is_ordered = up_to, len(part) < PAGE / 4
    return [(*key, *row) for key, row in found.items()]


def _one_slice(one: tuple, other: tuple) -> tuple:
    """The two parts of a slice that were in two pages: unit, readings, least, greatest, first, last."""
    less, more = ([choose(pair) for pair in zip(one, other)] for choose in (min, max))
    return less[0], one[1] + other[1], less[2], more[3], less[4], more[5]


def next_free_day(warehouse: Queryable, day: datetime) -> datetime:
    """The first day, from this one on, that has no readings."""
    sql = "SELECT 1 FROM sensor_logs WHERE ts >= ? AND ts < ? LIMIT 1"
    while warehouse.query(sql, day.isoformat(), (day + timedelta(days=1)).isoformat()):
        day += timedelta(days=1)
    return day


# Dead letters, gaps, consumers.


def dead_letters(warehouse: Queryable) -> list[tuple]:
    """(id, topic, partition, offset, key, value, error, ts, replayed, headers) of each, the oldest first."""
    sql = (
        'SELECT id, topic, "partition", "offset", "key", value, error, ts, replayed,'
        f" {warehouse.column('dead_letters', 'headers')} FROM dead_letters ORDER BY id"
    )
    return warehouse.query(sql)


def count_dead_letters(warehouse: Queryable, topic: str) -> int:
    """How many messages of this topic were not readings."""
    return warehouse.query("SELECT count(*) FROM dead_letters WHERE topic = ?", topic)[0][0]


def mark_replayed(warehouse: Queryable, letter_id: int, replayed: str) -> None:
    """Record the place of a dead letter's replay in the log."""
    warehouse.execute("UPDATE dead_letters SET replayed = ? WHERE id = ?", replayed, letter_id)


def gaps(warehouse: Queryable) -> list[tuple]:
    """(topic, partition, first_offset, next_offset, reason, ts) of each, the oldest first.

    The reason is None where an older kit recorded it.
    """
    reason = warehouse.column("gaps", "reason")
    sql = f'SELECT topic, "partition", first_offset, next_offset, {reason}, ts FROM gaps ORDER BY id'
    return warehouse.query(sql)


def consumers(warehouse: Queryable) -> list[tuple]:
    """(group_id, member, ts, processed, stored, dead_letters, fenced, reconnects, seconds) of each consumer.

    In the order of `ts`, the time at which it last wrote.
    """
    sql = (
        "SELECT group_id, member, ts, stored + dead_letters, stored, dead_letters, fenced, reconnects,"
        " seconds FROM consumers ORDER BY ts"
    )
    return warehouse.query(sql)


def note_consumer(db: Database, group_id: str, member: str, counts: Mapping[str, float]) -> None:
    """Insert or update the numbers of a consumer."""
    row = {"group_id": group_id, "member": member, **counts, "ts": rows.time_of_writing()}
    changes = ", ".join(f"{name} = excluded.{name}" for name in row)
    sql = (
        f"INSERT INTO consumers ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})"
        f" ON CONFLICT (group_id, member) DO UPDATE SET {changes}"
    )
    db.execute(sql, tuple(row.values()))


def running_consumers(warehouse: Queryable, seconds: float) -> list[tuple[str, str]]:
    """(group_id, member) of each consumer that wrote within the last `seconds`."""
    sql = "SELECT group_id, member FROM consumers WHERE ts >= ? ORDER BY group_id, member"
    found = warehouse.query(sql, rows.time_of_writing(seconds_ago=seconds))
    return [(group_id, member) for group_id, member in found]


# Is a message already stored?


def which_are_stored(
    warehouse: Queryable, topic: str, partition: int, messages: Sequence[Reading | DeadLetter]
) -> list[bool]:
    """For each message, whether there is a row with the same content."""
    readings = [message for message in messages if isinstance(message, Reading)]
    stored = _stored_content(warehouse, readings)
    sql = 'SELECT "offset", "key", value FROM dead_letters WHERE topic = ? AND "partition" = ?'
    letters = set(warehouse.query(sql, topic, partition))
    return [
        rows.content(x) in stored if isinstance(x, Reading) else (x.offset, x.key, x.value) in letters
        for x in messages
    ]


def _stored_content(warehouse: Queryable, readings: list[Reading]) -> set[tuple]:
    """The content of those readings that have a row."""
    wanted = {rows.content(reading) for reading in readings}
    found = set()
    for page in _pages(warehouse, [ts for *_, ts in rows.sensor_logs(readings)]):
        found |= {(*row[1:5], datetime.fromisoformat(row[5])) for row in page} & wanted
    return found


def _pages(warehouse: Queryable, times: list[str]) -> Iterator[list[tuple]]:
    """The rows between the first and the last of these times, in pages."""
    last_id = -1
    sql = (
        "SELECT id, sensor_id, val, unit, status, ts FROM sensor_logs"
        f" WHERE id > ? AND ts >= ? AND ts <= ? ORDER BY id LIMIT {PAGE}"
    )
    while times and (page := warehouse.query(sql, last_id, min(times), max(times))):
        yield page
        last_id = page[-1][0]
