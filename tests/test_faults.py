"""Nothing lost, nothing twice: each fault on the real broker, with the real command, counted.

A few rounds here; many, with the ledger of each, by
`python -m pytest tests/test_faults.py --rounds 200 -s`. The seed is shown: `--seed` repeats a run.
"""

import itertools
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import ExitStack, closing
from datetime import UTC, datetime

import psutil
import pytest
from crc32c import crc32c
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor

import lab
from lab.classroom.doctor.messages import check_messages
from lab.clients.connection import is_answering
from lab.clients.unreadable import next_readable
from lab.clients.workarounds import TolerantSelector
from lab.embedded.broker import EmbeddedBroker
from lab.embedded.ports import free_ports
from lab.producer import produce
from lab.readings import decode_reading, encode_reading
from lab.settings import Settings
from lab.wire.line import Line
from tests.support.ledger import read_log, take_ledger
from tests.support.marks import DELETES_TOPIC
from tests.support.places import SQLITE_AT_LEAST, Place, load
from tests.support.programs import running
from tests.support.proxy import ProxiedBroker
from tests.support.samples import numbered_readings
from tests.support.waiting import soon, stop_after, wait_for

pytestmark = pytest.mark.broker

POSIX = pytest.mark.skipif(os.name == "nt", reason="signals between processes are POSIX")


# The consumer dies.


def test_consumer_killed_at_random_moments_under_load(either_place, rounds, chance):
    waits, members = [], []
    with load(either_place):
        for _ in range(rounds):
            before, began = either_place.stored(), time.monotonic()
            with either_place.running("consume", "--quiet"):
                wait_for(lambda before=before: either_place.stored() > before)
                waits.append(time.monotonic() - began)
                members += lab.group_assignments(either_place.topic, **either_place.kafka)
                time.sleep(chance.uniform(0, 0.7))  # the moment of death, not a wait
    ledger = either_place.drain()
    assert ledger.clean
    assert ledger.produced > 100 * rounds
    # Each is the same member again. So it need not wait for the session of the killed one (6 s; 45 s by
    # default), and begins about as soon as the first, which had nobody before it.
    assert len(members) == rounds and len(set(members)) == 1, members
    assert min(waits[1:], default=0) < waits[0] + soon(3), waits


@POSIX
@SQLITE_AT_LEAST
def test_two_consumers_killed_paused_and_started_in_any_order(either_place, rounds, chance):
    consumers = []
    try:
        with load(either_place, interval=0.02):
            consumers = [either_place.run("consume", "--quiet", name=f"consume-{n}") for n in range(2)]
            wait_for(either_place.stored)
            for _ in range(2 * rounds):
                n = chance.randrange(2)
                if chance.random() < 0.5:
                    consumers[n].kill()
                    time.sleep(chance.uniform(0, 0.5))
                    consumers[n] = either_place.run("consume", "--quiet", name=f"consume-{n}")
                else:
                    consumers[n].process.send_signal(signal.SIGSTOP)
                    time.sleep(chance.choice([0.3, 1, 7]))  # 7 s is longer than its session
                    consumers[n].process.send_signal(signal.SIGCONT)
                before = either_place.stored()
                wait_for(lambda before=before: either_place.stored() > before)
    finally:
        for consumer in consumers:
            consumer.kill()
    assert either_place.drain().clean


class Delayed:
    """A warehouse whose writes wait: what they carry grows old meanwhile, as in a paused process."""

    def __init__(self, warehouse):
        self.warehouse, self.reached, self.go = warehouse, threading.Event(), threading.Event()

    def __getattr__(self, name):
        return getattr(self.warehouse, name)

    def store(self, *arguments):
        self.reached.set()
        assert self.go.wait(30)
        return self.warehouse.store(*arguments)


def test_a_consumer_that_wakes_too_late_is_fenced(either_place):
    produce(either_place.topic, numbered_readings(), interval=0, max_batches=100, **either_place.kafka)
    stop, summaries = threading.Event(), []
    with (
        lab.Warehouse(str(either_place.warehouse)) as late,
        lab.Warehouse(str(either_place.warehouse)) as warehouse,
    ):
        delayed = Delayed(late)
        options = {"group_id": either_place.topic, "stop": stop, **either_place.kafka}
        sleeper = threading.Thread(
            target=lambda: summaries.append(lab.consume(either_place.topic, delayed, **options))
        )
        sleeper.start()
        assert delayed.reached.wait(20)
        # Another group: it need not wait for the sleeper's partitions, and has the same warehouse.
        other = lab.consume(
            either_place.topic,
            warehouse,
            group_id=either_place.topic + "-2",
            max_messages=1000,
            **either_place.kafka,
        )
        assert other.stored == 1000
        delayed.go.set()
        lab.produce(either_place.topic, numbered_readings(), interval=0, max_batches=1, **either_place.kafka)
        try:
            wait_for(lambda: either_place.stored() == 1010)
        finally:
            stop.set()
            sleeper.join(10)
    assert summaries[0].fenced > 0
    assert summaries[0].stored == 10
    ledger = take_ledger(either_place.topic, either_place.broker.bootstrap_servers, either_place.warehouse)
    assert (ledger.produced, ledger.stored, ledger.lost, ledger.twice) == (1010, 1010, 0, 0)


# The broker dies.


@SQLITE_AT_LEAST
def test_broker_killed_and_started_again_under_load(own_either_place, restarts, chance):
    with own_either_place.running("consume", "--quiet") as consumer:
        with load(own_either_place) as summaries:
            for _ in range(restarts):
                before = own_either_place.stored()
                wait_for(lambda before=before: own_either_place.stored() > before)
                own_either_place.broker.kill()
                time.sleep(chance.uniform(0, 2))
                own_either_place.broker.start()
                before, began = own_either_place.stored(), time.monotonic()
                wait_for(lambda before=before: own_either_place.stored() > before)
                assert time.monotonic() - began < soon(5)
        assert consumer.process.poll() is None
    ledger = own_either_place.drain()
    assert ledger.clean
    assert ledger.produced == summaries[0].acknowledged
    assert summaries[0].unsent == 0


def test_broker_away_for_a_while_is_said_once_and_once_that_it_is_back(own_place, a_while):
    produce(own_place.topic, numbered_readings(), interval=0, max_batches=5, **own_place.kafka)
    with own_place.running("consume", "--quiet") as consumer:
        wait_for(lambda: own_place.stored() == 50)
        before = consumer.text  # on a busy machine it may wait for Kafka when it starts, and says so
        own_place.broker.stop()
        wait_for(lambda: "is away: waiting" in consumer.text)
        time.sleep(a_while)  # the fault itself
        own_place.broker.start()
        began = time.monotonic()
        wait_for(lambda: "Kafka is back." in consumer.text)
        assert time.monotonic() - began < soon(5)
        produce(own_place.topic, numbered_readings(), interval=0, max_batches=5, **own_place.kafka)
        wait_for(lambda: own_place.stored() == 100)
        said = consumer.text.removeprefix(before).strip().splitlines()
        # A broker that stops slowly may answer once more, and the consumer makes a client in that moment.
        news = [line for line in said if not line.startswith("Waiting for Kafka at ")]
        assert len(news) == 2 and len(said) <= 3, said
    assert own_place.drain().clean


@POSIX
def test_producer_with_the_broker_away_for_a_while_sends_all_of_it_later(own_place, a_while):
    """However long: by itself, kafka-python gives up after two minutes."""
    arguments = "produce", "--interval", "0.05", "--quiet"
    with own_place.running(*arguments, name="produce") as producer:
        wait_for(lambda: read_log(own_place.topic, **own_place.kafka))
        own_place.broker.stop()
        wait_for(lambda: "Kafka is away" in producer.text)
        time.sleep(a_while)  # the fault itself
        own_place.broker.start()
        wait_for(lambda: "Kafka is back." in producer.text)
        producer.process.send_signal(signal.SIGINT)
        assert producer.wait(20) == 0
    acknowledged = re.search(r"(\d+) readings acknowledged, 0 not", producer.text)
    assert acknowledged, producer.text
    assert len(read_log(own_place.topic, **own_place.kafka)) == int(acknowledged[1]) > 20 * 3 * a_while * 0.9


def test_broker_gone_when_the_consumer_starts(own_place):
    produce(own_place.topic, numbered_readings(), interval=0, max_batches=5, **own_place.kafka)
    own_place.broker.stop()
    with own_place.running("consume", "--quiet") as consumer:
        wait_for(lambda: "Waiting for Kafka at" in consumer.text)
        own_place.broker.start()
        wait_for(lambda: own_place.stored() == 50)
    assert own_place.drain().clean


@POSIX
def test_producer_interrupted_before_a_broker_was_there_calls_nothing_sent(own_place):
    own_place.broker.stop()
    with own_place.running("produce", name="produce") as producer:
        wait_for(lambda: "Waiting for Kafka at" in producer.text)
        producer.process.send_signal(signal.SIGINT)
        assert producer.wait(3) == 1
    assert "0 readings acknowledged, 3 not" in producer.text
    assert "Sent: " not in producer.text


def test_producer_that_is_sent_where_nothing_answers_names_the_address(tmp_path):
    """The broker answers, and its `advertised.listeners` are wrong: the first trap with Docker."""
    port, nowhere = free_ports(2)
    properties = {"advertised.listeners": f"PLAINTEXT://127.0.0.1:{nowhere}"}
    servers = f"127.0.0.1:{port}"
    with (
        EmbeddedBroker(tmp_path / "home", port, properties=properties),
        running(
            "produce", output=tmp_path / "produce.txt",
            LAB_BOOTSTRAP_SERVERS=servers, LAB_HOME=str(tmp_path / "home"),
        ) as producer,
    ):  # fmt: skip
        wait_for(lambda: "where nothing answers" in producer.text, timeout=15)
    assert f"Kafka at {servers} answers, but sends its clients on to 127.0.0.1:{nowhere}," in producer.text
    assert producer.text.count("where nothing answers") == 1
    assert "Sent: " not in producer.text


@POSIX
@pytest.mark.parametrize("command", ["produce", "consume"])
def test_interrupted_while_the_broker_is_gone_it_ends_within_three_seconds(own_place, command):
    with own_place.running(command, name=command) as process:
        produce(own_place.topic, numbered_readings(), interval=0, max_batches=1, **own_place.kafka)
        wait_for(lambda: "Sent: " in process.text or "Stored: " in process.text)
        own_place.broker.kill()
        wait_for(lambda: "away" in process.text or "Waiting for Kafka" in process.text)
        process.process.send_signal(signal.SIGINT)
        code = process.wait(soon(3))
        assert "Traceback" not in process.text
    if command == "produce":
        assert code == 1  # some readings were never acknowledged: it says how many
        assert " 0 not, in" not in process.text
    else:
        assert code == 0


@SQLITE_AT_LEAST
def test_power_cut_of_broker_and_consumer_at_once(own_either_place, restarts, chance):
    for _ in range(restarts):
        with own_either_place.running("consume", "--quiet") as consumer, load(own_either_place):
            before = own_either_place.stored()
            wait_for(lambda before=before: own_either_place.stored() > before)
            time.sleep(chance.uniform(0, 0.5))
            consumer.kill()
            own_either_place.broker.kill()
            own_either_place.broker.start()
    ledger = own_either_place.drain()
    assert ledger.clean
    assert ledger.produced > 0


def test_a_start_killed_at_random_moments_leaves_nothing_that_stop_does_not_end(tmp_path, rounds, chance):
    """Formatting, launched and not recorded yet, not answering yet: the next command finds it."""
    broker = EmbeddedBroker(tmp_path / "home", free_ports(1)[0])
    place = {"LAB_HOME": str(broker.home), "LAB_BOOTSTRAP_SERVERS": broker.bootstrap_servers}
    for n in range(rounds):
        with running("broker", "start", output=tmp_path / "start.txt", **place):
            wait_for(broker.home.exists)
            time.sleep(chance.uniform(0, 2))  # the moment of death, not a wait
        if n % 2:
            broker.start()  # whatever state it was left in
            assert is_answering(broker.bootstrap_servers)
        (broker.reset if n % 3 == 0 else broker.stop)()
        left = [p for p in psutil.process_iter(["cwd"]) if str(p.info["cwd"]).startswith(str(broker.home))]
        assert left == []


# The producer's own traps.


def test_producer_with_the_broker_killed_under_it_says_what_it_did(own_place):
    with own_place.running(
        "produce", "--interval", "0.002", "--batches", "3000", "--quiet", name="produce"
    ) as p:
        wait_for(
            lambda: sum(end for _, end in lab.topic_offsets(own_place.topic, **own_place.kafka).values())
        )
        own_place.broker.kill()
        wait_for(lambda: "Kafka is away" in p.text)
        own_place.broker.start()
        assert p.wait(60) == 0
        assert "9000 readings acknowledged, 0 not" in p.text
    assert len(read_log(own_place.topic, **own_place.kafka)) == 9000


LIMIT = 3000  # bytes: the `max.message.bytes` of the topics below


@pytest.fixture
def refused(monkeypatch):
    """Makes every 7th reading (or another one) larger than that; says whether a value is."""

    def make(every, size=2 * LIMIT):
        def is_refused(number):
            return number % every == every - 1

        def encode(reading):
            value = encode_reading(reading)
            return value.ljust(size) if is_refused(reading.val) else value

        monkeypatch.setattr("lab.producer.encode_reading", encode)
        return is_refused

    return make


def numbered(count, size=1):
    """So many batches of readings with the values 0, 1, 2 and so on."""
    for first in range(0, count * size, size):
        yield [
            lab.Reading(f"sensor-{n % 9}", n, "count", "OK", datetime.now(UTC))
            for n in range(first, first + size)
        ]


def assert_exact(summary, topic, kafka, expected, refused):
    """Each of the acceptable readings is in the log once, and the summary agrees with it."""
    values = Counter(decode_reading(record.value).val for record in read_log(topic, **kafka))
    print(summary, "twice", values.total() - len(values))
    assert values == Counter(expected)
    assert (summary.acknowledged, summary.unsent) == (values.total(), refused)


def test_each_message_that_is_refused_fails_alone(kafka, refused, rounds, chance, caplog):
    """Also at the speed at which others are in flight: what the broker may be writing is not sent again."""
    for n in range(rounds):
        interval, partitions, every = 0.001, 3, 7
        if n:
            interval, partitions = chance.choice([0, 0.001, 0.01]), chance.choice([1, 3])
            every = chance.choice([7, 50])
        topic, count = lab.fresh_name("refused"), 200 if interval == 0.01 else 600
        lab.create_topic(topic, num_partitions=partitions, configs={"max.message.bytes": LIMIT}, **kafka)
        is_refused = refused(every)
        # In bulk they are compressed, and compressed these are small enough.
        summary = produce(topic, numbered(count), interval=interval, compression_type=None, **kafka)
        expected = [number for number in range(count) if not is_refused(number)]
        assert_exact(summary, topic, kafka, expected, count - len(expected))
        assert summary.errors == [
            f"Too large for the topic '{topic}': a message of 6,008 bytes, and Kafka adds about 80; "
            "max.message.bytes is 3,000. Send smaller ones, or raise that setting of the topic."
        ]
    assert "Bumping producer epoch" not in caplog.text  # its sequence numbers are taken again


def test_messages_refused_as_too_old_take_no_other_with_them(kafka, topic):
    """A batch is refused as a whole: what is old in it then, and what is not, is sent again alone."""
    lab.create_topic(topic, configs={"message.timestamp.before.max.ms": 500}, **kafka)
    summary = produce(topic, numbered(20), interval=0.04, linger_ms=5000, **kafka)
    assert_exact(summary, topic, kafka, range(20), refused=0)


def test_messages_that_stay_refused_are_counted_and_explained(kafka, topic, monkeypatch):
    """Here the clock of this machine is wrong."""
    send = KafkaProducer.send
    monkeypatch.setattr(
        KafkaProducer, "send", lambda *sent, **how: send(*sent, **how | {"timestamp_ms": 1000})
    )
    lab.create_topic(topic, configs={"message.timestamp.before.max.ms": 60_000}, **kafka)
    summary = produce(topic, numbered(1, 5), linger_ms=100, **kafka)
    assert_exact(summary, topic, kafka, [], refused=5)
    assert len(summary.errors) == 1
    assert summary.errors[0].startswith(f"Refused by the topic '{topic}': [Error 32] InvalidTimestampError")
    assert summary.errors[0].endswith("Is the clock of this machine right?")


def test_broker_killed_while_messages_are_refused(own_broker, refused, restarts, chance):
    kafka, topic = {"bootstrap_servers": own_broker.bootstrap_servers}, lab.fresh_name("refused")
    lab.create_topic(topic, num_partitions=3, configs={"max.message.bytes": LIMIT}, **kafka)
    is_refused, sent, stop, summaries = refused(7), [], threading.Event(), []

    def work():
        batches = numbered(10**6)
        options = {"interval": 0.001, "on_batch": sent.extend, "stop": stop}
        summaries.append(produce(topic, batches, **options, **kafka))

    thread = threading.Thread(target=work)
    thread.start()
    try:
        for _ in range(restarts):
            before = len(sent)
            wait_for(lambda before=before: len(sent) > before + 100)
            own_broker.kill()
            time.sleep(chance.uniform(0, 0.3))  # the fault itself
            own_broker.start()
        before = len(sent)
        wait_for(lambda: len(sent) > before + 100)
    finally:
        stop.set()
        thread.join(20)
    expected = [reading.val for reading in sent if not is_refused(reading.val)]
    assert_exact(summaries[0], topic, kafka, expected, len(sent) - len(expected))


# The network fails.


@pytest.fixture(scope="module")
def proxied_broker(tmp_path_factory):
    with ProxiedBroker(tmp_path_factory.mktemp("proxied") / "broker") as broker:
        yield broker


@pytest.fixture
def proxied(proxied_broker):
    yield proxied_broker
    proxied_broker.proxy.loses_answer = proxied_broker.proxy.loses_request = lambda: False
    proxied_broker.proxy.line = Line()


def more_is_stored(place, timeout=30):
    before = place.stored()
    wait_for(lambda: place.stored() > before, timeout=timeout)


def assert_each_message_is_there_once(place, consumer, summary):
    """In the log, by the count of the producer, and in the warehouse, by the content of the log."""
    assert consumer.process.poll() is None
    ledger = place.drain()
    print(summary)
    assert ledger.clean
    assert (ledger.produced, summary.unsent) == (summary.acknowledged, 0)


def test_network_cut_under_load(proxied, topic, tmp_path, rounds, chance):
    """Between the broker and both its clients: what is on its way is lost, in both directions."""
    place = Place(proxied.proxy, topic, tmp_path)
    with place.running("consume", "--quiet") as consumer:
        with load(place) as summaries:
            for _ in range(rounds):
                more_is_stored(place)
                with proxied.proxy.all_cut():
                    time.sleep(chance.uniform(0, 2))  # the fault itself
                more_is_stored(place)
        assert_each_message_is_there_once(place, consumer, summaries[0])


@pytest.mark.long_run
@pytest.mark.parametrize(
    "lost", [(True, False), (False, True), (True, True)], ids=["requests", "answers", "both"]
)
def test_silent_network_under_load(proxied, topic, tmp_path, lost):
    """What is sent vanishes for longer than a client waits for an answer, and no connection ends."""
    place = Place(proxied.proxy, topic, tmp_path)
    with place.running("consume", "--quiet") as consumer:
        with load(place) as summaries:
            more_is_stored(place)
            proxied.proxy.line.loses_requests, proxied.proxy.line.loses_answers = lost
            time.sleep(90)  # the fault itself
            proxied.proxy.line = Line()
            more_is_stored(place, 90)
        assert_each_message_is_there_once(place, consumer, summaries[0])


@pytest.mark.long_run
def test_half_closed_network_under_load(proxied, topic, tmp_path, rounds):
    """Again and again, every connection is closed in one direction: what is sent arrives, and no answer."""
    place = Place(proxied.proxy, topic, tmp_path)
    with place.running("consume", "--quiet") as consumer:
        with load(place) as summaries:
            for _ in range(rounds):
                more_is_stored(place, 60)
                proxied.proxy.line.ends_answers = True
                time.sleep(1)  # the fault itself
                proxied.proxy.line.ends_answers = False
            more_is_stored(place, 60)
        assert_each_message_is_there_once(place, consumer, summaries[0])


@pytest.mark.long_run
def test_slow_network_under_load(proxied, topic, tmp_path):
    """Each request and each answer takes a fifth of a second longer, and a second for 20 kB."""
    place = Place(proxied.proxy, topic, tmp_path)
    with place.running("consume", "--quiet") as consumer:
        with load(place) as summaries:
            more_is_stored(place)
            proxied.proxy.line = Line(delay=0.2, bytes_per_second=20_000)
            for _ in range(5):
                more_is_stored(place, 60)
            proxied.proxy.line = Line()
            more_is_stored(place, 60)
        assert_each_message_is_there_once(place, consumer, summaries[0])


def test_acknowledgements_lost_under_load(proxied, topic, tmp_path, rounds, chance):
    """The broker has written the messages, and the producer cannot know it: it sends them again."""
    place, lost = Place(proxied.proxy, topic, tmp_path), []

    def lose():
        lost.append(chance.random() < 0.05)
        return lost[-1]

    with place.running("consume", "--quiet") as consumer:
        with load(place) as summaries:
            more_is_stored(place)
            proxied.proxy.loses_answer = lose
            wait_for(lambda: sum(lost) >= 3 * rounds, timeout=30 * rounds)
            proxied.proxy.loses_answer = lambda: False
            more_is_stored(place)
        assert_each_message_is_there_once(place, consumer, summaries[0])


def limit(topic, size, kafka):
    """Lower the limit of the topic, and wait until it is in force."""
    setting = ConfigResource(ConfigResourceType.TOPIC, topic, {"max.message.bytes": size})
    with KafkaAdminClient(**kafka) as admin:
        admin.alter_configs([setting])
        asked = ConfigResource(ConfigResourceType.TOPIC, topic, {"max.message.bytes": None})
        wait_for(
            lambda: admin.describe_configs([asked])["topic"][topic]["max.message.bytes"]["value"] == str(size)
        )


def test_what_the_broker_did_with_a_message_is_asked_where_its_answers_do_not_tell(proxied, refused):
    """It is lost on the way there, or its acknowledgement on the way back; then it is refused.

    The topic takes no more messages of that size meanwhile, so the second try says nothing of the first.
    """
    kafka = {"bootstrap_servers": proxied.bootstrap_servers}
    refused(1, size=2000)
    for way, is_written in (("loses_answer", True), ("loses_request", False)):
        topic, lost = lab.fresh_name("doubt"), []
        lab.create_topic(topic, configs={"max.message.bytes": LIMIT}, **kafka)

        def lose(topic=topic, lost=lost):
            if not lost:
                lost.append(True)
                limit(topic, 1000, kafka)
                return True
            return False

        setattr(proxied.proxy, way, lose)
        summary = produce(topic, numbered(1), **kafka)
        assert lost
        assert_exact(summary, topic, kafka, [0] * is_written, refused=1 - is_written)
        assert len(summary.errors) == 1 - is_written
        setattr(proxied.proxy, way, lambda: False)


def test_acknowledgements_lost_while_messages_are_refused(proxied, refused, rounds, chance):
    kafka = {"bootstrap_servers": proxied.bootstrap_servers}
    for _ in range(max(1, rounds // 2)):
        topic, is_refused = lab.fresh_name("lost"), refused(7)
        lab.create_topic(topic, num_partitions=3, configs={"max.message.bytes": LIMIT}, **kafka)
        proxied.proxy.loses_answer = lambda: chance.random() < 0.05
        proxied.proxy.loses_request = lambda: chance.random() < 0.02
        summary = produce(topic, numbered(100), interval=0.001, **kafka)
        proxied.proxy.loses_answer = proxied.proxy.loses_request = lambda: False
        expected = [number for number in range(100) if not is_refused(number)]
        assert_exact(summary, topic, kafka, expected, 100 - len(expected))


def test_stopped_while_no_acknowledgement_comes_it_says_what_may_be_there(proxied):
    kafka, topic = {"bootstrap_servers": proxied.bootstrap_servers}, lab.fresh_name("stopped")
    lab.create_topic(topic, **kafka)
    proxied.proxy.loses_answer = lambda: True
    sent, stop, summaries = [], threading.Event(), []
    options = {"interval": 0.1, "on_batch": sent.append, "stop": stop}
    thread = threading.Thread(
        target=lambda: summaries.append(produce(topic, numbered(1000), **options, **kafka))
    )
    thread.start()
    try:
        wait_for(lambda: len(sent) > 1 and sum(end for _, end in lab.topic_offsets(topic, **kafka).values()))
    finally:
        stop.set()
        thread.join(10)
    there, summary = len(read_log(topic, **kafka)), summaries[0]
    assert (summary.acknowledged, summary.unsent, there) == (0, len(sent), 1)
    assert summary.errors[-1].startswith(f"Up to 1 of those not acknowledged may be in the topic '{topic}'")


# The client's own faults.


def test_the_selector_of_windows_closed_and_made_anew_many_times(place, rounds, caplog):
    """`select.select`, run here too: the socket is closed under it each time."""
    times = 5 * rounds
    produce(place.topic, numbered_readings(), interval=0, max_batches=times, **place.kafka)
    with lab.Warehouse(str(place.warehouse)) as warehouse:
        for _ in range(times):
            lab.consume(
                place.topic,
                warehouse,
                group_id=place.topic,
                max_messages=10,
                selector=TolerantSelector,
                **place.kafka,
            )
    ledger = take_ledger(place.topic, place.broker.bootstrap_servers, place.warehouse)
    assert (ledger.stored, ledger.lost, ledger.twice) == (10 * times, 0, 0)
    # A client that is closed may say so of its own socket, which is no matter: its selector must not.
    texts = [
        record.getMessage() + str(record.exc_info)
        for record in caplog.records
        if "transport" not in record.name
    ]
    assert not [text for text in texts if "Bad file descriptor" in text]


# A process of its own: what broken clients leave behind would complain in the tests that follow.
CLOSE_UNDER = """
import faulthandler, sys, threading
import lab, lab.clients.readers
from selectors import DefaultSelector, SelectSelector
from tests.support.waiting import wait_for

topic, servers, warehouse, what = sys.argv[1:]
faulthandler.dump_traceback_later(50, exit=True)
made, real, stored = [], lab.clients.readers.KafkaConsumer, []

def remember(**config):
    made.append(real(**config))
    return made[-1]

def close_under():
    for _ in range(3):
        before = len(stored)
        wait_for(lambda: len(stored) > before + 300)
        selector = made[-1]._net._selector
        if what == "sockets":
            for key in list(selector.get_map().values()):
                if key.fileobj is not made[-1]._net._wakeup_r:  # its own, by which its threads talk
                    key.fileobj.close()
        else:
            known = len(made)
            selector.close()
            wait_for(lambda: len(made) > known)  # or the next one closed would be this one again
    before = len(stored)
    wait_for(lambda: len(stored) > before + 300)
    stop.set()

lab.clients.readers.KafkaConsumer = remember
stop = threading.Event()
threading.Thread(target=close_under, daemon=True).start()
with lab.Warehouse(warehouse) as db:
    # `select.select` minds a closed socket; a closed epoll is the ValueError of the selector.
    selector = SelectSelector if what == "sockets" else DefaultSelector
    options = {"group_id": topic, "stop": stop, "on_stored": stored.extend, "selector": selector}
    print(lab.consume(topic, db, **options, bootstrap_servers=servers).reconnects)
"""


@pytest.mark.parametrize("what", ["sockets", "selector"])
def test_what_the_client_needs_is_closed_under_it(place, what):
    """Closed sockets the client mends itself; without its selector it is dead, and made anew."""
    arguments = place.topic, place.broker.bootstrap_servers, str(place.warehouse), what
    with load(place):
        done = subprocess.run(
            [sys.executable, "-c", CLOSE_UNDER, *arguments], capture_output=True, text=True, timeout=60
        )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= (3 if what == "selector" else 0)
    assert place.drain().clean


# The topic changes under the consumer.


@DELETES_TOPIC
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@SQLITE_AT_LEAST
def test_topic_made_anew_under_a_running_consumer(either_place, rounds):
    with (
        either_place.running("consume", "--quiet") as consumer,
        KafkaAdminClient(**either_place.kafka) as admin,
    ):
        total = 0
        for n in range(1, rounds + 1):
            batches = 10 * n  # longer each time, so that the old offset is inside the new log
            produce(
                either_place.topic, numbered_readings(), interval=0, max_batches=batches, **either_place.kafka
            )
            total += 10 * batches
            wait_for(lambda total=total: either_place.stored() == total)
            before = lab.describe_topic(either_place.topic, **either_place.kafka).topic_id
            admin.delete_topics([either_place.topic])
            wait_for(lambda before=before: remade(either_place, before))
        produce(either_place.topic, numbered_readings(), interval=0, max_batches=500, **either_place.kafka)
        wait_for(lambda: either_place.stored() >= total + 5000)
        consumer.kill()
    ledger = either_place.drain()
    assert (ledger.produced, ledger.stored, ledger.lost) == (5000, total + 5000, 0)


def remade(place, before):
    """Whether the broker knows the new topic: until it does, it takes messages for the one that goes."""
    try:
        return lab.create_topic(place.topic, num_partitions=3, **place.kafka).topic_id != before
    except Exception:
        return False  # still being deleted


@pytest.mark.parametrize("is_running", [True, False], ids=["running", "stopped"])
def test_broker_data_wiped_while_the_warehouse_stays(own_place, is_running):
    produce(own_place.topic, numbered_readings(), interval=0, max_batches=20, **own_place.kafka)
    with own_place.running("consume", "--quiet") as consumer:
        wait_for(lambda: own_place.stored() == 200)
        if not is_running:
            consumer.kill()
        own_place.broker.reset()
        own_place.broker.start()
        produce(own_place.topic, numbered_readings(), interval=0, max_batches=50, **own_place.kafka)
        if is_running:
            wait_for(lambda: own_place.stored() == 700)
    ledger = own_place.drain()
    assert (ledger.produced, ledger.stored, ledger.lost) == (500, 700, 0)


# The log is cut short: a power cut under the broker, or an older data folder.


def cut_short(broker, topic, chance):
    """Take the end of one partition's log away, as after a power cut: it was acknowledged, and not yet
    on the disk. The broker is stopped."""
    logs = list((broker.home / "broker-1" / "data").glob(f"{topic}-*/*.log"))
    log = max(logs, key=lambda path: path.stat().st_size)
    size = log.stat().st_size
    os.truncate(log, size - min(size, chance.randrange(1, 40_000)))
    for snapshot in log.parent.glob("*.snapshot"):
        snapshot.unlink()


def stored_and_gone(place):
    """The offsets that the warehouse says it stored before the log lost them."""
    with lab.Warehouse(str(place.warehouse)) as warehouse:
        sql = "SELECT sum(next_offset - first_offset) FROM gaps WHERE reason = 'truncation'"
        return warehouse.query(sql)[0][0] or 0


@SQLITE_AT_LEAST
@pytest.mark.parametrize("is_running", [True, False])
def test_the_log_loses_its_end_under_load(own_either_place, restarts, chance, is_running):
    """What was stored of the lost end stays; whatever is in the log is stored, and once."""
    place, consumers = own_either_place, ExitStack()
    with consumers, load(place) as summaries:
        for _ in range(restarts):
            consumers.enter_context(place.running("consume", "--quiet"))
            before = place.stored()
            wait_for(lambda before=before: place.stored() > before + 500)
            if not is_running:
                consumers.close()
            place.broker.kill()
            cut_short(place.broker, place.topic, chance)
            place.broker.start()
            wait_for(place.is_in_use)
            if is_running:
                before = place.stored()
                wait_for(lambda before=before: place.stored() > before)
                consumers.close()
    ledger = place.drain()
    assert (ledger.lost, ledger.twice) == (0, 0)
    told = "".join(path.read_text(encoding="utf-8") for path in place.folder.glob("*.txt"))
    came_again = sum(map(int, re.findall(r"(\d+) messages that Kafka had lost came again", told)))
    assert 0 <= stored_and_gone(place) - ledger.gone <= came_again  # in a topic again, so not gone
    assert summaries[0].unsent == 0


@pytest.mark.parametrize(
    ("database", "sent"),
    [
        # What differs is how much is sent; test_consumer.py has each of these with a fake of Kafka.
        pytest.param("sqlite", 0, marks=pytest.mark.long_run),
        ("sqlite", 20),
        pytest.param("sqlite", 100, marks=pytest.mark.long_run),
        pytest.param("postgresql", 0, marks=pytest.mark.long_run),
        pytest.param("postgresql", 20, marks=pytest.mark.long_run),
        pytest.param("postgresql", 100, marks=pytest.mark.long_run),
    ],
    indirect=["database"],
)
def test_an_older_data_folder_is_put_back(own_either_place, sent):
    """The warehouse is at 300, the log at 150 again, with the same leader epochs, and then written anew."""
    place, data = own_either_place, own_either_place.broker.home / "broker-1"
    produce(place.topic, numbered_readings(), interval=0, max_batches=15, **place.kafka)
    place.broker.stop()
    shutil.copytree(data, place.folder / "older")
    place.broker.start()
    produce(place.topic, numbered_readings(), interval=0, max_batches=15, **place.kafka)
    assert place.drain().clean
    place.broker.stop()
    shutil.rmtree(data)
    shutil.copytree(place.folder / "older", data)
    place.broker.start()
    if sent:
        produce(place.topic, numbered_readings(), interval=0, max_batches=sent, **place.kafka)
    finding = check_messages(Settings.from_environment(os.environ | place.environment))
    assert "Kafka lost some" in finding.found
    assert "python -m lab consume" in finding.fix
    with place.running("consume", "--quiet") as consumer:
        wait_for(lambda: consumer.text.count("Kafka lost the end of the log") == 3)
        wait_for(place.is_read)
    assert check_messages(Settings.from_environment(os.environ | place.environment)).ok
    ledger = take_ledger(place.topic, place.broker.bootstrap_servers, place.warehouse)
    assert (ledger.lost, ledger.twice, ledger.gone) == (0, 0, 150)
    assert stored_and_gone(place) == 150


# Transactions.


def send_in_transaction(place, batches, how):
    """One batch, of readings that are committed, aborted, or left open."""
    producer = KafkaProducer(transactional_id=f"{place.topic}-{how}", **place.kafka)
    producer.init_transactions()
    producer.begin_transaction()
    for reading in next(batches):
        producer.send(place.topic, encode_reading(reading), reading.sensor_id.encode())
    producer.flush()
    if how == "open":
        return producer
    getattr(producer, f"{how}_transaction")()
    producer.close()
    return None


@SQLITE_AT_LEAST
def test_of_transactions_only_what_is_committed_is_stored_and_none_counts_as_lag(either_place):
    place, batches = either_place, numbered_readings()
    for how in ("abort", "commit", "abort"):
        send_in_transaction(place, batches, how)
    with place.running("consume", "--quiet") as consumer:
        wait_for(place.is_read)
        assert place.stored() == 10
        began = time.monotonic()
        with send_in_transaction(place, batches, "open") as producer:
            # Longer than the consumer waits until it looks why nothing comes.
            wait_for(lambda: time.monotonic() - began > 7)
            assert place.stored() == 10
            producer.commit_transaction()
        wait_for(lambda: place.stored() == 20)
        wait_for(place.is_read)
        status = place.run("status", name="status")
        assert status.wait(20) == 0
    assert [row.split()[3] for row in status.text.splitlines()[-3:]] == ["0", "0", "0"], status.text
    assert "making a new one" not in consumer.text


def test_a_topic_with_nothing_but_aborted_messages_has_no_lag(place):
    send_in_transaction(place, numbered_readings(), "abort")
    with lab.Warehouse(str(place.warehouse)) as warehouse:
        summary = lab.consume(place.topic, warehouse, group_id=place.topic, idle_timeout=3, **place.kafka)
    assert (summary.processed, set(summary.lag.values()), summary.reconnects) == (0, {0}, 0)
    assert place.is_read()


# The group, and the end.


class Strange(RoundRobinPartitionAssignor):
    """A way to share out partitions that nobody else knows."""

    name = "strange"


def test_a_group_of_another_kind_of_program_is_told_with_what_to_set(place):
    other = {"partition_assignment_strategy": [Strange], "group_id": place.topic}
    with (
        KafkaConsumer(**other, **place.kafka) as stranger,
        lab.Warehouse(str(place.warehouse)) as warehouse,
        stop_after(20) as stop,
    ):
        stranger.partitions_for_topic(place.topic)  # as the leader of its group it must know the topic
        stranger.subscribe([place.topic])
        wait_for(lambda: stranger.poll(100) or stranger.assignment())
        with pytest.raises(lab.LabError, match=r"another program\. .* LAB_GROUP"):
            lab.consume(place.topic, warehouse, group_id=place.topic, stop=stop, **place.kafka)


@pytest.mark.parametrize("seconds", ["0", "2"])
def test_an_idle_timeout_ends_also_where_no_broker_is(own_place, seconds):
    own_place.broker.stop()
    consumer = own_place.run("consume", "--idle-timeout", seconds)
    assert consumer.wait(30) == 1
    assert "error: No Kafka broker answers" in consumer.text


def test_an_idle_timeout_of_nothing_stores_what_is_there_and_ends(place):
    produce(place.topic, numbered_readings(), interval=0, max_batches=200, **place.kafka)
    consumer = place.run("consume", "--idle-timeout", "0", "--quiet")
    assert consumer.wait(30) == 0
    assert place.stored() == 2000


# A message cannot be read.


def damage(broker, topic, batch, partition=0):
    """Flip a bit in one batch of a partition's log, as a bad disk does while the broker runs.

    A broker that starts after a crash looks for such a batch, and cuts the log there.
    """
    log = broker.home / "broker-1" / "data" / f"{topic}-{partition}" / f"{0:020}.log"
    content, start = log.read_bytes(), 0
    for _ in range(batch):
        start += 12 + int.from_bytes(content[start + 8 : start + 12])
    place = start + 12 + int.from_bytes(content[start + 8 : start + 12]) - 5
    with log.open("r+b") as file:
        file.seek(place)
        file.write(bytes([content[place] ^ 1]))


def late(poll, polls):
    """A poll that brings nothing so many times between two answers, as on a machine that is busy."""
    calls = itertools.count(1)
    return lambda *arguments, **options: {} if next(calls) % (polls + 1) else poll(*arguments, **options)


@SQLITE_AT_LEAST
def test_a_damaged_batch_is_named_and_gone_past_when_somebody_says_so(own_either_place, monkeypatch):
    place = own_either_place
    for _ in range(4):
        produce(place.topic, numbered_readings(), interval=0, max_batches=3, **place.kafka)
    ends = {n: end for n, (_, end) in lab.topic_offsets(place.topic, **place.kafka).items()}
    damaged = max(ends, key=ends.get)
    damage(place.broker, place.topic, batch=1, partition=damaged)
    settings = Settings.from_environment(os.environ | place.environment)
    assert check_messages(settings).ok  # the next message to be read is sound
    consumer = place.run("consume", "--quiet")
    assert consumer.wait(30) == 1
    error = re.findall(r"^error: .+ To go past them: .* -m lab (.+)$", consumer.text, re.MULTILINE)
    assert len(error) == 1, consumer.text
    assert f"partition {damaged}" in consumer.text
    assert error[0] in check_messages(settings).fix
    with monkeypatch.context() as patch:
        patch.setattr(KafkaConsumer, "poll", late(KafkaConsumer.poll, polls=5))
        start = int(error[0].split()[-1])
        end_of_gap = next_readable(TopicPartition(place.topic, damaged), start, **place.kafka)
    skip = place.run(*error[0].split(), name="skip")
    assert skip.wait(30) == 0, skip.text
    assert place.run(*error[0].split(), name="again").wait(30) == 1
    with place.running("consume", "--quiet", name="drain"):
        wait_for(place.is_read, timeout=60)
    with lab.Warehouse(str(place.warehouse)) as warehouse:
        (gap,) = warehouse.query('SELECT "partition", first_offset, next_offset, reason FROM gaps')
    assert gap == (damaged, start, end_of_gap, "unreadable")
    assert place.stored() == sum(ends.values()) - (gap[2] - gap[1])
    assert 0 < gap[2] - gap[1] < ends[damaged]


def test_a_header_whose_name_is_no_text_is_named_and_gone_past(own_place):
    """Kafka's protocol has text there, and Kafka itself looks at no header."""
    with KafkaProducer(**own_place.kafka) as producer:
        for headers in ([], [("zz", b"")], []):
            value = encode_reading(next(numbered_readings())[0])
            producer.send(own_place.topic, value, partition=0, headers=headers).get(10)
    own_place.broker.stop()
    log = own_place.broker.home / "broker-1" / "data" / f"{own_place.topic}-0" / f"{0:020}.log"
    content = bytearray(log.read_bytes())
    start = 12 + int.from_bytes(content[8:12])
    end = start + 12 + int.from_bytes(content[start + 8 : start + 12])
    content[start:end] = content[start:end].replace(b"zz", b"\xff\xff")
    content[start + 17 : start + 21] = crc32c(bytes(content[start + 21 : end])).to_bytes(4)
    log.write_bytes(content)
    own_place.broker.start()
    consumer = own_place.run("consume", "--quiet")
    assert consumer.wait(60) == 1
    assert "partition 0: the messages at offset 1 cannot be read" in consumer.text
    assert consumer.text.count("making a new one") < 3
    assert own_place.run("skip", "--partition", "0", "--offset", "1", name="skip").wait(30) == 0
    with own_place.running("consume", "--quiet", name="drain"):
        wait_for(own_place.is_read, timeout=60)
    assert own_place.stored() == 2


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
def test_compressed_messages_are_read_by_what_comes_with_the_kit(place, codec):
    batches = numbered_readings()
    produce(place.topic, batches, interval=0, max_batches=10, compression_type=codec, **place.kafka)
    by_the_broker = place.topic + "-by-the-broker"
    lab.create_topic(by_the_broker, configs={"compression.type": codec}, **place.kafka)
    produce(by_the_broker, batches, interval=0, max_batches=10, **place.kafka)
    with lab.Warehouse(str(place.warehouse)) as warehouse:
        for topic in (place.topic, by_the_broker):
            options = {"group_id": topic, "max_messages": 100, "idle_timeout": 20, **place.kafka}
            assert lab.consume(topic, warehouse, **options).stored == 100


def test_a_codec_whose_package_is_missing_is_named_once_with_the_command(place, monkeypatch, caplog):
    options = {"group_id": place.topic, "idle_timeout": 20, **place.kafka}
    # Together, for a message alone is not compressed: that makes it no smaller.
    together = {"compression_type": "zstd", "linger_ms": 5000}
    produce(place.topic, numbered_readings(), interval=0, max_batches=5, **together, **place.kafka)
    with lab.Warehouse(str(place.warehouse)) as warehouse:
        monkeypatch.setattr("kafka.codec.zstd", None)
        with pytest.raises(lab.LabError, match=r'partition \d, offset 0: .*zstd.* pip install ".*zstd\]>=3'):
            lab.consume(place.topic, warehouse, **options)
        assert [text for text in caplog.messages if "making a new one" in text] == []
        monkeypatch.undo()
        assert lab.consume(place.topic, warehouse, max_messages=50, **options).stored == 50


# The warehouse fails.


def test_warehouse_locked_by_another_program(place, a_while):
    with place.running("consume", "--quiet") as consumer, load(place, interval=0.02):
        wait_for(place.stored)
        with closing(sqlite3.connect(place.warehouse, isolation_level=None, timeout=20)) as other:
            other.execute("BEGIN IMMEDIATE")
            wait_for(lambda: "trying until it clears" in consumer.text)
            time.sleep(a_while / 2)  # the fault itself
            other.execute("ROLLBACK")
        before = place.stored()
        wait_for(lambda: place.stored() > before)
        assert consumer.text.count("database is locked") == 1
    assert place.drain().clean


def full_by_pages(place, warehouse):
    """SQLite itself says that the disk is full."""
    warehouse._db.execute("PRAGMA max_page_count = 30")
    return lambda: warehouse._db.execute("PRAGMA max_page_count = 1000000")


def full_by_limit(place, warehouse):
    """The system lets this process write no file beyond a size."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (place.warehouse.stat().st_size + 50_000, before[1]))
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("fill", [full_by_pages, full_by_limit])
def test_disk_full_under_the_consumer(place, caplog, fill):
    stop, summaries = threading.Event(), []
    with lab.Warehouse(str(place.warehouse)) as warehouse:
        make_room = fill(place, warehouse)
        options = {"group_id": place.topic, "stop": stop, **place.kafka}
        thread = threading.Thread(
            target=lambda: summaries.append(lab.consume(place.topic, warehouse, **options))
        )
        thread.start()
        try:
            produce(place.topic, numbered_readings(), interval=0, max_batches=1000, **place.kafka)
            wait_for(lambda: "trying until it clears" in caplog.text)
            assert place.stored() < 10_000
        finally:
            make_room()
        try:
            wait_for(lambda: place.stored() == 10_000)
        finally:
            stop.set()
            thread.join(20)
    assert summaries[0].stored == 10_000
    assert place.drain().clean


def test_warehouse_that_becomes_read_only_ends_the_consumer_and_nothing_is_lost(place):
    produce(place.topic, numbered_readings(), interval=0, max_batches=20, **place.kafka)
    with lab.Warehouse(str(place.warehouse)) as warehouse:
        options = {"group_id": place.topic, **place.kafka}
        lab.consume(place.topic, warehouse, max_messages=30, **options)
        warehouse._db.execute("PRAGMA query_only = 1")
        with pytest.raises(lab.LabError, match="It is read-only: make it writable"):
            lab.consume(place.topic, warehouse, idle_timeout=10, **options)
    ledger = place.drain()
    assert (ledger.stored, ledger.lost, ledger.twice) == (200, 0, 0)


@pytest.mark.skipif(os.name == "nt", reason="Windows removes no file that a program has open")
def test_warehouse_removed_under_the_consumer_is_filled_again(place):
    produce(place.topic, numbered_readings(), interval=0, max_batches=20, **place.kafka)
    with place.running("consume", "--quiet") as consumer:
        wait_for(lambda: place.stored() == 200)
        for file in place.folder.glob("warehouse.db*"):
            file.unlink()
        wait_for(lambda: place.stored() == 200)
        assert "was removed or replaced" in consumer.text
    assert place.drain().clean


# The database server fails.


@pytest.fixture
def server_place(broker, topic, tmp_path, own_postgresql):
    broker.start()
    return Place(broker, topic, tmp_path, warehouse=own_postgresql.new_database())


def test_database_server_killed_and_started_again_under_two_consumers(
    server_place, own_postgresql, rounds, chance
):
    with (
        load(server_place, interval=0.02),
        server_place.running("consume", "--quiet", name="one") as one,
        server_place.running("consume", "--quiet", name="two") as two,
    ):
        wait_for(server_place.stored)
        with lab.Warehouse(str(server_place.warehouse)) as warehouse:
            # A consumer that finds no server when it starts says so, and ends: that is another test.
            wait_for(lambda: len(warehouse.running_consumers()) == 2)
        for _ in range(rounds):
            before = server_place.stored()
            wait_for(lambda before=before: server_place.stored() > before)
            time.sleep(chance.uniform(0, 0.5))  # the moment of death, not a wait
            own_postgresql.kill()
            time.sleep(chance.uniform(0, 2))  # the fault itself
            own_postgresql.start()
            before = server_place.stored()
            wait_for(lambda before=before: server_place.stored() > before)
        assert (one.process.poll(), two.process.poll()) == (None, None)
    ledger = server_place.drain()
    assert ledger.clean
    assert ledger.stored > 100 * rounds


@POSIX
def test_interrupted_while_the_database_server_is_away_it_ends_within_three_seconds(
    server_place, own_postgresql
):
    with server_place.running("consume", "--quiet") as consumer, load(server_place, interval=0.02):
        wait_for(server_place.stored)
        own_postgresql.kill()
        wait_for(lambda: "trying until it clears" in consumer.text)
        consumer.process.send_signal(signal.SIGINT)
        assert consumer.wait(soon(3)) == 0
    assert "Traceback" not in consumer.text
    own_postgresql.start()
    assert server_place.drain().clean


# Two by mistake.


def test_two_consumers_of_one_partition_one_works_and_the_other_is_told(broker, topic, tmp_path):
    place = Place(broker, topic, tmp_path, partitions=1)
    with (
        place.running("consume", "--quiet", name="one") as one,
        place.running("consume", "--quiet", name="two") as two,
    ):
        wait_for(lambda: "No partition" in one.text + two.text)
        with load(place, interval=0.02):
            wait_for(place.stored)
    assert place.drain().clean


def test_reset_with_clients_connected(own_place, caplog):
    """The topic comes back with one partition, not three: what waited for the others is sent again."""
    with own_place.running("consume", "--quiet") as consumer, load(own_place, interval=0.05) as summaries:
        wait_for(own_place.stored)
        own_place.broker.reset()
        wait_for(lambda: "is away" in consumer.text)
        own_place.broker.start()
        wait_for(lambda: "fewer partitions than before" in caplog.text)
        before = own_place.stored()
        wait_for(lambda: own_place.stored() > before + 500)
    ledger = own_place.drain()
    assert ledger.lost == 0
    assert summaries[0].unsent == 0


def test_a_big_message_beside_small_ones_is_one_dead_letter(either_place):
    with KafkaProducer(max_request_size=2_000_000, **either_place.kafka) as producer:
        producer.send(either_place.topic, b"x" * 900_000)
    produce(either_place.topic, numbered_readings(), interval=0, max_batches=5, **either_place.kafka)
    ledger = either_place.drain()
    assert (ledger.stored, ledger.dead_letters, ledger.lost, ledger.twice) == (50, 1, 0, 0)
