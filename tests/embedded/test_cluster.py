"""Three brokers on one machine: one dies, two die, each is restarted; nothing acknowledged is lost."""

import re
import threading
import time
from collections import Counter

import pytest

import lab
import lab.embedded.process
from lab.classroom.exercises import lesson_09
from lab.classroom.exercises.exercise import make_exercise
from lab.clients.connection import is_answering
from lab.embedded.broker import EmbeddedBroker
from lab.embedded.choose import start_broker
from lab.embedded.ports import free_ports
from lab.errors import BrokerError
from lab.watching.replicas import wait_until_in_sync
from tests.support.ledger import take_ledger
from tests.support.places import Place, load
from tests.support.programs import Command
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.broker, pytest.mark.together]

COPIES = {"replication_factor": 3, "configs": {"min.insync.replicas": 2}}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with EmbeddedBroker(tmp_path_factory.mktemp("three brökers"), free_ports(3)[0], brokers=3) as broker:
        yield broker


@pytest.fixture
def place(cluster, tmp_path):
    cluster.start()
    topic = lab.fresh_name("cluster")
    kafka = {"bootstrap_servers": cluster.bootstrap_servers}
    lab.create_topic(topic, num_partitions=3, **COPIES, **kafka)
    wait_until_in_sync(**kafka)
    return Place(cluster, topic, tmp_path)


def leader_of(place) -> int:
    return lab.describe_topic(place.topic, **place.kafka).partitions[0].leader


def goes_on(place) -> None:
    """More is stored than now. The first time, the consumer has only just been started."""
    before = place.stored()
    wait_for(lambda: place.stored() > before, timeout=90)


def test_every_partition_has_three_copies_on_three_brokers(place):
    partitions = lab.describe_topic(place.topic, **place.kafka).partitions
    assert [sorted(p.replicas) for p in partitions] == [sorted(p.isr) for p in partitions] == [[1, 2, 3]] * 3
    assert len({p.leader for p in partitions}) == 3


def test_a_start_asks_for_the_owner_of_each_port_once(place, monkeypatch):
    """To find it costs much processor time, while one node starts and the others have long answered."""
    asked = Counter()
    real = lab.embedded.process.listens

    def listens(process, port):
        asked[port] += 1
        return real(process, port)

    monkeypatch.setattr(lab.embedded.process, "listens", listens)
    place.broker.kill(1)
    place.broker.start()
    assert asked == Counter(node.port for node in place.broker.nodes())


def test_the_check_of_a_killed_leader_does_not_wait_for_one_that_lives(place, monkeypatch):
    monkeypatch.setattr(lesson_09, "wait_until", lambda *_, **__: pytest.fail("it waits"))
    before = lab.describe_topic(place.topic, **place.kafka).partitions[0]
    place.broker.kill(next(node for node in before.replicas if node != before.leader))
    check = make_exercise("09.2", place.broker, place.topic, before, **place.kafka)
    assert check.attempted()
    assert not check.steps[0].done()


@pytest.mark.long_run  # lesson 09 does it once, and asserts the same ledger
def test_leader_killed_under_load(place, rounds):
    with place.running("consume", "--quiet") as consumer:
        with load(place, interval=0.05) as summaries:
            for _ in range(rounds):
                goes_on(place)
                leader = leader_of(place)
                place.broker.kill(leader)
                wait_for(lambda leader=leader: leader_of(place) != leader)
                goes_on(place)
                place.broker.start()
                wait_until_in_sync(**place.kafka)
        assert consumer.process.poll() is None
    ledger = place.drain()
    assert ledger.clean
    assert ledger.produced == summaries[0].acknowledged
    assert summaries[0].unsent == 0


def test_two_of_three_killed_nothing_is_acknowledged_and_it_is_said(place, caplog):
    with place.running("consume", "--quiet"), load(place, interval=0.05) as summaries:
        goes_on(place)
        leader = leader_of(place)
        for node in {1, 2, 3} - {leader}:
            place.broker.kill(node)
        wait_for(lambda: "acknowledges nothing" in caplog.text)
        place.broker.start()
        wait_for(lambda: "Kafka is back." in caplog.text)
        goes_on(place)
    ledger = place.drain()
    assert ledger.clean
    assert ledger.produced == summaries[0].acknowledged
    assert summaries[0].unsent == 0


def test_rolling_restart_under_load(place):
    environment = place.environment | {"LAB_HOME": str(place.broker.home)}
    before = {node.id: node.pid for node in place.broker.nodes()}
    with place.running("consume", "--quiet") as consumer:
        with load(place, interval=0.05) as summaries:
            goes_on(place)
            restart = Command("broker", "restart", output=place.folder / "restart.txt", **environment)
            assert restart.wait(120) == 0
            goes_on(place)
        assert consumer.process.poll() is None
    assert restart.text.count("restarted, every copy in sync") == 3
    assert all(node.pid != before[node.id] for node in place.broker.nodes())
    ledger = place.drain()
    assert ledger.clean
    assert ledger.produced == summaries[0].acknowledged


def test_the_commands_stop_kill_start_and_show_single_nodes(place):
    environment = place.environment | {"LAB_HOME": str(place.broker.home)}

    def run(*arguments):
        command = Command(
            "broker", *arguments, output=place.folder / f"{time.monotonic()}.txt", **environment
        )
        command.wait(60)
        return command.text

    assert "Stopped." in run("stop", "--node", "2")
    assert "node 2: 127.0.0.1" in run("status") and re.search("node 2.*stopped", run("status"))
    wait_for(lambda: re.search(rf"{place.topic} +0 .*(1,3|3,1)$", run("status"), re.MULTILINE))
    assert "Killed." in run("kill", "--node", "3")
    assert [bool(node.process) for node in place.broker.nodes()] == [True, False, False]
    assert "running" in run("start")  # with no number of brokers: as many as there were
    assert all(node.process for node in place.broker.nodes())
    assert "There is no node 4" in run("kill", "--node", "4")


def test_a_client_that_knows_all_addresses_starts_with_the_first_node_gone(place):
    place.broker.kill(1)
    assert not is_answering(f"127.0.0.1:{place.broker.port}")
    stored = threading.Event()
    assert (
        lab.produce(place.topic, lab.simulate_readings(3), interval=0, max_batches=5, **place.kafka).unsent
        == 0
    )
    with lab.Warehouse(str(place.warehouse)) as warehouse:
        lab.consume(
            place.topic, warehouse, group_id=place.topic, max_messages=15,
            on_stored=lambda _: stored.set(), **place.kafka,
        )  # fmt: skip
    assert stored.is_set()
    assert take_ledger(place.topic, place.broker.bootstrap_servers, place.warehouse).clean


def test_the_status_is_shown_by_any_node_and_says_when_too_few_run(place):
    home = {"LAB_HOME": str(place.broker.home), "LAB_BOOTSTRAP_SERVERS": f"localhost:{place.broker.port}"}

    def status(name):
        command = Command("broker", "status", output=place.folder / name, **place.environment | home)
        return command.wait(60), command.text

    place.broker.kill(1)  # the only one that is named
    wait_for(lambda: leader_of(place) != 1)
    code, text = status("two.txt")
    assert code == 0
    assert re.search(rf"{place.topic} +0 ", text) and "the last known state" not in text
    place.broker.kill(2)
    code, text = status("one.txt")
    assert "the last known state" in text


def test_a_home_with_the_data_of_three_does_not_start_one(cluster):
    cluster.stop()
    try:
        with pytest.raises(BrokerError, match="has the data of 3 broker"):
            EmbeddedBroker(cluster.home, cluster.port, brokers=1).start()
        again = start_broker(f"localhost:{cluster.port}", cluster.home)
        assert len([node for node in again.nodes() if node.process]) == 3
    finally:
        cluster.start()
