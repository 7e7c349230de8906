"""How many readings has each sensor? SQLite keeps the numbers, so that nobody counts millions of rows.

The table `sensor_counts` holds them up to the row `last_id`, and a question adds the rows after it. So the
answer is that of a full scan, also while consumers write, or after one was killed. A running consumer moves
`last_id` on, about once a second. A trigger empties the table when a row is changed or deleted.

PostgreSQL counts with several processes, and its ids are not in the order of the commits: it keeps nothing.
"""

from lab.databases.base import Database, Queryable

# Rows counted at a time. While readings are stored as fast as it goes, FEW take half a percent of the time.
# Otherwise there is time for MANY, and another consumer waits for them 0.05 s.
FEW, MANY = 5_000, 50_000
TABLE = "sensor_counts"
SQLITE = (
    f"CREATE TABLE IF NOT EXISTS {TABLE} (sensor_id TEXT PRIMARY KEY, readings INTEGER NOT NULL,"
    " last_ts TEXT NOT NULL, last_id INTEGER NOT NULL)",
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
    f"INSERT INTO {TABLE} (sensor_id, readings, last_ts, last_id)"
    " SELECT sensor_id, count(*), max(ts), max(id) FROM"
    f" (SELECT sensor_id, ts, id FROM sensor_logs WHERE id > {COUNTED} ORDER BY id LIMIT ?)"
    " WHERE true GROUP BY sensor_id"
    " ON CONFLICT (sensor_id) DO UPDATE SET readings = readings + excluded.readings,"
    " last_ts = max(last_ts, excluded.last_ts), last_id = excluded.last_id"
)
COUNT = "SELECT count(*) FROM sensor_logs"
BY_SENSOR = "SELECT sensor_id, count(*) AS readings, max(ts) AS last_ts FROM sensor_logs"


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


def _are_kept(warehouse: Queryable) -> bool:
    """Not in PostgreSQL, and not in a file of an older kit that is only read."""
    return warehouse.column(TABLE, "last_id") != "NULL"
