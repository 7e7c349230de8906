"""What can be said of all readings without reading them? How many each sensor has, and their extremes.

SQLite keeps that in the table `sensor_counts`, up to the row `last_id`, and a question adds the rows after
it. So the answer is that of a full scan, also while consumers write, or after one was killed. A running
consumer moves `last_id` on, about once a second. A trigger empties the table when a row is changed or
deleted.

PostgreSQL reads with several processes, and its ids are not in the order of the commits: it keeps nothing.
"""

from lab.databases.base import Database, Queryable
from lab.databases.queries import EVERYTHING, Extent, Selection

# Rows counted at a time. While readings are stored as fast as it goes, FEW take half a percent of the time.
# Otherwise there is time for MANY, and another consumer waits for them 0.05 s.
FEW, MANY = 5_000, 50_000
TABLE = "sensor_counts"
LATEST = "greatest"  # a column that this table did not have in an older kit
SQLITE = (
    f"CREATE TABLE IF NOT EXISTS {TABLE} (sensor_id TEXT, status TEXT, readings INTEGER NOT NULL,"
    " first_ts TEXT NOT NULL, last_ts TEXT NOT NULL, least REAL NOT NULL, greatest REAL NOT NULL,"
    " last_id INTEGER NOT NULL, PRIMARY KEY (sensor_id, status))",
    # Whoever drops the table `sensor_logs` drops its triggers with it.
    f"DELETE FROM {TABLE} WHERE NOT EXISTS"
    f" (SELECT 1 FROM sqlite_master WHERE type = 'trigger' AND name = '{TABLE}_DELETE')",
    *(
        f"CREATE TRIGGER IF NOT EXISTS {TABLE}_{event} AFTER {event} ON sensor_logs"
        f" BEGIN DELETE FROM {TABLE}; END"
        for event in ("UPDATE", "DELETE")
    ),
)
COUNTED = f"(SELECT coalesce(max(last_id), -9223372036854775808) FROM {TABLE})"  # up to this id
NEWEST = f"SELECT (SELECT max(id) FROM sensor_logs), {COUNTED}"
ADVANCE = (
    f"INSERT INTO {TABLE} (sensor_id, status, readings, first_ts, last_ts, least, greatest, last_id)"
    " SELECT sensor_id, status, count(*), min(ts), max(ts), min(val), max(val), max(id) FROM"
    f" (SELECT * FROM sensor_logs WHERE id > {COUNTED} ORDER BY id LIMIT ?)"
    " WHERE true GROUP BY sensor_id, status"
    " ON CONFLICT (sensor_id, status) DO UPDATE SET readings = readings + excluded.readings,"
    " first_ts = min(first_ts, excluded.first_ts), last_ts = max(last_ts, excluded.last_ts),"
    " least = min(least, excluded.least), greatest = max(greatest, excluded.greatest),"
    " last_id = excluded.last_id"
)
COUNT = "SELECT count(*) FROM sensor_logs"
BY_SENSOR = "SELECT sensor_id, count(*) AS readings, max(ts) AS last_ts FROM sensor_logs"
STATUSES = "SELECT DISTINCT sensor_id, status FROM sensor_logs"
EXTENT = "SELECT count(*), min(ts), max(ts), min(val), max(val) FROM sensor_logs"


class Counts:
    """Moves the kept numbers on, for one consumer."""

    def __init__(self, db: Database):
        self._db, self._newest = db, 0

    def advance(self) -> None:
        """Count some of the new rows, and more of them if few were stored since the last time.

        If there are none, nothing is written, because a writer waits for all others.
        """
        if not self._db.keeps_counts:
            return
        newest, counted = self._db.execute(NEWEST).fetchall()[0]
        if newest is None or newest == counted:
            return
        before, self._newest = self._newest, newest
        with self._db.transaction():
            self._db.execute(ADVANCE, (FEW if self._newest - before > MANY / 2 else MANY,))


def count_sensor_logs(warehouse: Queryable) -> int:
    """How many readings are stored."""
    sql = COUNT
    if _are_kept(warehouse):
        kept = f"SELECT coalesce(sum(readings), 0) FROM {TABLE}"
        sql = f"SELECT ({kept}) + ({COUNT} WHERE id > {COUNTED})"
    return warehouse.query(sql)[0][0]


def count_by_sensor(warehouse: Queryable) -> list[tuple[str, int, str]]:
    """(sensor_id, number of readings, the time of the last) of each sensor."""
    sql = f"{BY_SENSOR} GROUP BY sensor_id"
    if _are_kept(warehouse):
        both = (
            f"SELECT sensor_id, readings, last_ts FROM {TABLE} UNION ALL"
            f" {BY_SENSOR} WHERE id > {COUNTED} GROUP BY sensor_id"
        )
        sql = f"SELECT sensor_id, sum(readings), max(last_ts) FROM ({both}) AS parts GROUP BY sensor_id"
    found = warehouse.query(f"{sql} ORDER BY sensor_id")
    return [(sensor_id, number, ts) for sensor_id, number, ts in found]


def statuses_by_sensor(warehouse: Queryable) -> list[tuple]:
    """The distinct (sensor_id, status)."""
    sql = STATUSES
    if _are_kept(warehouse):
        sql = f"SELECT sensor_id, status FROM {TABLE} UNION {STATUSES} WHERE id > {COUNTED}"
    return warehouse.query(sql)


def extent(warehouse: Queryable, selection: Selection = EVERYTHING) -> Extent:
    """The number of readings, and the minimum and maximum of their times and values."""
    where, values = selection.where()
    sql = f"{EXTENT} {where}"
    if _are_kept(warehouse) and not selection.limits:
        kept = f"SELECT readings, first_ts, last_ts, least, greatest FROM {TABLE} {where}"
        sql = (
            "SELECT sum(readings), min(first_ts), max(last_ts), min(least), max(greatest)"
            f" FROM ({kept} UNION ALL {sql} AND id > {COUNTED})"
        )
        values *= 2
    return Extent(*warehouse.query(sql, *values)[0])


def _are_kept(warehouse: Queryable) -> bool:
    """Not in PostgreSQL, and not in a file of an older kit that is only read."""
    return warehouse.column(TABLE, LATEST) != "NULL"
