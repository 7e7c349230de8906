"""Whether a broker answers, and the selector that survives a socket closed under it."""

import logging
import socket
import threading
import time
from contextlib import closing, contextmanager, suppress

import pytest
from kafka import KafkaAdminClient, KafkaProducer
from kafka.errors import KafkaTimeoutError

from lab.clients import connection
from lab.clients.connection import (
    address,
    client_config,
    connect,
    is_answering,
    make_client,
    wait_until_answering,
)
from lab.errors import AccessError, BrokerError
from tests.support.waiting import soon

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


@pytest.mark.broker
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


@pytest.mark.broker
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
        another = connect(dict, bootstrap_servers=there)
        mine = connect(dict, bootstrap_servers=there, client_id="mine")
    ids = {each.pop("client_id") for each in (options, another, mine)}
    assert options == client_config() | {"bootstrap_servers": there, "reconnect_backoff_max_ms": 5}
    assert len(ids) == 3 and "mine" in ids


TLS_ALERT = (
    b"\x15\x03\x03\x00\x02\x02\x46"  # what a broker behind TLS says to a client that does not speak it
)


@pytest.mark.broker
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # a client that is not made
@pytest.mark.parametrize("client", [KafkaAdminClient, KafkaProducer])
def test_why_one_client_is_refused_is_not_the_reason_of_another(client):
    """Made at the same time: one is refused, the other hears nothing."""
    raised = {}

    def make(name, servers):
        try:
            make_client(client, bootstrap_servers=servers, bootstrap_timeout_ms=1500)
        except (AccessError, KafkaTimeoutError) as error:
            raised[name] = type(error)

    with server(TLS_ALERT) as refusing, server() as silent:
        places = {"refused": refusing, "silent": silent}
        threads = [threading.Thread(target=make, args=place) for place in places.items()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
    assert raised == {"refused": AccessError, "silent": KafkaTimeoutError}


# A node that is gone.


def test_a_node_that_is_gone_does_not_keep_a_client_from_the_others(kafka):
    """Which node is asked first is chance: with a wait for the dead one, half of these would fail."""
    servers = f"{closed_port()},{kafka['bootstrap_servers']}"
    for _ in range(6):
        KafkaProducer(bootstrap_servers=servers, bootstrap_timeout_ms=round(soon(5) * 1000)).close()
