"""The embedded Kafka, for real."""

import os
import socket
import subprocess
import sys
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
from kafka import KafkaConsumer, KafkaProducer

import lab
from lab.clients.connection import is_answering
from lab.embedded.broker import EmbeddedBroker
from lab.embedded.ports import free_ports
from lab.errors import BrokerError
from tests.support.waiting import wait_for

pytestmark = pytest.mark.broker


def listening(process: psutil.Process) -> set[str]:
    return {c.laddr.ip for c in process.net_connections("tcp") if c.status == psutil.CONN_LISTEN}


def test_nothing_listens_beyond_this_machine(broker):
    addresses = listening(broker.nodes()[0].process)
    assert addresses
    assert addresses <= {"127.0.0.1", "::ffff:127.0.0.1", "::1"}


def test_an_idle_one_writes_nothing(broker):
    """By default, it writes an empty record to its metadata twice a second."""
    (log,) = (broker.home / "broker-1" / "data" / "__cluster_metadata-0").glob("*.log")

    def is_idle():
        before = log.stat().st_size
        time.sleep(1.5)  # not for something to happen: it must not
        return log.stat().st_size == before

    wait_for(is_idle)  # what the test before has left to be done is done


def test_started_twice_is_one_broker(broker):
    first = broker.nodes()
    assert EmbeddedBroker(broker.home, broker.port).start().nodes() == first


def test_one_starts_however_many_processes_ask_at_once(tmp_path):
    home, port = tmp_path / "home", free_ports(1)[0]
    program = (
        "from lab.embedded.broker import EmbeddedBroker\n"
        f"print(EmbeddedBroker({str(home)!r}, {port}).start().nodes()[0].pid)"
    )
    try:
        with ThreadPoolExecutor(4) as pool:
            run = lambda _: subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)  # noqa: E731
            pids = {done.stdout for done in pool.map(run, range(4))}
        assert len(pids) == 1
        assert int(pids.pop()) == EmbeddedBroker(home, port).nodes()[0].pid
    finally:
        EmbeddedBroker(home, port).stop()


def test_messages_survive_a_stop_and_a_kill(own_broker):
    servers = own_broker.bootstrap_servers
    libraries = own_broker.home / "broker-1" / "tmp"  # of the codecs
    for number, end in enumerate([own_broker.stop, own_broker.kill]):
        with KafkaProducer(bootstrap_servers=servers, compression_type="snappy") as producer:
            producer.send("kept", b"%d" % number, b"long enough to be compressed" * 9).get(timeout=10)
        assert list(libraries.glob("*snappy*")), "not in the system's folder for temporary files"
        end()
        assert not own_broker.is_running()
        assert not is_answering(servers)
        own_broker.start()
        assert not list(libraries.iterdir()), "a killed Kafka leaves them, and the next one removes them"
    with KafkaConsumer("kept", bootstrap_servers=servers, auto_offset_reset="earliest") as consumer:
        polled = consumer.poll(10_000, max_records=2)
    assert [record.value for records in polled.values() for record in records] == [b"0", b"1"]


def test_reset_removes_the_messages_and_nothing_else(own_broker):
    keep = own_broker.home / "mine.txt"
    keep.write_text("mine", encoding="utf-8")
    lab.create_topic("gone", bootstrap_servers=own_broker.bootstrap_servers)
    own_broker.reset()
    assert not own_broker.is_running()
    assert keep.read_text(encoding="utf-8") == "mine"
    own_broker.start()
    with pytest.raises(lab.LabError, match="no topic 'gone'"):
        lab.describe_topic("gone", bootstrap_servers=own_broker.bootstrap_servers)


def test_a_broker_that_does_not_start_shows_the_end_of_its_log(tmp_path):
    broken = EmbeddedBroker(tmp_path, free_ports(1)[0], properties={"num.io.threads": "none"})
    with pytest.raises(BrokerError, match=r"num\.io\.threads"):
        broken.start()
    assert not broken.is_running()


def test_a_broker_on_another_port_than_asked_for_is_said(broker):
    with pytest.raises(BrokerError, match="already runs"):
        EmbeddedBroker(broker.home, free_ports(1)[0]).start()


def test_it_starts_with_a_name_a_locale_an_id_and_folders_that_are_odd(tmp_path, monkeypatch):
    """A start that was cut off while it formatted leaves `broker-1.new`, which does not count.

    One home in 64 has a cluster id that begins with a dash: the format takes it for an option, unless told.
    """
    home = tmp_path / "Zoë's lab"
    for name in ("broker-1.new", "broker-3.new"):
        (home / name).mkdir(parents=True)
    (home / "broker-1.new" / "server.properties").write_text("half", encoding="utf-8")
    monkeypatch.setenv("LC_ALL", "C")
    monkeypatch.setattr("uuid.uuid5", lambda *_: uuid.UUID(int=0xF8 << 120))
    with EmbeddedBroker(home, free_ports(1)[0]) as broker:
        assert is_answering(broker.bootstrap_servers)
        written = (home / "broker-1" / "data" / "meta.properties").read_text(encoding="utf-8")
    assert "cluster.id=-" in written


def test_it_outlives_the_process_that_started_it(tmp_path):
    """And an interrupt sent to that process's group, as a notebook's stop button does."""
    home, port = tmp_path, free_ports(1)[0]
    program = f"from lab.embedded.broker import EmbeddedBroker; EmbeddedBroker({str(home)!r}, {port}).start()"
    subprocess.run([sys.executable, "-c", program], check=True)
    broker = EmbeddedBroker(home, port)
    try:
        assert is_answering(broker.bootstrap_servers)
        if os.name == "posix":
            assert os.getpgid(broker.nodes()[0].pid) != os.getpgid(0)
    finally:
        broker.stop()
    assert not broker.is_running()


def test_home_is_for_the_user_alone(own_broker):
    if os.name == "posix":
        assert own_broker.home.stat().st_mode & 0o077 == 0


def test_threads_of_one_process_share_one_broker(tmp_path):
    broker = EmbeddedBroker(tmp_path, free_ports(1)[0])
    try:
        threads = [threading.Thread(target=EmbeddedBroker(tmp_path, broker.port).start) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert is_answering(broker.bootstrap_servers)
        java = [p for p in psutil.process_iter(["cwd"]) if p.info["cwd"] == str(tmp_path / "broker-1")]
        assert len(java) == 1
    finally:
        broker.stop()


def test_of_a_start_that_fails_nothing_goes_on(tmp_path, monkeypatch):
    port = free_ports(2)[0]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        controllers = [*free_ports(1), taken.getsockname()[1]]
        monkeypatch.setattr(lab.embedded.broker, "free_ports", lambda *_, **__: controllers)
        broker = EmbeddedBroker(tmp_path, port, brokers=2)
        with pytest.raises(BrokerError, match="Address already in use"):
            broker.start()
    assert len(broker.nodes()) == 2 and not broker.is_running()
