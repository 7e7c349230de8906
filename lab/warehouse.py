"""Where do readings end up? In the table `sensor_logs`, together with the offsets reached in the log.

Rows, offsets, dead letters and gaps are written in one transaction. After a crash the warehouse holds either
a whole batch and the offset after it, or nothing of the batch. So the database guarantees "nothing lost,
nothing twice", whenever a consumer dies.

An offset belongs to the id of its topic, not to its name: a recreated topic starts again at 0.
An offset is moved only if it still has the value that the writer expects. So of two writers one is refused
(fenced). If a database server dies during a commit, its answer is lost. The next try then finds that the
offset was moved, and the partition counts as fenced. So nothing is written twice.

The database is SQLite or PostgreSQL. `lab.databases` opens it, defines its tables and has the other queries.
"""

import logging
import threading
from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager, contextmanager

from lab.databases import queries, rows
from lab.databases.base import Database
from lab.databases.closed import closed
from lab.databases.counts import Counts
from lab.databases.opening import database_of, known_column, open_database
from lab.databases.waiting import NEVER, line_of, retry
from lab.errors import WarehouseError
from lab.readings import Batch, DeadLetter, Mark, Reading

log = logging.getLogger("lab")
RUNNING_SECONDS = 10  # a running consumer records its numbers every second


class Warehouse:
    """A database with the table `sensor_logs`: SQLite or PostgreSQL.

    Its times are in UTC. SQLite keeps them as text of 32 characters, `2026-01-01T00:00:00.000000+00:00`,
    so that sorting the texts sorts the times.

    Close it, or use it as a context manager. Only one thread may use it at a time.
    """

    def __init__(self, url: str = "sqlite:///warehouse.db", create: bool = True):
        """`url`: `sqlite:///relative.db`, `sqlite:////absolute.db`, a bare path, or `postgresql://...`.

        With `create=False` it is only read, and must exist. Raises WarehouseError if it does not exist, is
        not a database, has a different table `sensor_logs`, or cannot be written.
        """
        self._db = database_of(url)
        self._counts = Counts(self._db)
        self._create = create
        self.name = self._db.name
        retry(self._db, lambda: open_database(self._db, create))

    def __repr__(self) -> str:
        return f"<Warehouse {self.name}>"

    def __enter__(self) -> "Warehouse":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the database. Closing twice is safe."""
        self._db = closed(self._db)

    @property
    def identity(self) -> str:
        """A text that is the same for everyone who opens this warehouse, and differs for any other."""
        return self._db.identity

    def query(self, sql: str, *values: object) -> list[tuple]:
        """The rows of a SELECT. Parameters are written `?`, and times are returned as ISO 8601 text.

        Raises WarehouseError with the error of the database.
        """
        try:
            self._reopen()
            return self._db.execute(sql, values).fetchall()
        except self._db.Error as error:
            raise WarehouseError(f"{self.name}: {line_of(error)}.") from error

    def execute(self, sql: str, *values: object) -> None:
        """Run a statement that changes data, in its own transaction."""

        def run() -> None:
            with self.transaction() as db:
                db.execute(sql, values)

        retry(self._db, run)

    def seconds(self, column: str) -> str:
        """SQL for a time in seconds since 1970, exact to at least a millisecond."""
        return self._db.seconds(column)

    def column(self, table: str, name: str) -> str:
        """SQL for a column added in a later version: NULL if an older warehouse, opened to read, lacks it."""
        return known_column(self._db, table, name)

    def next_offsets(self, topic_id: str, stop: threading.Event = NEVER) -> dict[int, int]:
        """{partition: the offset to read next}. Waits while the database is away; {} if `stop` was set."""
        return {partition: offset for partition, (offset, _) in self.positions(topic_id, stop).items()}

    def positions(self, topic_id: str, stop: threading.Event = NEVER) -> dict[int, tuple[int, Mark | None]]:
        """{partition: (the offset to read next, the last message that was stored)}; see `next_offsets`.

        The message is None if an older kit wrote the offset.
        """

        def read() -> dict[int, tuple[int, Mark | None]]:
            self._reopen()
            return queries.positions(self._db, topic_id)

        return retry(self._db, read, stop) or {}

    def lost_until(self, topic_id: str, stop: threading.Event = NEVER) -> dict[int, int]:
        """{partition: the time in ms of the last stored message that the log lost}, where it lost some."""
        return retry(self._db, lambda: queries.lost_until(self._db, topic_id), stop) or {}

    def store(
        self, topic: str, topic_id: str, batches: list[Batch], stop: threading.Event = NEVER
    ) -> set[int] | None:
        """Write the batches in one transaction; return the partitions that were fenced.

        A partition is fenced, and its batch is not written, if the stored offset is not the one that the
        batch expects. While the database is locked, full or away, this logs it once, waits and tries
        again. Returns None if `stop` was set before it could write. Raises WarehouseError if waiting does
        not help.
        """
        return retry(self._db, lambda: self._store(topic, topic_id, batches), stop)

    def _store(self, topic: str, topic_id: str, batches: list[Batch]) -> set[int]:
        with self.transaction() as db:
            # All writers use the same order, so that there is no deadlock.
            batches = sorted(batches, key=lambda batch: batch.partition)
            ours = [batch for batch in batches if _move_offset(db, topic, topic_id, batch)]
            readings = [reading for batch in ours for reading in batch.readings]
            _insert(db, "sensor_logs", rows.SENSOR_LOGS, rows.sensor_logs(readings))
            _insert(db, "dead_letters", rows.DEAD_LETTERS, rows.dead_letters(topic, ours))
            _insert(db, "gaps", rows.GAPS, rows.gaps(topic, topic_id, ours))
        return {batch.partition for batch in batches} - {batch.partition for batch in ours}

    def which_are_stored(
        self, topic: str, partition: int, messages: Sequence[Reading | DeadLetter]
    ) -> list[bool]:
        """For each message, whether a row has the same content. Slow: needed after a log was truncated."""
        return queries.which_are_stored(self, topic, partition, messages)

    def note_consumer(self, group_id: str, member: str, **counts: float) -> None:
        """Record the numbers of a running consumer. If the database is locked, they are dropped."""
        try:
            queries.note_consumer(self._db, group_id, member, counts)
            self._counts.advance()
        except self._db.Error as error:
            log.debug("%s: the consumer's numbers were not kept: %s", self.name, error)

    def running_consumers(self) -> list[tuple[str, str]]:
        """(group, member) of each consumer that recorded its numbers within the last RUNNING_SECONDS."""
        return queries.running_consumers(self, RUNNING_SECONDS)

    @contextmanager
    def transaction(self) -> Generator[Database]:
        """Commit everything in the block, or nothing."""
        self._reopen()
        with self._db.transaction():
            yield self._db

    def exclusive(self, purpose: str) -> AbstractContextManager[None]:
        """Of all programs that use this warehouse, only one at a time runs a block of this purpose."""
        return self._db.exclusive(purpose)

    def reopen_if_lost(self, stop: threading.Event = NEVER) -> bool:
        """Open it again if the file was removed or replaced, or the connection was lost; whether it did."""
        return bool(retry(self._db, self._reopen, stop))

    def _reopen(self) -> bool:
        reason = self._db.lost()
        if reason:
            self._db.close()
            open_database(self._db, self._create)
            log.warning("%s %s", self.name, reason)
        return bool(reason)


def _move_offset(db: Database, topic: str, topic_id: str, batch: Batch) -> bool:
    """The fence: move the offset from `expected` to `next_offset`; False if it is not at `expected`."""
    last = batch.last
    mark = (last.offset, last.timestamp, last.checksum) if last else (None, None, None)
    if batch.expected is None:
        sql = (
            f'INSERT INTO offsets (topic_id, "partition", topic, next_offset, {", ".join(rows.MARK)})'
            " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
        )
        moved = db.execute(sql, (topic_id, batch.partition, topic, batch.next_offset, *mark))
    else:
        sql = (
            f"UPDATE offsets SET next_offset = ?, {', '.join(f'{name} = ?' for name in rows.MARK)}"
            ' WHERE topic_id = ? AND "partition" = ? AND next_offset = ?'
        )
        moved = db.execute(sql, (batch.next_offset, *mark, topic_id, batch.partition, batch.expected))
    return moved.rowcount == 1


def _insert(db: Database, table: str, columns: tuple[str, ...], new: list[tuple]) -> None:
    if new:
        db.insert(table, columns, new)
