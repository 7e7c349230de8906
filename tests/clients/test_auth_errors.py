"""TLS, passwords and rights, against a real Kafka that asks for each."""

import os
import socket
import struct
import threading
import time
from contextlib import suppress

import pytest
from kafka import KafkaAdminClient
from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    ResourcePattern,
    ResourceType,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

import lab
from lab.clients.connection import connect
from lab.clients.groups import group_assignments
from lab.errors import AccessError
from lab.settings import Settings
from tests.support.ledger import take_ledger
from tests.support.programs import Command
from tests.support.secured_broker import PASSWORD, STRANGER, USER, SecuredBroker
from tests.support.waiting import soon

# A client of kafka-python that cannot be made leaves its sockets to the collector.
pytestmark = [
    pytest.mark.broker,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
WRONG = "a-wrong-password-7"
NO_LINGERING = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)  # close() resets the connection


@pytest.fixture(scope="module")
def secured(tmp_path_factory):
    with SecuredBroker(tmp_path_factory.mktemp("sécured broker")) as broker:
        # The first group of a new broker waits for a topic of Kafka's own: that is no matter of access.
        group_assignments("first", bootstrap_servers=broker.bootstrap_servers)
        yield broker


@pytest.fixture
def topic(secured):
    topic = lab.fresh_name("secured")
    lab.create_topic(topic, bootstrap_servers=secured.bootstrap_servers)
    return topic


def environment(
    secured, listener, protocol, mechanism=None, user=USER, password=PASSWORD, cafile="authority"
):
    """The `LAB_...` settings for a listener."""
    values = {"LAB_BOOTSTRAP_SERVERS": secured.address(listener), "LAB_SECURITY_PROTOCOL": protocol}
    if "SSL" in protocol:
        values["LAB_SSL_CAFILE"] = str(secured.folder / f"{cafile}.pem")
    if mechanism:
        values |= {"LAB_SASL_MECHANISM": mechanism, "LAB_SASL_USERNAME": user, "LAB_SASL_PASSWORD": password}
    return values


GOOD = {
    "tls": ("TLS", "SSL"),
    "plain": ("PASSWORD", "SASL_PLAINTEXT", "PLAIN"),
    "scram-256": ("PASSWORD", "SASL_PLAINTEXT", "SCRAM-SHA-256"),
    "scram-512": ("PASSWORD", "SASL_PLAINTEXT", "SCRAM-SHA-512"),
    "tls and plain": ("BOTH", "SASL_SSL", "PLAIN"),
    "tls and scram-512": ("BOTH", "SASL_SSL", "SCRAM-SHA-512"),
}


@pytest.mark.parametrize("way", GOOD.values(), ids=GOOD)
def test_readings_go_in_and_out_through_it(secured, topic, tmp_path, way):
    kafka = Settings.from_environment(environment(secured, *way)).kafka
    assert lab.produce(topic, lab.simulate_readings(3), interval=0, max_batches=10, **kafka).unsent == 0
    with lab.Warehouse(str(tmp_path / "w.db")) as warehouse:
        summary = lab.consume(topic, warehouse, group_id=topic, max_messages=30, **kafka)
    assert (summary.stored, summary.reconnects) == (30, 0)
    assert take_ledger(topic, secured.bootstrap_servers, tmp_path / "w.db").clean
    assert group_assignments(topic, **kafka) == {}


@pytest.mark.parametrize("listener", ["TLS", "PASSWORD", "BOTH"])
def test_a_lesson_takes_it_as_the_broker_that_is_there(secured, tmp_path, listener):
    broker = lab.start_broker(secured.address(listener), tmp_path)
    assert (broker.started_here, broker.bootstrap_servers) == (False, secured.address(listener))


def test_kafkas_own_tools_go_through_it_with_a_password_that_is_hard_to_quote(secured, topic, tmp_path):
    """By a file of properties, which only this user can read and which is gone afterwards."""
    user, password = "zoe", """a "b" \\c'$HOME= #:\u00e9"""
    with KafkaAdminClient(bootstrap_servers=secured.bootstrap_servers) as admin:
        admin.alter_user_scram_credentials(
            [UserScramCredentialUpsertion(user, ScramMechanism.SCRAM_SHA_512, password)]
        )
        of_topics = ResourcePattern(ResourceType.TOPIC, "*")
        admin.create_acls([ACL(f"User:{user}", "*", ACLOperation.ALL, ACLPermissionType.ALLOW, of_topics)])
    way = environment(secured, "BOTH", "SASL_SSL", "SCRAM-SHA-512", user=user, password=password)
    files = {"TMPDIR": str(tmp_path), "TEMP": str(tmp_path), "TMP": str(tmp_path)}
    command = Command("kafka", "topics", "--list", output=tmp_path / "out", **way, **files)
    assert command.wait(60) == 0, command.text
    assert topic in command.text.split()
    assert list(tmp_path.iterdir()) == [tmp_path / "out"]


FAULTS = {
    "unknown authority": (
        {"listener": "TLS", "protocol": "SSL", "cafile": "stranger"},
        "signed by no authority that we trust: LAB_SSL_CAFILE",
    ),
    "expired": ({"listener": "EXPIRED", "protocol": "SSL"}, "its certificate has expired"),
    "another host": ({"listener": "ELSEWHERE", "protocol": "SSL"}, "its certificate is for another address"),
    "no TLS there": (
        {"listener": "PLAINTEXT", "protocol": "SSL"},
        "does not speak TLS: look at LAB_SECURITY_PROTOCOL",
    ),
    "TLS there": (
        {"listener": "TLS", "protocol": "PLAINTEXT"},
        "it speaks TLS: look at LAB_SECURITY_PROTOCOL",
    ),
    "wrong password": (
        {"listener": "PASSWORD", "protocol": "SASL_PLAINTEXT", "mechanism": "PLAIN", "password": WRONG},
        "the user or the password is wrong",
    ),
    "wrong password, scram": (
        {"listener": "BOTH", "protocol": "SASL_SSL", "mechanism": "SCRAM-SHA-256", "password": WRONG},
        "the user or the password is wrong",
    ),
    "no user asked for": (
        {"listener": "PLAINTEXT", "protocol": "SASL_PLAINTEXT", "mechanism": "PLAIN"},
        "it asks for no password here",
    ),
    "no user given": ({"listener": "PASSWORD", "protocol": "PLAINTEXT"}, "Does it ask for a user?"),
}


@pytest.mark.parametrize("way, expected", FAULTS.values(), ids=FAULTS)
def test_each_refusal_is_one_clear_error(secured, way, expected):
    kafka = Settings.from_environment(environment(secured, **way)).kafka
    with pytest.raises(AccessError) as refused:
        connect(KafkaAdminClient, **kafka)
    text = str(refused.value)
    assert expected in text
    assert way["listener"] and secured.address(way["listener"]) in text
    assert WRONG not in text and PASSWORD not in text


def test_a_broker_that_resets_every_handshake_speaks_no_tls():
    """As seen with a broker without TLS under Wine. On Linux the client mostly sees the end of the stream."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=reset_all, args=[server], daemon=True).start()
        with pytest.raises(AccessError, match="does not speak TLS: look at LAB_SECURITY_PROTOCOL"):
            connect(
                KafkaAdminClient,
                bootstrap_servers=f"127.0.0.1:{server.getsockname()[1]}",
                security_protocol="SSL",
            )


def reset_all(server):
    with suppress(OSError):  # the server is closed
        while True:
            connection, _ = server.accept()
            connection.recv(4)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGERING)
            connection.close()


@pytest.mark.parametrize(
    "arguments",
    [("consume",), ("produce",), ("status",), ("topic", "create"), ("topic", "describe"), ("doctor",)],
    ids=" ".join,
)
def test_every_command_ends_soon_with_one_line_and_no_secret(secured, topic, tmp_path, arguments):
    way = environment(secured, "PASSWORD", "SASL_PLAINTEXT", "PLAIN", password=WRONG)
    place = {"LAB_HOME": str(tmp_path / "home"), "LAB_WAREHOUSE": str(tmp_path / "w.db"), "LAB_TOPIC": topic}
    lab.Warehouse(place["LAB_WAREHOUSE"]).close()
    began = time.monotonic()
    command = Command(*arguments, output=tmp_path / "out", **way, **place)
    assert command.wait(30) == 1
    assert time.monotonic() - began < soon(15)
    assert command.text.count("the user or the password is wrong") == 1
    assert "Traceback" not in command.text
    for file in tmp_path.rglob("*"):
        assert not file.is_file() or WRONG.encode() not in file.read_bytes(), file


def test_a_wrong_password_is_not_tried_again_and_again(secured, topic, tmp_path):
    """Many tries would lock a user out: the few that kafka-python makes by itself are all."""
    way = environment(secured, "PASSWORD", "SASL_PLAINTEXT", "PLAIN", password=WRONG)
    place = {"LAB_HOME": str(tmp_path / "home"), "LAB_WAREHOUSE": str(tmp_path / "w.db"), "LAB_TOPIC": topic}
    assert Command("consume", output=tmp_path / "out", **way, **place).wait(30) == 1
    log = (tmp_path / "home" / "kafka-python.log").read_text(encoding="utf-8")
    assert 1 <= log.count("Connection lost") <= 8


# Rights.


@pytest.fixture
def stranger(secured):
    way = environment(secured, "PASSWORD", "SASL_PLAINTEXT", "PLAIN", user=STRANGER)
    return Settings.from_environment(way).kafka


def test_who_may_not_read_a_topic_is_told_so(stranger, topic, tmp_path):
    with (
        lab.Warehouse(str(tmp_path / "w.db")) as warehouse,
        pytest.raises(AccessError, match=f"may not use the (topic|consumer group) '{topic}'"),
    ):
        lab.consume(topic, warehouse, group_id=topic, idle_timeout=20, **stranger)


def test_who_may_not_write_a_topic_is_told_so(stranger, topic):
    began = time.monotonic()
    with pytest.raises(AccessError, match=f"may not use the topic '{topic}'"):
        lab.produce(topic, lab.simulate_readings(3), interval=0, max_batches=10, **stranger)
    assert time.monotonic() - began < soon(15)


def test_who_may_not_make_or_see_a_topic_is_told_so(stranger, topic):
    with pytest.raises(AccessError, match=f"may not use the topic '{topic}'"):
        lab.describe_topic(topic, **stranger)
    with pytest.raises(lab.LabError, match="refuses the topic"):
        lab.create_topic(lab.fresh_name("new"), **stranger)
