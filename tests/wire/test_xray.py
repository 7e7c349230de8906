"""The X-ray sees each request and answer of real clients, hands on all of it, and leads no client past it."""

import os
import subprocess
import sys
import time

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer

import lab
from lab.clients.connection import is_answering
from lab.errors import LabError
from lab.wire import recorder
from lab.wire.xray import xray
from tests.support.waiting import wait_for


@pytest.fixture
def topic(kafka):
    return lab.create_topic(lab.fresh_name("wire"), num_partitions=2, **kafka).name


def seen(wire, kind):
    return [each for each in wire.exchanges if each.kind == kind]


def test_what_a_producer_and_a_consumer_say_is_there_with_the_numbers_of_the_log(topic, kafka):
    with xray(**kafka) as wire:
        with KafkaProducer(**wire.kafka) as producer:
            for _ in range(3):
                producer.send(topic, b"x", partition=1).get(timeout=10)
        how = {"group_id": topic, "auto_offset_reset": "earliest", "enable_auto_commit": False}
        with KafkaConsumer(topic, **how, **wire.kafka) as consumer:
            wait_for(lambda: consumer.poll(100))
            consumer.commit()
    produced, committed = seen(wire, "Produce"), seen(wire, "OffsetCommit")
    assert [each.answer for each in produced] == [f"{topic}-1 offset {n}" for n in range(3)]
    assert produced[0].request.startswith(f"{topic}-1 1 message (no. 0 of producer ")
    assert produced[0].request.endswith("acks=all")
    (brought,) = [each for each in seen(wire, "Fetch") if "message" in each.answer]
    assert f"{topic}-1 3 messages from offset 0, end 3" in brought.answer
    assert f"{topic}-1 next 3" in committed[0].request
    *_, sync = seen(wire, "SyncGroup")  # a member may have to join again when it knows the topic
    assert set(sync.answer.split(", ")) == {f"{topic}-0", f"{topic}-1"}
    # Other errors are those of a broker that was just started, or asks a new member to come again.
    assert not any(each.error for each in [*produced, *committed, sync, *seen(wire, "Fetch")])


def test_a_client_asks_the_first_address_and_then_the_advertised_one(topic, kafka):
    with xray(**kafka) as wire, KafkaAdminClient(**wire.kafka) as admin:
        assert topic in admin.list_topics()
    brokers = wire.table()["broker"]
    assert brokers.nunique() == 2
    assert brokers.iloc[0] == kafka["bootstrap_servers"]
    assert brokers.iloc[-1].startswith("broker 1 at ")
    assert (wire.table()["took"] > 0).all()


@pytest.mark.parametrize("acks", ["all", 1, 0])
def test_a_producer_that_waits_for_no_answer_has_none_in_the_picture(topic, kafka, acks):
    with xray(**kafka) as wire:
        with KafkaProducer(acks=acks, enable_idempotence=acks == "all", **wire.kafka) as producer:
            producer.send(topic, b"x")
        wait_for(lambda: seen(wire, "Produce") and lab.topic_offsets(topic, **kafka))
    (produced,) = seen(wire, "Produce")
    assert produced.request.endswith(f"acks={acks}")
    assert (produced.took is None) == (acks == 0)


def test_an_answer_that_is_lost_is_asked_for_again_and_written_once(topic, kafka):
    with xray(**kafka) as wire:
        wire.lose_answer("Produce")
        with KafkaProducer(**wire.kafka) as producer:
            place = producer.send(topic, b"x", partition=0).get(timeout=30)
    first, again = seen(wire, "Produce")
    assert first.took is None and first.is_lost
    assert first.request == again.request  # the same number of the same producer
    assert again.answer == f"{topic}-0 offset {place.offset}"
    assert lab.topic_offsets(topic, **kafka)[0].end == 1


def test_without_idempotence_the_answer_that_is_lost_writes_it_twice(topic, kafka):
    with xray(**kafka) as wire:
        wire.lose_answer("Produce")
        with KafkaProducer(enable_idempotence=False, retries=3, **wire.kafka) as producer:
            producer.send(topic, b"x", partition=0).get(timeout=30)
    assert lab.topic_offsets(topic, **kafka)[0].end == 2


def test_a_line_that_is_far_away_makes_each_acknowledgement_late_and_many_at_once_not_later(topic, kafka):
    with xray(**kafka) as wire, KafkaProducer(linger_ms=20, **wire.kafka) as producer:
        producer.send(topic, b"x", partition=0).get(timeout=30)
        wire.line.delay = 0.1
        began = time.monotonic()
        for _ in range(5):
            producer.send(topic, b"x", partition=0).get(timeout=30)
        one_by_one, began = time.monotonic() - began, time.monotonic()
        for sent in [producer.send(topic, b"x", partition=0) for _ in range(5)]:
            sent.get(timeout=30)
        together = time.monotonic() - began
    assert one_by_one >= 5 * 0.2 > together >= 0.2
    assert max(each.took for each in seen(wire, "Produce")) >= 0.2


def test_a_line_that_is_narrow_carries_no_more_bytes_than_it_can(topic, kafka):
    with xray(**kafka) as wire, KafkaProducer(**wire.kafka) as producer:
        producer.send(topic, b"x", partition=0).get(timeout=30)
        wire.line.bytes_per_second = 10_000
        began = time.monotonic()
        producer.send(topic, bytes(5_000), partition=0).get(timeout=30)
    assert time.monotonic() - began >= 0.5


@pytest.mark.parametrize("which", ["loses_requests", "loses_answers"])
def test_a_line_that_is_silent_in_one_direction_keeps_its_connections_and_ends_no_wait(topic, kafka, which):
    with xray(**kafka) as wire, KafkaProducer(request_timeout_ms=500, **wire.kafka) as producer:
        producer.send(topic, b"x", partition=0).get(timeout=30)
        setattr(wire.line, which, True)
        sent = producer.send(topic, b"x", partition=0)
        wait_for(lambda: len(seen(wire, "Produce")) > 1)
        assert not sent.is_done
        setattr(wire.line, which, False)
        sent.get(timeout=30)  # after its time-out it was sent again
    assert lab.topic_offsets(topic, **kafka)[0].end == 2


def test_a_connection_that_is_closed_in_one_direction_is_left_and_nothing_is_there_twice(topic, kafka):
    """The client reads the end of it, connects again, and asks again; what it had sent has arrived."""
    with xray(**kafka) as wire, KafkaProducer(**wire.kafka) as producer:
        producer.send(topic, b"x", partition=0).get(timeout=30)
        wire.line.ends_answers = True
        sent = producer.send(topic, b"x", partition=0)
        wait_for(lambda: lab.topic_offsets(topic, **kafka)[0].end == 2)
        assert not sent.is_done
        wire.line.ends_answers = False
        sent.get(timeout=30)
    assert len(seen(wire, "Produce")) > 2
    assert lab.topic_offsets(topic, **kafka)[0].end == 2


def test_a_java_client_of_the_new_protocol_is_seen_and_what_is_unknown_is_a_number(topic, kafka):
    """kafka-python has no ConsumerGroupHeartbeat, number 68."""
    with KafkaProducer(**kafka) as producer:
        producer.send(topic, b"hello").get(timeout=10)
    new = ("--command-property", "group.protocol=consumer")
    options = ("--topic", topic, "--from-beginning", "--max-messages", "1", *new)
    with xray(**kafka) as wire:
        environment = os.environ | {"LAB_BOOTSTRAP_SERVERS": wire.kafka["bootstrap_servers"]}
        command = [sys.executable, "-m", "lab", "kafka", "console-consumer", *options]
        done = subprocess.run(command, env=environment, capture_output=True, timeout=60, encoding="utf-8")
    assert done.stdout.split() == ["hello"], done.stderr
    (heartbeat, *_) = seen(wire, "68")
    assert heartbeat.request == heartbeat.answer == recorder.TOO_NEW
    assert heartbeat.took and not heartbeat.error
    (brought,) = [each for each in seen(wire, "Fetch") if "message" in each.answer]
    assert topic in brought.answer  # by the topic's id, for this client names none


def test_what_is_kept_is_bounded_and_the_rest_is_counted_and_handed_on(topic, kafka, monkeypatch):
    monkeypatch.setattr(recorder, "MOST", 5)
    with xray(**kafka) as wire, KafkaAdminClient(**wire.kafka) as admin:
        for _ in range(20):
            assert topic in admin.list_topics()
    assert len(wire.exchanges) == 5
    assert wire.left_out >= 15
    assert f"{wire.left_out} exchange(s) after these" in wire.diagram().left_out


def test_at_its_end_every_connection_ends_and_nothing_listens(kafka):
    with xray(**kafka) as wire:
        consumer = KafkaConsumer(**wire.kafka)
    assert not is_answering(wire.kafka["bootstrap_servers"])
    consumer.close()


def test_a_broker_with_tls_is_refused_with_the_reason():
    hidden = {"bootstrap_servers": "localhost:1", "security_protocol": "SASL_SSL"}
    with pytest.raises(LabError, match="without TLS"), xray(**hidden):
        pytest.fail("nothing can be seen")
