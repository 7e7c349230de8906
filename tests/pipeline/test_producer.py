"""The producer on its own: a fake of Kafka's client, and no broker.

The fake has the traps of kafka-python's producer: a message that the broker refuses takes others with
it, may have been written all the same, and what waits when it is closed goes on by itself.
"""

import inspect
import signal
import zlib
from collections import Counter
from contextlib import contextmanager, suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kafka import KafkaProducer
from kafka.errors import (
    IllegalStateError,
    InvalidTimestampError,
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    OutOfOrderSequenceNumberError,
    TopicAuthorizationFailedError,
    UnknownProducerIdError,
)
from kafka.future import Future
from msgspec import structs

from lab.clients import refusals, workarounds
from lab.clients.connection import is_answering
from lab.clients.deliveries import CLOSE_SECONDS, NEVER_MS
from lab.errors import AccessError
from lab.producer import ProduceSummary, produce
from lab.readings import decode_reading
from lab.simulation import simulate_readings
from lab.system.signals import SIGNALS
from tests.support.fake_kafka import Clock, Stop, in_place_of_kafka, reading, same_signatures

TOPIC, SERVERS = "sensor-data", "fake:9092"


# The fake.


class ThreadClock(Clock):
    """While time passes, the clients' own threads send what waits."""

    def __init__(self, broker: "FakeBroker"):
        super().__init__()
        self.broker = broker

    def sleep(self, seconds: float) -> None:
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        super().advance(seconds)
        for client in self.broker.clients:
            client._deliver()


class FakeBroker:
    """One topic in memory, and what keeps messages from it."""

    def __init__(self):
        self.clock = ThreadClock(self)
        self.log: list[tuple[bytes, bytes]] = []
        self.away = self.slow = False  # slow: it answers, and acknowledges nothing
        self.partitions = {0}  # empty: there is no such topic
        self.refused: dict[int, list[Exception]] = {}  # {value: what it is answered, one each time}
        self.denied: Exception | None = None
        self.written_unsaid: set[int] = set()  # values that are refused though they were written before
        self.says: list[Exception] = []  # what a question for one of them is answered first
        self.dead_clients = 0  # so many get no producer id
        self.clients: list[FakeProducer] = []
        self.times: dict[bytes, list[int]] = {}  # {value: the time that it had at each try}
        self.most, self.answered = 0, []  # messages that waited at the same time

    @property
    def values(self) -> list[float]:
        return [decode_reading(value).val for _, value in self.log]

    def refuse(self, *numbers: int, error: Exception, times: int = 100) -> None:
        self.refused |= {number: [error] * times for number in numbers}

    def goes(self) -> None:
        self.away = True

    def comes_back(self) -> None:
        self.away = False

    def is_answering(self, bootstrap_servers, timeout=1.0, security_protocol="PLAINTEXT"):
        self.answered.append((bootstrap_servers, security_protocol))
        if self.away:
            self.clock.advance(timeout)
        return not self.away


class FakeProducer:
    """`KafkaProducer`, as far as the kit uses it."""

    broker: FakeBroker

    def __init__(self, **configs):
        unknown = set(configs) - set(KafkaProducer.DEFAULT_CONFIG)
        if unknown:
            raise ValueError(f"Unrecognized configs: {unknown}")
        self.config = KafkaProducer.DEFAULT_CONFIG | configs
        self.waiting: list[tuple[int, bytes, bytes, Future]] = []
        self.closed = self.fails_alone = False
        self.is_dead = self.broker.dead_clients > 0
        self.broker.dead_clients -= self.is_dead
        self.broker.clients.append(self)

    def send(self, topic, value=None, key=None, headers=None, partition=None, timestamp_ms=None):
        if self.closed:
            raise IllegalStateError("KafkaProducer already closed!")
        assert (topic, type(value), type(key)) == (TOPIC, bytes, bytes)
        if self.broker.denied:
            return Future().failure(self.broker.denied)
        partitions = sorted(self.partitions_for(topic))
        if len(value) > self.config["max_request_size"]:
            raise MessageSizeTooLargeError(f"The message is {len(value)} bytes")
        self._deliver()
        self.broker.times.setdefault(value, []).append(timestamp_ms)
        future, partition = Future(), partitions[zlib.crc32(key) % len(partitions)]
        self.waiting.append((partition, key, value, future))
        self.broker.most = max(self.broker.most, len(self.waiting))
        return future

    def _deliver(self) -> None:
        broker = self.broker
        if broker.away or broker.slow:
            return
        waiting, self.waiting = self.waiting, []
        for message in waiting:
            partition, key, value, future = message
            number = decode_reading(value).val
            answers = broker.refused.get(number)
            if partition not in broker.partitions:
                self.waiting.append(message)
            elif self.is_dead:
                future.failure(KafkaError("Unexpected error in InitProducerIdResponse"))
            elif answers:
                assert self.fails_alone
                if number in broker.written_unsaid:
                    broker.log.append((key, value))
                future.failure(answers.pop())
            else:
                broker.log.append((key, value))
                future.success(None)

    def flush(self, timeout=None):
        self._deliver()
        if self.waiting:
            self.broker.clock.advance(timeout)
            raise KafkaTimeoutError("Timeout waiting for future")

    def partitions_for(self, topic):
        if self.broker.denied:
            raise self.broker.denied
        if not self.broker.partitions:
            self.broker.clock.advance(self.config["max_block_ms"] / 1000)
            raise KafkaTimeoutError("Failed to update metadata")
        return set(self.broker.partitions)

    def close(self, timeout=None, null_logger=False):
        if not self.closed:
            self.flush(timeout)
            self.closed = True


class FakeInDoubt(workarounds.InDoubt):
    """The real one is made of a batch."""

    def __init__(self, cause: Exception, number: int):
        KafkaError.__init__(self, str(cause))
        self.cause, self.number = cause, number


def fail_alone(producer):
    producer.fails_alone = True


def is_dead(producer):
    return producer.is_dead


def fail_lost_partitions(producer, topic):
    with suppress(KafkaTimeoutError):
        there = producer.partitions_for(topic)
        lost = [message for message in producer.waiting if message[0] not in there]
        producer.waiting = [message for message in producer.waiting if message not in lost]
        for *_, future in lost:
            future.failure(workarounds.LostPartition())
        return bool(lost)
    return False


def close_producer(producer):
    try:
        producer.close(0.1)
    except KafkaTimeoutError:  # by force
        waiting, producer.waiting, producer.closed = producer.waiting, [], True
        for *_, future in waiting:
            future.failure(IllegalStateError("Producer is closed forcefully."))
    return 0


def was_written(doubt, **kafka):
    if was_written.broker.says:
        raise was_written.broker.says.pop(0)
    return doubt.number in was_written.broker.written_unsaid


def explain_failure(failure, size, topic, **kafka):
    return str(failure)


def advertised_addresses(client):
    return [SERVERS]


PRIVATE = [fail_alone, is_dead, fail_lost_partitions, close_producer, advertised_addresses, was_written]


def test_the_fake_has_the_signatures_of_kafka_python():
    assert {"__init__", "send", "flush", "close"} <= same_signatures(FakeProducer, KafkaProducer)
    for fake in [*PRIVATE, explain_failure]:
        real = getattr(workarounds, fake.__name__, None) or getattr(refusals, fake.__name__)
        assert list(inspect.signature(fake).parameters) == list(inspect.signature(real).parameters)
    expected, found = inspect.signature(is_answering), inspect.signature(FakeBroker.is_answering)
    assert list(found.parameters)[1:] == list(expected.parameters)


@contextmanager
def fake_kafka():
    """Within the block the producer has the fake for Kafka."""
    fakes = {fake.__name__: fake for fake in PRIVATE}
    with (
        in_place_of_kafka(FakeBroker(), KafkaProducer=FakeProducer, **fakes) as broker,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr("lab.producer.explain_failure", explain_failure)
        yield broker


@pytest.fixture
def broker():
    with fake_kafka() as broker:
        yield broker


def batches(*sizes: int):
    """Batches of these sizes, whose values count on from 0."""
    first = 0
    for size in sizes:
        yield [reading(number) for number in range(first, first + size)]
        first += size


def run(broker: FakeBroker, source, **options) -> ProduceSummary:
    options = {"interval": 0, "stop": Stop(broker.clock)} | options
    return produce(TOPIC, source, bootstrap_servers=SERVERS, **options)


def moments(broker: FakeBroker, takes=lambda n: 0, **options) -> list[float]:
    """When each batch was handed over, counted from the first; `takes`: how long batch n takes."""
    found = []

    def on_batch(batch):
        found.append(broker.clock.now)
        broker.clock.advance(takes(len(found) - 1))

    run(broker, batches(*[1] * 6), on_batch=on_batch, **options)
    return [pytest.approx(moment - found[0]) for moment in found]


# What is sent.


def test_a_batch_is_a_reading_of_each_sensor_with_its_name_as_the_key(broker):
    sent = []
    run(broker, simulate_readings(3, seed=7), max_batches=4, on_batch=sent.append)
    assert [len(batch) for batch in sent] == [3, 3, 3, 3]
    expected = [(reading.sensor_id.encode(), reading) for batch in sent for reading in batch]
    assert [(key, decode_reading(value)) for key, value in broker.log] == expected
    assert len({key for key, _ in broker.log}) == 3


def test_the_summary_counts_what_was_acknowledged(broker):
    summary = run(broker, batches(3, 0, 2))
    assert (summary.acknowledged, summary.unsent, summary.errors) == (5, 0, [])
    assert broker.values == [0, 1, 2, 3, 4]


def test_per_second_follows_from_the_counts():
    assert ProduceSummary(acknowledged=6, unsent=2, seconds=4).per_second == 1.5
    assert ProduceSummary(acknowledged=6).per_second == 0


def test_the_client_never_gives_up_by_itself_and_has_ones_own_settings(broker):
    run(broker, batches(1), linger_ms=7)
    config = broker.clients[0].config
    assert (config["delivery_timeout_ms"], config["linger_ms"]) == (NEVER_MS, 7)
    assert config["bootstrap_servers"] == SERVERS
    # By kafka-python's own defaults: a retry does not write twice.
    assert (config["enable_idempotence"], config["acks"]) == (True, -1)


@pytest.mark.parametrize(("interval", "expected"), [(0, (5, 65536)), (0.001, (0, 16384)), (1, (0, 16384))])
def test_messages_wait_for_others_only_if_they_are_sent_as_fast_as_possible(broker, interval, expected):
    run(broker, batches(1), interval=interval)
    run(broker, batches(1), interval=interval, linger_ms=3, batch_size=2000)
    config, own = (client.config for client in broker.clients)
    assert (config["linger_ms"], config["batch_size"]) == expected
    assert (own["linger_ms"], own["batch_size"]) == (3, 2000)


# The interval.


def test_small_delays_do_not_add_up(broker):
    """The first batch waits for the connection: the interval counts from its end on."""
    found = moments(broker, takes=lambda n: 0.3, interval=1)
    assert found == [0, 1.3, 2.3, 3.3, 4.3, 5.3]


def test_after_a_long_delay_there_is_no_burst(broker):
    found = moments(broker, takes=lambda n: 10 if n == 2 else 0, interval=1)
    assert found == [0, 1, 2, 12, 13, 14]


def test_with_no_interval_it_does_not_wait(broker):
    assert moments(broker, interval=0) == [0] * 6


def test_waiting_for_the_broker_takes_nothing_from_the_first_interval(broker):
    broker.away = True
    broker.clock.after(60, broker.comes_back)
    assert moments(broker, interval=1) == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("bound", [{"max_batches": 2}, {}], ids=["bound", "end of the readings"])
def test_it_does_not_wait_after_the_last_batch(broker, bound):
    source = batches(1, 1, 1) if bound else list(batches(1, 1))
    assert run(broker, source, interval=50, **bound).seconds == pytest.approx(50)


def test_a_batch_is_made_when_it_is_sent(broker):
    """Else the times of its readings would be an interval old."""
    made = []

    def source():
        for batch in batches(*[1] * 6):
            made.append(broker.clock.now)
            yield batch

    sent = []
    run(broker, source(), interval=7, on_batch=lambda batch: sent.append(broker.clock.now))
    assert len(sent) == 6 and made[1:] == sent[1:]  # the first one waits for the connection


def test_what_was_not_sent_when_it_stopped_is_left_for_the_next_call(broker):
    source, stop = batches(*[1] * 6), Stop(broker.clock)
    broker.clock.after(15, stop.set)  # in the middle of an interval
    run(broker, source, interval=10, stop=stop)
    run(broker, source, interval=10)
    assert broker.values == list(range(6))


# Bounds.


@pytest.mark.parametrize("bound", [0, 1, 3])
def test_max_batches_is_exact(broker, bound):
    assert run(broker, batches(3, 3, 3, 3), max_batches=bound).acknowledged == 3 * bound
    assert len(broker.log) == 3 * bound
    assert len(broker.clients) == min(bound, 1)


def test_the_batch_behind_the_bound_is_left_for_the_next_call(broker):
    source = batches(1, 1, 1, 1)
    run(broker, source, max_batches=2)
    run(broker, source, max_batches=2)
    assert len(broker.log) == 4


def test_stopped_before_it_began_it_sends_nothing(broker):
    stop = Stop(broker.clock)
    stop.set()
    assert run(broker, batches(3), stop=stop) == ProduceSummary()
    assert broker.clients == []


def test_stopped_in_an_interval_it_sends_what_waits_and_closes(broker):
    stop = Stop(broker.clock)
    broker.clock.after(2.5, stop.set)
    summary = run(broker, batches(*[3] * 9), interval=1, stop=stop)
    assert (summary.acknowledged, summary.unsent) == (9, 0)
    assert len(broker.log) == 9
    assert broker.clients[0].closed


def test_stopped_while_the_broker_is_away_from_the_start_it_ends(broker):
    broker.away = True
    stop = Stop(broker.clock)
    broker.clock.after(60, stop.set)
    summary = run(broker, batches(3, 3), stop=stop)
    assert (summary.acknowledged, summary.unsent) == (0, 3)  # what was begun, and no more
    assert broker.clients == []


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_a_signal_ends_it_after_the_batch_and_loses_nothing(broker, number):
    heard, before = [], signal.getsignal(number)
    signal.signal(number, lambda *arguments: heard.append("not by the loop"))
    try:
        summary = run(broker, batches(*[3] * 9), stop=None, on_batch=lambda b: signal.raise_signal(number))
    finally:
        signal.signal(number, before)
    assert heard == []
    assert (summary.acknowledged, summary.unsent, len(broker.log)) == (3, 0, 3)
    assert broker.clients[0].closed


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_an_error_between_two_batches_closes_the_client(broker, error):
    def source():
        yield from batches(3)
        raise error

    with pytest.raises(error):
        run(broker, source())
    assert broker.clients[0].closed
    assert len(broker.log) == 3


# Messages that are refused.

TOO_LARGE = MessageSizeTooLargeError("The message is too large")


def test_one_that_is_too_large_for_the_client_stops_no_other(broker):
    large = structs.replace(reading(1), sensor_id="x" * 200)
    source = [[reading(0), large, reading(2)], [large, reading(4)]]
    summary = run(broker, source, max_request_size=200)
    assert broker.values == [0, 2, 4]
    assert (summary.acknowledged, summary.unsent) == (3, 2)
    assert len(summary.errors) == 1  # the same for both, and said once
    assert len(broker.clients) <= 3


@pytest.mark.parametrize("refused", [{0}, {4}, {8}, {2, 3}, {0, 4, 8}, set(range(9))], ids=str)
def test_one_that_the_broker_refuses_stops_no_other(broker, refused):
    """By itself the client would refuse all that are in flight and come after it."""
    broker.refuse(*refused, error=TOO_LARGE)
    summary = run(broker, batches(3, 3, 3))
    assert broker.values == [number for number in range(9) if number not in refused]
    assert (summary.acknowledged, summary.unsent) == (9 - len(refused), len(refused))
    assert summary.errors == [str(TOO_LARGE)]  # said once
    assert [client.closed for client in broker.clients] == [True]  # no other is made for it


def test_each_reason_is_said(broker):
    broker.refuse(1, error=TOO_LARGE)
    broker.refuse(2, error=KafkaError("another reason"))
    broker.refuse(3, error=KafkaError("another reason, with other words"))
    summary = run(broker, batches(5))
    assert sorted(summary.errors) == sorted([str(TOO_LARGE), "KafkaError: another reason"])
    assert (summary.acknowledged, summary.unsent) == (2, 3)


def test_one_that_failed_once_is_sent_again(broker):
    broker.refuse(1, 3, error=KafkaError("a moment"), times=1)
    summary = run(broker, batches(3, 3))
    assert sorted(broker.values) == [0, 1, 2, 3, 4, 5]
    assert (summary.acknowledged, summary.unsent, summary.errors) == (6, 0, [])


@pytest.mark.parametrize("first", [[], [KafkaConnectionError("it was just going")]], ids=["at once", "later"])
@pytest.mark.parametrize("is_there", [True, False])
def test_one_in_doubt_is_asked_for_and_counted_as_it_is(broker, is_there, first):
    broker.refuse(1, error=FakeInDoubt(TOO_LARGE, 1), times=1)
    broker.written_unsaid, broker.says = {1} if is_there else set(), first
    summary = run(broker, batches(3))
    assert sorted(broker.values) == [0, 1, 2]
    assert (summary.acknowledged, summary.unsent, summary.errors) == (3, 0, [])


@pytest.mark.parametrize(
    "error", [IllegalStateError("closed forcefully"), workarounds.LostPartition()], ids=repr
)
def test_what_was_not_sent_before_the_end_is_not_called_refused(error):
    assert refusals.explain_failure(error, 1, TOPIC).startswith("Stopped before Kafka had acknowledged all")


def test_one_in_doubt_of_which_the_broker_does_not_say_more_is_not_sent_again(broker):
    broker.refuse(1, error=FakeInDoubt(TOO_LARGE, 1), times=1)
    broker.written_unsaid, broker.says = {1}, [TopicAuthorizationFailedError({TOPIC})]
    summary = run(broker, batches(3))
    assert broker.values == [0, 1, 2]
    assert (summary.acknowledged, summary.unsent) == (2, 1)
    assert summary.errors[0] == str(TOO_LARGE)
    assert summary.errors[1].startswith(f"Up to 1 of those not acknowledged may be in the topic '{TOPIC}'")


def test_one_that_failed_for_no_fault_of_its_own_is_sent_until_it_is_there(broker):
    broker.refuse(1, error=OutOfOrderSequenceNumberError(), times=5)
    summary = run(broker, batches(3))
    assert sorted(broker.values) == [0, 1, 2]
    assert (summary.acknowledged, summary.unsent, summary.errors) == (3, 0, [])


def test_a_client_that_gets_no_producer_id_is_made_anew(broker):
    broker.dead_clients = 1
    summary = run(broker, batches(3, 3))
    assert sorted(broker.values) == list(range(6))
    assert (summary.acknowledged, summary.unsent) == (6, 0)
    assert all(client.closed for client in broker.clients)


@pytest.mark.parametrize("error", [UnknownProducerIdError, OutOfOrderSequenceNumberError])
def test_a_reading_that_is_sent_again_keeps_its_time(broker, error):
    """The log may have lost it: a consumer tells by the time that it was stored before."""
    broker.refuse(1, error=error("the log lost its end"), times=1)
    run(broker, batches(3, 1))
    [[first, again]] = [times for times in broker.times.values() if len(times) > 1]
    assert first is None and again is not None  # the client's own time, and then the same


def test_a_reading_that_was_refused_gets_a_new_time(broker):
    """It may be too old by now."""
    broker.refuse(1, error=InvalidTimestampError("too old"), times=1)
    run(broker, batches(3, 1))
    assert [None, None] in broker.times.values()


def test_without_permission_it_ends_at_once_and_says_so(broker):
    broker.denied = TopicAuthorizationFailedError({TOPIC})
    with pytest.raises(AccessError, match=f"This user may not use the topic '{TOPIC}'"):
        run(broker, batches(2, 1))
    assert all(client.closed for client in broker.clients)


# The broker is away.


def said(caplog) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "lab"]


def test_after_an_outage_all_of_it_is_delivered_once_and_in_order(broker, caplog):
    broker.clock.after(2.5, broker.goes)
    broker.clock.after(1000.5, broker.comes_back)
    summary = run(broker, batches(*[1] * 1005), interval=1)
    assert broker.values == list(range(1005))
    assert (summary.acknowledged, summary.unsent) == (1005, 0)
    assert len(said(caplog)) == 2
    assert "Kafka is away" in said(caplog)[0]
    assert said(caplog)[1] == "Kafka is back."


def test_an_outage_at_the_end_is_waited_for(broker):
    """All readings are handed over; only their acknowledgement is missing."""
    broker.clock.after(2.5, broker.goes)
    broker.clock.after(400, broker.comes_back)
    summary = run(broker, batches(1, 1, 1, 1), interval=1)
    assert broker.values == [0, 1, 2, 3]
    assert (summary.acknowledged, summary.unsent) == (4, 0)


def test_behind_tls_a_slow_broker_is_not_said_to_be_away(broker, caplog):
    broker.slow = True
    broker.clock.after(10, lambda: setattr(broker, "slow", False))
    run(broker, batches(1, 1, 1), interval=1, security_protocol="SSL")
    assert set(broker.answered) == {(SERVERS, "SSL")}  # without TLS it would not answer
    assert len(broker.answered) < 15  # at the start, and once a second


@pytest.mark.parametrize("back", [0.5, 1.95, 2.05, 2.1, 2.15, 2.3, 60])
def test_stopped_in_an_outage_it_ends_soon_and_says_what_was_not_sent(broker, back):
    stop = Stop(broker.clock)
    broker.clock.after(2.5, broker.goes)
    broker.clock.after(10, stop.set)
    broker.clock.after(10 + back, broker.comes_back)
    summary = run(broker, batches(*[1] * 100), interval=1, stop=stop)
    assert summary.seconds <= 10 + CLOSE_SECONDS + 3
    assert summary.acknowledged == len(broker.log)
    assert summary.acknowledged + summary.unsent == 10
    assert summary.unsent == 0 or back > CLOSE_SECONDS - 0.2


def test_what_was_said_to_be_unsent_is_not_sent_later(broker):
    stop = Stop(broker.clock)
    broker.clock.after(2.5, broker.goes)
    broker.clock.after(10, stop.set)
    summary = run(broker, batches(*[1] * 100), interval=1, stop=stop)
    broker.comes_back()
    broker.clock.advance(60)
    assert summary.unsent > 5
    assert len(broker.log) == 10 - summary.unsent
    assert broker.clients[-1].closed


def test_a_client_that_does_not_even_close_by_force_costs_no_count(broker, monkeypatch):
    """Its thread hangs, and what waits is never settled."""
    monkeypatch.setattr("lab.clients.deliveries.close_producer", lambda producer: 4)
    stop = Stop(broker.clock)
    broker.clock.after(2.5, broker.goes)
    broker.clock.after(10, stop.set)
    summary = run(broker, batches(*[1] * 100), interval=1, stop=stop)
    assert summary.acknowledged == len(broker.log)
    assert summary.acknowledged + summary.unsent == 10
    assert summary.errors[-1].startswith("Up to 4 of those not acknowledged may be in the topic")


def test_what_waits_is_bounded(broker, monkeypatch):
    monkeypatch.setattr("lab.producer.MAX_PENDING", 10)
    broker.slow = True
    broker.clock.after(30, lambda: setattr(broker, "slow", False))
    summary = run(broker, batches(*[4] * 10))
    assert broker.most == 10
    assert (summary.acknowledged, len(broker.log)) == (40, 40)


def test_what_was_not_handed_over_is_not_shown_as_sent(broker):
    """Neither when it is stopped while the broker is away, nor in the midst of a batch."""
    sent, stop = [], Stop(broker.clock)
    broker.partitions = set()  # a batch waits for them
    broker.clock.after(30, stop.set)
    summary = run(broker, batches(3, 3), stop=stop, on_batch=sent.append)
    assert (sent, summary.acknowledged, summary.unsent) == ([], 0, 3)
    broker.away, stop = True, Stop(broker.clock)
    broker.clock.after(30, stop.set)
    summary = run(broker, batches(3, 3), stop=stop, on_batch=sent.append)
    assert (sent, summary.acknowledged, summary.unsent) == ([], 0, 3)


def test_stopped_while_too_much_waits_it_ends(broker, monkeypatch):
    monkeypatch.setattr("lab.producer.MAX_PENDING", 10)
    broker.slow = True
    stop = Stop(broker.clock)
    broker.clock.after(30, stop.set)
    summary = run(broker, batches(*[4] * 10), stop=stop)
    assert (summary.acknowledged, summary.unsent) == (0, 12)
    assert summary.seconds < 30 + CLOSE_SECONDS + 2


# It answers, and is of no use.


def test_an_address_that_cannot_be_reached_is_named_within_seconds(broker, caplog, monkeypatch):
    """Not even the first message can be handed over: there is no metadata."""
    monkeypatch.setattr("lab.clients.deliveries.advertised_addresses", lambda client: ["elsewhere:9092"])
    monkeypatch.setattr(
        "lab.clients.deliveries.is_answering", lambda servers, security_protocol: servers == SERVERS
    )
    broker.partitions, stop = set(), Stop(broker.clock)
    broker.clock.after(8, stop.set)
    run(broker, batches(3), stop=stop)
    assert said(caplog) == [
        f"Kafka at {SERVERS} answers, but sends its clients on to elsewhere:9092, where nothing answers: "
        "look at its advertised.listeners. 1 messages wait. Going on when something does."
    ]


def test_a_topic_that_is_not_there_is_said_once(broker, caplog):
    broker.partitions = set()
    broker.clock.after(30, lambda: broker.partitions.add(0))
    run(broker, batches(3, 3), interval=1)
    assert len(said(caplog)) == 2
    assert said(caplog)[0].startswith(f"Kafka answers, and knows no topic '{TOPIC}': make it by '")
    assert said(caplog)[1] == "Kafka is back."


def test_a_broker_that_acknowledges_nothing_is_said_once(broker, caplog):
    broker.slow = True
    broker.clock.after(30, lambda: setattr(broker, "slow", False))
    run(broker, batches(3, 3), interval=1)
    assert len(said(caplog)) == 2
    assert said(caplog)[0].startswith("Kafka answers, and acknowledges nothing: are too few of its brokers")


# The topic changes.


def test_a_topic_that_is_not_there_yet_is_waited_for(broker):
    broker.partitions = set()
    broker.clock.after(30, lambda: broker.partitions.add(0))
    assert run(broker, batches(3)).acknowledged == 3


def test_one_made_anew_with_fewer_partitions_gets_what_waited_for_the_others(broker, caplog):
    broker.partitions = {0, 1, 2}
    broker.clock.after(1.5, lambda: broker.partitions.intersection_update({0}))
    summary = run(broker, batches(*[3] * 6), interval=1)
    assert sorted(broker.values) == list(range(18))
    assert (summary.acknowledged, summary.unsent) == (18, 0)
    assert caplog.text.count("fewer partitions than before") == 1


def test_partitions_that_came_later_can_be_lost_as_well(broker):
    source = batches(1, 3, 3)

    def source_of_a_changing_topic():
        yield next(source)
        broker.partitions = {0, 1, 2}
        yield next(source)
        broker.partitions = {0}
        yield next(source)

    summary = run(broker, source_of_a_changing_topic())
    assert sorted(broker.values) == list(range(7))
    assert (summary.acknowledged, summary.unsent) == (7, 0)


def test_a_topic_that_goes_just_after_a_reading_was_sent_gets_it_once(broker, monkeypatch):
    """Its partitions cannot be had then, and what was sent waits for it to come back."""
    send, partitions_for, gone = FakeProducer.send, FakeProducer.partitions_for, []

    def send_and_go(self, topic, value=None, key=None, **options):
        future = send(self, topic, value, key, **options)
        gone.append(not gone)  # after the first one
        return future

    def not_there_once(self, topic):
        if gone and gone[-1]:
            gone[-1] = False
            raise KafkaTimeoutError("Failed to update metadata")
        return partitions_for(self, topic)

    monkeypatch.setattr(FakeProducer, "send", send_and_go)
    monkeypatch.setattr(FakeProducer, "partitions_for", not_there_once)
    summary = run(broker, batches(3))
    assert broker.values == [0, 1, 2]
    assert (summary.acknowledged, summary.unsent) == (3, 0)


def test_one_removed_while_messages_wait_is_waited_for(broker):
    broker.clock.after(1.5, lambda: broker.partitions.clear())
    broker.clock.after(30, lambda: broker.partitions.add(0))
    summary = run(broker, batches(*[1] * 6), interval=1)
    assert sorted(broker.values) == list(range(6))
    assert (summary.acknowledged, summary.unsent) == (6, 0)


def test_stopped_while_the_topic_is_gone_every_reading_is_counted(broker):
    stop = Stop(broker.clock)
    broker.clock.after(1.5, lambda: broker.partitions.clear())
    broker.clock.after(30, stop.set)
    summary = run(broker, batches(*[1] * 6), interval=1, stop=stop)
    assert summary.acknowledged == len(broker.log)
    assert summary.unsent > 0
    assert summary.seconds < 30 + CLOSE_SECONDS + 2


# Anything, in any order.

happenings = st.lists(
    st.sampled_from(
        ["nothing", "goes", "comes_back", "shrinks", "grows", "refused", "failed once", "unsaid", "doubt"]
    ),
    max_size=25,
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(happenings, st.sampled_from([0, 0.4, 1]))
def test_whatever_happens_each_reading_is_in_the_log_once_or_counted(happenings, interval):
    with fake_kafka() as broker:
        broker.partitions = {0, 1, 2}

        def source():
            for what, batch in zip(happenings, batches(*[3] * len(happenings))):
                if what == "shrinks":
                    broker.partitions = {0}
                elif what == "grows":
                    broker.partitions = {0, 1, 2}
                elif what == "refused":
                    broker.refuse(batch[1].val, error=TOO_LARGE)
                elif what == "failed once":
                    broker.refuse(batch[1].val, error=KafkaError("a moment"), times=1)
                elif what == "unsaid":
                    broker.refuse(batch[1].val, error=FakeInDoubt(TOO_LARGE, batch[1].val), times=1)
                    broker.written_unsaid.add(batch[1].val)
                elif what == "doubt":
                    broker.refuse(batch[1].val, error=FakeInDoubt(TOO_LARGE, batch[1].val), times=1)
                elif what != "nothing":
                    getattr(broker, what)()
                    broker.clock.after(20, broker.comes_back)
                yield batch

        summary = run(broker, source(), interval=interval)
        there, sent = Counter(broker.values), Counter(range(3 * len(happenings)))
        assert there <= sent
        assert set(sent - there) <= set(broker.refused)
        assert (summary.acknowledged, summary.unsent) == (there.total(), (sent - there).total())
        assert all(client.closed for client in broker.clients)
