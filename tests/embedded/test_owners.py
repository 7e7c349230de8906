"""Two kits, or two users, on one machine: each has its own readings, or is told at once what to set."""

import os
import re
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing, suppress
from pathlib import Path

import psutil
import pytest
from kafka import KafkaConsumer

from lab.classroom.doctor.services import check_broker
from lab.clients.connection import is_answering, is_port_open
from lab.embedded.broker import EmbeddedBroker
from lab.embedded.choose import start_broker
from lab.embedded.external import ExternalBroker
from lab.embedded.owners import listens, other_kit
from lab.embedded.ports import free_ports
from lab.errors import BrokerError
from lab.settings import Settings
from tests.support.ledger import take_ledger
from tests.support.programs import Command
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.broker, pytest.mark.together]

TOPIC, SAMPLE_DAY = "sensor-data", 4200  # the readings of a demo


class Kit:
    """A clone of the kit, as far as two of them differ: its home and its warehouse."""

    def __init__(self, folder: Path, servers: str):
        folder.mkdir(parents=True)
        self.folder, self.home, self.servers = folder, folder / "home", servers
        self.warehouse = folder / "warehouse.db"

    def command(self, *arguments, **environment) -> Command:
        place = {
            "LAB_HOME": str(self.home),
            "LAB_WAREHOUSE": str(self.warehouse),
            "LAB_BOOTSTRAP_SERVERS": self.servers,
        }
        output = self.folder / f"{len(list(self.folder.glob('*.txt')))}.txt"
        return Command(*arguments, output=output, **place | environment)

    def demo(self, **environment) -> Command:
        return self.command("demo", "--output", str(self.folder / "chart.png"), **environment)

    @property
    def broker(self) -> EmbeddedBroker:
        return EmbeddedBroker(self.home, int(self.servers.rpartition(":")[2]))

    def rows(self) -> int:
        if not self.warehouse.exists():
            return 0
        with closing(sqlite3.connect(self.warehouse)) as db:
            return db.execute("SELECT count(*) FROM sensor_logs").fetchone()[0]


@pytest.fixture
def make_kits(tmp_path):
    """Makes two kits with one address; whatever they leave is ended."""
    kits = []

    def make(servers: str = "") -> list[Kit]:
        servers = servers or f"localhost:{free_ports(1)[0]}"
        new = [Kit(tmp_path / f"{len(kits)}-{name}", servers) for name in "ab"]
        kits.extend(new)
        return new

    yield make
    for kit in kits:
        kit.broker.stop()


def has_its_own(kit: Kit, demo: Command) -> bool:
    """Whether this demo stored what it sent, and nothing else; else it must have refused to send."""
    if demo.wait(90) == 0:
        assert "produced      4200 readings" in demo.text
        assert f"stored        {SAMPLE_DAY} rows in sensor_logs, {SAMPLE_DAY} of that day" in demo.text
        assert kit.rows() == SAMPLE_DAY
        return True
    assert demo.process.returncode == 1, demo.text
    assert kit.rows() == 0
    return False


def test_two_demos_in_the_same_second_each_have_their_own_or_are_told(make_kits, pytestconfig):
    for _ in range(max(1, pytestconfig.getoption("--rounds") // 3)):
        kits = make_kits()
        demos = [kit.demo() for kit in kits]
        own = [has_its_own(kit, demo) for kit, demo in zip(kits, demos)]
        assert own.count(True) == 1
        (first, _), (other, told) = sorted(zip(kits, demos), key=lambda each: own[kits.index(each[0])])[::-1]
        assert f"error: Kafka at {first.servers} is that of another kit, in {first.home}: " in told.text
        assert "Traceback" not in told.text
        assert not first.broker.is_running() and not other.broker.is_running()
        with first.broker as broker:
            assert take_ledger(TOPIC, broker.bootstrap_servers, first.warehouse).produced == SAMPLE_DAY
            assert take_ledger(TOPIC, broker.bootstrap_servers, first.warehouse).clean


def test_a_broker_that_others_use_is_not_stopped_and_another_kit_is_told_of_it_at_once(make_kits):
    first, second = make_kits()
    demo = first.demo()
    wait_for(lambda: "3  Producer" in demo.text)
    # The user is this process: a program of its own might be connected only when the demo is over.
    user = f"{psutil.Process().name()} (process {os.getpid()})"
    with KafkaConsumer(bootstrap_servers=first.servers) as client:
        assert TOPIC in client.topics()
        refused = second.demo()
        assert not has_its_own(second, refused)
        port = int(re.search(r"set LAB_BOOTSTRAP_SERVERS=localhost:(\d+)", refused.text)[1])
        assert not is_port_open("localhost", port)
        assert demo.wait(90) == 0 and "produced      4200 readings" in demo.text
        assert f"The broker keeps running, because others use it: {user}" in demo.text
        assert "left running, because others use it; to stop it later: python -m lab broker stop" in demo.text
        refused = first.command("broker", "stop")
        assert refused.wait() == 1
        assert user in refused.text and "python -m lab broker stop --force" in refused.text
        assert len(refused.text.splitlines()) == 1
        assert first.broker.is_running()
        assert first.command("broker", "stop", "--force").wait() == 0
        assert not first.broker.is_running()


@pytest.fixture(scope="module")
def of_nobody(tmp_path_factory):
    """A broker that no kit keeps, as one in Docker."""
    home, port = tmp_path_factory.mktemp("docker"), free_ports(1)[0]
    with EmbeddedBroker(home, port, properties={"log.dirs": "logs"}) as broker:
        yield broker


def test_two_demos_on_a_broker_of_nobody_each_have_their_own_or_are_told(make_kits, of_nobody):
    kits = make_kits(of_nobody.bootstrap_servers)
    demos = [kit.demo() for kit in kits]
    own = [has_its_own(kit, demo) for kit, demo in zip(kits, demos)]
    told = [demo for demo, is_own in zip(demos, own) if not is_own]
    assert told
    for demo in told:
        assert "error: Group sensor-logs has a member that stores sensor-data in another" in demo.text
        assert "LAB_GROUP" in demo.text
    for kit in (kit for kit, is_own in zip(kits, own) if is_own):
        assert take_ledger(TOPIC, of_nobody.bootstrap_servers, kit.warehouse).clean


def test_a_demo_on_a_broker_of_nobody_says_what_waits_in_the_topic_and_leaves_it_running(
    make_kits, of_nobody
):
    first, second = make_kits(of_nobody.bootstrap_servers)
    name = {"LAB_TOPIC": "waiting", "LAB_GROUP": "waiting"}
    assert first.command("produce", "--batches", "2", "--interval", "0", "--quiet", **name).wait() == 0
    demo = second.demo(**name)
    assert demo.wait(60) == 0
    assert "and 6 that wait in the topic; for a topic of your own, set LAB_TOPIC" in demo.text
    assert f"stored        {SAMPLE_DAY + 6} rows" in demo.text
    assert "left running, as it was" in demo.text
    assert is_answering(of_nobody.bootstrap_servers)


def test_the_commands_say_whose_broker_they_found(make_kits):
    first, second = make_kits()
    told = f"Kafka at {first.servers} is that of another kit, in {first.home}, whose topic {TOPIC}"
    with first.broker:
        commands = [
            first.command("produce", "--batches", "1"),
            second.command("produce", "--batches", "1"),
            second.command("consume", "--max-messages", "1"),
            second.command("broker", "start"),
        ]
        assert [command.wait() for command in commands] == [0, 0, 0, 0]
    assert [told in command.text for command in commands[:3]] == [False, True, True]
    assert (
        f"running, started by another kit, for itself: {first.home}> (it was there before)"
        in commands[3].text
    )
    assert "LAB_BOOTSTRAP_SERVERS=localhost:" in commands[3].text


def test_whose_broker_it_is(tmp_path, of_nobody, broker):
    assert start_broker(of_nobody.bootstrap_servers, tmp_path).home is None
    other = start_broker(broker.bootstrap_servers, tmp_path)
    assert isinstance(other, ExternalBroker) and other.home == broker.home
    assert other_kit(broker.bootstrap_servers, broker.home) is None
    found = check_broker(Settings(bootstrap_servers=broker.bootstrap_servers, home=tmp_path)).found
    assert f"of another kit, which keeps it in {broker.home}" in found
    assert other_kit(f"localhost:{free_ports(1)[0]}", tmp_path) is None


def test_of_two_homes_that_start_at_one_port_the_second_is_told(tmp_path):
    """It took the answers of the first for its own."""
    port, ends = free_ports(1)[0], {}

    def start(name: str) -> None:
        try:
            ends[name] = EmbeddedBroker(tmp_path / name, port).start()
        except BrokerError as error:
            ends[name] = error

    threads = [threading.Thread(target=start, args=name) for name in "ab"]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        (started,) = (end for end in ends.values() if isinstance(end, EmbeddedBroker))
        (told,) = (end for end in ends.values() if isinstance(end, BrokerError))
        assert re.match(rf"Port {port} (is|was) taken by java", str(told))
        assert listens(started.nodes()[0].process, port)
        assert [EmbeddedBroker(tmp_path / name, port).is_running() for name in "ab"].count(True) == 1
    finally:
        for name in "ab":
            EmbeddedBroker(tmp_path / name, port).stop()


def test_who_is_connected(own_broker):
    assert own_broker.clients() == []
    with KafkaConsumer(bootstrap_servers=own_broker.bootstrap_servers) as consumer:
        consumer.topics()
        assert own_broker.clients() == []  # it is this process


def test_who_is_connected_besides_a_program_and_what_it_started(own_broker):
    """On Windows each program of a `.venv` has started the one that is connected."""
    place = ("127.0.0.1", own_broker.port)
    connect = f"import socket, time; s = socket.create_connection({place}); time.sleep(600)"
    start = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"
    with subprocess.Popen([sys.executable, "-c", start, connect]) as program:
        try:
            wait_for(own_broker.clients)
            assert own_broker.clients(besides=[program.pid]) == []
        finally:
            for each in psutil.Process(program.pid).children(recursive=True):
                with suppress(psutil.NoSuchProcess):  # it has ended with another one
                    each.kill()
