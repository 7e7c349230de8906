"""Whether a broker answers, and the selector that survives a socket closed under it."""

import errno
import logging
import selectors
import socket
import threading
import time
from contextlib import closing, contextmanager, suppress

import pytest
from kafka import KafkaConsumer, KafkaProducer

from lab import connection
from lab.connection import (
    TolerantSelector,
    address,
    client_config,
    connect,
    free_late_callers,
    is_answering,
    wait_until_answering,
)
from lab.errors import BrokerError
from tests.ledger import soon, wait_for

# What a broker answers to the first request with id 1: its length, the id, no error, no more.
ANSWER = b"\0\0\0\6" + b"\0\0\0\1" + b"\0\0"


@contextmanager
def server(*answer: bytes):
    """A server on this machine that sends the given pieces to whoever asks; yields its address."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_serve, args=(listener, answer, over))
        thread.start()
        try:
            yield f"127.0.0.1:{listener.getsockname()[1]}"
        finally:
            over.set()
            thread.join(10)


def _serve(listener: socket.socket, answer: tuple[bytes, ...], over: threading.Event) -> None:
    listener.settimeout(0.02)
    while not over.is_set():
        # No asker yet, or one who has gone: both are as they should be.
        with suppress(OSError), listener.accept()[0] as asker:
            asker.settimeout(5)
            asker.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            asker.recv(1000)
            for piece in answer:
                asker.sendall(piece)
                over.wait(0.05)  # so that the pieces arrive apart
            asker.recv(1000)  # until the asker goes


def closed_port() -> str:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        return f"127.0.0.1:{listener.getsockname()[1]}"


def test_an_address_is_a_host_and_a_port():
    servers = ["localhost:9092", " one:1 ", "[::1]:9093"]
    assert [address(server) for server in servers] == [("localhost", 9092), ("one", 1), ("::1", 9093)]


# Does a broker answer?


def test_what_answers_as_kafka_does_is_a_broker():
    with server(ANSWER) as there:
        assert is_answering(there)


def test_one_of_several_is_enough():
    with server(ANSWER) as there:
        assert is_answering(f"{closed_port()}, {there}")


def test_a_closed_port_does_not_answer():
    assert not is_answering(closed_port())


def test_a_server_that_says_nothing_does_not_answer_and_is_not_waited_for():
    with server() as there:
        began = time.monotonic()
        assert not is_answering(there, timeout=0.1)
        assert time.monotonic() - began < soon(2)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\0" * 100,
        ANSWER[:9],
        b"\0\0\0\6" + b"\0\0\0\2" + b"\0\0",  # the answer to another request
        b"\0\0\0\6" + b"\0\0\0\1" + b"\0\x23",  # the error UNSUPPORTED_VERSION
    ],
    ids=["http", "zeros", "too short", "another id", "an error"],
)
def test_garbage_is_no_answer(answer):
    with server(answer) as there:
        assert not is_answering(there, timeout=0.2)


def test_an_answer_may_come_in_pieces():
    with server(ANSWER[:4], ANSWER[4:]) as there:
        assert is_answering(there)


def test_behind_tls_the_open_port_is_enough():
    with server() as there:
        assert is_answering(there, security_protocol="SASL_SSL")
    assert not is_answering(closed_port(), security_protocol="SSL")


@pytest.mark.parametrize("host", ["no..such", "x" * 64], ids=["two dots", "64 letters"])
def test_a_name_that_no_host_can_have_does_not_answer(host):
    assert not is_answering(f"{host}:9092")


# Waiting for one.


def test_waiting_ends_when_a_broker_answers():
    with server(ANSWER) as there:
        assert wait_until_answering(there, timeout=0)


def test_waiting_ends_in_time_with_an_error_that_says_what_to_do():
    there, began = closed_port(), time.monotonic()
    with pytest.raises(BrokerError) as refused:
        wait_until_answering(there, timeout=0.3)
    assert 0.3 <= time.monotonic() - began < soon(3)
    assert str(refused.value) == (
        f"No Kafka broker answers at {there} (waited 0 s). Start one with 'python -m lab broker start'."
    )


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b""], ids=["HTTP", "nothing"])
def test_what_listens_and_is_no_kafka_is_told_from_nothing(answer):
    with server(answer) as there, pytest.raises(BrokerError) as refused:
        wait_until_answering(there, timeout=0)
    assert str(refused.value).endswith(
        " What listens there is no Kafka, or not yet: choose another address by LAB_BOOTSTRAP_SERVERS."
    )


def test_for_another_machine_no_broker_is_to_be_started():
    with pytest.raises(BrokerError, match=r"Check the address and the way to it \(VPN, firewall\)"):
        wait_until_answering("kafka.invalid:9092", timeout=0)


def test_waiting_ends_when_stopped():
    stop = threading.Event()
    stop.set()
    assert wait_until_answering(closed_port(), stop=stop) is False


def test_waiting_is_said_once_and_so_is_its_end(caplog, monkeypatch):
    caplog.set_level(logging.INFO, "lab")
    answers = iter([False] * 8 + [True])
    monkeypatch.setattr(connection, "is_answering", lambda *arguments, **options: next(answers))
    assert wait_until_answering("there:9092")
    assert caplog.messages == ["Waiting for Kafka at there:9092 ...", "Kafka at there:9092 is back."]


def test_no_client_is_made_while_no_broker_answers():
    """In kafka-python 3 each that fails leaves a thread and four file descriptors behind."""
    made = []
    with pytest.raises(BrokerError):
        connect(lambda **options: made.append(options), timeout=0, bootstrap_servers=closed_port())
    assert made == []


def test_a_client_gets_our_settings_and_then_those_given():
    with server(ANSWER) as there:
        options = connect(dict, bootstrap_servers=there, reconnect_backoff_max_ms=5)
    assert options == client_config() | {"bootstrap_servers": there, "reconnect_backoff_max_ms": 5}


def test_on_windows_every_client_gets_the_tolerant_selector(monkeypatch):
    monkeypatch.setattr(connection.os, "name", "nt")
    assert client_config()["selector"] is TolerantSelector
    monkeypatch.setattr(connection.os, "name", "posix")
    assert "selector" not in client_config()


# A node that is gone.


class WindowsSocket(socket.socket):
    """A socket whose second attempt to connect begins anew, and never says how the first one ended."""

    def connect_ex(self, address):
        super().connect_ex(address)
        return errno.EWOULDBLOCK


def test_on_windows_a_failed_attempt_to_connect_is_not_made_anew():
    with WindowsSocket() as sock, selectors.DefaultSelector() as selector:
        sock.setblocking(False)
        place = address(closed_port())
        assert connection._connect_ex(None, sock, place) == errno.EWOULDBLOCK
        selector.register(sock, selectors.EVENT_WRITE)
        assert selector.select(10)
        assert connection._connect_ex(None, sock, place) in (errno.ECONNREFUSED, 10061)  # and Windows'


def test_a_node_that_is_gone_does_not_keep_a_client_from_the_others(kafka):
    """Which node is asked first is chance: with a wait for the dead one, half of these would fail."""
    servers = f"{closed_port()},{kafka['bootstrap_servers']}"
    for _ in range(6):
        KafkaProducer(bootstrap_servers=servers, bootstrap_timeout_ms=5000).close()


# A socket closed under the selector.


def with_one_closed(selector: selectors.BaseSelector) -> tuple[socket.socket, socket.socket]:
    """Register two sockets, and close the first; the second has something to read."""
    gone, stays = socket.socketpair(), socket.socketpair()
    for registered, _ in (gone, stays):
        selector.register(registered, selectors.EVENT_READ)
    stays[1].send(b"hello")
    for each in gone:
        each.close()
    return stays


def test_select_fails_where_a_socket_was_closed_under_it():
    """The fault that is mended below; select is the selector of Windows."""
    with selectors.SelectSelector() as selector:
        pair = with_one_closed(selector)
        with pytest.raises((ValueError, OSError)):
            selector.select(0)
        for each in pair:
            each.close()


def test_the_tolerant_selector_forgets_the_closed_socket_and_serves_the_others():
    with TolerantSelector() as selector:
        pair = with_one_closed(selector)
        assert selector.select(0) == []
        assert [(key.fileobj, events) for key, events in selector.select(1)] == [
            (pair[0], selectors.EVENT_READ)
        ]
        assert [key.fileobj for key in selector.get_map().values()] == [pair[0]]
        for each in pair:
            each.close()


def test_the_tolerant_selector_selects_as_any_other():
    with TolerantSelector() as selector:
        one, other = socket.socketpair()
        selector.register(one, selectors.EVENT_READ | selectors.EVENT_WRITE)
        assert [events for _, events in selector.select(0)] == [selectors.EVENT_WRITE]
        other.send(b"hello")
        assert [events for _, events in selector.select(1)] == [selectors.EVENT_READ | selectors.EVENT_WRITE]
        one.close()
        other.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_call_that_begins_as_the_clients_thread_dies_does_not_wait_for_ever(kafka, monkeypatch):
    consumer = KafkaConsumer(**kafka)
    net, freed, raised = consumer._net, [], []
    real = net._fail_pending_waiters

    def fail_pending_waiters(error):
        freed.append(error)
        if len(freed) > 1:  # the call began just after kafka-python freed the others
            real(error)

    def die():
        wait_for(lambda: net._pending_waiters)
        raise ZeroDivisionError

    def work():
        try:
            consumer.partitions_for_topic("no-such-topic")
        except Exception as error:
            raised.append(error)

    monkeypatch.setattr(net, "_fail_pending_waiters", fail_pending_waiters)
    monkeypatch.setattr(net, "_poll_once", die)
    free_late_callers(consumer)
    caller = threading.Thread(target=work, daemon=True)
    caller.start()
    net.wakeup()
    caller.join(10)
    assert [type(error) for error in raised] == [ZeroDivisionError]
    with suppress(ZeroDivisionError):
        consumer.close()
