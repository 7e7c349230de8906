"""TLS, passwords and rights, against a real Kafka that asks for each."""

import os
import re
import socket
import ssl
import struct
import subprocess
import threading
import time
from contextlib import suppress
from typing import Any

import psutil
import pytest
from kafka import KafkaAdminClient
from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ResourcePattern,
    ResourceType,
)

import lab
from lab.classroom.doctor import services
from lab.clients.connection import connect
from lab.clients.groups import group_assignments
from lab.clients.rights import Right, grant, may, revoke, rights_of, set_password
from lab.embedded import certificates
from lab.embedded.certificates import AUTHORITY, DAYS, KEYTOOL, SUBJECT
from lab.embedded.java import java_command
from lab.errors import AccessError, BrokerError
from lab.settings import Settings
from tests.support.ledger import take_ledger
from tests.support.programs import Command
from tests.support.secured_broker import PASSWORD, STRANGE_AUTHORITIES, STRANGER, USER, ManyListeners
from tests.support.tool_lines import lines_of, run_line
from tests.support.waiting import soon

# A client of kafka-python that cannot be made leaves its sockets to the collector.
pytestmark = [
    pytest.mark.broker,
    pytest.mark.together,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
WRONG = "a-wrong-password-7"
NO_LINGERING = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)  # close() resets the connection


@pytest.fixture(scope="module")
def secured(tmp_path_factory):
    with ManyListeners(tmp_path_factory.mktemp("sécured broker")) as broker:
        # The first group of a new broker waits for a topic of Kafka's own: that is no matter of access.
        group_assignments("first", bootstrap_servers=broker.bootstrap_servers)
        yield broker


@pytest.fixture
def topic(secured):
    topic = lab.fresh_name("secured")
    lab.create_topic(topic, bootstrap_servers=secured.bootstrap_servers)
    return topic


def environment(secured, listener, protocol, mechanism=None, user=USER, password=PASSWORD, cafile=None):
    """The `LAB_...` settings for a listener."""
    values = {"LAB_BOOTSTRAP_SERVERS": secured.address(listener), "LAB_SECURITY_PROTOCOL": protocol}
    if "SSL" in protocol:
        values["LAB_SSL_CAFILE"] = str(cafile or secured.authority.certificate)
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
    set_password(user, password, bootstrap_servers=secured.bootstrap_servers)
    grant(user, "ALL", topic="*", bootstrap_servers=secured.bootstrap_servers)
    way = environment(secured, "BOTH", "SASL_SSL", "SCRAM-SHA-512", user=user, password=password)
    files = {"TMPDIR": str(tmp_path), "TEMP": str(tmp_path), "TMP": str(tmp_path)}
    command = Command("kafka", "topics", "--list", output=tmp_path / "out", **way, **files)
    assert command.wait(60) == 0, command.text
    assert topic in command.text.split()
    assert list(tmp_path.iterdir()) == [tmp_path / "out"]


def test_the_line_of_lesson_17_shows_who_has_a_password_and_no_password(secured, tmp_path):
    (line,) = lines_of("17")
    place = {"LAB_BOOTSTRAP_SERVERS": secured.bootstrap_servers, "LAB_HOME": str(tmp_path)}
    said = run_line(line, place)
    # Java gives the two mechanisms in any order.
    assert re.search(
        rf"^SCRAM credential configs for user-principal '{USER}' are SCRAM-SHA-", said, re.MULTILINE
    )
    assert PASSWORD not in said


FAULTS = {
    "unknown authority": (
        {"listener": "TLS", "protocol": "SSL", "cafile": STRANGE_AUTHORITIES},
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


def test_the_doctor_says_that_it_speaks_tls(secured, tmp_path):
    servers = secured.address("TLS")
    fault = services.check_broker(Settings(bootstrap_servers=servers, home=tmp_path))
    assert f"Kafka at {servers} speaks TLS" in fault.found and "LAB_SECURITY_PROTOCOL" in fault.fix


# Certificates.


def keytool(secured, *words) -> str:
    environment = os.environ | {"STORE": secured.authority.password}
    command = java_command(KEYTOOL, *words, "-storepass:env", "STORE", quick=False)
    done = subprocess.run(
        command, env=environment, cwd=secured.authority.folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_its_certificate_says_who_it_is(secured):
    """Checked as strictly as Python 3.13 does."""
    context = ssl.create_default_context(cafile=secured.authority.certificate)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    host, port = secured.address("TLS").split(":")
    with (
        socket.create_connection((host, int(port))) as connection,
        context.wrap_socket(connection, server_hostname=host) as tls,
    ):
        said = tls.getpeercert()
    assert said["subject"] == ((("commonName", SUBJECT),),)
    assert said["issuer"] == ((("commonName", AUTHORITY),),)
    assert said["subjectAltName"] == (("DNS", "localhost"),)
    begins, ends = (ssl.cert_time_to_seconds(said[name]) for name in ("notBefore", "notAfter"))
    assert begins <= time.time() < ends == begins + DAYS * 24 * 3600


def test_a_broker_has_its_own_key_only_also_after_a_second_certificate(secured):
    secured.authority.issue("expired", "localhost")
    assert keytool(secured, "-list", "-keystore", "expired.p12").count("PrivateKeyEntry") == 1
    assert keytool(secured, "-list", "-keystore", "broker.p12").count("PrivateKeyEntry") == 1
    assert keytool(secured, "-list", "-keystore", "authority.p12").count("PrivateKeyEntry") > 1


def test_a_certificate_that_cannot_be_made_is_one_clear_error(secured, monkeypatch):
    """Also where Java warns of something else, here of an option, and in Wine of each processor."""
    monkeypatch.setattr(certificates, "ONE_ROUND", ["-Xverify:none"])
    one_line = r"keytool made no certificate in .+: keytool error: .+\Z"
    with pytest.raises(BrokerError, match=one_line) as failed:
        secured.authority.issue("odd", "localhost", valid_from="tomorrow")
    assert secured.authority.password not in str(failed.value)


def test_nothing_listens_beyond_this_machine(secured):
    (node,) = secured.nodes()
    listening = {
        each.laddr.ip for each in node.process.net_connections() if each.status == psutil.CONN_LISTEN
    }
    assert {ip.removeprefix("::ffff:") for ip in listening} == {"127.0.0.1"}


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


def test_who_may_join_the_group_and_not_read_the_topic_is_told_so(secured, topic, admin, tmp_path):
    """kafka-python says nothing of it: the consumer would wait for a partition for ever."""
    user = lab.fresh_name("member")
    set_password(user, PASSWORD, **admin)
    grant(user, "READ", group=topic, **admin)
    way = environment(secured, "PASSWORD", "SASL_PLAINTEXT", "SCRAM-SHA-512", user=user)
    with (
        lab.Warehouse(str(tmp_path / "w.db")) as warehouse,
        pytest.raises(
            AccessError, match=rf"use the topic '{topic}': the right \(ACL\) to READ it is missing"
        ),
    ):
        kafka = Settings.from_environment(way).kafka
        lab.consume(topic, warehouse, group_id=topic, idle_timeout=20, **kafka)


def test_who_may_not_write_a_topic_is_told_so(stranger, topic):
    began = time.monotonic()
    with pytest.raises(AccessError, match=f"may not use the topic '{topic}'"):
        lab.produce(topic, lab.simulate_readings(3), interval=0, max_batches=10, **stranger)
    assert time.monotonic() - began < soon(15)


def test_who_may_read_and_not_write_is_told_so_too(secured, topic):
    """Such a user gets no number for a producer: Kafka speaks of the cluster then."""
    user = lab.fresh_name("reader")
    set_password(user, PASSWORD, bootstrap_servers=secured.bootstrap_servers)
    grant(user, "READ", topic=topic, bootstrap_servers=secured.bootstrap_servers)
    reader = Settings.from_environment(
        environment(secured, "PASSWORD", "SASL_PLAINTEXT", "SCRAM-SHA-512", user=user)
    ).kafka
    with pytest.raises(AccessError, match=rf"may not use the topic '{topic}': the right \(ACL\) to WRITE it"):
        lab.produce(topic, lab.simulate_readings(3), interval=0, max_batches=2, **reader)


def test_who_may_not_make_or_see_a_topic_is_told_so(stranger, topic):
    with pytest.raises(AccessError, match=f"may not use the topic '{topic}'"):
        lab.describe_topic(topic, **stranger)
    with pytest.raises(lab.LabError, match="refuses the topic"):
        lab.create_topic(lab.fresh_name("new"), **stranger)


@pytest.fixture
def admin(secured):
    return {"bootstrap_servers": secured.bootstrap_servers}


# Each is a list of (operation, name, is a prefix, is denied); {topic} is the one that is asked about.
RULES = {
    "none": [],
    "read": [("READ", "{topic}", False, False)],
    "write": [("WRITE", "{topic}", False, False)],
    "alter configs": [("ALTER_CONFIGS", "{topic}", False, False), ("DESCRIBE", "{topic}", False, False)],
    "all": [("ALL", "{topic}", False, False)],
    "every topic": [("READ", "*", False, False)],
    "a prefix": [("DELETE", "secured-", True, False)],
    "another topic": [("READ", "{topic}2", False, False)],
    "denied": [("ALL", "{topic}", False, False), ("WRITE", "{topic}", False, True)],
    "all denied": [("READ", "{topic}", False, False), ("ALL", "secured", True, True)],
    "describe denied": [("READ", "{topic}", False, False), ("DESCRIBE", "*", False, True)],
}
OPERATIONS = ("READ", "WRITE", "CREATE", "DELETE", "ALTER", "DESCRIBE", "DESCRIBE_CONFIGS", "ALTER_CONFIGS")


@pytest.mark.parametrize("rules", RULES.values(), ids=RULES)
def test_what_a_user_may_do_is_what_the_broker_says(secured, topic, admin, rules):
    user = lab.fresh_name("user")
    set_password(user, PASSWORD, **admin)
    made = [
        ACL(
            f"User:{user}",
            "*",
            ACLOperation[operation],
            ACLPermissionType.DENY if is_denied else ACLPermissionType.ALLOW,
            ResourcePattern(
                ResourceType.TOPIC,
                name.format(topic=topic),
                ACLResourcePatternType.PREFIXED if is_prefix else ACLResourcePatternType.LITERAL,
            ),
        )
        for operation, name, is_prefix, is_denied in rules
    ]
    with connect(KafkaAdminClient, **admin) as client:
        client.create_acls(made)
    rights = lab.wait_until(lambda: len(found := rights_of(user, **admin)) == len(made) and [found])[0]
    way = environment(secured, "PASSWORD", "SASL_PLAINTEXT", "SCRAM-SHA-512", user=user)
    with connect(KafkaAdminClient, **Settings.from_environment(way).kafka) as client:
        (said,) = client.describe_topics([topic])
    allowed = {each for each in OPERATIONS if may(each, "topic", topic, rights)}
    assert ("DESCRIBE" in allowed) == (not said["error_code"])
    assert said["error_code"] or allowed == set(said["authorized_operations"])


def test_a_right_is_granted_seen_and_taken_away(topic, admin):
    user = lab.fresh_name("user")
    on_group = Right(user, "READ", "group", "mine")
    on_topic = Right(user, "READ", "topic", topic)
    assert grant(user, "read", topic=topic, group="mine", **admin) == [on_group, on_topic]
    assert grant(f"User:{user}", "READ", "", "mine", **admin) == [on_group, on_topic]  # twice is once
    of_kafka: Any = ACLOperation.READ
    assert grant(user, of_kafka, topic, **admin) == [on_group, on_topic]
    assert f"{on_group}, {on_topic}" == f"READ group mine, READ topic {topic}"
    assert revoke(user, "READ", group="mine", **admin) == [on_topic]
    with pytest.raises(AccessError, match=f"no right to READ group mine. There is: READ topic {topic}."):
        revoke(user, "READ", group="mine", **admin)
    assert rights_of(user, **admin) == [on_topic]
    assert revoke(user, "READ", topic=topic, **admin) == rights_of(user, **admin) == []


def test_who_may_not_give_rights_is_told_so(secured, stranger, own_broker):
    with pytest.raises(AccessError, match="only its administrator may"):
        grant(STRANGER, "ALL", topic="*", **stranger)
    with pytest.raises(AccessError, match="only its administrator may"):
        set_password(USER, WRONG, **stranger)
    with pytest.raises(AccessError, match=r"READER.+no operation of Kafka. There are: ALL, READ, WRITE"):
        grant(USER, "READER", topic="*", **stranger)
    many: Any = ["READ"]
    with pytest.raises(AccessError, match=r"\['READ'\] is no operation of Kafka. There are: ALL, READ"):
        grant(USER, many, topic="*", **stranger)
    with pytest.raises(AccessError, match=r"add topic=\.\.\. or group=\.\.\."):
        grant(USER, "READ", **stranger)
    with pytest.raises(AccessError, match="keeps no rights: everybody may do everything"):
        grant(USER, "READ", topic="*", bootstrap_servers=own_broker.bootstrap_servers)


@pytest.mark.parametrize(
    ("password", "mechanism", "expected"),
    [
        ("", "SCRAM-SHA-512", "is no text, or an empty one"),
        (12345, "SCRAM-SHA-512", "is no text, or an empty one"),
        (WRONG, "SHA-512", "'SHA-512' is no mechanism here. There are: SCRAM-SHA-256, SCRAM-SHA-512."),
    ],
)
def test_a_password_that_cannot_be_one_is_refused(admin, password, mechanism, expected):
    with pytest.raises(AccessError, match=expected) as refused:
        set_password("zoe", password, mechanism, **admin)
    assert "12345" not in str(refused.value)


def test_another_password_shuts_the_old_one_out(secured, admin):
    user, new = lab.fresh_name("user"), "another one"
    for password in (PASSWORD, new):
        set_password(user, password, **admin)
    way = ("PASSWORD", "SASL_PLAINTEXT", "SCRAM-SHA-512", user)
    connect(KafkaAdminClient, **Settings.from_environment(environment(secured, *way, new)).kafka).close()
    with pytest.raises(AccessError, match="the user or the password is wrong"):
        connect(KafkaAdminClient, **Settings.from_environment(environment(secured, *way)).kafka)


def test_a_check_shows_no_password(secured, admin, monkeypatch):
    monkeypatch.delenv("LAB_CHECK")
    guest, old, new = lab.fresh_name("guest"), "the-old-one-7", "the-new-one-7"
    set_password(guest, old, **admin)
    way = environment(secured, "BOTH", "SASL_SSL", "SCRAM-SHA-512")
    kafka = Settings.from_environment(way).kafka
    reports = [lab.check("17.3", guest, old, each, **kafka) for each in (None, old, new)]
    set_password(guest, new, **admin)
    reports.append(lab.check("17.3", guest, old, new, **kafka))
    assert [report.state for report in reports] == ["not attempted", "not yet", "not yet", "done"]
    shown = "".join(repr(report) + report._repr_html_() for report in reports)
    assert not re.search("the-(old|new)-one-7", shown)
