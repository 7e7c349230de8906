"""How does SQLite keep the warehouse? In one file, `warehouse.db`, with nothing to install or start."""

import logging
import os
import sqlite3
from collections.abc import Generator, Iterable, Sequence
from contextlib import closing, contextmanager
from functools import cache
from itertools import chain, islice
from pathlib import Path

from lab.databases import counts
from lab.databases.base import STATEMENT
from lab.databases.schema import TABLES, Column, Table, names
from lab.errors import WarehouseError
from lab.system.locks import one_at_a_time
from lab.system.machine import machine_id

log = logging.getLogger("lab")

# Errors that may clear up: locked by another program, disk full, a disk that fails now and then.
TRANSIENT = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}
ADVICE = {
    sqlite3.SQLITE_NOTADB: "It is not an SQLite database: choose another file with LAB_WAREHOUSE.",
    sqlite3.SQLITE_READONLY: "It is read-only: make it writable, or choose another with LAB_WAREHOUSE.",
    sqlite3.SQLITE_CANTOPEN: "Check that its folder exists and is yours to write.",
}
# A time without a fraction, as an older kit stored it; and the user_version of a file that has none of these.
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
    keeps_counts = True

    def __init__(self, url: str):
        """`url`: `sqlite:///relative.db`, `sqlite:////absolute.db`, or a bare path."""
        self.path = Path(url.removeprefix("sqlite:///")).resolve()
        self.name = str(self.path)
        self._identity = self._wal = None
        self._open: sqlite3.Connection | None = None

    @property
    def identity(self) -> str:
        """A text that is the same for everyone who uses this file, and differs for any other file."""
        return f"{machine_id()} {self.path}"

    @property
    def is_there(self) -> bool:
        """Whether there is a file to read."""
        return self.path.exists()

    def connect(self, create: bool) -> None:
        """Open the file; with `create`, make it if necessary, and find out whether it can be written."""
        if self.path.exists() and not (self.path.is_file() or self.path.is_dir()):
            raise WarehouseError(f"{self.path} is a device: choose a file with LAB_WAREHOUSE.")
        # A wait inside SQLite cannot be interrupted, so the timeout is short. The warehouse tries again.
        self._open = sqlite3.connect(self.path, timeout=0.5, isolation_level=None, check_same_thread=False)
        self._identity, self._wal = _identity(self.path), None
        if create:
            # With WAL, readers and the writer do not wait for each other.
            self.execute("PRAGMA journal_mode = WAL")
            self.execute("PRAGMA synchronous = NORMAL")

    def create(self, tables: Sequence[Table]) -> None:
        """Create the tables that are missing."""
        with self.transaction():
            if counts.LATEST not in self.columns(counts.TABLE):
                self.execute(f"DROP TABLE IF EXISTS {counts.TABLE}")  # of an older kit: it is counted anew
            for sql in (*(table.sql(TYPES) for table in tables), *counts.SQLITE):
                self.execute(sql)

    def add_column(self, table: str, column: Column) -> None:
        """Add a column to an older table, unless another program has just added it."""
        with self.transaction():
            if column.name not in self.columns(table):
                self.execute(f"ALTER TABLE {table} ADD COLUMN {column.sql(TYPES)}")

    def convert_times(self) -> None:
        """Convert the times of an older kit to the width of all others, once and in one transaction."""
        if self._are_times_wide():
            return
        with self.transaction():
            if self._are_times_wide():
                return  # another program has just done it
            if self.execute(f"SELECT 1 FROM sensor_logs WHERE {NARROW} LIMIT 1").fetchone():
                log.warning(
                    "%s is of an older kit: converting its times, once (a million rows: seconds).",
                    self.name,
                )
                self.execute(
                    f"UPDATE sensor_logs SET ts = substr(ts, 1, 19) || '.000000+00:00' WHERE {NARROW}"
                )
            self.execute(f"PRAGMA user_version = {WIDE_TIMES}")

    def _are_times_wide(self) -> bool:
        return self.execute("PRAGMA user_version").fetchone()[0] >= WIDE_TIMES

    def probe(self) -> None:
        """Check that the file can be written: write, and roll back."""
        self.execute("BEGIN IMMEDIATE")
        self.execute("CREATE TABLE can_be_written (x)")
        self.execute("ROLLBACK")

    def close(self) -> None:
        """Close the file. Closing twice is safe."""
        if self._open:
            self._open.close()
        if self._wal and self.lost() and _identity(self._beside("-wal")) == self._wal:
            # SQLite leaves the write-ahead log of a removed file, which would damage a new file.
            for ending in ("-wal", "-shm"):
                self._beside(ending).unlink(missing_ok=True)

    def lost(self) -> str | None:
        """Why the database must be opened again; None if it need not be."""
        if _identity(self.path) == self._identity:
            return None
        return "was removed or replaced: going on with a new one."

    def columns(self, table: str) -> list[str]:
        """The names of a table's columns; empty if there is no such table."""
        return [column[1] for column in self.execute(f"PRAGMA table_info({table})")]

    def execute(self, sql: str, values: Sequence = ()) -> sqlite3.Cursor:
        """Run a statement; its parameters are written `?`."""
        return self._connection.execute(sql, values)

    def insert(self, table: str, columns: tuple[str, ...], rows: Iterable[tuple]) -> None:
        """Insert many rows; `columns` names their values."""
        rows = iter(rows)
        # A hundred rows per statement take a quarter less time than executemany.
        while some := list(islice(rows, 100)):
            self._connection.execute(_insert(table, columns, len(some)), list(chain.from_iterable(some)))

    @property
    def _connection(self) -> sqlite3.Connection:
        if not self._open:
            raise sqlite3.ProgrammingError("the file is not open")
        return self._open

    @contextmanager
    def transaction(self) -> Generator[None]:
        """Commit everything in the block, or nothing. Other writers wait until it ends."""
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
        """Of all programs that use this database, only one at a time runs a block of this purpose."""
        with one_at_a_time(self._beside(f".{purpose}.lock")):
            yield

    def seconds(self, column: str) -> str:
        """SQL for a time in seconds since 1970."""
        return f"((julianday({column}) - 2440587.5) * 86400)"

    def advice(self, error: Exception) -> str | None:
        """What to do about an error; None if it may clear up by itself."""
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in TRANSIENT:
            return None
        if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN):
            found = unwritable(self.path)
            if found and found != self.path:  # SQLite always names the file itself
                return f"{found} is read-only: make it writable, or choose another with LAB_WAREHOUSE."
        missing = str(error).removeprefix("no such table: ")
        if code == sqlite3.SQLITE_ERROR and missing not in {table.name for table in TABLES}:
            return STATEMENT
        return ADVICE.get(code, "Move it away, and consume again: everything still in the log comes back.")

    def _beside(self, ending: str) -> Path:
        return self.path.with_name(self.path.name + ending)


@cache
def _insert(table: str, columns: tuple[str, ...], rows: int) -> str:
    marks = f"({', '.join('?' * len(columns))})"
    return f"INSERT INTO {table} ({names(columns)}) VALUES {', '.join([marks] * rows)}"


def tables_of(path: Path) -> set[str]:
    """The names of the tables in a file, after a check that it can be written.

    Raises sqlite3.Error if it is locked, is read-only, or is no database.
    """
    with closing(sqlite3.connect(path, timeout=1, isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        tables = {row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        db.execute("CREATE TABLE can_be_written (x)")
        db.execute("ROLLBACK")
    return tables


def unwritable(path: Path) -> Path | None:
    """The first that this user cannot write: the SQLite file, its -wal and -shm files, or its folder."""
    beside = [path.with_name(path.name + ending) for ending in ("-wal", "-shm")]
    # With the effective user id where the system supports that: os.access checks the real one by default.
    ours = {"effective_ids": True} if os.access in os.supports_effective_ids else {}
    places = (each for each in (path, *beside, path.parent) if each.exists())
    return next((each for each in places if not os.access(each, os.W_OK, **ours)), None)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
        return found.st_dev, found.st_ino
    except FileNotFoundError:
        return None
