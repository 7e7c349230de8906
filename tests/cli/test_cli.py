"""`python -m lab`, as a learner types it."""

import os
import re
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import datetime
from pathlib import Path
from urllib.request import urlopen

import psutil
import pytest

import lab
from lab.clients.connection import is_answering
from lab.embedded.jars import maven_folder
from lab.embedded.ports import free_ports
from tests.support.ledger import take_ledger
from tests.support.programs import running, suspend
from tests.support.waiting import soon, wait_for


@pytest.fixture
def place(tmp_path, kafka):
    """A topic, a group and a warehouse of the test's own, in the environment of the commands."""
    name = lab.fresh_name("cli")
    return {
        "LAB_TOPIC": name,
        "LAB_GROUP": name,
        "LAB_WAREHOUSE": f"sqlite:///{(tmp_path / 'my wärehouse.db').as_posix()}",
    }


def run(*arguments, cwd=None, timeout=60, **environment):
    return subprocess.run(
        [sys.executable, "-m", "lab", *arguments],
        env=os.environ | {"PYTHONUTF8": "1"} | environment,
        cwd=cwd,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=timeout,
    )


def rows(place):
    with closing(sqlite3.connect(place["LAB_WAREHOUSE"].removeprefix("sqlite:///"))) as db:
        return db.execute("SELECT * FROM sensor_logs ORDER BY id").fetchall()


def test_the_seed_behaviour(place):
    """Three readings every second, a row each, and a line each that says so."""
    produced = run("produce", "--batches", "3", **place)
    assert produced.returncode == 0
    assert "9 readings acknowledged, 0 not" in produced.stderr
    consumed = run("consume", "--max-messages", "9", **place)
    assert consumed.returncode == 0
    stored = rows(place)
    lines = [f"Stored: {row[1]} at {datetime.fromisoformat(row[5]).isoformat()}" for row in stored]
    assert consumed.stdout.splitlines() == lines
    assert [row[0] for row in stored] == list(range(1, 10))
    assert [row[1] for row in stored] == ["temperature-1", "humidity-1", "pressure-1"] * 3
    assert {row[4] for row in stored} <= {"OK", "WARNING", "CRITICAL"}


def test_the_columns_are_the_seeds(place):
    run("produce", "--batches", "1", **place)
    run("consume", "--max-messages", "3", **place)
    with closing(sqlite3.connect(place["LAB_WAREHOUSE"].removeprefix("sqlite:///"))) as db:
        columns = [column[1] for column in db.execute("PRAGMA table_info(sensor_logs)")]
    assert columns == ["id", "sensor_id", "val", "unit", "status", "ts"]


def test_the_warehouse_is_made_where_the_user_is(place, tmp_path):
    run("produce", "--batches", "1", **place)
    folder = tmp_path / "a folder of mine"
    folder.mkdir()
    del place["LAB_WAREHOUSE"]
    run("consume", "--max-messages", "3", cwd=folder, LAB_WAREHOUSE="", **place)
    assert (folder / "warehouse.db").is_file()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signal to send to one process alone")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_signal_ends_produce_and_consume_cleanly(place, tmp_path, number, kafka):
    with (
        running("produce", "--interval", "0.05", output=tmp_path / "produce.txt", **place) as producer,
        running("consume", output=tmp_path / "consume.txt", **place) as consumer,
    ):
        wait_for(lambda: "Stored: " in consumer.text)
        for command in (producer, consumer):
            command.process.send_signal(number)
            assert command.wait(soon(3)) == 0
            assert "Traceback" not in command.text
    done = run("consume", "--idle-timeout", "1", "--quiet", **place)
    assert done.returncode == 0
    warehouse = place["LAB_WAREHOUSE"].removeprefix("sqlite:///")
    ledger = take_ledger(place["LAB_TOPIC"], kafka["bootstrap_servers"], warehouse)
    assert ledger.produced == ledger.stored > 0
    assert ledger.clean


def test_status_shows_offsets_lag_and_rows(place):
    run("produce", "--batches", "4", "--interval", "0", **place)
    run("consume", "--max-messages", "9", **place)
    shown = run("status", **place)
    assert shown.returncode == 0
    assert re.search(r"^temperature-1 +3 ", shown.stdout, re.MULTILINE)
    assert re.search(r"^0 +12 +9 +3 +nobody$", shown.stdout, re.MULTILINE)


def test_dead_letters_are_listed_fixed_and_replayed_once(place, kafka):
    from kafka import KafkaProducer

    bad = b'{"sensor_id": "s", "val": "abc", "unit": "m", "status": "OK", "ts": "2026-01-01T00:00:00Z"}'
    with KafkaProducer(**kafka) as producer:
        producer.send(place["LAB_TOPIC"], bad, b"s")
    run("consume", "--max-messages", "1", **place)
    listed = run("dead-letters", "list", **place)
    assert 'val: expected a finite number, found "abc"' in listed.stdout
    unfixed = run("dead-letters", "replay", "1", **place)
    assert (unfixed.returncode, unfixed.stdout) == (1, "")
    assert "val: expected a finite number" in unfixed.stderr
    fixed = run("dead-letters", "replay", "1", "--set", "val=21.5", **place)
    assert fixed.stdout == f"Dead letter 1 was sent again, as {place['LAB_TOPIC']}-0@1.\n"
    again = run("dead-letters", "replay", "1", "--set", "val=21.5", **place)
    assert (again.returncode, again.stdout) == (1, "")
    run("consume", "--max-messages", "1", **place)
    assert rows(place) == [(1, "s", 21.5, "m", "OK", "2026-01-01T00:00:00.000000+00:00")]


def test_chart_makes_a_picture(place, tmp_path):
    run("produce", "--batches", "5", "--interval", "0", **place)
    run("consume", "--max-messages", "15", **place)
    picture = tmp_path / "picture.png"
    assert run("chart", "--output", str(picture), **place).returncode == 0
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "arguments, environment, message",
    [
        (["chart"], {"LAB_WAREHOUSE": "nowhere/w.db"}, "There is no warehouse at"),
        (["consume"], {"LAB_WAREHOUSE": __file__}, "not an SQLite database"),
        (["consume"], {"LAB_WAREHOUSE": "nowhere/w.db"}, "Check that its folder exists"),
        (["status"], {"LAB_BOOTSTRAP_SERVERS": "here"}, "LAB_BOOTSTRAP_SERVERS: 'here' cannot be used"),
        (["topic", "describe"], {"LAB_TOPIC": "no-such-topic"}, "There is no topic 'no-such-topic'"),
        (["broker", "start"], {"LAB_BOOTSTRAP_SERVERS": "kafka.invalid:9092"}, "on this machine only"),
    ],
)
def test_a_fault_is_one_clear_line_and_exit_code_1(kafka, tmp_path, arguments, environment, message):
    done = run(*arguments, cwd=tmp_path, **environment)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.broker
@pytest.mark.parametrize(
    "arguments", [["produce", "--batches", "-1"], ["consume", "--max-messages", "0"], []]
)
def test_a_wrong_call_is_exit_code_2(arguments):
    assert run(*arguments).returncode == 2


@pytest.mark.broker
def test_broker_commands_start_one_show_it_and_stop_it(tmp_path):
    place = {
        "LAB_HOME": str(tmp_path / "my home"),
        "LAB_BOOTSTRAP_SERVERS": f"localhost:{free_ports(1)[0]}",
    }
    try:
        assert run("broker", "status", **place).returncode == 1
        assert "running" in run("broker", "start", **place).stdout
        assert "it was there before" in run("broker", "start", **place).stdout
        shown = run("broker", "status", **place)
        assert (shown.returncode, "a broker answers" in shown.stdout) == (0, True)
        assert "removed" in run("broker", "reset", **place).stdout
    finally:
        stopped = run("broker", "stop", **place)
    assert "No embedded broker" in stopped.stdout


def test_output_never_fails_on_a_small_code_page(place):
    """A Windows console in cp1252, or worse, in ASCII."""
    done = run("doctor", PYTHONIOENCODING="ascii", PYTHONUTF8="0", **place)
    assert "UnicodeEncodeError" not in done.stderr


@pytest.mark.parametrize("command", ["consume --max-messages 6000", "produce --batches 2000 --interval 0"])
def test_a_pipe_that_closes_early_is_no_traceback(place, command):
    """As in `| head`. Windows has another error for it, without a name."""
    if command.startswith("consume"):
        run("produce", "--batches", "2000", "--interval", "0", **place)
    process = subprocess.Popen(
        [sys.executable, "-m", "lab", *command.split()],
        env=os.environ | place,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    process.stdout.readline()
    process.stdout.close()
    errors = process.stderr.read().decode(errors="replace")
    process.stderr.close()
    assert process.wait(20) == 0
    assert "Traceback" not in errors


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signal to send to one process alone")
def test_a_demo_that_is_interrupted_while_it_sends_is_not_done(place, tmp_path, kafka):
    chart = tmp_path / "chart.png"
    with running("demo", "--output", chart, output=tmp_path / "demo.txt", **place) as demo:
        wait_for(lambda: "3  Producer" in demo.text)
        wait_for(lambda: lab.topic_offsets(place["LAB_TOPIC"], **kafka)[0][1] > 0)
        demo.process.send_signal(signal.SIGINT)
        assert demo.wait(30) == 130
    assert not re.search("Chart|Done|Traceback", demo.text)
    assert not chart.exists()


@pytest.mark.broker
def test_the_demo_runs_twice_and_leaves_nothing_running(tmp_path):
    place = {
        "LAB_HOME": str(tmp_path / "home"),
        "LAB_BOOTSTRAP_SERVERS": f"localhost:{free_ports(1)[0]}",
        "LAB_WAREHOUSE": str(tmp_path / "warehouse.db"),
        "LAB_TOPIC": "sensor-data",
    }
    for run_number in (1, 2):
        done = run("demo", "--output", str(tmp_path / "chart.png"), timeout=180, **place)
        assert (done.returncode, done.stderr) == (0, "")
        assert "produced      4200 readings" in done.stdout
        assert "stored        4200 rows in sensor_logs, 4200 of that day" in done.stdout
        assert "dead letters  0" in done.stdout
        assert run("broker", "status", **place).returncode == 1
        with lab.Warehouse(str(tmp_path / "warehouse.db"), create=False) as warehouse:
            assert warehouse.query("SELECT count(*) FROM sensor_logs") == [(4200 * run_number,)]
    assert (tmp_path / "chart.png").read_bytes().startswith(b"\x89PNG")
    assert requests_of(tmp_path / "home") < 2 * 1440 / 5  # of 1,440 batches each run


def requests_of(home):
    """The record batches in the log: at most as many requests sent them. Each costs processor time."""
    log = (home / "broker-1" / "data" / "sensor-data-0" / f"{0:020}.log").read_bytes()
    number, start = 0, 0
    while start < len(log):
        number, start = number + 1, start + 12 + int.from_bytes(log[start + 8 : start + 12])
    return number


def test_a_running_consumer_shows_its_numbers_to_prometheus_and_to_status(place, tmp_path):
    port = free_ports(1)[0]
    run("produce", "--batches", "5", "--interval", "0", **place)
    arguments = "consume", "--quiet", "--metrics-port", str(port)
    with running(*arguments, output=tmp_path / "consumer.log", **place) as consumer:
        wait_for(lambda: f"Metrics at http://127.0.0.1:{port}/metrics" in consumer.text)
        wait_for(lambda: "kafka_lab_stored_total 15.0" in metrics(port))
        wait_for(lambda: 'kafka_lab_lag{partition="0"} 0.0' in metrics(port))
        wait_for(
            lambda: re.search(
                rf"{place['LAB_GROUP']} +\S+ +\S+ +15 +15 +0 +0 +0 ", run("status", **place).stdout
            )
        )


def metrics(port):
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        return answer.read().decode("utf-8")


@pytest.mark.parametrize("command", ["produce --batches 1", "topic create", "consume --idle-timeout 5"])
def test_a_broker_that_asks_for_no_password_is_one_line_and_the_password_is_nowhere(kafka, tmp_path, command):
    secret = {
        "LAB_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
        "LAB_SASL_MECHANISM": "PLAIN",
        "LAB_SASL_USERNAME": "ada",
        "LAB_SASL_PASSWORD": "top-secret-7",
        "LAB_HOME": str(tmp_path / "home"),
        "LAB_WAREHOUSE": str(tmp_path / "warehouse.db"),
    }
    done = run(*command.split(), **secret)
    assert f"Kafka at {kafka['bootstrap_servers']} " in done.stderr
    assert "does not let us in" in done.stderr
    assert "Traceback" not in done.stderr
    assert "SaslHandshake failed" in (tmp_path / "home" / "kafka-python.log").read_text(encoding="utf-8")
    kept = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert "top-secret-7" not in done.stdout + done.stderr
    assert not any(b"top-secret-7" in content for content in kept)


@pytest.mark.parametrize("fault", ["no room", "no file"])
def test_a_log_of_the_client_that_cannot_be_written_is_one_line(kafka, tmp_path, fault):
    log = tmp_path / "home" / "kafka-python.log"
    log.parent.mkdir()
    if fault == "no file":
        log.mkdir()
    elif not Path("/dev/full").exists():
        pytest.skip("no device that is always full")
    else:
        log.symlink_to("/dev/full")
    refused = {
        "LAB_SECURITY_PROTOCOL": "SASL_PLAINTEXT",  # of which the client says much in its log
        "LAB_SASL_MECHANISM": "PLAIN",
        "LAB_SASL_USERNAME": "ada",
        "LAB_SASL_PASSWORD": "lovelace",
        "LAB_HOME": str(log.parent),
    }
    done = run("topic", "create", **refused)
    told = done.stderr.splitlines()
    assert len(told) == 2, done.stderr
    assert told[0].startswith(f"{log} cannot be written: ")
    assert "does not let us in" in told[1]


def jars_with_a_lock_of_their_own(folder):
    """The user's jars in another folder: whoever is suspended may hold the lock on them."""
    folder.mkdir()
    for each in maven_folder().iterdir():
        if each.is_dir():
            (folder / each.name).symlink_to(each)
    return {"M2_REPO": str(folder)}


@pytest.mark.broker
def test_a_command_behind_a_suspended_one_says_who_it_is_and_ends(tmp_path):
    place = {"LAB_HOME": str(tmp_path), "LAB_BOOTSTRAP_SERVERS": f"localhost:{free_ports(1)[0]}"}
    if os.name != "nt":  # there not everybody may make a link
        place |= jars_with_a_lock_of_their_own(tmp_path / "jars")
    with running("broker", "start", output=tmp_path / "start.txt", **place):
        note = tmp_path / "broker.lock.holder"
        pid = int(wait_for(lambda: note.exists() and note.read_text(encoding="ascii")))
        suspend(psutil.Process(pid))
        stopped, looked = run("broker", "stop", **place), run("doctor", **place)
        psutil.Process(pid).kill()
    assert stopped.returncode == 1
    waits, error = stopped.stderr.splitlines()
    assert waits.startswith("Waiting for ") and error.startswith("error: ")
    for line in (waits, error, looked.stdout):
        assert f"(process {pid}), which is suspended" in line
    assert re.search(r"^FAULT  Leftovers: .* keeps every other command", looked.stdout, re.MULTILINE)
    assert run("broker", "stop", **place).returncode == 0


@pytest.mark.broker
def test_reset_removes_messages_and_rows_and_no_file_of_others(tmp_path):
    home, warehouse = tmp_path / "home", tmp_path / "warehouse.db"
    place = {
        "LAB_HOME": str(home),
        "LAB_WAREHOUSE": str(warehouse),
        "LAB_BOOTSTRAP_SERVERS": f"localhost:{free_ports(1)[0]}",
    }
    try:
        assert run("broker", "start", **place).returncode == 0
        run("produce", "--batches", "1", **place)
        run("consume", "--max-messages", "3", **place)
        done = run("reset", **place)
        assert done.returncode == 0
        assert f"The warehouse is removed, with 3 rows: {warehouse}" in done.stdout
        assert not list(tmp_path.glob("warehouse.db*"))
        assert not list(home.glob("broker-*/"))
        assert "No embedded broker" in run("broker", "stop", **place).stdout
        assert run("reset", **place).returncode == 0  # twice does no harm
        with closing(sqlite3.connect(warehouse)) as db, db:
            db.execute("CREATE TABLE sensor_logs (mine)")
        refused = run("reset", **place)
        assert refused.returncode == 1
        assert "has a table sensor_logs with the columns mine" in refused.stderr
        assert warehouse.exists()
    finally:
        run("broker", "stop", **place)


def test_reset_leaves_a_warehouse_on_a_server(tmp_path, postgresql):
    url = postgresql.new_database()
    with lab.Warehouse(url):
        done = run("reset", LAB_HOME=str(tmp_path), LAB_WAREHOUSE=url)
        assert (done.returncode, "stays as it is" in done.stdout) == (0, True)


@pytest.mark.broker
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux has every address of 127.*")
def test_a_broker_that_is_opened_to_others_says_so_and_is_closed_again_by_the_next_start(tmp_path):
    port = free_ports(1)[0]
    place = {"LAB_HOME": str(tmp_path / "home"), "LAB_BOOTSTRAP_SERVERS": f"localhost:{port}"}
    open_to_others = place | {"LAB_BOOTSTRAP_SERVERS": f"127.0.0.5:{port}"}
    try:
        refused = run("broker", "start", "--listen", "203.0.113.7", **place)
        assert refused.returncode == 1
        assert "is no address of this machine. It has: " in refused.stderr
        started = run("broker", "start", "--listen", "127.0.0.5", **place)
        assert "can read and write it, without a password" in started.stderr
        assert f"LAB_BOOTSTRAP_SERVERS=127.0.0.5:{port}" in started.stderr
        assert run("topic", "create", **open_to_others).returncode == 0
        assert f"127.0.0.5:{port}, running" in run("broker", "status", **open_to_others).stdout
        assert "it was there before" in run("broker", "start", **open_to_others).stdout
        other = run("broker", "start", **place)  # at another address than it has
        assert f"already runs, at 127.0.0.5:{port}" in other.stderr
        assert "Stopped." in run("broker", "stop", **place).stdout
        assert f"127.0.0.1:{port}, running" in run("broker", "start", **place).stdout
        assert not is_answering(f"127.0.0.5:{port}")
    finally:
        run("broker", "stop", **place)
