"""How does SQLite keep the warehouse? In one file, `warehouse.db`, with nothing to install or start."""

import logging
import os
import sqlite3
from collections.abc import Generator, Iterable, Sequence
from contextlib import closing, contextmanager
from functools import cache
from itertools import chain, islice
from pathlib import Path

from lab.databases.schema import Column, Table, names
from lab.errors import WarehouseError
from lab.system.locks import one_at_a_time
from lab.system.machine import machine_id

log = logging.getLogger("lab")

# What may clear up by itself: locked by another program, disk full, a disk that fails now and then.
TRANSIENT = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}
ADVICE = {
    sqlite3.SQLITE_NOTADB: "It is not an SQLite database: choose another file with LAB_WAREHOUSE.",
    sqlite3.SQLITE_READONLY: "It is read-only: make it writable, or choose another with LAB_WAREHOUSE.",
    sqlite3.SQLITE_CANTOPEN: "Check that its folder exists and is yours to write.",
}
# A time on a whole second, as an older kit stored it; and the mark of a file that has none of these.
NARROW = "length(ts) = 25 AND substr(ts, 20) = '+00:00'"
WIDE_TIMES = 1

TYPES = {
    "id": "INTEGER PRIMARY KEY",
    "text": "TEXT",
    "integer": "INTEGER",
    "real": "REAL",
    "bytes": "BLOB",
    "time": "TEXT",
}


class SQLite:
    """An SQLite file as a `lab.databases.base.Database`."""

    Error = sqlite3.Error

    def __init__(self, url: str):
        """`url`: `sqlite:///relative.db`, `sqlite:////absolute.db`, or a bare path."""
        self.path = Path(url.removeprefix("sqlite:///")).resolve()
        self.name = str(self.path)
        self._identity = self._wal = None
        self._open: sqlite3.Connection | None = None

    @property
    def identity(self) -> str:
        """The same for everybody who writes into this file, and for nobody else."""
        return f"{machine_id()} {self.path}"

    @property
    def is_there(self) -> bool:
        """Whether there is a file to be read."""
        return self.path.exists()

    def connect(self, create: bool) -> None:
        """Open the file; with `create`, make it if need be, and find out now whether it can be written."""
        if self.path.exists() and not (self.path.is_file() or self.path.is_dir()):
            raise WarehouseError(f"{self.path} is a device: choose a file with LAB_WAREHOUSE.")
        # A short timeout: while SQLite itself waits, nothing can stop it. The warehouse tries again.
        self._open = sqlite3.connect(self.path, timeout=0.5, isolation_level=None, check_same_thread=False)
        self._identity, self._wal = _identity(self.path), None
        if create:
            # WAL: readers and the writer do not wait for each other.
            self.execute("PRAGMA journal_mode = WAL")
            self.execute("PRAGMA synchronous = NORMAL")

    def create(self, tables: Sequence[Table]) -> None:
        """Make the tables that are missing."""
        with self.transaction():
            for table in tables:
                self.execute(table.sql(TYPES))

    def add_column(self, table: str, column: Column) -> None:
        """Give an older table a column that it lacks; whoever comes second finds it there."""
        with self.transaction():
            if column.name not in self.columns(table):
                self.execute(f"ALTER TABLE {table} ADD COLUMN {column.sql(TYPES)}")

    def convert_times(self) -> None:
        """Give the times that an older kit stored the width of all others: once, in one transaction."""
        if self._are_times_wide():
            return
        with self.transaction():
            if self._are_times_wide():
                return  # another program did it meanwhile
            if self.execute(f"SELECT 1 FROM sensor_logs WHERE {NARROW} LIMIT 1").fetchone():
                log.warning(
                    "%s is of an older kit: its times are written anew, once (a million rows: seconds).",
                    self.name,
                )
                self.execute(
                    f"UPDATE sensor_logs SET ts = substr(ts, 1, 19) || '.000000+00:00' WHERE {NARROW}"
                )
            self.execute(f"PRAGMA user_version = {WIDE_TIMES}")

    def _are_times_wide(self) -> bool:
        return self.execute("PRAGMA user_version").fetchone()[0] >= WIDE_TIMES

    def probe(self) -> None:
        """Write, and undo it: whether the file can be written at all."""
        self.execute("BEGIN IMMEDIATE")
        self.execute("CREATE TABLE can_be_written (x)")
        self.execute("ROLLBACK")

    def close(self) -> None:
        """Close the file. Closing twice is safe."""
        if self._open:
            self._open.close()
        if self._wal and self.lost() and _identity(self._beside("-wal")) == self._wal:
            # SQLite leaves the write-ahead log of a file that is gone: it would spoil the new one.
            for ending in ("-wal", "-shm"):
                self._beside(ending).unlink(missing_ok=True)

    def lost(self) -> str | None:
        """Why the database must be opened again, if it must."""
        if _identity(self.path) == self._identity:
            return None
        return "was removed or replaced: going on with a new one."

    def columns(self, table: str) -> list[str]:
        """The names of a table's columns; none, if there is no such table."""
        return [column[1] for column in self.execute(f"PRAGMA table_info({table})")]

    def execute(self, sql: str, values: Sequence = ()) -> sqlite3.Cursor:
        """Run a statement; its parameters are written `?`."""
        return self._connection.execute(sql, values)

    def insert(self, table: str, columns: tuple[str, ...], rows: Iterable[tuple]) -> None:
        """Add many rows, of which these columns are given."""
        rows = iter(rows)
        # A hundred in a statement: a fourth less work than one by one with executemany.
        while some := list(islice(rows, 100)):
            self._connection.execute(_insert(table, columns, len(some)), list(chain.from_iterable(some)))

    @property
    def _connection(self) -> sqlite3.Connection:
        if not self._open:
            raise sqlite3.ProgrammingError("the file is not open")
        return self._open

    @contextmanager
    def transaction(self) -> Generator[None]:
        """All of the block or nothing; other writers wait until it ends."""
        self.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.execute("COMMIT")
            self._wal = _identity(self._beside("-wal"))
        except BaseException:
            if self._connection.in_transaction:
                self.execute("ROLLBACK")
            raise

    @contextmanager
    def exclusive(self, purpose: str) -> Generator[None]:
        """Only one program at a time is in such a block, among all that use this database."""
        with one_at_a_time(self._beside(f".{purpose}.lock")):
            yield

    def seconds(self, column: str) -> str:
        """SQL for the seconds since 1970 of a time."""
        return f"((julianday({column}) - 2440587.5) * 86400)"

    def advice(self, error: Exception) -> str | None:
        """What to do about an error; None if it may clear up by itself."""
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in TRANSIENT:
            return None
        if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN):
            found = unwritable(self.path)
            if found and found != self.path:  # SQLite names the file, whatever it is
                return f"{found} is read-only: make it writable, or choose another with LAB_WAREHOUSE."
        return ADVICE.get(code, "Move it away, and consume again: everything still in the log comes back.")

    def _beside(self, ending: str) -> Path:
        return self.path.with_name(self.path.name + ending)


@cache
def _insert(table: str, columns: tuple[str, ...], rows: int) -> str:
    marks = f"({', '.join('?' * len(columns))})"
    return f"INSERT INTO {table} ({names(columns)}) VALUES {', '.join([marks] * rows)}"


def tables_of(path: Path) -> set[str]:
    """The names of the tables in a file, found while it is shown that it can be written.

    Raises sqlite3.Error if it is locked, is read-only, or is no database.
    """
    with closing(sqlite3.connect(path, timeout=1, isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        tables = {row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        db.execute("CREATE TABLE can_be_written (x)")
        db.execute("ROLLBACK")
    return tables


def unwritable(path: Path) -> Path | None:
    """What of an SQLite file cannot be written by us: itself, what SQLite keeps beside it, its folder."""
    beside = [path.with_name(path.name + ending) for ending in ("-wal", "-shm")]
    # As who we are now, where the system can tell that apart from who we were at the start.
    ours = {"effective_ids": True} if os.access in os.supports_effective_ids else {}
    places = (each for each in (path, *beside, path.parent) if each.exists())
    return next((each for each in places if not os.access(each, os.W_OK, **ours)), None)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
        return found.st_dev, found.st_ino
    except FileNotFoundError:
        return None
