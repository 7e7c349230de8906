"""A key that is remembered goes where Kafka's own hash sends it, also when the topic changes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka import KafkaProducer
from kafka.partitioner import DefaultPartitioner

from lab.clients import partitioning
from lab.clients.deliveries import PatientProducer
from lab.clients.partitioning import RememberingPartitioner


class FakeCluster:
    """The metadata of a topic."""

    def __init__(self, partitions):
        self.partitions = set(partitions)

    def topics(self):
        return {"one", "other"}

    def partitions_for_topic(self, topic):
        return set(self.partitions) if topic == "one" else {7}

    available_partitions_for_topic = partitions_for_topic


def ask(partitioner, topic, key, cluster):
    return partitioner.partition(topic, key, key, b"value", b"value", cluster)


KEYS = st.lists(st.tuples(st.sampled_from(["one", "other"]), st.binary(max_size=9)), min_size=1, max_size=30)


@given(st.lists(st.tuples(st.sets(st.integers(0, 20), min_size=1), KEYS), max_size=4))
def test_a_key_goes_where_the_default_sends_it(changes):
    ours, default = RememberingPartitioner(), DefaultPartitioner()
    for partitions, asked in changes:
        cluster = FakeCluster(partitions)
        for topic, key in [*asked, *asked]:
            assert ask(ours, topic, key, cluster) == ask(default, topic, key, cluster)


def test_the_hash_is_computed_once_for_each_key(monkeypatch):
    ours, cluster, asked = RememberingPartitioner(), FakeCluster(range(3)), []
    default = DefaultPartitioner.partition
    monkeypatch.setattr(DefaultPartitioner, "partition", lambda *all: asked.append(all[3]) or default(*all))
    for key in [b"a", b"b"] * 5:
        ask(ours, "one", key, cluster)
    assert asked == [b"a", b"b"]
    assert {ask(ours, "one", None, cluster) for _ in range(100)} == {0, 1, 2}  # no key: any of them


def test_its_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(partitioning, "MAX_KEYS", 10)
    ours, cluster = RememberingPartitioner(), FakeCluster(range(3))
    for n in range(100):
        ask(ours, "one", str(n).encode(), cluster)
        assert len(ours.known) <= 10


def test_a_topic_that_is_gone_fails_as_with_the_default():
    class Nothing(FakeCluster):
        def topics(self):
            return set()

        def partitions_for_topic(self, topic):
            return None

    found = []
    for partitioner in (RememberingPartitioner(), DefaultPartitioner()):
        with pytest.raises(ValueError) as error:
            ask(partitioner, "one", b"a", Nothing([]))
        found.append(str(error.value))
    assert found[0] == found[1]


def test_the_producer_of_the_kit_uses_it_unless_told_otherwise(monkeypatch):
    made = []
    monkeypatch.setattr("lab.clients.deliveries.wait_until_answering", lambda *all, **options: True)
    monkeypatch.setattr("lab.clients.deliveries.fail_alone", lambda client: None)
    monkeypatch.setattr("lab.clients.deliveries.make_client", lambda kind, **config: made.append(config))
    own = DefaultPartitioner()
    for config in ({}, {"partitioner": own}):
        PatientProducer("one", [], None, {"bootstrap_servers": "fake:9092"} | config)._make_client()
    assert isinstance(made[0]["partitioner"], RememberingPartitioner)
    assert made[1]["partitioner"] is own
    assert isinstance(KafkaProducer.DEFAULT_CONFIG["partitioner"], DefaultPartitioner)  # what it stands for
