"""Who waits for a lock is told who has it, and does not wait for ever."""

import os
import subprocess
import sys
import threading
import time
from contextlib import suppress
from types import SimpleNamespace

import psutil
import pytest
from jgo.maven import MavenContext

import lab
from lab.embedded.broker import EmbeddedBroker
from lab.embedded.jars import fetch_jars
from lab.embedded.ports import free_ports
from lab.embedded.training import TRAINING_SECONDS, prepare_quick_start
from lab.errors import LockError
from lab.system import locks
from lab.system.locks import one_at_a_time
from tests.support.programs import suspend

HOLD = """
import os, pathlib, sys, lab.system.locks
with lab.system.locks.one_at_a_time(pathlib.Path(sys.argv[1])):
    print(os.getpid(), flush=True)
    input()
"""

NOWHERE = "127.0.0.1:1"  # it does not come so far


@pytest.fixture
def hold():
    """Another program that has a lock until the end of the test, or until it is told to go on.

    Its number is not always that of `Popen`: on Windows the Python of a venv starts another.
    """
    holders = []

    def start(path):
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        holders.append(subprocess.Popen([sys.executable, "-c", HOLD, path], **pipes))
        return holders[-1], int(holders[-1].stdout.readline())

    yield start
    for holder in holders:
        with suppress(OSError):  # it has ended
            holder.communicate("\n", timeout=10)


@pytest.fixture
def suspended(hold, monkeypatch):
    """Another program that has a lock and is suspended."""
    monkeypatch.setattr(locks, "WARN_SECONDS", 0.1)
    monkeypatch.setattr(locks, "SUSPENDED_SECONDS", 0.1)
    holders = []

    def start(path):
        holders.append(psutil.Process(hold(path)[1]))
        suspend(holders[-1])
        return holders[-1]

    yield start
    for holder in holders:
        holder.resume()


@pytest.mark.broker
def test_who_waits_is_told_for_whom_and_goes_on_then(hold, tmp_path, caplog):
    holder, pid = hold(tmp_path / "a.lock")
    threading.Timer(1.5, lambda: holder.stdin.write("\n") and holder.stdin.flush()).start()
    began = time.monotonic()
    with one_at_a_time(tmp_path / "a.lock"):
        assert 1 < time.monotonic() - began < 30
    name = psutil.Process().name()
    assert caplog.messages == [f"Waiting for {name} (process {pid}): it holds {tmp_path / 'a.lock'} ..."]


def test_nothing_is_said_of_a_short_wait_and_nothing_but_the_lock_is_left(hold, tmp_path, caplog):
    _, pid = hold(tmp_path / "a.lock")
    threading.Timer(0.2, psutil.Process(pid).kill).start()  # the system frees what a dead one had
    with one_at_a_time(tmp_path / "a.lock"):
        pass
    assert caplog.messages == []
    assert [path.name for path in tmp_path.iterdir()] in ([], ["a.lock"])


@pytest.mark.broker
def test_who_holds_it_for_too_long_is_named(hold, tmp_path):
    _, pid = hold(tmp_path / "a.lock")
    with (
        pytest.raises(LockError, match=rf"a\.lock is held by .+ \(process {pid}\) \(waited 1 s\)"),
        one_at_a_time(tmp_path / "a.lock", timeout=0.5),
    ):
        pass


def test_threads_of_one_process_wait_for_each_other(tmp_path):
    inside, most = [], []

    def work():
        with one_at_a_time(tmp_path / "a.lock"):
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.02)
            inside.pop()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 8


def test_a_note_that_a_killed_holder_left_is_not_believed(hold, tmp_path):
    holder, pid = hold(tmp_path / "a.lock")
    psutil.Process(pid).kill()
    holder.wait(10)
    with one_at_a_time(tmp_path / "a.lock"):
        pass
    assert locks.holder_of(tmp_path / "a.lock") == locks.Holder("another program", False)


def test_a_place_where_no_lock_can_be_made_is_one_line(tmp_path):
    (tmp_path / "a.lock").mkdir()
    with pytest.raises(LockError, match=r"a\.lock cannot be made: "), one_at_a_time(tmp_path / "a.lock"):
        pass


# Everything that locks.


@pytest.mark.broker
@pytest.mark.parametrize("act", ["start", "stop", "kill", "reset"])
def test_a_broker_behind_a_suspended_command(suspended, tmp_path, act):
    holder, began = suspended(tmp_path / "broker.lock"), time.monotonic()
    with pytest.raises(LockError, match=rf"broker\.lock is held by .+{holder.pid}\), which is suspended"):
        getattr(EmbeddedBroker(tmp_path, free_ports(1)[0]), act)()
    assert time.monotonic() - began < 30  # it does not wait as for one that works
    assert not list(tmp_path.glob("broker-1*"))


@pytest.mark.broker
def test_the_jars_behind_a_suspended_command(suspended, tmp_path):
    assert MavenContext(repo_cache=tmp_path).repo_cache == tmp_path
    holder = suspended(tmp_path / ".kafka-lab.lock")
    with pytest.raises(LockError, match=rf"is held by .+{holder.pid}\), which is suspended"):
        fetch_jars(tmp_path)


@pytest.mark.broker
def test_the_cache_of_java_is_done_without(suspended, tmp_path, monkeypatch):
    monkeypatch.setattr("lab.embedded.java.cache_file", lambda java, jars: tmp_path / "kafka.aot")
    suspended(tmp_path / "kafka.aot.lock")
    monkeypatch.setattr("lab.embedded.training._train", lambda cache: pytest.fail("it has no turn"))
    assert prepare_quick_start() is None


@pytest.mark.broker
def test_who_finds_the_cache_being_made_waits_as_long_as_that_may_take(hold, tmp_path, monkeypatch):
    cache, seconds = tmp_path / "kafka.aot", [0]
    holder, _ = hold(tmp_path / "kafka.aot.lock")

    def sleep(_):
        seconds[0] += 50
        if seconds[0] == TRAINING_SECONDS:
            cache.touch()
            holder.stdin.write("\n")
            holder.stdin.flush()
            holder.wait(30)

    monkeypatch.setattr("lab.embedded.java.cache_file", lambda java, jars: cache)
    monkeypatch.setattr(locks, "time", SimpleNamespace(monotonic=lambda: seconds[0], sleep=sleep))
    assert prepare_quick_start() == cache


@pytest.mark.broker
def test_a_replay_behind_a_suspended_one(suspended, warehouse, path):
    holder = suspended(path.with_name("warehouse.db.replay.lock"))
    with pytest.raises(LockError, match=rf"is held by .+{holder.pid}\), which is suspended"):
        lab.replay(warehouse, 1, bootstrap_servers=NOWHERE)


def test_a_replay_behind_one_on_postgresql(postgresql, monkeypatch, caplog):
    url = postgresql.new_database()
    monkeypatch.setattr(locks, "WARN_SECONDS", 0.1)
    monkeypatch.setattr("lab.databases.postgresql.LOCK_SECONDS", 0.3)
    who = f"kafka-lab, process {os.getpid()} on "
    with lab.Warehouse(url) as one, lab.Warehouse(url) as two, one.exclusive("replay"):
        with pytest.raises(LockError, match=rf"the lock 'replay' of postgresql://.+ is held by {who}"):
            lab.replay(two, 1, bootstrap_servers=NOWHERE)
        with two.exclusive("something else"):
            pass
    assert f"Waiting for {who}" in caplog.text
