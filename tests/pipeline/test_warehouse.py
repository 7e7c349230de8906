"""The warehouse on its own: rows, offsets and dead letters in one transaction, with no broker.

Each test stores a batch or two, disturbs the database in one way, and reads it back whole.
"""

import logging
import os
import re
import shutil
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pandas
import pytest

import lab.databases.sqlite
from lab.databases import rows
from lab.databases.opening import KINDS, Kind
from lab.databases.schema import TABLES, Column
from lab.databases.sqlite import SQLite
from lab.dead_letters import list_dead_letters
from lab.errors import WarehouseError
from lab.readings import Batch, DeadLetter, Gap, Reading, decode_reading, encode_reading
from lab.settings import Settings
from lab.warehouse import Warehouse
from tests.support.samples import START, TOPIC, batch, values
from tests.support.waiting import wait_for

LOGS = "SELECT * FROM sensor_logs ORDER BY id"


@pytest.fixture
def url(new_database):
    return new_database


@pytest.fixture
def either(url):
    with Warehouse(url) as warehouse:
        yield warehouse


@contextmanager
def locked(path):
    """Another program has the database for itself within the block."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        try:
            yield
        finally:
            other.execute("ROLLBACK")


# What is written.


def test_the_table_has_exactly_these_columns_in_this_order(warehouse):
    columns = warehouse.query("SELECT name, type, pk FROM pragma_table_info('sensor_logs')")
    assert columns == [
        ("id", "INTEGER", 1),
        ("sensor_id", "TEXT", 0),
        ("val", "REAL", 0),
        ("unit", "TEXT", 0),
        ("status", "TEXT", 0),
        ("ts", "TEXT", 0),
    ]


def test_readings_become_rows_as_they_are(either):
    assert either.store(*TOPIC, [batch(0, 2)]) == set()
    assert either.query(LOGS) == [
        (1, "t-1", 0.0, "°C", "OK", "2026-01-01T00:00:00.000000+00:00"),
        (2, "t-1", 1.0, "°C", "OK", "2026-01-01T00:01:00.000000+00:00"),
    ]


ODD_TIMES = [
    datetime(1, 1, 1, tzinfo=UTC),
    datetime(999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    START,
    START.replace(microsecond=1),
    START.replace(microsecond=500_000),
    START.replace(microsecond=999_999),
    START + timedelta(seconds=1),
    datetime(2026, 1, 1, 5, 30, 2, tzinfo=timezone(timedelta(hours=5, minutes=30))),
    datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
]


def at(times: list[datetime]) -> Batch:
    """Readings of these times, whose values are their places in time."""
    readings = [Reading("t-1", sorted(times).index(ts), "°C", "OK", ts) for ts in times]
    return Batch(0, None, len(readings), readings)


@pytest.mark.parametrize("order", [1, -1])
def test_times_are_texts_of_one_width_and_in_order(either, order):
    either.store(*TOPIC, [at(ODD_TIMES[::order])])
    texts = [ts for (ts,) in either.query("SELECT ts FROM sensor_logs ORDER BY ts")]
    assert {len(ts) for ts in texts} == {len("2026-01-01T00:00:00.000000+00:00")}
    assert texts == sorted(texts)
    assert [datetime.fromisoformat(ts) for ts in texts] == ODD_TIMES
    assert either.query("SELECT val FROM sensor_logs ORDER BY ts") == [(n,) for n in range(len(texts))]


def test_other_times_have_one_width_as_well(warehouse, monkeypatch):
    """They say when a row was written: a millisecond is enough."""
    for microsecond in (0, 5000, 999_999):
        now = START.replace(microsecond=microsecond)
        monkeypatch.setattr(rows, "datetime", SimpleNamespace(now=lambda zone, now=now: now))
        warehouse.note_consumer(
            "g", f"m-{microsecond}", stored=1, dead_letters=0, fenced=0, reconnects=0, seconds=1
        )
    assert warehouse.query("SELECT DISTINCT length(ts) FROM consumers") == [(29,)]


@pytest.mark.parametrize(
    "text", ["👨\u200d👩\u200d👧", "می\u200cخواهم", "a\x1b[2J\n", "\u202e", "\x01\t\\N\r", "\uffff\U0010ffff"]
)
def test_a_name_is_stored_as_it_is(either, text):
    message = encode_reading(Reading(text, 1, text, "OK", START))
    either.store(*TOPIC, [batch(0, 1, readings=[decode_reading(message)])])
    assert either.query("SELECT sensor_id, unit FROM sensor_logs") == [(text, text)]


def test_the_offset_is_that_of_the_next_message(either):
    either.store(*TOPIC, [batch(0, 2), batch(0, 5, partition=1)])
    either.store(*TOPIC, [batch(2, 3)])
    assert either.next_offsets("id-of-the-topic") == {0: 3, 1: 5}


def test_a_dead_letter_keeps_its_bytes_and_its_reason(either):
    headers = [("trace", b"\x00\xff"), ("trace", None), ("Ü \x00", b"")]
    letter = DeadLetter(7, b"key\xff", b"\x00\xff not JSON", "the message is not JSON", headers)
    tombstone = DeadLetter(8, None, None, "the message has no value")
    either.store(*TOPIC, [batch(0, 9, 2, readings=[], dead_letters=[letter, tombstone])])
    sql = 'SELECT id, topic, "partition", "offset", "key", value, error, replayed FROM dead_letters'
    assert either.query(sql) == [
        (1, "sensor-data", 2, 7, b"key\xff", b"\x00\xff not JSON", "the message is not JSON", None),
        (2, "sensor-data", 2, 8, None, None, "the message has no value", None),
    ]
    assert [letter.headers for letter in list_dead_letters(either)] == [headers, []]


def test_a_gap_is_recorded_from_the_offset_wanted_to_the_one_found(either):
    either.store(*TOPIC, [batch(0, 3)])
    either.store(*TOPIC, [batch(3, 100, readings=[], gap=Gap(3, 100, "retention"))])
    sql = 'SELECT id, topic, topic_id, "partition", first_offset, next_offset, reason FROM gaps'
    assert either.query(sql) == [(1, *TOPIC, 0, 3, 100, "retention")]
    assert either.next_offsets("id-of-the-topic") == {0: 100}


def test_hostile_text_is_stored_as_text(either):
    reading = Reading("'); DROP TABLE sensor_logs; --", 1, '"', "OK", START)
    either.store(*TOPIC, [batch(0, 1, readings=[reading])])
    assert either.query("SELECT sensor_id, unit FROM sensor_logs") == [(reading.sensor_id, '"')]


@pytest.mark.parametrize(
    "sql", ["CREATE VIEW other AS SELEC 1", "DELETE FROM nothing", "UPDATE sensor_logs SET nothing = 1"]
)
def test_a_wrong_statement_moves_no_database_away(either, sql):
    with pytest.raises(WarehouseError, match=r"(SELEC|nothing).*Correct the statement, and run it again"):
        either.execute(sql)


def test_an_sqlite_file_that_lost_one_of_its_tables_is_to_be_moved_away(warehouse):
    warehouse.execute("DROP TABLE gaps")
    gone = batch(0, 1, readings=[], gap=Gap(0, 1, "retention"))
    with pytest.raises(WarehouseError, match=r"no such table: gaps\. Move it away"):
        warehouse.store(*TOPIC, [gone])


def test_offsets_belong_to_the_id_of_a_topic_not_to_its_name(either):
    """A topic made anew has the same name, and starts again at 0."""
    assert either.store("sensor-data", "first-id", [batch(0, 5)]) == set()
    assert either.next_offsets("second-id") == {}
    assert either.store("sensor-data", "second-id", [batch(0, 2)]) == set()
    assert (either.next_offsets("first-id"), either.next_offsets("second-id")) == ({0: 5}, {0: 2})
    assert values(either) == [0, 1, 2, 3, 4, 0, 1]


# A file of an older kit: its times have two widths.


OLD_TIMES = ["2026-01-01T00:00:00.000001+00:00", "2026-01-01T00:00:00+00:00", "2026-01-01T00:00:01+00:00"]
WIDE_TIMES = [
    "2026-01-01T00:00:00.000001+00:00",
    "2026-01-01T00:00:00.000000+00:00",
    "2026-01-01T00:00:01.000000+00:00",
]
TIMES = "SELECT ts FROM sensor_logs ORDER BY id"


@pytest.fixture
def old_file(path):
    """As such a kit left it, and the connection of a program that has it open."""
    Warehouse(str(path)).close()
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA user_version = 0")
        sql = "INSERT INTO sensor_logs (sensor_id, val, unit, status, ts) VALUES ('t-1', 1, '', 'OK', ?)"
        db.executemany(sql, [(ts,) for ts in OLD_TIMES])
        yield db


def times(db) -> list[str]:
    return [ts for (ts,) in db.execute(TIMES)]


def test_older_times_are_converted_when_it_is_opened_for_writing_and_once(old_file, path, caplog):
    for _ in range(2):
        with Warehouse(str(path)) as warehouse:
            assert [ts for (ts,) in warehouse.query(TIMES)] == WIDE_TIMES
    assert [message for message in caplog.messages if "older kit" in message] == [
        f"{path} is of an older kit: converting its times, once (a million rows: seconds)."
    ]


def test_once_converted_no_row_is_looked_at_again(old_file, path):
    Warehouse(str(path)).close()
    old_file.execute("UPDATE sensor_logs SET ts = ?", (OLD_TIMES[1],))
    Warehouse(str(path)).close()
    assert times(old_file) == OLD_TIMES[1:2] * 3


def test_older_times_are_only_read_when_it_is_opened_only_for_reading(old_file, path):
    with Warehouse(str(path), create=False) as warehouse:
        assert [ts for (ts,) in warehouse.query(TIMES)] == OLD_TIMES
    logs = lab.read_sensor_logs(str(path))
    assert [ts.isoformat(timespec="microseconds") for ts in logs["ts"]] == sorted(WIDE_TIMES)
    assert times(old_file) == OLD_TIMES


def test_a_conversion_that_fails_changes_nothing(old_file, path):
    old_file.execute(
        "CREATE TRIGGER t BEFORE UPDATE ON sensor_logs WHEN old.id = 3 BEGIN SELECT RAISE(ABORT, 'no'); END"
    )
    with pytest.raises(WarehouseError, match="cannot be used: no"):
        Warehouse(str(path))
    assert times(old_file) == OLD_TIMES
    old_file.execute("DROP TRIGGER t")
    Warehouse(str(path)).close()
    assert times(old_file) == WIDE_TIMES


def test_a_table_that_is_not_ours_is_not_converted(old_file, path):
    old_file.execute("ALTER TABLE sensor_logs ADD COLUMN more")
    assert "expected id, sensor_id" in refusal(path)
    assert times(old_file) == OLD_TIMES


@pytest.mark.parametrize("file", ["README.md", "notebooks/05_sensor_logs.ipynb"])
@pytest.mark.parametrize("order", [1, -1])
def test_the_line_of_plain_pandas_finds_every_time(warehouse, path, file, order, monkeypatch):
    """Where the times had two widths, all that differed from the first were lost without an error."""
    times = [START, START.replace(microsecond=1), ODD_TIMES[0], ODD_TIMES[-1]][::order]
    text = (Path(lab.__file__).parent.parent / file).read_text(encoding="utf-8")
    text = "\n".join(cell.source for cell in nbformat.reads(text, 4).cells) if "ipynb" in file else text
    (line,) = re.findall(r"pd\.read_sql\(.+\)", text)
    warehouse.store(*TOPIC, [at(times)])
    monkeypatch.chdir(path.parent)
    # The line leaves its connection to the garbage collector, which would complain in a later test.
    with ExitStack() as opened:
        own = SimpleNamespace(connect=lambda file: opened.enter_context(closing(sqlite3.connect(file))))
        logs = eval(line, {"pd": pandas, "sqlite3": own, "file": str(path)})
    assert list(logs["ts"]) == times
    assert list(logs.columns) == ["id", "sensor_id", "val", "unit", "status", "ts"]


# All or nothing, and once.


@pytest.mark.parametrize("expected", [None, 0, 4, 6, 100])
def test_a_batch_that_expects_another_offset_writes_nothing(either, expected):
    either.store(*TOPIC, [batch(0, 5)])
    letter = DeadLetter(0, None, b"", "empty")
    wrong = batch(5, 9, expected=expected, dead_letters=[letter], gap=Gap(5, 9, "retention"))
    assert either.store(*TOPIC, [wrong]) == {0}
    assert values(either) == [0, 1, 2, 3, 4]
    assert either.query("SELECT * FROM dead_letters") == either.query("SELECT * FROM gaps") == []
    assert either.next_offsets("id-of-the-topic") == {0: 5}


def test_a_batch_that_expects_an_offset_where_none_is_writes_nothing(either):
    assert either.store(*TOPIC, [batch(5, 9)]) == {0}
    assert (values(either), either.next_offsets("id-of-the-topic")) == ([], {})


def test_only_the_fenced_partition_is_left_out(either):
    either.store(*TOPIC, [batch(0, 2), batch(0, 2, partition=1)])
    again = [batch(0, 2), batch(2, 4, partition=1)]
    assert either.store(*TOPIC, again) == {0}
    assert either.next_offsets("id-of-the-topic") == {0: 2, 1: 4}
    assert values(either) == [0, 1, 0, 1, 2, 3]


def test_of_two_writers_with_the_same_batch_one_is_refused(either, url):
    with Warehouse(url) as other:
        assert [writer.store(*TOPIC, [batch(0, 3)]) for writer in (other, either)] == [set(), {0}]
    assert values(either) == [0, 1, 2]


def test_of_many_writers_at_once_each_batch_is_written_by_one(url):
    """They open it at once, too, and each makes the tables that are missing."""

    def write(_) -> int:
        with Warehouse(url) as writer:
            return sum(not writer.store(*TOPIC, [batch(n, n + 1)]) for n in range(20))

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(write, range(4))) == 20
    with Warehouse(url) as warehouse:
        assert values(warehouse) == list(range(20))


def test_writers_of_the_same_partitions_in_another_order_do_not_wait_for_each_other(url):
    def write(turn: int) -> int:
        with Warehouse(url) as writer:
            stored = 0
            for n in range(50):
                batches = [batch(n, n + 1, partition) for partition in range(4)]
                stored += 4 - len(writer.store(*TOPIC, batches[::turn]) or ())
            return stored

    Warehouse(url).close()
    with ThreadPoolExecutor(2) as pool:
        assert sum(pool.map(write, [1, -1])) == 200


@pytest.mark.parametrize("fault", [KeyboardInterrupt, SystemExit, MemoryError])
def test_an_interrupt_inside_the_transaction_undoes_all_of_it(either, fault):
    either.store(*TOPIC, [batch(0, 2)])
    with pytest.raises(fault), either.transaction() as db:
        db.insert("sensor_logs", rows.SENSOR_LOGS, rows.sensor_logs(batch(2, 4).readings))
        db.execute("UPDATE offsets SET next_offset = 4")
        raise fault
    assert (values(either), either.next_offsets("id-of-the-topic")) == ([0, 1], {0: 2})
    assert either.store(*TOPIC, [batch(2, 4)]) == set()


def test_a_row_that_cannot_be_stored_takes_the_offset_back_with_it(either):
    """The rows and the offset are one transaction, seen by making the last row of it fail."""
    impossible = Reading("t-1", None, "°C", "OK", START)
    with pytest.raises(WarehouseError, match=r"(?i)not.null"):
        either.store(*TOPIC, [batch(0, 3), batch(0, 1, partition=1, readings=[impossible])])
    assert (values(either), either.next_offsets("id-of-the-topic")) == ([], {})


def test_nobody_sees_a_part_of_a_transaction(either, url):
    with Warehouse(url) as reader, either.transaction() as db:
        db.insert("sensor_logs", rows.SENSOR_LOGS, rows.sensor_logs(batch(0, 3).readings))
        assert values(reader) == []


def test_what_is_stored_is_there_for_the_next_one_who_opens_it(url):
    with Warehouse(url) as warehouse:
        warehouse.store(*TOPIC, [batch(0, 3)])
    with Warehouse(url, create=False) as warehouse:
        assert values(warehouse) == [0, 1, 2]


def test_closing_twice_is_safe(either):
    either.close()
    either.close()


# What clears up by itself: wait, say it once, write once.


@pytest.mark.broker
def test_while_another_program_locks_it_a_store_waits_and_then_writes_once(
    warehouse, path, caplog, monkeypatch
):
    tries, store = [], warehouse._store
    monkeypatch.setattr(warehouse, "_store", lambda *arguments: tries.append(1) or store(*arguments))
    with ThreadPoolExecutor(1) as pool:
        with locked(path):
            stored = pool.submit(warehouse.store, *TOPIC, [batch(0, 3)])
            wait_for(lambda: len(tries) == 3)  # the second has failed, and was not said again
        assert stored.result(timeout=10) == set()
    assert values(warehouse) == [0, 1, 2]
    assert caplog.messages == [f"{path}: database is locked. Nothing is lost: trying until it clears."]


def test_a_stop_while_it_is_locked_writes_nothing(warehouse, path, caplog):
    stop = threading.Event()
    with ThreadPoolExecutor(1) as pool, locked(path):
        stored = pool.submit(warehouse.store, *TOPIC, [batch(0, 3)], stop)
        wait_for(lambda: caplog.messages)
        stop.set()
        assert stored.result(timeout=10) is None
    assert (values(warehouse), warehouse.next_offsets("id-of-the-topic")) == ([], {})
    assert warehouse.store(*TOPIC, [batch(0, 3)]) == set()


def test_opening_waits_for_a_lock_too(path):
    Warehouse(str(path)).close()
    with ThreadPoolExecutor(1) as pool:
        with locked(path):
            opened = pool.submit(Warehouse, str(path))
            with pytest.raises(TimeoutError):
                opened.result(timeout=0.2)
        opened.result(timeout=10).close()


def test_a_full_disk_is_waited_for(warehouse, path, caplog):
    """SQLite's own limit on the size of the file stands for the disk."""
    pages = warehouse.query("PRAGMA page_count")[0][0]
    warehouse.query(f"PRAGMA max_page_count = {pages}")
    with ThreadPoolExecutor(1) as pool:
        stored = pool.submit(warehouse.store, *TOPIC, [batch(0, 1000)])
        wait_for(lambda: caplog.messages)
        with closing(sqlite3.connect(path)) as other:
            assert other.execute(LOGS).fetchall() == []
        warehouse.query("PRAGMA max_page_count = 100000")
        assert stored.result(timeout=10) == set()
    assert values(warehouse) == list(range(1000))
    assert caplog.messages == [f"{path}: database or disk is full. Nothing is lost: trying until it clears."]


# What waiting does not mend: one clear error, at once.


def refusal(path, **options) -> str:
    with pytest.raises(WarehouseError) as refused:
        Warehouse(str(path), **options)
    return str(refused.value)


READ_ONLY = "It is read-only: make it writable, or choose another with LAB_WAREHOUSE."
NO_FOLDER = "Check that its folder exists and is yours to write."


def test_a_read_only_file_is_refused(path):
    Warehouse(str(path)).close()
    path.chmod(0o444)
    with suppress(OSError), path.open("r+b"):
        pytest.skip("who runs this may write a read-only file, as root may; see the test below")
    expected = f"{path} cannot be used: attempt to write a readonly database. {READ_ONLY}"
    assert refusal(path) == expected


def test_a_database_that_can_only_be_read_is_refused(path, monkeypatch):
    Warehouse(str(path)).close()
    connect = sqlite3.connect

    def connect_read_only(database, **options):
        return connect(f"{path.as_uri()}?mode=ro", uri=True, **options)

    monkeypatch.setattr(lab.databases.sqlite.sqlite3, "connect", connect_read_only)
    expected = f"{path} cannot be used: attempt to write a readonly database. {READ_ONLY}"
    assert refusal(path) == expected


@pytest.mark.parametrize("create", [True, False])
def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(path, create):
    content = b"these are my notes, and no database\n" * 100
    path.write_bytes(content)
    assert refusal(path, create=create) == (
        f"{path} cannot be used: file is not a database. "
        "It is not an SQLite database: choose another file with LAB_WAREHOUSE."
    )
    assert path.read_bytes() == content


@pytest.mark.parametrize("create", [True, False])
def test_a_folder_is_refused(path, create):
    path.mkdir()
    assert refusal(path, create=create) == f"{path} cannot be used: unable to open database file. {NO_FOLDER}"


def test_a_missing_folder_is_refused(tmp_path):
    path = tmp_path / "no" / "warehouse.db"
    assert refusal(path) == f"{path} cannot be used: unable to open database file. {NO_FOLDER}"


@pytest.mark.parametrize("create", [True, False])
@pytest.mark.parametrize("table", ["sensor_logs", "dead_letters", "offsets", "gaps"])
def test_a_table_of_our_name_that_is_not_ours_is_refused_and_left_as_it_is(path, table, create):
    with closing(sqlite3.connect(path)) as other:
        other.execute(f"CREATE TABLE {table} (id, temperature)")
    found = f"{path} has a table {table} with the columns id, temperature; expected "
    assert refusal(path, create=create).startswith(found)
    with closing(sqlite3.connect(path)) as other:
        columns = other.execute(f"SELECT name FROM pragma_table_info('{table}')").fetchall()
    assert columns == [("id",), ("temperature",)]


def test_tables_of_others_beside_ours_are_welcome(path):
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("CREATE TABLE notes (text)")
    with Warehouse(str(path)) as warehouse:
        assert warehouse.store(*TOPIC, [batch(0, 1)]) == set()


def test_reading_where_there_is_none_is_refused_and_makes_none(path):
    expected = f"There is no warehouse at {path} yet: python -m lab consume makes it."
    assert refusal(path, create=False) == expected
    assert not path.exists()


def test_an_empty_file_is_no_warehouse_to_read(path):
    path.touch()
    with pytest.raises(WarehouseError), Warehouse(str(path), create=False) as warehouse:
        warehouse.query(LOGS)


# A kind of database that is new: a line in KINDS.


class Mine(SQLite):
    def __init__(self, url: str):
        super().__init__(url.removeprefix("mine://"))


def test_a_new_kind_of_database_is_a_line_in_the_table(path, monkeypatch):
    monkeypatch.setitem(KINDS, "mine", Kind(__name__, "Mine"))
    settings = Settings.from_environment({"LAB_WAREHOUSE": f"mine://{path}"})
    with Warehouse(settings.warehouse_url) as warehouse:
        assert warehouse.store(*TOPIC, [batch(0, 2)]) == set()
    with Warehouse(str(path), create=False) as warehouse:
        assert values(warehouse) == [0, 1]


def test_a_kind_whose_package_is_missing_says_what_to_install(monkeypatch):
    monkeypatch.setitem(KINDS, "mine", Kind("no_such_module", "Mine", "mine[extra]"))
    assert refusal("mine://x") == (
        "Mine needs the package mine (No module named 'no_such_module'): "
        'python -m pip install "mine[extra]".'
    )


# An older kit made it, and some columns came later.

LATER = [(table.name, column.name) for table in TABLES for column in table.columns if column.came_later]


@pytest.fixture
def older(url):
    with Warehouse(url) as warehouse:
        letter = DeadLetter(2, b"key", b"value", "no reading")
        warehouse.store(*TOPIC, [batch(0, 2, next_offset=3, dead_letters=[letter])])
        for table, name in LATER:
            warehouse.execute(f"ALTER TABLE {table} DROP COLUMN {name}")
    return url


def later_columns(url) -> set[tuple[str, str]]:
    with Warehouse(url, create=False) as reader:
        return {(table, name) for table, name in LATER if reader.column(table, name) != "NULL"}


def test_an_older_warehouse_gets_the_columns_that_came_later_and_keeps_its_rows(older):
    assert later_columns(older) == set()
    with Warehouse(older) as warehouse:
        assert values(warehouse) == [0, 1]
        assert [letter.value for letter in list_dead_letters(warehouse)] == [b"value"]
        assert warehouse.next_offsets("id-of-the-topic") == {0: 3}
        assert warehouse.store(*TOPIC, [batch(3, 5)]) == set()
        assert warehouse.store(*TOPIC, [batch(0, 1, partition=1)]) == set()
    assert later_columns(older) == set(LATER)


def test_an_older_warehouse_is_read_as_it_is(older):
    with Warehouse(older, create=False) as reader:
        assert values(reader) == [0, 1]
        assert [letter.value for letter in list_dead_letters(reader)] == [b"value"]
        assert reader.next_offsets("id-of-the-topic") == {0: 3}
    assert later_columns(older) == set()


@pytest.mark.parametrize(("table", "name"), LATER)
def test_of_two_who_open_an_older_warehouse_at_once_one_adds_a_column(older, table, name):
    """The second found it missing, and comes when it is there."""
    with Warehouse(older) as first, Warehouse(older) as second:
        for each in (first, second):
            each._db.add_column(table, Column(name, null=True))
        assert second.store(*TOPIC, [batch(3, 5)]) == set()


# The file goes away, or becomes another, while it is open.

POSIX = pytest.mark.skipif(os.name == "nt", reason="Windows does not let go of an open file")


@POSIX
def test_after_its_file_is_removed_a_store_goes_to_a_new_one_and_is_fenced(warehouse, path, caplog):
    """Fenced, for the new one has no offset: so the consumer starts again, and nothing is missing."""
    warehouse.store(*TOPIC, [batch(0, 3)])
    path.unlink()
    assert warehouse.store(*TOPIC, [batch(3, 5)]) == {0}
    assert caplog.messages == [f"{path} was removed or replaced: going on with a new one."]
    assert warehouse.store(*TOPIC, [batch(0, 5)]) == set()
    with Warehouse(str(path), create=False) as reader:
        assert (values(reader), reader.next_offsets("id-of-the-topic")) == ([0, 1, 2, 3, 4], {0: 5})


@POSIX
def test_a_file_that_stays_is_not_opened_again(warehouse, caplog):
    warehouse.store(*TOPIC, [batch(0, 3)])
    assert (warehouse.reopen_if_lost(), caplog.messages) == (False, [])


@POSIX
def test_after_its_file_is_replaced_the_new_one_is_used_and_is_whole(warehouse, path, tmp_path):
    """A backup is put in its place, as one does with `mv`."""
    backup = tmp_path / "backup.db"
    with Warehouse(str(backup)) as other:
        other.store("sensor-data", "id-of-the-backup", [batch(0, 2000)])
    for n in range(200):
        warehouse.store(*TOPIC, [batch(100 * n, 100 * n + 100)])
    backup.replace(path)
    assert warehouse.reopen_if_lost()
    assert warehouse.query("PRAGMA integrity_check") == [("ok",)]
    assert values(warehouse) == list(range(2000))
    assert warehouse.next_offsets("id-of-the-topic") == {}


@POSIX
def test_after_its_folder_is_removed_there_is_one_clear_error(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    with Warehouse(str(folder / "warehouse.db")) as warehouse:
        shutil.rmtree(folder)
        with pytest.raises(WarehouseError, match="Check that its folder exists"):
            warehouse.store(*TOPIC, [batch(0, 3)])
        with pytest.raises(WarehouseError, match="Check that its folder exists"):
            warehouse.reopen_if_lost()


def test_the_library_is_silent_where_nothing_is_wrong(path, caplog):
    caplog.set_level(logging.DEBUG)
    with Warehouse(str(path)) as warehouse:
        warehouse.store(*TOPIC, [batch(0, 3)])
    assert caplog.messages == []
