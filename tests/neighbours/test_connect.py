"""A worker of Kafka Connect and its PostgreSQL: killed, started again, known to the kit, on this machine."""

import json
import os
import stat
import subprocess
import sys
import sysconfig
from pathlib import Path

import psutil
import pytest

from lab.embedded import java
from lab.embedded.jars import _pins
from lab.embedded.java import java_command
from lab.errors import LabError
from lab.neighbours import connect, postgresql
from lab.neighbours.connect import ConnectWorker, start_connect
from lab.neighbours.earlier import end_earlier
from lab.neighbours.neighbour import NEIGHBOURS, fault_of
from lab.neighbours.packages import use_packages
from lab.neighbours.postgresql import start_postgresql
from lab.neighbours.rest import RestError
from lab.settings import Settings
from lab.system.programs import end_with_this_process, read_programs
from lab.topics import create_topic, fresh_name

SECURED = {
    "bootstrap_servers": "k:9",
    "security_protocol": "SASL_PLAINTEXT",
    "sasl_mechanism": "PLAIN",
    "sasl_plain_username": "ada",
    "sasl_plain_password": "sécret",
}
fetched = pytest.mark.skipif(bool(fault_of("14")), reason=fault_of("14"))


def running() -> list[str]:
    """The names of the servers that the kit knows to run."""
    return [program.name for program in read_programs(Settings.from_environment().home)]


def listening(pid: int) -> set[str]:
    """The addresses at which a process and its children listen."""
    processes = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    found = [each for process in processes for each in process.net_connections("tcp")]
    return {each.laddr.ip.removeprefix("::ffff:") for each in found if each.status == psutil.CONN_LISTEN}


@pytest.fixture(scope="module")
def database(broker):
    started = start_postgresql()
    yield started
    started.stop()
    started.stop()
    assert f"PostgreSQL at 127.0.0.1:{started.port}" not in running() and not started.folder.exists()


@pytest.fixture(scope="module")
def worker(broker):
    started = start_connect(bootstrap_servers=broker.start().bootstrap_servers)
    yield started
    started.stop()


@pytest.fixture
def sink(database, kafka):
    """The settings of a sink into a table that does not exist yet."""
    topic = create_topic(fresh_name("sunk"), **kafka).name
    schema = {"type": "struct", "fields": [{"field": "name", "type": "string"}]}
    return {
        "connector.class": "io.debezium.connector.jdbc.JdbcSinkConnector",
        "topics": topic,
        "collection.name.format": topic.replace("-", "_"),
        "connection.url": f"jdbc:postgresql://127.0.0.1:{database.port}/postgres",
        "connection.username": "postgres",
        "connection.password": "-",
        "schema.evolution": "basic",
        "value.converter": "org.apache.kafka.connect.json.JsonConverter",
        "value.converter.schemas.enable": True,
        "value.converter.schema.content": json.dumps(schema),
    }


@fetched
@pytest.mark.broker
def test_a_killed_worker_finds_its_connectors_again(worker, sink):
    assert worker.add("kept", sink)["tasks"][0]["state"] == "RUNNING"
    worker.kill()
    assert not worker.is_running() and repr(worker).endswith("stopped>")
    with pytest.raises(RestError, match=r"does not run: worker\.start\(\) starts it"):
        worker.rest("GET", "/connectors")
    assert not [name for name in running() if name.startswith("Kafka Connect")]
    assert worker.start().rest("GET", "/connectors") == ["kept"]
    assert running().count(f"Kafka Connect at {worker.url}") == 1
    worker.remove("kep")
    assert worker.rest("GET", "/connectors") == []


@fetched
@pytest.mark.broker
def test_it_listens_on_this_machine_only_and_leaves_no_settings(worker):
    pid = worker._process.pid
    assert listening(pid) == {"127.0.0.1"}
    assert not worker._settings_file.exists()
    pss = psutil.Process(pid).memory_info().rss / 1e6
    assert pss < NEIGHBOURS["connect"].memory_mb, "say the new figure in lab/neighbours/neighbour.py"


@fetched
@pytest.mark.broker
def test_a_connector_that_failed_is_replaced_by_one_that_runs(worker, sink):
    """The state of the old one is not taken for that of the new one."""
    wrong = sink | {"connection.url": sink["connection.url"].replace("127.0.0.1", "127.0.0.1:9")}
    with pytest.raises(RestError, match=r"^The connector mended failed: \S+: .+"):
        worker.add("mended", wrong)
    assert worker.add("mended", sink)["connector"]["state"] == "RUNNING"
    worker.remove("mended")


@fetched
@pytest.mark.broker
def test_settings_that_are_wrong_are_refused_in_one_line(worker, sink):
    with pytest.raises(RestError) as error:
        worker.add("wrong", sink | {"connector.class": "NoSuchSink"})
    said = str(error.value)
    assert "NoSuchSink" in said and "io.debezium.connector.jdbc.JdbcSinkConnector" in said
    assert "\n" not in said and "location" not in said


@pytest.mark.parametrize("again", ["Kafka Connect", "PostgreSQL"])
def test_what_is_started_again_ends_the_earlier_one_and_no_other(again, tmp_path, monkeypatch):
    """As when the cell of a notebook is run twice."""
    monkeypatch.setenv("LAB_HOME", str(tmp_path))
    waits = [sys.executable, "-c", "input()"]
    names = ("Kafka Connect", "PostgreSQL", "other")
    first = {name: subprocess.Popen(waits, stdin=subprocess.PIPE) for name in names}
    for name, process in first.items():
        end_with_this_process(tmp_path, process.pid, f"{name} at 127.0.0.1:9")
    end_earlier(again)
    assert [name for name, process in first.items() if process.poll() is not None] == [again]
    for process in first.values():
        process.kill()
        process.communicate()


@fetched
@pytest.mark.broker
def test_a_worker_that_does_not_start_says_the_end_of_its_log(broker):
    broken = ConnectWorker(NEIGHBOURS["connect"], {"bootstrap_servers": broker.start().bootstrap_servers})
    broken.properties["exactly.once.source.support"] = "perhaps"
    with pytest.raises(RestError, match=r"(?s)^Kafka Connect does not start\.\n.+connect\.log:\n.*perhaps"):
        broken.start()
    assert not broken.is_running() and not broken._settings_file.exists()


@fetched
@pytest.mark.broker
def test_a_database_is_known_to_the_kit_and_tells_its_changes(database):
    assert f"PostgreSQL at 127.0.0.1:{database.port}" in running()
    assert listening(database.pid) == {"127.0.0.1"}
    assert database.query("SHOW wal_level") == [("logical",)]


@fetched
@pytest.mark.broker
def test_a_database_returns_rows_and_undoes_a_broken_transaction(database):
    database.query("CREATE TABLE things (name text)")
    with pytest.raises(ZeroDivisionError), database.transaction():
        database.query("INSERT INTO things VALUES (?)", "gone")
        raise ZeroDivisionError
    assert database.query("INSERT INTO things VALUES (?)", "kept") == []
    with pytest.raises(LabError, match=r'^PostgreSQL cannot run this: .+"SELEC"\. The statement: SELEC 1$'):
        database.query("SELEC 1")
    assert database.query("SELECT * FROM things") == [("kept",)]


def test_a_database_that_does_not_start_is_one_line(tmp_path, monkeypatch):
    def fail(folder, port):
        (folder / "log").write_text("LOG: first\nFATAL: no room\n", encoding="utf-8")
        raise OSError("never mind\nthe second line")

    monkeypatch.setenv("LAB_HOME", str(tmp_path))
    monkeypatch.setattr(postgresql, "require", lambda name: NEIGHBOURS[name])
    monkeypatch.setattr(postgresql, "_start", fail)
    monkeypatch.setattr(sys, "path", sys.path.copy())
    with pytest.raises(LabError, match=r"^PostgreSQL does not start here: FATAL: no room$"):
        start_postgresql()


def test_what_this_python_has_itself_it_does_not_take_from_a_neighbour(monkeypatch):
    monkeypatch.setattr(sys, "path", sys.path.copy())
    use_packages(NEIGHBOURS["connect"])
    use_packages(NEIGHBOURS["connect"])
    folder = Path(sys.path[-1])
    assert folder.is_relative_to(NEIGHBOURS["connect"].folder / "python")
    assert sys.path.count(str(folder)) == 1
    own = Path(sysconfig.get_path("platlib"))
    assert folder.relative_to(NEIGHBOURS["connect"].folder / "python") == own.relative_to(sys.prefix)


def test_each_client_of_a_worker_gets_the_password_and_nobody_else(tmp_path, monkeypatch):
    monkeypatch.setenv("LAB_HOME", str(tmp_path))
    worker = ConnectWorker(NEIGHBOURS["connect"], SECURED)
    clients = [name for name in worker.properties if name.endswith("sasl.jaas.config")]
    assert clients == [f"{client}sasl.jaas.config" for client in ("", "producer.", "consumer.", "admin.")]
    connect.write_private(worker._settings_file, worker.properties)
    text = worker._settings_file.read_text(encoding="ascii")
    assert text.count("s\\u00e9cret") == 4
    assert os.name == "nt" or stat.S_IMODE(worker._settings_file.stat().st_mode) == 0o600
    assert os.name == "nt" or stat.S_IMODE(worker._settings_file.parent.stat().st_mode) == 0o700
    assert worker.properties["listeners"].startswith("http://127.0.0.1:")


def test_connect_is_of_the_version_of_kafka_and_brings_no_jar_twice():
    kafka, connect = (
        dict(coordinate.rpartition(":")[::2] for coordinate, _ in pins)
        for pins in (_pins(), NEIGHBOURS["connect"].pinned("jars").pins)
    )
    assert connect["org.apache.kafka:connect-runtime"] == kafka["org.apache.kafka:kafka_2.13"]
    assert kafka.keys() & connect.keys() == set()


def test_more_jars_stand_behind_those_of_kafka(monkeypatch):
    """Java refuses its cache if the class path begins otherwise."""
    monkeypatch.setattr(java, "fetch_jars", lambda: [Path("kafka.jar")])
    command = java_command("Main", more_jars=[Path("more.jar")])
    assert command[command.index("-cp") + 1] == os.pathsep.join(["kafka.jar", "more.jar"])
