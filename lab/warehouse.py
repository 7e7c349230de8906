"""Where do readings end up? The table `sensor_logs`, and with it the place reached in the log.

Rows, offsets and dead letters are written in one transaction: after a crash the warehouse holds
either all of a batch and the offset behind it, or nothing of it. That makes "nothing lost, nothing
twice" a property of the database, and no matter of when a consumer dies.

An offset belongs to the id of its topic, not to its name: a topic made anew starts again at 0.
It is moved only if it is still where the writer left it. So of two writers one is refused (fenced).

The database is SQLite or PostgreSQL: `lab.databases.sqlite` and `lab.databases.postgresql` say what differs.
"""

import logging
import re
import threading
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, TypeVar

import msgspec

from lab.databases.sqlite import SQLite
from lab.errors import NoWarehouseYet, WarehouseError
from lab.readings import Batch, DeadLetter, Mark, Reading

log = logging.getLogger("lab")
T = TypeVar("T")
NEVER = threading.Event()
WHOLE = ".000000+00:00"  # how a time on a whole second ends
RUNNING_SECONDS = 10  # a running consumer notes its numbers every second
NOT_YET = "There is no warehouse at {} yet: python -m lab consume makes it."

# {table: its columns}; the types in braces have other names in other databases.
SCHEMA = {
    "sensor_logs": "id {id}, sensor_id TEXT NOT NULL, val {real} NOT NULL, unit TEXT NOT NULL,"
    " status TEXT NOT NULL, ts {time} NOT NULL",
    "offsets": 'topic_id TEXT NOT NULL, "partition" {integer} NOT NULL, topic TEXT NOT NULL,'
    " next_offset {integer} NOT NULL, last_offset {integer}, last_timestamp {integer},"
    ' last_checksum {integer}, PRIMARY KEY (topic_id, "partition")',
    "dead_letters": 'id {id}, topic TEXT NOT NULL, "partition" {integer} NOT NULL,'
    ' "offset" {integer} NOT NULL, "key" {bytes}, value {bytes}, error TEXT NOT NULL, ts {time} NOT NULL,'
    " replayed TEXT, headers TEXT",
    "gaps": 'id {id}, topic TEXT NOT NULL, topic_id TEXT NOT NULL, "partition" {integer} NOT NULL,'
    " first_offset {integer} NOT NULL, next_offset {integer} NOT NULL, ts {time} NOT NULL, reason TEXT",
    "consumers": "group_id TEXT NOT NULL, member TEXT NOT NULL, stored {integer} NOT NULL,"
    " dead_letters {integer} NOT NULL, fenced {integer} NOT NULL, reconnects {integer} NOT NULL,"
    " seconds {real} NOT NULL, ts {time} NOT NULL, PRIMARY KEY (group_id, member)",
}
# {table: its columns that came later}. An older warehouse gets them when it is opened for writing, and
# is read without them (see `column`). So such a column may be NULL, and an INSERT names its columns.
CAME_LATER = {
    "dead_letters": ["headers"],
    "offsets": ["last_offset", "last_timestamp", "last_checksum"],
    "gaps": ["reason"],
}
MARK = ("last_offset", "last_timestamp", "last_checksum")
PAGE = 10_000  # rows at once, where a whole table is looked through


class Database(Protocol):
    """What a warehouse needs of the database that keeps it; see `lab.databases.sqlite`."""

    name: str  # for people: with no password in it

    @property
    def identity(self) -> str: ...
    @property
    def Error(self) -> type[Exception]: ...
    @property
    def is_there(self) -> bool: ...
    def connect(self, create: bool) -> None: ...
    def create(self, schema: dict[str, str]) -> None: ...
    def add_column(self, table: str, name: str, kind: str) -> None: ...
    def convert_times(self) -> None: ...
    def probe(self) -> None: ...
    def close(self) -> None: ...
    def lost(self) -> str | None: ...
    def columns(self, table: str) -> list[str]: ...
    def execute(self, sql: str, values: Sequence = ()) -> Any: ...
    def insert(self, table: str, columns: str, rows: Iterable[tuple]) -> None: ...
    def transaction(self) -> AbstractContextManager[None]: ...
    def exclusive(self, purpose: str) -> AbstractContextManager[None]: ...
    def advice(self, error: Exception) -> str | None: ...
    def seconds(self, column: str) -> str: ...


class Warehouse:
    """A database with the table `sensor_logs`: SQLite or PostgreSQL.

    Its times are in UTC. SQLite keeps them as texts of 32 characters, `2026-01-01T00:00:00.000000+00:00`,
    so that texts in order are times in order.

    Close it, or use it as a context manager. For one thread at a time.
    """

    def __init__(self, url: str = "sqlite:///warehouse.db", create: bool = True):
        """`url`: `sqlite:///relative.db`, `sqlite:////absolute.db`, a bare path, or `postgresql://...`.

        With `create=False` it is only read. Raises WarehouseError if there is none then, if this
        is no database, has another `sensor_logs`, or cannot be written.
        """
        self._db = _database(url)
        self._create = create
        self.name = self._db.name
        self._retry(self._open)

    def __repr__(self) -> str:
        return f"<Warehouse {self.name}>"

    def __enter__(self) -> "Warehouse":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the database. Closing twice is safe."""
        self._db.close()

    def query(self, sql: str, *values: object) -> list[tuple]:
        """The rows of a SELECT; parameters are written `?`, and times come as ISO 8601 text.

        Raises WarehouseError with what the database says against it.
        """
        try:
            self._reopen()
            return self._db.execute(sql, values).fetchall()
        except self._db.Error as error:
            raise WarehouseError(f"{self.name}: {_line(error)}.") from error

    @property
    def identity(self) -> str:
        """What tells this warehouse from all others, whoever opens it."""
        return self._db.identity

    def seconds(self, column: str) -> str:
        """SQL for the seconds since 1970 of a time, to a millisecond at least."""
        return self._db.seconds(column)

    def column(self, table: str, name: str) -> str:
        """SQL for a column that came later: NULL, where an older warehouse that is only read has none."""
        return name if name in self._db.columns(table) else "NULL"

    def execute(self, sql: str, *values: object) -> None:
        """Run a statement that changes something, in a transaction of its own."""

        def run() -> None:
            with self.transaction() as db:
                db.execute(sql, values)

        self._retry(run)

    def next_offsets(self, topic_id: str, stop: threading.Event = NEVER) -> dict[int, int]:
        """{partition: the offset to read next}, for the partitions of which anything was stored.

        While the database is away this waits and tries again; nothing if `stop` was set first.
        """
        return {partition: offset for partition, (offset, _) in self.positions(topic_id, stop).items()}

    def positions(self, topic_id: str, stop: threading.Event = NEVER) -> dict[int, tuple[int, Mark | None]]:
        """{partition: (the offset to read next, the last message that was stored)}; see `next_offsets`.

        The message is None where it is not known: the warehouse was filled by an older kit.
        """

        def read() -> dict[int, tuple[int, Mark | None]]:
            self._reopen()
            mark = ", ".join(self.column("offsets", name) for name in MARK)
            sql = f'SELECT "partition", next_offset, {mark} FROM offsets WHERE topic_id = ?'
            rows = self._db.execute(sql, (topic_id,)).fetchall()
            return {row[0]: (row[1], Mark(*row[2:]) if row[2] is not None else None) for row in rows}

        return self._retry(read, stop) or {}

    def which_are_stored(
        self, topic: str, partition: int, messages: Sequence[Reading | DeadLetter]
    ) -> list[bool]:
        """Of each message, whether a row with all that is in it is there.

        Slow, for it looks through the whole table: for the day on which a log was cut short.
        """
        wanted = {_content(x) for x in messages if isinstance(x, Reading)}
        times = [text for *_, text in _rows([x for x in messages if isinstance(x, Reading)])]
        there, last_id = set(), -1
        sql = (
            "SELECT id, sensor_id, val, unit, status, ts FROM sensor_logs"
            f" WHERE id > ? AND ts >= ? AND ts <= ? ORDER BY id LIMIT {PAGE}"
        )
        while times and (rows := self.query(sql, last_id, min(times), max(times))):
            last_id = rows[-1][0]
            there |= {(*row[1:5], datetime.fromisoformat(row[5])) for row in rows} & wanted
        sql = 'SELECT "offset", "key", value FROM dead_letters WHERE topic = ? AND "partition" = ?'
        letters = set(self.query(sql, topic, partition))
        return [
            _content(x) in there if isinstance(x, Reading) else (x.offset, x.key, x.value) in letters
            for x in messages
        ]

    def store(
        self, topic: str, topic_id: str, batches: list[Batch], stop: threading.Event = NEVER
    ) -> set[int] | None:
        """Write the batches in one transaction; returns the partitions that were fenced.

        A partition is fenced, and nothing of its batch written, if the stored offset is not the
        one that the batch expects. While the database is locked, full or away this waits and tries
        again, saying so once; None if `stop` was set before it could write.
        Raises WarehouseError if waiting is no use.

        If a server dies as it commits, its answer is lost: then the next try finds the offset
        moved, by itself, and calls the partition fenced. So nothing is written twice.
        """
        return self._retry(lambda: self._store(topic, topic_id, batches), stop)

    def _store(self, topic: str, topic_id: str, batches: list[Batch]) -> set[int]:
        with self.transaction() as db:
            # In one order, so that no two writers wait for each other.
            batches = sorted(batches, key=lambda batch: batch.partition)
            ours = [batch for batch in batches if self._move_offset(db, topic, topic_id, batch)]
            self._insert(db, topic, topic_id, ours)
        return {batch.partition for batch in batches} - {batch.partition for batch in ours}

    def _move_offset(self, db: Database, topic: str, topic_id: str, batch: Batch) -> bool:
        """The fence: from `expected` to `next_offset`, or not at all."""
        last = batch.last
        mark = (last.offset, last.timestamp, last.checksum) if last else (None, None, None)
        if batch.expected is None:
            sql = (
                f'INSERT INTO offsets (topic_id, "partition", topic, next_offset, {", ".join(MARK)})'
                " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
            )
            moved = db.execute(sql, (topic_id, batch.partition, topic, batch.next_offset, *mark))
        else:
            sql = (
                f"UPDATE offsets SET next_offset = ?, {', '.join(f'{name} = ?' for name in MARK)}"
                ' WHERE topic_id = ? AND "partition" = ? AND next_offset = ?'
            )
            moved = db.execute(sql, (batch.next_offset, *mark, topic_id, batch.partition, batch.expected))
        return moved.rowcount == 1

    def _insert(self, db: Database, topic: str, topic_id: str, batches: list[Batch]) -> None:
        now = _now()
        rows = _rows([reading for b in batches for reading in b.readings])
        letters = [
            (topic, b.partition, x.offset, x.key, x.value, x.error, now, _headers(x))
            for b in batches
            for x in b.dead_letters
        ]
        gaps = [
            (topic, topic_id, b.partition, gap.first_offset, gap.next_offset, now, gap.reason)
            for b in batches
            if (gap := b.gap)
        ]
        for table, columns, new in (
            ("sensor_logs", "sensor_id, val, unit, status, ts", rows),
            ("dead_letters", 'topic, "partition", "offset", "key", value, error, ts, headers', letters),
            ("gaps", 'topic, topic_id, "partition", first_offset, next_offset, ts, reason', gaps),
        ):
            if new:
                db.insert(table, columns, new)

    def note_consumer(self, group_id: str, member: str, **counts: float) -> None:
        """Keep what a running consumer says of itself; not worth waiting for a locked database."""
        row = {"group_id": group_id, "member": member, **counts, "ts": _now()}
        changes = ", ".join(f"{name} = excluded.{name}" for name in row)
        sql = (
            f"INSERT INTO consumers ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})"
            f" ON CONFLICT (group_id, member) DO UPDATE SET {changes}"
        )
        try:
            self._db.execute(sql, tuple(row.values()))
        except self._db.Error as error:
            log.debug("%s: the consumer's numbers were not kept: %s", self.name, error)

    def running_consumers(self) -> list[tuple[str, str]]:
        """(group, member) of each consumer that noted its numbers within the last seconds."""
        since = (datetime.now(UTC) - timedelta(seconds=RUNNING_SECONDS)).isoformat(timespec="milliseconds")
        sql = "SELECT group_id, member FROM consumers WHERE ts >= ? ORDER BY group_id, member"
        return [(group, member) for group, member in self.query(sql, since)]

    @contextmanager
    def transaction(self) -> Generator[Database]:
        """All of the block or nothing."""
        self._reopen()
        with self._db.transaction():
            yield self._db

    def exclusive(self, purpose: str) -> AbstractContextManager[None]:
        """Only one program at a time is in such a block, among all that use this warehouse."""
        return self._db.exclusive(purpose)

    def reopen_if_lost(self, stop: threading.Event = NEVER) -> bool:
        """Whether the file was removed or replaced, or the connection lost; then it is opened again."""
        return bool(self._retry(self._reopen, stop))

    def _reopen(self) -> bool:
        reason = self._db.lost()
        if reason:
            self._db.close()
            self._open()
            log.warning("%s %s", self.name, reason)
        return bool(reason)

    def _retry(self, act: Callable[[], T], stop: threading.Event = NEVER) -> T | None:
        """Act until it works; what cannot work later is a WarehouseError at once."""
        delay, told = 0.05, False
        while True:
            try:
                return act()
            except self._db.Error as error:
                if advice := self._db.advice(error):
                    raise WarehouseError(f"{self.name} cannot be used: {_line(error)}. {advice}") from error
                if not told:
                    log.warning("%s: %s. Nothing is lost: trying until it clears.", self.name, _line(error))
                    told = True
            if stop.wait(delay):
                return None
            delay = min(2 * delay, 1)

    def _open(self) -> None:
        if not self._create and not self._db.is_there:
            raise NoWarehouseYet(NOT_YET.format(self.name))
        try:
            self._db.connect(self._create)
            if self._create:
                self._db.create(SCHEMA)
            self._check_columns()
            if self._create:
                self._add_missing_columns()
                self._db.convert_times()
                self._db.probe()
        except BaseException:
            self._db.close()
            raise

    def _check_columns(self) -> None:
        """Refuse a database whose tables have our names and other columns."""
        for table in SCHEMA:
            expected, found = _columns(table), self._db.columns(table)
            later = CAME_LATER.get(table, ())
            if found and not set(expected) - set(later) <= set(found) <= set(expected):
                raise WarehouseError(
                    f"{self.name} has a table {table} with the columns {', '.join(found)}; expected "
                    f"{', '.join(expected)}. Move it away, or choose another database: LAB_WAREHOUSE."
                )
        if not self._create and not self._db.columns("sensor_logs"):
            raise NoWarehouseYet(NOT_YET.format(self.name))

    def _add_missing_columns(self) -> None:
        """An older warehouse becomes one of today; its rows have NULL there."""
        for table, names in CAME_LATER.items():
            for name in set(names) - set(self._db.columns(table)):
                self._db.add_column(table, name, _columns(table)[name])


def _database(url: str) -> Database:
    if not url.startswith(("postgresql://", "postgres://")):
        return SQLite(url)
    try:
        from lab.databases.postgresql import PostgreSQL  # here, for it needs a package that not everybody has
    except ImportError as error:
        raise WarehouseError(
            f'PostgreSQL needs the package psycopg ({error}): python -m pip install "psycopg[binary]".'
        ) from error
    return PostgreSQL(url)


def _columns(table: str) -> dict[str, str]:
    """{name: type} of a table's columns."""
    return dict(re.findall(r'(?:^|, )"?(\w+)"? (\{\w+\}|TEXT)', SCHEMA[table]))


def _rows(readings: list[Reading]) -> list[tuple]:
    """The rows of `sensor_logs`, without their id."""
    # The text of isoformat(timespec="microseconds"), a list at once: in a quarter of the time.
    # One width, so that as text they are in the order of time, and pandas finds them all.
    times = [reading.ts for reading in readings]
    if {time.tzinfo for time in times} - {UTC}:
        times = [time.astimezone(UTC) for time in times]
    return [
        (r.sensor_id, r.val, r.unit, r.status, ts.replace("Z", WHOLE if len(ts) == 20 else "+00:00"))
        for r, ts in zip(readings, msgspec.to_builtins(times))
    ]


def _content(reading: Reading) -> tuple:
    return reading.sensor_id, reading.val, reading.unit, reading.status, reading.ts


def _headers(letter: DeadLetter) -> str | None:
    """As JSON, which has bytes as base64; `lab.dead_letters` reads it."""
    return msgspec.json.encode(letter.headers).decode() if letter.headers else None


def _line(error: Exception) -> str:
    """What the database says, in one line."""
    return str(error).strip().splitlines()[0].rstrip(".")


def _now() -> str:
    """When a row was written, which nobody needs to a microsecond; one width as well."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
