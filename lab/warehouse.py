"""Where do readings end up? The table `sensor_logs`, and with it the place reached in the log.

Rows, offsets and dead letters are written in one transaction: after a crash the warehouse holds
either all of a batch and the offset behind it, or nothing of it. That makes "nothing lost, nothing
twice" a property of the database, and no matter of when a consumer dies.

An offset belongs to the id of its topic, not to its name: a topic made anew starts again at 0.
It is moved only if it is still where the writer left it. So of two writers one is refused (fenced).
"""

import logging
import sqlite3
import threading
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar, cast

from lab.errors import WarehouseError
from lab.readings import Batch

log = logging.getLogger("lab")
T = TypeVar("T")

SCHEMA = """
CREATE TABLE IF NOT EXISTS sensor_logs (
    id INTEGER PRIMARY KEY, sensor_id TEXT NOT NULL, val REAL NOT NULL,
    unit TEXT NOT NULL, status TEXT NOT NULL, ts TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS offsets (
    topic_id TEXT NOT NULL, "partition" INTEGER NOT NULL, topic TEXT NOT NULL,
    next_offset INTEGER NOT NULL, PRIMARY KEY (topic_id, "partition"));
CREATE TABLE IF NOT EXISTS dead_letters (
    id INTEGER PRIMARY KEY, topic TEXT NOT NULL, "partition" INTEGER NOT NULL,
    "offset" INTEGER NOT NULL, "key" BLOB, value BLOB, error TEXT NOT NULL, ts TEXT NOT NULL,
    replayed TEXT);
CREATE TABLE IF NOT EXISTS gaps (
    id INTEGER PRIMARY KEY, topic TEXT NOT NULL, topic_id TEXT NOT NULL,
    "partition" INTEGER NOT NULL, first_offset INTEGER NOT NULL, next_offset INTEGER NOT NULL,
    ts TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS consumers (
    group_id TEXT NOT NULL, member TEXT NOT NULL, stored INTEGER NOT NULL,
    dead_letters INTEGER NOT NULL, fenced INTEGER NOT NULL, reconnects INTEGER NOT NULL,
    seconds REAL NOT NULL, ts TEXT NOT NULL, PRIMARY KEY (group_id, member));
"""
# What may clear up by itself: locked by another program, disk full, a disk that fails now and then.
TRANSIENT = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}


class Warehouse:
    """An SQLite database with the table `sensor_logs`.

    Close it, or use it as a context manager. For one thread at a time.
    """

    def __init__(self, url: str = "sqlite:///warehouse.db", create: bool = True):
        """`url`: `sqlite:///relative.db`, `sqlite:////absolute.db`, or a bare path.

        With `create=False` it is only read. Raises WarehouseError if there is none then, if the
        file is no database, has another `sensor_logs`, or cannot be written.
        """
        self.path = Path(url.removeprefix("sqlite:///")).resolve()
        self._create = create
        self._connection = cast(sqlite3.Connection, self._retry(self._open, threading.Event()))

    def __repr__(self) -> str:
        return f"<Warehouse {self.path}>"

    def __enter__(self) -> "Warehouse":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the database. Closing twice is safe."""
        self._connection.close()

    def query(self, sql: str, *values: object) -> list[tuple]:
        """The rows of a SELECT. Raises WarehouseError with what the database says against it."""
        try:
            return self._connection.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise WarehouseError(f"{self.path}: {error}.") from error

    def next_offsets(self, topic_id: str) -> dict[int, int]:
        """{partition: the offset to read next}, for the partitions of which anything was stored."""
        sql = 'SELECT "partition", next_offset FROM offsets WHERE topic_id = ?'
        return dict(self.query(sql, topic_id))

    def store(
        self, topic: str, topic_id: str, batches: list[Batch], stop: threading.Event | None = None
    ) -> set[int] | None:
        """Write the batches in one transaction; returns the partitions that were fenced.

        A partition is fenced, and nothing of its batch written, if the stored offset is not the
        one that the batch expects. While the database is locked or full this waits and tries
        again, saying so once; None if `stop` was set before it could write.
        Raises WarehouseError if waiting is no use.
        """
        return self._retry(lambda: self._store(topic, topic_id, batches), stop or threading.Event())

    def _store(self, topic: str, topic_id: str, batches: list[Batch]) -> set[int]:
        fenced = set()
        with self.transaction() as db:
            for batch in batches:
                if self._move_offset(db, topic, topic_id, batch):
                    self._insert(db, topic, topic_id, batch)
                else:
                    fenced.add(batch.partition)
        return fenced

    def _move_offset(self, db: sqlite3.Connection, topic: str, topic_id: str, batch: Batch) -> bool:
        """The fence: from `expected` to `next_offset`, or not at all."""
        if batch.expected is None:
            sql = "INSERT INTO offsets VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
            moved = db.execute(sql, (topic_id, batch.partition, topic, batch.next_offset))
        else:
            sql = (
                "UPDATE offsets SET next_offset = ?"
                ' WHERE topic_id = ? AND "partition" = ? AND next_offset = ?'
            )
            moved = db.execute(sql, (batch.next_offset, topic_id, batch.partition, batch.expected))
        return moved.rowcount == 1

    def _insert(self, db: sqlite3.Connection, topic: str, topic_id: str, batch: Batch) -> None:
        now = _now()
        db.executemany(
            "INSERT INTO sensor_logs (sensor_id, val, unit, status, ts) VALUES (?, ?, ?, ?, ?)",
            [(r.sensor_id, r.val, r.unit, r.status, r.ts.isoformat()) for r in batch.readings],
        )
        db.executemany(
            'INSERT INTO dead_letters (topic, "partition", "offset", "key", value, error, ts)'
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            [(topic, batch.partition, d.offset, d.key, d.value, d.error, now) for d in batch.dead_letters],
        )
        if batch.gap is not None:
            db.execute(
                'INSERT INTO gaps (topic, topic_id, "partition", first_offset, next_offset, ts)'
                " VALUES (?, ?, ?, ?, ?, ?)",
                (topic, topic_id, batch.partition, batch.gap, batch.next_offset, now),
            )

    def note_consumer(self, group_id: str, member: str, **counts: float) -> None:
        """Keep what a running consumer says of itself; not worth waiting for a locked database."""
        row = {"group_id": group_id, "member": member, **counts, "ts": _now()}
        sql = f"INSERT OR REPLACE INTO consumers ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})"
        try:
            self._connection.execute(sql, tuple(row.values()))
        except sqlite3.Error as error:
            log.debug("%s: the consumer's numbers were not kept: %s", self.path, error)

    @contextmanager
    def transaction(self) -> Generator[sqlite3.Connection]:
        """All of the block or nothing; other writers wait until it ends."""
        self.reopen_if_moved()
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield self._connection
            self._connection.execute("COMMIT")
            self._wal = _identity(_beside(self.path, "-wal"))
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    def reopen_if_moved(self) -> bool:
        """Whether somebody removed or replaced the file; then the one at its path is used from here."""
        if _identity(self.path) == self._identity:
            return False
        log.warning("%s was removed or replaced: going on with a new one.", self.path)
        self._connection.close()
        if self._wal and _identity(_beside(self.path, "-wal")) == self._wal:
            # SQLite leaves the write-ahead log of a file that is gone: it would spoil the new one.
            for ending in ("-wal", "-shm"):
                _beside(self.path, ending).unlink(missing_ok=True)
        self._connection = cast(sqlite3.Connection, self._retry(self._open, threading.Event()))
        return True

    def _retry(self, act: Callable[[], T], stop: threading.Event) -> T | None:
        """Act until it works; what cannot work later is a WarehouseError at once."""
        delay, told = 0.05, False
        while True:
            try:
                return act()
            except sqlite3.Error as error:
                code = getattr(error, "sqlite_errorcode", 0) & 0xFF
                if code not in TRANSIENT:
                    raise WarehouseError(f"{self.path} cannot be used: {error}. {_advice(code)}") from error
                if not told:
                    log.warning("%s: %s. Nothing is lost: trying until it clears.", self.path, error)
                    told = True
            if stop.wait(delay):
                return None
            delay = min(2 * delay, 1)

    def _open(self) -> sqlite3.Connection:
        if not self._create and not self.path.exists():
            raise WarehouseError(f"There is no warehouse at {self.path} yet: python -m lab consume makes it.")
        # A short timeout: while SQLite itself waits, nothing can stop it. We try again above.
        db = sqlite3.connect(self.path, timeout=0.5, isolation_level=None, check_same_thread=False)
        try:
            if self._create:
                # WAL: readers and the writer do not wait for each other.
                db.execute("PRAGMA journal_mode = WAL")
                db.execute("PRAGMA synchronous = NORMAL")
                db.executescript(SCHEMA)
                # A file that cannot be written is found out now, and not at the first reading.
                db.execute("BEGIN IMMEDIATE")
                db.execute("CREATE TABLE can_be_written (x)")
                db.execute("ROLLBACK")
            self._check_columns(db)
        except BaseException:
            db.close()
            raise
        self._identity, self._wal = _identity(self.path), None
        return db

    def _check_columns(self, db: sqlite3.Connection) -> None:
        """Refuse a database whose tables have our names and other columns."""
        with closing(sqlite3.connect(":memory:")) as ours:
            ours.executescript(SCHEMA)
            for table in ("sensor_logs", "offsets", "dead_letters", "gaps", "consumers"):
                expected, found = _columns(ours, table), _columns(db, table)
                if found and set(found) != set(expected):
                    raise WarehouseError(
                        f"{self.path} has a table {table} with the columns {', '.join(found)}; expected "
                        f"{', '.join(expected)}. Move the file away, or choose another: LAB_WAREHOUSE."
                    )
        if not self._create and not _columns(db, "sensor_logs"):
            raise WarehouseError(f"{self.path} has no table sensor_logs: it is not a warehouse of this kit.")


def _columns(db: sqlite3.Connection, table: str) -> list[str]:
    return [column[1] for column in db.execute(f"PRAGMA table_info({table})")]


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
        return found.st_dev, found.st_ino
    except FileNotFoundError:
        return None


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)


def _advice(code: int) -> str:
    return {
        sqlite3.SQLITE_NOTADB: "It is not an SQLite database: choose another file with LAB_WAREHOUSE.",
        sqlite3.SQLITE_READONLY: "It is read-only: make it writable, or choose another with LAB_WAREHOUSE.",
        sqlite3.SQLITE_CANTOPEN: "Check that its folder exists and is yours to write.",
    }.get(code, "Move it away, and consume again: everything still in the log comes back.")
