"""What brokers say to each other is seen. A leader that is cut off goes on alone and loses what it took."""

import time

import pytest
from kafka import KafkaConsumer, KafkaProducer

import lab
from lab.embedded.broker import EmbeddedBroker
from lab.embedded.ports import free_ports
from lab.wire.frames import Request
from lab.wire.network import Network, source_of
from lab.wire.recorder import TOO_NEW
from tests.support.waiting import wait_for


@pytest.fixture(scope="module")
def network():
    network = Network()
    yield network
    network.close()


@pytest.fixture(scope="module")
def cluster(network, tmp_path_factory):
    home = tmp_path_factory.mktemp("network")
    cluster = EmbeddedBroker(home, free_ports(3)[0], brokers=3)
    cluster.for_node = network.properties
    yield cluster.start()
    cluster.kill()


@pytest.fixture
def kafka(cluster, network):
    network.heal()
    return {"bootstrap_servers": cluster.bootstrap_servers}


@pytest.fixture
def topic(kafka):
    configs = {"min.insync.replicas": 2}
    topic = lab.create_topic(lab.fresh_name("network"), replication_factor=3, configs=configs, **kafka)
    wait_for(lambda: len(lab.describe_topic(topic.name, **kafka).partitions[0].isr) == 3)
    return topic


def others(cluster, *nodes):
    """How to reach the brokers besides these."""
    return {"bootstrap_servers": ",".join(n.address for n in cluster.nodes() if n.id not in nodes)}


def leader_of(topic, kafka):
    return lab.describe_topic(topic.name, **kafka).partitions[0].leader


@pytest.mark.parametrize(
    ("client_id", "source"),
    [
        ("broker-2-fetcher-0", 2),
        ("raft-client-3", 3),
        ("1", 1),
        ("broker-12-txn-marker-sender", 12),
        ("lab-1", None),
        ("broker", None),
        ("kafka-python-3.0.12", None),
        ("", None),
    ],
)
def test_a_broker_is_known_by_what_it_calls_itself(client_id, source):
    assert source_of(Request(1, 0, 0, client_id, None)) == source


@pytest.mark.broker
def test_what_followers_fetch_from_their_leader_is_seen(network, topic, kafka):
    network.clear()
    with KafkaProducer(**kafka) as producer:
        producer.send(topic.name, b"x", partition=0).get(timeout=30)
    leader = topic.partitions[0].leader
    fetched = [each for each in network.exchanges if each.kind == "Fetch"]
    brought = [each for each in fetched if f"{topic.name}-0 1 message from offset 0" in each.answer]
    assert {each.broker for each in brought} == {f"broker {leader}"}
    assert {each.client for each in brought} == {f"broker {n}" for n in {1, 2, 3} - {leader}}
    picture = network.diagram("Produce", "Fetch")
    assert f"broker {leader}" in picture.alt


@pytest.mark.broker
def test_a_leader_that_is_cut_off_takes_what_it_then_loses(network, cluster, topic, kafka):
    """No process ends. With acks=1 each message is acknowledged and gone, with acks=all neither."""
    leader = leader_of(topic, kafka)
    with (
        KafkaProducer(acks=1, enable_idempotence=False, **kafka) as one,
        KafkaProducer(acks="all", **kafka) as every,
    ):
        for producer in (one, every):
            producer.send(topic.name, b"before", partition=0).get(timeout=30)
        network.isolate(leader)
        alone = [one.send(topic.name, b"acks=1", partition=0) for _ in range(20)]
        waiting = [every.send(topic.name, b"acks=all", partition=0) for _ in range(20)]
        for each in alone:
            each.get(timeout=10)
        assert not any(each.succeeded() for each in waiting)
        new = wait_for(lambda: {leader_of(topic, others(cluster, leader))} - {leader, -1})
        network.heal()
        for each in waiting:
            each.get(timeout=60)
    wait_for(lambda: len(lab.describe_topic(topic.name, **kafka).partitions[0].isr) == 3, timeout=30)
    assert {leader_of(topic, kafka)} == new
    how = {"auto_offset_reset": "earliest", "consumer_timeout_ms": 3000}
    with KafkaConsumer(topic.name, **how, **kafka) as reader:
        there = [record.value for record in reader]
    assert sorted(there) == [*[b"acks=all"] * 20, *[b"before"] * 2]
    assert not [each for each in network.exchanges if TOO_NEW in (each.request, each.answer)]


@pytest.mark.broker
def test_brokers_far_from_each_other_make_acks_all_late_and_nothing_else(network, topic, kafka):
    with KafkaProducer(acks=1, **kafka) as one, KafkaProducer(acks="all", **kafka) as every:
        for producer in (one, every):
            producer.send(topic.name, b"before", partition=0).get(timeout=30)
        network.line.delay = 0.3
        try:
            took = {}
            for name, producer in (("one", one), ("every", every)):
                began = time.monotonic()
                producer.send(topic.name, b"x", partition=0).get(timeout=30)
                took[name] = time.monotonic() - began
        finally:
            network.line.delay = 0
    assert took["every"] > 0.6 > took["one"]


@pytest.mark.broker
def test_what_waits_when_the_rest_is_forgotten_keeps_its_answer(network, topic, kafka):
    """A follower's request waits at its leader for up to half a second."""
    wait_for(lambda: [each for each in network.exchanges if each.kind == "Fetch" and each.took is None])
    network.clear()
    before = network.exchanges
    assert before and all(each.took is None and each.asked_at <= 0 for each in before)
    wait_for(lambda: all(each.took is not None for each in network.exchanges[: len(before)]))
    assert [each.correlation_id for each in network.exchanges[: len(before)]] == [
        each.correlation_id for each in before
    ]
    assert all(each.asked_at + each.took > 0 for each in network.exchanges[: len(before)])
