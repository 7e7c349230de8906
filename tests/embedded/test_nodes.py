"""What runs in a home is known whatever became of its record, and a folder is removed whole or not at all."""

import errno
import itertools
import json
import os
import shutil
import stat
import subprocess
import sys
from types import SimpleNamespace

import psutil
import pytest

import lab
import lab.embedded.broker
import lab.embedded.process
from lab.classroom.doctor.services import check_leftovers
from lab.clients.connection import is_answering
from lab.embedded import folders, nodes
from lab.embedded.broker import EmbeddedBroker
from lab.embedded.folders import data_folders, lack_of_room, remove_folders
from lab.embedded.ports import free_ports
from lab.errors import BrokerError
from lab.settings import Settings
from tests.support.programs import running
from tests.support.waiting import wait_for

posix = pytest.mark.skipif(os.name != "posix", reason="on Windows the folder of a program cannot be removed")


def change(broker, **changes):
    """As if `broker.json` were older than what runs."""
    record = broker.home / "broker.json"
    known = json.loads(record.read_text(encoding="utf-8"))
    record.write_text(json.dumps([node | changes for node in known]), encoding="utf-8")


def javas(home):
    """The processes below a home, as the system has them."""
    return [p for p in psutil.process_iter(["name", "cwd"]) if str(p.info["cwd"]).startswith(str(home))]


# Known whatever became of the record.


def test_a_broker_is_known_when_the_clock_was_set(own_broker):
    """The start time that the system gives for a process moves with the clock."""
    before = own_broker.nodes()[0]
    for seconds in (-86400, -2, 2, 3600):
        change(own_broker, started=before.started + seconds)
        assert own_broker.is_running()
        assert own_broker.start().nodes()[0].pid == before.pid
    change(own_broker, started=1)
    own_broker.stop()
    assert not psutil.pid_exists(before.pid)


def test_a_reset_after_the_clock_was_set_ends_the_broker_first(own_broker):
    pid = own_broker.nodes()[0].pid
    change(own_broker, started=1)
    own_broker.reset()
    assert not psutil.pid_exists(pid)
    assert data_folders(own_broker.home) == []


def test_a_broker_is_known_without_its_record(own_broker):
    before, record = own_broker.nodes(), own_broker.home / "broker.json"
    ways = [
        lambda: change(own_broker, pid=0),
        lambda: change(own_broker, pid=os.getpid(), started=psutil.Process().create_time()),
        lambda: record.write_text("[{", encoding="utf-8"),
        lambda: record.unlink(),
    ]
    for lose in ways:
        lose()
        assert own_broker.nodes() == before
        assert own_broker.start().nodes() == before
        assert json.loads(record.read_text(encoding="utf-8"))[0]["pid"] == before[0].pid
    record.unlink()
    own_broker.reset()
    assert not psutil.pid_exists(before[0].pid)


def test_a_number_that_another_program_has_now_is_not_the_broker(own_broker):
    own_broker.stop()
    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        change(own_broker, pid=other.pid, started=psutil.Process(other.pid).create_time())
        assert not own_broker.is_running()
        own_broker.kill()
        own_broker.reset()
        assert other.poll() is None
    finally:
        other.communicate(b"\n")


def test_a_broker_of_another_home_is_not_this_one(own_broker, tmp_path):
    other = EmbeddedBroker(tmp_path / "other", own_broker.port)
    shutil.copytree(own_broker.home, other.home, ignore=shutil.ignore_patterns("*.lock"))
    assert not other.is_running()
    other.kill()
    other.reset()
    assert is_answering(own_broker.bootstrap_servers)


@posix
@pytest.mark.parametrize("act", ["kill", "start"])
def test_a_broker_without_its_folder_is_ended(own_broker, act):
    process = own_broker.nodes()[0].process
    process.suspend()  # else it may notice, and end by itself
    shutil.rmtree(own_broker.home)
    assert own_broker.is_running()
    getattr(own_broker, act)()
    assert not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    assert own_broker.is_running() == (act == "start")


@posix
def test_a_reset_leaves_the_data_of_a_broker_that_cannot_be_seen(own_broker, monkeypatch):
    """In a container, or on another machine that has the same folder."""
    pid = own_broker.nodes()[0].pid
    with monkeypatch.context() as patch:
        patch.setattr(psutil, "process_iter", lambda: [])
        (own_broker.home / "broker.json").unlink()
        with pytest.raises(
            BrokerError, match=r"cannot be seen from here uses .*broker-1.* nothing was removed"
        ):
            own_broker.reset()
    assert own_broker.nodes()[0].pid == pid
    assert (own_broker.home / "broker-1" / "data" / "meta.properties").is_file()


def test_a_reset_leaves_the_data_of_a_broker_that_does_not_end(own_broker, monkeypatch):
    pid = own_broker.nodes()[0].pid
    with monkeypatch.context() as patch:
        patch.setattr(lab.embedded.process, "_signal", lambda node, act: None)
        clock = itertools.count(0, 6)
        patch.setattr(
            lab.embedded.process, "time", SimpleNamespace(monotonic=lambda: next(clock), sleep=lambda _: None)
        )
        with pytest.raises(BrokerError, match=rf"Kafka does not end: process {pid}\. End it"):
            own_broker.reset()
    assert (own_broker.home / "broker-1" / "data" / "meta.properties").is_file()


def test_a_reset_leaves_the_folders_that_are_not_kafkas(tmp_path):
    ours = ["broker-1", "broker-2.new", "broker-3.gone", "broker-4.new.gone"]
    theirs = ["broker-1.bak", "broker-old", "mine"]
    for name in ours + theirs:
        (tmp_path / name).mkdir()
    assert data_folders(tmp_path) == [tmp_path / "broker-1"]
    EmbeddedBroker(tmp_path).reset()
    assert sorted(path.name for path in tmp_path.glob("*/")) == theirs


# Launched and not recorded.


@pytest.mark.broker
def test_a_broker_that_cannot_be_recorded_does_not_go_on(tmp_path, monkeypatch):
    real, calls = nodes.write_nodes, []

    def write(home, some):
        calls.append(some)
        if len(calls) > 1:  # the first is the plan, before anything runs
            raise OSError(errno.EIO, "the disk does not answer")
        real(home, some)

    monkeypatch.setattr(lab.embedded.broker, "write_nodes", write)
    broker = EmbeddedBroker(tmp_path, free_ports(1)[0])
    with pytest.raises(BrokerError, match=r"cannot be started in .*: .*the disk does not answer"):
        broker.start()
    assert calls[1][0].pid
    assert javas(tmp_path) == []


@pytest.mark.broker
def test_a_start_that_is_interrupted_leaves_nothing_running(tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    broker = EmbeddedBroker(tmp_path, free_ports(1)[0])
    monkeypatch.setattr(lab.embedded.broker, "wait_until_serving", interrupt)
    with pytest.raises(KeyboardInterrupt):
        broker.start()
    assert broker.nodes()[0].pid and javas(tmp_path) == []


def test_a_start_notices_that_a_node_ends_which_has_already_answered(tmp_path, monkeypatch):
    first, second = (
        nodes.Node(number, port, 0, folder=folders.node_folder(tmp_path, number))
        for number, port in enumerate(free_ports(2), start=1)
    )
    lab.embedded.process.log_file(first).touch()
    monkeypatch.setattr(lab.embedded.process, "_serves", lambda node: node is first)
    monkeypatch.setattr(lab.embedded.process, "_has_ended", lambda node: node is first)
    with pytest.raises(lab.embedded.process.KafkaEndedError, match="ended while it started"):
        lab.embedded.process.wait_until_serving([first, second], timeout=5)


# No room.


@pytest.fixture
def no_room():
    """The system lets this process, and those that it starts, write no file beyond some bytes."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.broker
def test_a_start_with_no_room_is_one_line_and_leaves_nothing_running(tmp_path, no_room):
    broker = EmbeddedBroker(tmp_path, free_ports(1)[0])
    for size in (100, 2000):  # less than the record takes, and less than Kafka itself
        no_room(size)
        assert lack_of_room(tmp_path) == "File too large"
        with pytest.raises(
            BrokerError, match=r"^Kafka cannot write to .+: File too large\. Free at .+$"
        ) as told:
            broker.start()
        assert "\n" not in str(told.value)
        assert javas(tmp_path) == []


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux alone takes room from what runs")
def test_the_doctor_knows_that_a_broker_ended_for_lack_of_room(own_broker, tmp_path, monkeypatch):
    import resource

    kafka, node = {"bootstrap_servers": own_broker.bootstrap_servers}, own_broker.nodes()[0]
    settings = Settings(**kafka, topic="full", home=own_broker.home)
    lab.create_topic("full", **kafka)
    # Before its log is made Kafka answers already, and would go on without the partition.
    lab.produce("full", lab.simulate_readings(), interval=0, max_batches=1, **kafka)
    resource.prlimit(node.pid, resource.RLIMIT_FSIZE, (50_000, 50_000))
    place = {f"LAB_{name.upper()}": str(value) for name, value in vars(settings).items() if value}
    with running("produce", "--interval", "0", "--quiet", output=tmp_path / "produce.txt", **place):
        wait_for(lambda: not own_broker.is_running(), timeout=90)
    # Of all brokers of this machine: another test may remove the folder of its own just now.
    ended = "it ended because it could not write: File too large"
    wait_for(lambda: ended in check_leftovers(settings).found)
    with monkeypatch.context() as patch:
        patch.setattr("lab.classroom.doctor.services.lack_of_room", lambda folder: "File too large")
        fault = check_leftovers(settings)
    assert fault.found.startswith("the broker ended because it could not write to ")
    assert "Free at least 500 MB" in fault.fix
    own_broker.start()
    own_broker.stop()
    assert "could not write" not in check_leftovers(settings).found


# A file that somebody has.


def is_held(path, times):
    """What Windows says while another program has a file: a sharing violation, so many times."""
    left = itertools.count(-times)

    def act(real):
        def acting(self, *arguments, **options):
            if self.name == path.name and next(left) < 0:
                raise PermissionError(errno.EACCES, "held by another program", str(self))
            return real(self, *arguments, **options)

        return acting

    return act


@pytest.mark.parametrize("name", ["read_text", "replace"])
def test_a_record_that_another_program_has_for_a_moment(tmp_path, monkeypatch, name):
    node = nodes.Node(1, 9092, 9093, folder=tmp_path / "broker-1")
    file = tmp_path / ("broker.json.new" if name == "replace" else "broker.json")
    monkeypatch.setattr(folders, "IN_USE_SECONDS", 5)
    monkeypatch.setattr(f"pathlib.Path.{name}", is_held(file, 3)(getattr(nodes.Path, name)))
    nodes.write_nodes(tmp_path, [node])
    assert nodes.read_nodes(tmp_path) == [node]


def test_a_record_that_another_program_keeps_is_an_error_within_bounds(tmp_path, monkeypatch):
    monkeypatch.setattr(folders, "IN_USE_SECONDS", 0.2)
    monkeypatch.setattr("pathlib.Path.replace", is_held(tmp_path / "broker.json.new", 99)(nodes.Path.replace))
    with pytest.raises(PermissionError):
        nodes.write_nodes(tmp_path, [])


# A folder is removed.


@pytest.fixture
def tree(tmp_path):
    """A folder as Kafka leaves it: some of its files are read-only."""

    def plant(name):
        data = tmp_path / name / "data"
        data.mkdir(parents=True)
        (data / "00.snapshot").write_text("x", encoding="utf-8")
        (data / "00.snapshot").chmod(0o444)
        return tmp_path / name

    return plant


@pytest.fixture
def like_windows(monkeypatch):
    """Where no read-only file can be removed."""
    real = os.unlink

    def unlink(path, *, dir_fd=None):
        if not os.stat(path, dir_fd=dir_fd).st_mode & stat.S_IWUSR:
            raise PermissionError(errno.EACCES, "Access is denied", str(path))
        real(path, **({} if dir_fd is None else {"dir_fd": dir_fd}))

    monkeypatch.setattr(os, "unlink", unlink)


def test_read_only_files_are_removed(tree, like_windows, tmp_path):
    folder = tree("broker-1")
    remove_folders(folder)
    assert list(tmp_path.iterdir()) == []


def test_what_a_link_in_the_folder_points_to_stays_as_it_is(tree, tmp_path):
    folder, mine = tree("broker-1"), tmp_path / "mine.txt"
    mine.write_text("mine", encoding="utf-8")
    mine.chmod(0o444)
    try:
        (folder / "link").symlink_to(mine)
    except OSError:
        pytest.skip("no right to make links")
    remove_folders(folder)
    assert mine.read_text(encoding="utf-8") == "mine" and not mine.stat().st_mode & stat.S_IWUSR


def test_a_folder_that_is_held_for_a_moment_is_removed(tree, tmp_path, monkeypatch):
    folder = tree("broker-1")
    monkeypatch.setattr(folders, "IN_USE_SECONDS", 5)
    monkeypatch.setattr("pathlib.Path.rename", is_held(folder, 3)(nodes.Path.rename))
    remove_folders(folder)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.broker
def test_of_folders_of_which_one_is_held_all_stay(tree, tmp_path, monkeypatch):
    first, second = tree("broker-1"), tree("broker-2")
    monkeypatch.setattr("pathlib.Path.rename", is_held(second, 99)(nodes.Path.rename))
    with pytest.raises(BrokerError, match=r"broker-2 cannot be removed: held by another program\. Close the"):
        EmbeddedBroker(tmp_path).reset()
    assert data_folders(tmp_path) == [first, second]
    assert (first / "data" / "00.snapshot").is_file()


def test_a_folder_that_is_half_removed_is_no_broker(tree, tmp_path, monkeypatch):
    folder = tree("broker-1")
    with monkeypatch.context() as patch:
        patch.setattr(folders, "_remove", lambda folder: None)  # cut off there
        remove_folders(folder)
    assert data_folders(tmp_path) == []
    again = tree("broker-1")
    remove_folders(again)
    assert list(tmp_path.iterdir()) == []
