"""The numbers that are kept are always those of a full scan, whoever wrote, changed or deleted rows."""

import sqlite3
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.databases import counts
from lab.databases.counts import TABLE, count_by_sensor, count_sensor_logs, extent, statuses_by_sensor
from lab.databases.queries import EVERYTHING, Limits, Selection
from lab.readings import Batch, Reading
from lab.warehouse import Warehouse
from tests.support.waiting import wait_for

START = datetime(2026, 1, 31, 12, tzinfo=UTC)
NUMBERS = dict.fromkeys(("stored", "dead_letters", "fenced", "reconnects", "seconds"), 0)
SCAN = "SELECT sensor_id, count(*), max(ts) FROM sensor_logs GROUP BY sensor_id ORDER BY sensor_id"


def store(warehouse: Warehouse, readings: list[Reading], partition: int = 0) -> None:
    offset = warehouse.next_offsets("id").get(partition)
    batch = Batch(partition, offset, (offset or 0) + len(readings), readings)
    assert warehouse.store("t", "id", [batch]) == set()


def some(number: int, sensor: str = "a") -> list[Reading]:
    return [Reading(sensor, n, "", "OK", START + timedelta(seconds=n)) for n in range(number)]


def note(warehouse: Warehouse, member: str = "m") -> None:
    """What a running consumer does every second."""
    warehouse.note_consumer("g", member, **NUMBERS)


def kept(warehouse: Warehouse) -> int:
    return warehouse.query(f"SELECT coalesce(sum(readings), 0) FROM {TABLE}")[0][0]


SELECTIONS = (
    EVERYTHING,
    Selection(["a"]),
    Selection(["A", "' --", "none"]),
    Selection(limits=Limits("1900-01-01", "2200-01-01", 1e300)),
    Selection(["a"], Limits("2026-01-31", "2026-02-01", 3)),
)


def agrees(url: str | Path) -> None:
    """What a reader is told is what it would count."""
    with Warehouse(str(url), create=False) as reader:
        scanned = reader.query(SCAN)
        assert count_by_sensor(reader) == scanned
        assert count_sensor_logs(reader) == sum(number for _, number, _ in scanned)
        assert set(statuses_by_sensor(reader)) == set(
            reader.query("SELECT sensor_id, status FROM sensor_logs")
        )
        for selection in SELECTIONS:
            where, values = selection.where()
            sql = f"SELECT count(*), min(ts), max(ts), min(val), max(val) FROM sensor_logs {where}"
            assert extent(reader, selection) == reader.query(sql, *values)[0]


readings = st.lists(
    st.builds(
        Reading,
        st.sampled_from(["a", "b", "A", "é", "' --"]),
        st.floats(allow_nan=False),
        st.just(""),
        st.sampled_from(["OK", "WARNING", "CRITICAL"]),
        st.datetimes().map(lambda ts: ts.replace(tzinfo=UTC)) | st.just(START),
    ),
    min_size=1,
    max_size=5,
)
by_hand = st.sampled_from(
    [
        "DELETE FROM sensor_logs WHERE id = (SELECT max(id) FROM sensor_logs)",
        "DELETE FROM sensor_logs WHERE id = (SELECT min(id) FROM sensor_logs)",
        "DELETE FROM sensor_logs WHERE sensor_id = 'a'",
        "DELETE FROM sensor_logs",
        "UPDATE sensor_logs SET sensor_id = 'b' WHERE sensor_id = 'a'",
        "UPDATE sensor_logs SET ts = '2030-01-01T00:00:00.000000+00:00' WHERE id % 2 = 0",
        "UPDATE sensor_logs SET val = 0, status = 'OK' WHERE id % 2 = 0",
        "INSERT INTO sensor_logs (sensor_id, val, unit, status, ts)"
        " VALUES ('hand', 1, '', 'OK', '2026-01-01T00:00:00+00:00')",
    ]
)


@pytest.mark.broker
@settings(max_examples=30, deadline=None)
@given(st.lists(st.just("note") | readings | by_hand, max_size=12), st.integers(1, 4))
def test_a_reader_is_told_what_a_full_scan_finds(steps, rows):
    with pytest.MonkeyPatch.context() as patch, TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        patch.setattr(counts, "FEW", rows)
        patch.setattr(counts, "MANY", 2 * rows)
        path = Path(folder) / "w.db"
        with Warehouse(str(path)) as warehouse:
            for step in steps:
                if isinstance(step, list):
                    store(warehouse, step)
                elif step == "note":
                    note(warehouse)
                else:
                    warehouse.execute(step)
                agrees(path)
            for _ in range(100):  # in the end, everything is counted
                note(warehouse)
            assert kept(warehouse) == count_sensor_logs(warehouse)
        agrees(path)


def test_a_running_consumer_counts_and_a_reader_need_not(path):
    with Warehouse(str(path)) as warehouse:
        store(warehouse, some(10))
        assert kept(warehouse) == 0
        note(warehouse)
        assert kept(warehouse) == 10
        # A reader looks only at the rows after those that are counted: these are lies that it believes.
        with warehouse.transaction() as db:
            db.execute(f"UPDATE {TABLE} SET readings = 1000, status = 'lie', least = -7, first_ts = '1'")
        store(warehouse, some(3, "b"))
        assert [row[:2] for row in count_by_sensor(warehouse)] == [("a", 1000), ("b", 3)]
        assert count_sensor_logs(warehouse) == 1003
        assert sorted(statuses_by_sensor(warehouse)) == [("a", "lie"), ("b", "OK")]
        assert extent(warehouse)[:2] == (1003, "1")
        assert extent(warehouse, Selection(["a"]))[3:] == (-7, 9)
        for name in ("BY_SENSOR", "COUNT", "STATUSES", "EXTENT"):
            sql = f"{getattr(counts, name)} WHERE id > {counts.COUNTED}"
            plan = [row[3] for row in warehouse.query(f"EXPLAIN QUERY PLAN {sql}")]
            assert any("SEARCH sensor_logs USING INTEGER PRIMARY KEY (rowid>?)" in step for step in plan)


def test_a_busy_consumer_counts_few_rows_at_a_time_and_an_idle_one_more(path, monkeypatch):
    monkeypatch.setattr(counts, "FEW", 2)
    monkeypatch.setattr(counts, "MANY", 5)
    with Warehouse(str(path)) as warehouse:
        found = []
        for number in (9, 3, 0, 1, 0):
            if number:
                store(warehouse, some(number))
            note(warehouse)
            found.append(kept(warehouse))
    assert found == [2, 4, 9, 13, 13]


def test_a_warehouse_without_the_numbers_is_read_as_before_and_gets_them_later(path):
    with Warehouse(str(path)) as warehouse:
        store(warehouse, some(5))
    with closing(sqlite3.connect(path)) as db:  # a file of an older kit
        db.executescript(f"DROP TABLE {TABLE}; DROP TRIGGER {TABLE}_UPDATE; DROP TRIGGER {TABLE}_DELETE;")
    agrees(path)
    with Warehouse(str(path)) as warehouse:
        note(warehouse)
        assert kept(warehouse) == 5
    agrees(path)


def test_the_numbers_of_an_older_kit_are_read_past_and_counted_anew(path):
    older = (
        f"DROP TABLE {TABLE}; CREATE TABLE {TABLE} (sensor_id TEXT PRIMARY KEY, readings INTEGER NOT NULL,"
        " last_ts TEXT NOT NULL, last_id INTEGER NOT NULL);"
        f" INSERT INTO {TABLE} SELECT sensor_id, count(*), max(ts), max(id) FROM sensor_logs GROUP BY 1;"
    )
    with Warehouse(str(path)) as warehouse:
        store(warehouse, some(5))
    with closing(sqlite3.connect(path)) as db:
        db.executescript(older)
    agrees(path)
    for before in (0, 5):
        with Warehouse(str(path)) as warehouse:
            assert kept(warehouse) == before
            note(warehouse)
            assert warehouse.query(f"SELECT status, readings, greatest FROM {TABLE}") == [("OK", 5, 4)]
        agrees(path)


def test_a_dropped_table_does_not_leave_its_numbers(path):
    with Warehouse(str(path)) as warehouse:
        store(warehouse, some(5))
        note(warehouse)
    with closing(sqlite3.connect(path)) as db:
        db.execute("DROP TABLE sensor_logs")
    with Warehouse(str(path)) as warehouse:
        store(warehouse, some(2))
        agrees(path)


def test_a_writer_that_has_the_lock_delays_the_numbers_and_nothing_else(path):
    with Warehouse(str(path)) as warehouse, Warehouse(str(path)) as other:
        store(warehouse, some(5))
        with other.transaction():
            note(warehouse)
            agrees(path)
        assert kept(warehouse) == 0
        note(warehouse)
        assert kept(warehouse) == 5


@pytest.mark.broker
@pytest.mark.parametrize("number", [0, 3])
def test_without_new_rows_nobody_waits_for_another_writer(path, number):
    with Warehouse(str(path)) as warehouse, closing(sqlite3.connect(path, isolation_level=None)) as other:
        if number:
            store(warehouse, some(number))
        warehouse._counts.advance()
        assert kept(warehouse) == number
        other.execute("BEGIN IMMEDIATE")
        warehouse._counts.advance()  # or it is refused after a while
        other.execute("ROLLBACK")


def test_two_consumers_write_and_count_while_it_is_asked(path, monkeypatch):
    monkeypatch.setattr(counts, "FEW", 7)
    monkeypatch.setattr(counts, "MANY", 11)
    Warehouse(str(path)).close()
    errors = []

    def consume(partition: int) -> None:
        try:
            with Warehouse(str(path)) as warehouse:
                for _ in range(40):
                    store(warehouse, some(5, f"s-{partition}"), partition)
                    note(warehouse, f"m-{partition}")
        except Exception as error:
            errors.append(error)

    consumers = [threading.Thread(target=consume, args=(n,)) for n in (0, 1)]
    for consumer in consumers:
        consumer.start()
    with Warehouse(str(path), create=False) as reader:
        both = (
            "SELECT (SELECT count(*) FROM sensor_logs),"
            f" (SELECT coalesce(sum(readings), 0) FROM {TABLE})"
            f" + (SELECT count(*) FROM sensor_logs WHERE id > {counts.COUNTED})"
        )
        looks = 0
        while any(consumer.is_alive() for consumer in consumers):
            ((scanned, told),) = reader.query(both)  # one statement sees one state
            assert scanned == told
            looks += 1
    for consumer in consumers:
        consumer.join(30)
    assert errors == []
    assert looks > 10
    agrees(path)
    with Warehouse(str(path)) as warehouse:
        wait_for(lambda: note(warehouse) or kept(warehouse) == 400)
