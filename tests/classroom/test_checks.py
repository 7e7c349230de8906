"""A right answer is done; a wrong, an empty and a half-right one are told apart, with a hint each."""

import sqlite3
import threading
from contextlib import closing
from datetime import timedelta

import pandas as pd
import pytest
from kafka import KafkaProducer

import lab
from lab.classroom.checks.steps import NotYet, Step, check
from lab.readings import Batch
from lab.simulation import PLANTED_FAULTS, SAMPLE_DAY
from lab.topics import read_records


@pytest.fixture(autouse=True)
def classroom(monkeypatch):
    """Where a check shows what it found. In the tests of the notebooks it raises instead."""
    monkeypatch.delenv("LAB_CHECK", raising=False)


@pytest.fixture
def topic():
    return lab.fresh_name("check")


@pytest.fixture(scope="module")
def filled(broker):
    """A topic with ten batches of three sensors."""
    topic = lab.fresh_name("check")
    servers = broker.start().bootstrap_servers
    lab.create_topic(topic, bootstrap_servers=servers)
    readings = lab.simulate_readings(seed=1, start=SAMPLE_DAY)
    lab.produce(topic, readings, interval=0.01, max_batches=10, bootstrap_servers=servers)
    return topic


def done(report) -> list[bool]:
    return [is_done for is_done, _, _ in report.lines]


# What a check is.

STEPS = Step("one", lambda: True, "no hint"), Step("two", lambda: 1 / 0 > 0, "mend <this>")


def test_a_step_that_cannot_be_looked_at_is_not_yet_done():
    report = check(*STEPS)
    assert done(report) == [True, False]
    assert not report.passed
    assert repr(report) == "[done] one\n[not yet] two\n          Hint: mend <this>"


def test_a_notebook_shows_it_as_a_list_in_which_nothing_is_markup():
    shown = check(*STEPS)._repr_html_()
    assert "mend &lt;this&gt;" in shown
    assert "no hint" not in shown
    assert shown.count("<li") == 2


def test_in_the_tests_of_the_notebooks_not_yet_raises(monkeypatch):
    monkeypatch.setenv("LAB_CHECK", "1")
    with pytest.raises(NotYet, match=r"\[not yet\] two"):
        check(*STEPS)
    assert check(STEPS[0]).passed


# Lesson 02.


def test_partitions(topic, kafka):
    assert done(lab.check_partitions(topic, 4, **kafka)) == [False, False]
    lab.create_topic(topic, num_partitions=3, **kafka)
    assert done(lab.check_partitions(topic, 4, **kafka)) == [True, False]
    assert lab.check_partitions(topic, 3, **kafka).passed


def test_retention(topic, kafka):
    assert done(lab.check_retention(topic, 3_600_000, **kafka)) == [False, False]
    lab.create_topic(topic, configs={"retention.ms": 3_600_000}, **kafka)
    assert done(lab.check_retention(topic, 60_000, **kafka)) == [True, False]
    assert lab.check_retention(topic, 3_600_000, **kafka).passed


# Lesson 03.


def test_message(topic, kafka):
    lab.create_topic(topic, **kafka)
    assert done(lab.check_message(topic, "mine", **kafka)) == [False, False, False]
    mine = lab.encode_reading(lab.Reading("mine", 1, "", "OK", SAMPLE_DAY))
    other = lab.encode_reading(lab.Reading("other", 1, "", "OK", SAMPLE_DAY))
    found = []
    with KafkaProducer(**kafka) as producer:
        for value, key in ((b"garbage", b"mine"), (other, b"mine"), (mine, None), (mine, b"mine")):
            producer.send(topic, value, key).get(timeout=10)
            found.append(done(lab.check_message(topic, "mine", **kafka)))
    assert found == [[True, False, False], [True, False, False], [True, True, False], [True, True, True]]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [(None, [False, False]), ("0", [False, False]), (1, [True, False]), (0, [True, True])],
)
def test_same_partition(filled, kafka, answer, expected):
    assert done(lab.check_same_partition(filled, "pressure-1", answer, **kafka)) == expected


# Lesson 04.


def test_everything_stored(filled, kafka, tmp_path):
    with lab.Warehouse(str(tmp_path / "warehouse.db")) as warehouse:
        found = []
        for messages in (0, 10, 20):
            if messages:
                lab.consume(filled, warehouse, group_id=tmp_path.name, max_messages=messages, **kafka)
            found.append(done(lab.check_everything_stored(warehouse, filled, **kafka)))
    assert found == [[False, False], [True, False], [True, True]]


def test_everything_stored_of_a_topic_with_an_empty_partition(topic, kafka, warehouse):
    lab.create_topic(topic, num_partitions=3, **kafka)
    lab.produce(topic, lab.simulate_readings(1, seed=1), interval=0, max_batches=5, **kafka)
    lab.consume(topic, warehouse, group_id=topic, max_messages=5, **kafka)
    assert lab.check_everything_stored(warehouse, topic, **kafka).passed


def test_first_offset_since(filled, kafka):
    times = [record.timestamp for record in read_records(filled, **kafka)]
    since = times[15]
    right = times.index(since)
    answers = {None: [False, False, False], 0: [True, True, False], 29: [True, False, True]}
    for answer, expected in (answers | {right: [True, True, True]}).items():
        assert done(lab.check_first_offset_since(filled, since, answer, **kafka)) == expected


# Lesson 05.

OUTLIERS = [
    SAMPLE_DAY + pd.Timedelta(minutes=plant.first) for plant in PLANTED_FAULTS if plant.fault == "outlier"
]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (None, [False, False, False]),
        ([], [False, False, False]),
        (OUTLIERS[:1], [True, True, False]),
        ([*OUTLIERS, SAMPLE_DAY], [True, False, True]),
        ([SAMPLE_DAY], [True, False, False]),
        (["soon"], [False, False, False]),
        (pd.Series(OUTLIERS), [True, True, True]),
        ([str(time) for time in OUTLIERS], [True, True, True]),
    ],
)
def test_outliers(answer, expected):
    assert done(lab.check_outliers(answer)) == expected


NINE = SAMPLE_DAY + timedelta(hours=9)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (None, [False, False, False]),
        ("50", [False, False, False]),
        (float("nan"), [False, False, False]),
        (35.0, [True, False, False]),  # with the other sensor
        (20.0, [True, True, False]),  # the reading at the end of the window is in it
        (15.0, [True, True, True]),
    ],
)
def test_window_mean(tmp_path, answer, expected):
    """In the window are 10 and, at its last second, 20; around it and beside it is something else."""
    url = str(tmp_path / "warehouse.db")
    rows = (("a", 99, -1), ("a", 10, 0), ("b", 75, 0), ("a", 20, 3599), ("a", 30, 3600))
    readings = [lab.Reading(name, val, "", "OK", NINE + timedelta(seconds=at)) for name, val, at in rows]
    with lab.Warehouse(url) as warehouse:
        warehouse.store("topic", "its id", [Batch(0, None, len(readings), readings)])
    assert done(lab.check_window_mean(url, "a", NINE, answer)) == expected


def test_the_mean_of_a_window_without_a_warehouse_is_not_yet(tmp_path):
    assert done(lab.check_window_mean(str(tmp_path / "none.db"), "a", NINE, 1)) == [True, False, False]


# Lessons 06 and 07.

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


GOOD = lab.encode_reading(lab.Reading("attic", 1, "°C", "OK", lab.SAMPLE_DAY))


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


def test_a_new_field(kafka, tmp_path):
    topic = lab.fresh_name("check")
    lab.create_topic(topic, **kafka)
    field = b'{"battery":80,'
    values = (GOOD, b"[80]", field + b'"sensor_id":"attic"}', GOOD.replace(b"{", field))
    with lab.Warehouse(str(tmp_path / "warehouse.db")) as warehouse, KafkaProducer(**kafka) as producer:

        def look() -> None:
            found.append(done(lab.check_new_field(warehouse, topic, "attic", "battery", **kafka)))

        found: list[list[bool]] = []
        look()
        for value in values:
            producer.send(topic, value).get(timeout=10)
            look()
            if value != values[-1]:
                lab.consume(topic, warehouse, group_id=topic, max_messages=1, **kafka)
        lab.consume(topic, warehouse, group_id=topic, max_messages=1, **kafka)
        look()
    nothing, sent, readable = [False, False, False], [True, False, False], [True, True, False]
    assert found == [nothing, nothing, nothing, sent, readable, [True, True, True]]


# Lesson 11.

COLD, HOT, HOTTER, AGAIN = (
    lab.Reading("a", val, "°C", "CRITICAL" if val else "OK", SAMPLE_DAY) for val in (0, 50, 60, 70)
)
OTHER = lab.Reading("b", 50, "°C", "CRITICAL", SAMPLE_DAY)


def send(topic, kafka, *readings, key=None):
    """One after the other, to partition 0; bytes go as they are."""
    with KafkaProducer(**kafka) as producer:
        for one in readings:
            value = one if isinstance(one, bytes) else lab.encode_reading(one)
            producer.send(topic, value, key, partition=0).get(timeout=10)


@pytest.fixture(scope="module")
def alarming(broker):
    """Three runs: HOT, then behind a bad message OTHER and AGAIN."""
    topic, kafka = lab.fresh_name("check"), {"bootstrap_servers": broker.start().bootstrap_servers}
    lab.create_topic(topic, num_partitions=2, **kafka)
    send(topic, kafka, COLD, HOT, HOTTER, COLD, b"garbage", OTHER, AGAIN)
    return topic


def test_alarms_topic(alarming, topic, kafka):
    found = [done(lab.check_alarms_topic(topic, alarming, **kafka))]
    for name, partitions in ((topic, 1), (lab.fresh_name("check"), 2)):
        lab.create_topic(name, num_partitions=partitions, **kafka)
        found.append(done(lab.check_alarms_topic(name, alarming, **kafka)))
    assert found == [[False, False], [True, False], [True, True]]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (None, [False, False, False, False]),
        ([], [False, False, False, False]),
        ([HOT], [True, False, False, False]),
        ([OTHER, AGAIN], [True, True, False, False]),
        ([HOT, HOTTER, OTHER, AGAIN], [True, True, True, False]),
        ([HOT, OTHER, OTHER, AGAIN], [True, True, True, False]),
        (iter([AGAIN, OTHER, HOT]), [True, True, True, True]),
    ],
)
def test_runs(alarming, kafka, answer, expected):
    assert done(lab.check_runs(alarming, answer, **kafka)) == expected


@pytest.mark.parametrize(
    ("alarms", "key", "expected", "once"),
    [
        ([], "its own", [False, False, False, False], [False, False, False]),
        ([HOT, OTHER, AGAIN], None, [False, False, False, False], [False, False, False]),
        ([HOT], "its own", [True, False, False, True], [False, True, True]),
        ([OTHER, AGAIN], "its own", [True, True, False, True], [False, True, True]),
        ([HOT, HOTTER, OTHER, AGAIN], "its own", [True, True, True, False], [True, False, True]),
        ([HOT, OTHER, AGAIN, HOT], "its own", [True, True, True, True], [True, True, False]),
        ([HOT, OTHER, AGAIN], "its own", [True, True, True, True], [True, True, True]),
    ],
)
def test_alarms(alarming, topic, kafka, alarms, key, expected, once):
    lab.create_topic(topic, **kafka)
    for alarm in alarms:
        send(topic, kafka, alarm, key=alarm.sensor_id.encode() if key else None)
    assert done(lab.check_alarms(alarming, topic, **kafka)) == expected
    assert done(lab.check_each_alarm_once(alarming, topic, **kafka)) == once


def test_an_alarm_after_a_bad_try_counts(alarming, topic, kafka):
    lab.create_topic(topic, **kafka)
    send(topic, kafka, b"a sensor's name", key=b"a")
    assert done(lab.check_alarms(alarming, topic, **kafka)) == [False, False, False, False]
    for alarm in (HOT, OTHER, AGAIN):
        send(topic, kafka, alarm, key=alarm.sensor_id.encode())
    assert done(lab.check_alarms(alarming, topic, **kafka)) == [True, True, True, True]


# Lesson 08.


def test_second_group(filled, kafka, warehouse, tmp_path):
    with lab.Warehouse(str(tmp_path / "archive.db")) as archive:
        group = lab.fresh_name("check")
        found = [done(lab.check_second_group(archive, filled, group, **kafka))]
        for messages in (10, 20):
            lab.consume(filled, archive, group_id=group, max_messages=messages, **kafka)
            found.append(done(lab.check_second_group(archive, filled, group, **kafka)))
        assert found == [[False, False, False], [True, False, False], [True, True, True]]


def test_second_group_that_has_read_nothing_for_its_own_warehouse(filled, kafka, warehouse, tmp_path):
    group = lab.fresh_name("check")
    for group_id in (filled, group):  # the second begins where the warehouse is: at the end
        lab.consume(filled, warehouse, group_id=group_id, max_messages=30, idle_timeout=1, **kafka)
    with lab.Warehouse(str(tmp_path / "archive.db")) as archive:
        assert done(lab.check_second_group(archive, filled, group, **kafka)) == [True, True, False]
        assert not any(done(lab.check_second_group(archive, "no-such-topic", group, **kafka)))


@pytest.mark.parametrize(
    ("partitions", "sensors", "expected"),
    [
        (None, 24, [False, False, False]),
        (3, 24, [True, False, False]),
        (4, 0, [True, True, False]),
        (4, 12, [True, True, False]),  # none of the twelve keys goes to partition 2
        (4, 24, [True, True, True]),
        (8, 12, [True, True, False]),  # the second member has 2 and 3: both empty
        (8, 15, [True, True, True]),  # of those two, only 3 is empty
        (6, 6, [True, True, True]),  # two each for the first two members, and only 0 is empty
    ],
)
def test_work_for(topic, kafka, partitions, sensors, expected):
    if partitions:
        lab.create_topic(topic, num_partitions=partitions, **kafka)
        lab.produce(topic, lab.simulate_readings(sensors), interval=0, max_batches=1, **kafka)
    assert done(lab.check_work_for(topic, 4, **kafka)) == expected


# Lesson 10.


def test_shared(topic, kafka, warehouse):
    lab.create_topic(topic, num_partitions=2, **kafka)

    def found(members: int, seconds: float) -> list[bool]:
        return done(lab.check_shared(topic, topic, members, seconds=seconds, **kafka))

    assert found(2, 0) == [False, False, False]
    stop = threading.Event()
    consumers = [
        threading.Thread(
            target=lab.consume, args=(topic, warehouse), kwargs={"group_id": topic, "stop": stop} | kafka
        )
        for _ in range(3)
    ]
    try:
        consumers[0].start()
        assert found(1, 30) == [True, True, True]
        assert found(2, 0) == [False, False, True]
        consumers[1].start()
        assert found(2, 30) == [True, True, True]
        consumers[2].start()  # there is no third partition
        assert found(3, 3) == [True, False, True]
    finally:
        stop.set()
        for consumer in consumers:
            if consumer.ident:
                consumer.join(30)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (None, [False, False, False]),
        ("10", [False, False, False]),
        ({}, [False, False, False]),
        ({0: 25}, [False, True, False]),
        ({0: 0, 1: 0, 2: 0}, [True, False, False]),
        ({0: 25, 1: 0, 2: 0}, [True, True, False]),
        ("right", [True, True, True]),
    ],
)
def test_lag(topic, kafka, warehouse, answer, expected):
    lab.create_topic(topic, num_partitions=3, **kafka)
    lab.produce(topic, lab.simulate_readings(5, seed=1), interval=0, max_batches=10, **kafka)
    lab.consume(topic, warehouse, group_id=topic, max_messages=25, **kafka)
    if answer == "right":
        stored = warehouse.next_offsets(lab.describe_topic(topic, **kafka).topic_id)
        answer = {n: end - stored.get(n, 0) for n, (_, end) in lab.topic_offsets(topic, **kafka).items()}
    assert done(lab.check_lag(warehouse, topic, answer, **kafka)) == expected


# Lesson 12.


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        (None, [False, False, False]),
        ("SELECT sensor_id FROM sensor_logs", [False, False, False]),
        ("SELECT sensor_id, val FROM sensor_logs WHERE false", [True, False, False]),
        ("SELECT sensor_id, val FROM sensor_logs", [True, False, False]),
        ("SELECT sensor_id, min(val) AS val FROM sensor_logs GROUP BY sensor_id", [True, True, False]),
        ("SELECT sensor_id, max(val) AS val FROM sensor_logs GROUP BY sensor_id", [True, True, True]),
    ],
)
def test_highest(warehouse, view, expected):
    readings = [lab.Reading(sensor_id, val, "", "OK", SAMPLE_DAY) for sensor_id in "ab" for val in (1, 2)]
    warehouse.store("topic", "id", [Batch(0, None, 4, readings)])
    if view:
        warehouse.execute(f"CREATE VIEW highest AS {view}")
    assert done(lab.check_highest(warehouse)) == expected
