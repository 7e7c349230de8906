"""Topics on a real broker: made once, described, and their offsets."""

from contextlib import suppress

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.errors import RebalanceInProgressError

import lab
from lab.errors import TopicError
from lab.topics import Partition
from tests.support.waiting import wait_for


@pytest.fixture
def name():
    return lab.fresh_name("topic")


def test_a_topic_comes_back_as_the_broker_has_it(name, kafka):
    topic = lab.create_topic(name, num_partitions=2, **kafka)
    assert topic.name == name
    assert topic.partitions == (Partition(0, 1, (1,), (1,)), Partition(1, 1, (1,), (1,)))
    assert lab.describe_topic(name, **kafka) == topic


def test_a_topic_that_is_there_stays_as_it_is(name, kafka):
    before = lab.create_topic(name, num_partitions=2, **kafka)
    assert lab.create_topic(name, num_partitions=5, **kafka) == before


@pytest.mark.parametrize("brokers", [2, 1])
def test_a_broker_of_a_cluster_that_has_not_heard_of_a_new_topic_yet_is_asked_again(
    name, kafka, brokers, monkeypatch
):
    """A real broker, whose first two answers are those of one that has not heard of it."""
    lab.create_topic(name, **kafka)
    describe, asked = KafkaAdminClient.describe_topics, []

    def answer(admin, topics):
        asked.append(topics)
        return describe(admin, topics if len(asked) > 2 else [lab.fresh_name("another")])

    monkeypatch.setattr(KafkaAdminClient, "describe_topics", answer)
    monkeypatch.setattr(KafkaAdminClient, "describe_cluster", lambda admin: {"brokers": [{}] * brokers})
    if brokers == 1:  # nobody else could know it
        with pytest.raises(TopicError, match=f"There is no topic '{name}'"):
            lab.describe_topic(name, **kafka)
    else:
        assert lab.describe_topic(name, **kafka).name == name
    assert asked == [[name]] * (1 if brokers == 1 else 3)


def test_by_default_it_has_one_partition_and_one_replica(name, kafka):
    assert [p.replicas for p in lab.create_topic(name, **kafka).partitions] == [(1,)]


def test_two_topics_have_two_ids(kafka):
    one, two = (lab.create_topic(lab.fresh_name("topic"), **kafka).topic_id for _ in range(2))
    assert one != two


def test_offsets_are_the_first_and_the_next(name, kafka):
    lab.create_topic(name, num_partitions=2, **kafka)
    with KafkaProducer(**kafka) as producer:
        for n in range(3):
            producer.send(name, str(n).encode(), partition=1).get(timeout=10)
    offsets = lab.topic_offsets(name, **kafka)
    assert offsets == {0: (0, 0), 1: (0, 3)}
    assert repr(offsets) == "{0: Offsets(first=0, end=0), 1: Offsets(first=0, end=3)}"


def test_a_group_has_an_owner_of_each_partition_and_the_offsets_that_it_committed(name, kafka):
    other = lab.create_topic(lab.fresh_name("topic"), **kafka).name
    lab.create_topic(name, num_partitions=2, **kafka)
    lab.produce(name, lab.simulate_readings(1, seed=1), interval=0, max_batches=3, **kafka)
    assert lab.group_assignments(name, **kafka) == {}
    assert lab.partition_owners(name, name, **kafka) == lab.group_offsets(name, name, **kafka) == {}
    how = {"group_id": name, "group_instance_id": "me", "auto_offset_reset": "earliest"}
    with KafkaConsumer(**how, enable_auto_commit=False, **kafka) as consumer:
        wait_for(lambda: consumer.partitions_for_topic(name))  # else it may join before it knows them
        consumer.subscribe([name])
        wait_for(lambda: consumer.poll(200))
        assert lab.group_assignments(name, **kafka) == {"me": {name: (0, 1)}}
        assert lab.partition_owners(name, name, **kafka) == {0: "me", 1: "me"}
        assert lab.group_offsets(name, name, **kafka) == {}
        wait_for(lambda: is_committed(consumer))
    assert sum(lab.group_offsets(name, name, **kafka).values()) == 3
    assert lab.partition_owners(other, name, **kafka) == lab.group_offsets(other, name, **kafka) == {}


def is_committed(consumer):
    """Whether its offsets are; else, on a busy machine, it had to join again, and reads again."""
    with suppress(RebalanceInProgressError):
        consumer.commit()
        return True
    return wait_for(lambda: consumer.poll(200)) and False


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"replication_factor": 3}, "1 broker"),
        ({"num_partitions": 0}, "non-positive"),
        ({"configs": {"retention.ms": "soon"}}, "retention.ms"),
        ({"configs": {"no.such.setting": 1}}, "no.such.setting"),
    ],
)
def test_what_the_broker_refuses_is_said_in_its_words(name, kafka, wrong, said):
    with pytest.raises(TopicError, match=rf"Kafka refuses the topic '{name}'.*{said}"):
        lab.create_topic(name, **wrong, **kafka)


def test_a_name_that_cannot_be_is_refused(kafka):
    with pytest.raises(TopicError, match="Kafka refuses the topic 'a b'"):
        lab.create_topic("a b", **kafka)


def test_the_messages_of_a_topic_come_up_to_its_end_each_partition_in_order(name, kafka):
    lab.create_topic(name, num_partitions=2, **kafka)
    assert list(lab.read_records(name, **kafka)) == []
    with KafkaProducer(**kafka) as producer:
        for number in range(6):
            producer.send(name, b"%d" % number, partition=number % 2).get(timeout=10)
    read = [(r.partition, r.value) for r in lab.read_records(name, **kafka)]
    assert sorted(read, key=lambda one: one[0]) == [(n % 2, b"%d" % n) for n in (0, 2, 4, 1, 3, 5)]


def read_all(topic, **kafka):
    return list(lab.read_records(topic, **kafka))


@pytest.mark.parametrize("ask", [lab.describe_topic, lab.topic_offsets, read_all])
def test_asking_for_a_topic_that_is_not_there_says_so_and_makes_none(name, kafka, ask):
    for _ in range(2):
        with pytest.raises(TopicError, match=f"There is no topic '{name}'"):
            ask(name, **kafka)


def test_fresh_names_differ_and_can_be_topics():
    names = {lab.fresh_name("lesson") for _ in range(100)}
    assert len(names) == 100
    assert all(name.startswith("lesson-") for name in names)


def test_a_reader_may_ask_for_committed_messages_only(name, kafka):
    lab.create_topic(name, **kafka)
    with KafkaProducer(transactional_id=name, **kafka) as producer:
        producer.init_transactions()
        for value, end in ((b"aborted", producer.abort_transaction), (b"kept", producer.commit_transaction)):
            producer.begin_transaction()
            producer.send(name, value).get(timeout=10)
            end()
    found = lab.read_records(name, isolation_level="read_committed", **kafka)
    assert [record.value for record in found] == [b"kept"]
