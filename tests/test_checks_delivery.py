"""The checks of lessons 06 and 07: right, wrong, empty and half-right answers."""

import sqlite3
from contextlib import closing

import pytest
from kafka import KafkaProducer

import lab
from tests.test_checks import classroom, done  # noqa: F401

COLUMNS = "sensor_id, val, unit, status, ts"


@pytest.fixture
def database(tmp_path):
    """Five rows of three readings: two readings have two rows."""
    with closing(sqlite3.connect(tmp_path / "naive.db", isolation_level=None)) as db:
        db.execute(f"CREATE TABLE sensor_logs ({COLUMNS})")
        for sensor_id in ("a", "b", "c", "a", "b"):
            db.execute("INSERT INTO sensor_logs VALUES (?, 1, '', 'OK', '2026-01-01')", [sensor_id])
    return tmp_path / "naive.db"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (None, [False, False, False]),
        ("2", [False, False, False]),
        (5, [True, False, False]),
        (1, [True, True, False]),
        (2, [True, True, True]),
    ],
)
def test_doubles(database, answer, expected):
    assert done(lab.check_doubles(database, answer)) == expected


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT 1", [False, False, False]),
        (f"CREATE TABLE readings ({COLUMNS})", [True, False, True]),
        ("CREATE TABLE readings AS SELECT * FROM sensor_logs", [True, True, False]),
        ("CREATE TABLE readings AS SELECT DISTINCT * FROM sensor_logs LIMIT 2", [True, False, True]),
        ("CREATE TABLE readings AS SELECT DISTINCT * FROM sensor_logs", [True, True, True]),
    ],
)
def test_each_once(database, sql, expected):
    with closing(sqlite3.connect(database, isolation_level=None)) as db:
        db.execute(sql)
    assert done(lab.check_each_once(database, "readings")) == expected


def test_no_database_is_not_yet_and_none_is_made(tmp_path):
    assert not any(done(lab.check_each_once(tmp_path / "none.db", "readings")))
    assert not list(tmp_path.iterdir())


GOOD = lab.encode_reading(lab.Reading("attic", 1, "°C", "OK", lab.DAY))


def test_a_dead_letter_and_its_replay(kafka, tmp_path):
    topic = lab.fresh_name("check")
    lab.create_topic(topic, **kafka)
    with lab.Warehouse(str(tmp_path / "warehouse.db")) as warehouse:
        found = [done(lab.check_dead_letter(warehouse, topic, "unit"))]
        for value in (GOOD, b"garbage", GOOD.replace("°C".encode(), b"x" * 60)):
            with KafkaProducer(**kafka) as producer:
                producer.send(topic, value).get(timeout=10)
            lab.consume(topic, warehouse, group_id=topic, max_messages=1, **kafka)
            found.append(done(lab.check_dead_letter(warehouse, topic, "unit")))
        assert found == [[False, False], [False, False], [True, False], [True, True]]

        found = [done(lab.check_replayed(warehouse, number, **kafka)) for number in (2, 99)]
        lab.replay(warehouse, 2, GOOD, **kafka)
        found.append(done(lab.check_replayed(warehouse, 2, **kafka)))
        lab.consume(topic, warehouse, group_id=topic, max_messages=1, **kafka)
        found.append(done(lab.check_replayed(warehouse, 2, **kafka)))
    assert found == [[False, False], [False, False], [True, False], [True, True]]
