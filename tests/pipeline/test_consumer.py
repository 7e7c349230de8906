"""The consumer on its own: a fake of Kafka's client, a real warehouse, and no broker.

The fake has what `lab.consumer` uses and no more; its signatures are compared with kafka-python's.
Its time passes only when somebody waits, so that an outage of an hour takes no time here.
"""

import inspect
import signal
import sqlite3
import tempfile
from collections import Counter, deque
from collections.abc import Callable
from contextlib import closing, contextmanager
from dataclasses import replace
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kafka import KafkaAdminClient, KafkaConsumer, OffsetAndMetadata, TopicPartition
from kafka.cluster import ClusterMetadata
from kafka.errors import (
    CommitFailedError,
    CorruptRecordError,
    GroupAuthorizationFailedError,
    IllegalStateError,
    KafkaConfigurationError,
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    LogTruncationError,
    OffsetOutOfRangeError,
    SaslAuthenticationFailedError,
    TopicAuthorizationFailedError,
)

from lab.clients.connection import is_answering
from lab.clients.members import static_member
from lab.clients.membership import Rebalances
from lab.consumer import MAX_POLL_RECORDS, ConsumeSummary, consume
from lab.errors import AccessError, WarehouseError
from lab.readings import Batch, DeadLetter, decode_reading
from lab.system.signals import SIGNALS
from lab.warehouse import Warehouse
from tests.support.fake_kafka import (
    GROUP,
    SERVERS,
    TOPIC,
    FakeAdmin,
    FakeBroker,
    FakeCluster,
    FakeConsumer,
    Stop,
    fake_kafka,
    same_signatures,
)
from tests.support.ledger import row

TWENTY = [*range(10), *range(100, 110)]  # the values in `two_partitions`


# The fake.


def said(caplog):
    """What was logged, but for what the fake client lacks: each process says that once."""
    return [text for text in caplog.messages if not text.startswith("kafka-python")]


def test_the_fake_has_the_signatures_of_kafka_python():
    assert {"__init__", "poll", "close"} <= same_signatures(FakeConsumer, KafkaConsumer)
    assert "remove_group_members" in same_signatures(FakeAdmin, KafkaAdminClient)
    for private in ("_cluster", "_net"):
        assert f"self.{private} = " in inspect.getsource(KafkaConsumer.__init__)
    expected = inspect.signature(ClusterMetadata.topic_id)
    assert inspect.signature(FakeCluster.topic_id) == expected
    expected = inspect.signature(is_answering).parameters
    found = inspect.signature(FakeBroker.is_answering).parameters
    assert [(x.name, x.default) for x in found.values()][1:] == [
        (x.name, x.default) for x in expected.values()
    ]


@pytest.fixture
def broker():
    with fake_kafka() as broker:
        yield broker


@pytest.fixture
def two_partitions():
    """Ten messages in each: 0 to 9, and 100 to 109."""
    with fake_kafka(partitions=2) as broker:
        broker.send(*range(10))
        broker.send(*range(100, 110), partition=1)
        yield broker


@pytest.fixture
def warehouse(warehouse):
    warehouse.query("PRAGMA busy_timeout = 0")  # else each try at a locked one waits in earnest
    return warehouse


@pytest.fixture(autouse=True, scope="module")
def members(tmp_path_factory):
    """The locks of the members' names, apart from those of consumers that run on this machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(tmp_path_factory.mktemp("members")))
        yield


def run(broker: FakeBroker, warehouse, **options) -> ConsumeSummary:
    """Consume; if nothing else ends it, three seconds without a message do."""
    options = {"idle_timeout": 3, "stop": Stop(broker.clock), "group_id": GROUP} | options
    return consume(TOPIC, warehouse, bootstrap_servers=SERVERS, **options)


def values(warehouse: Warehouse) -> list[float]:
    return [val for (val,) in warehouse.query("SELECT val FROM sensor_logs ORDER BY id")]


def place(partition: int = 0) -> TopicPartition:
    return TopicPartition(TOPIC, partition)


def committed(broker: FakeBroker) -> dict[int, int]:
    return {place.partition: found.offset for place, found in broker.committed.items()}


REBALANCED = "The group rebalanced sensor-data: this consumer has partitions"


def test_a_rebalance_is_counted_with_its_pause_and_said(two_partitions, warehouse, caplog):
    broker = two_partitions
    broker.clock.after(2, lambda: broker.give(1))
    broker.clock.after(4, broker.give)  # the same again: none at all, then
    summary = run(broker, warehouse, idle_timeout=6)
    assert [message for message in caplog.messages if message.startswith(REBALANCED)] == [
        f"{REBALANCED} 1 now, after a pause of 0.00 s.",
        f"{REBALANCED} none now, after a pause of 0.00 s.",
    ]
    assert (summary.rebalances, summary.rebalance_seconds) == (2, 0)


def test_the_lag_is_that_of_every_partition_it_has(two_partitions, warehouse):
    """Also of one of which nothing is stored yet."""
    assert run(two_partitions, warehouse, max_messages=5).lag == {0: 5, 1: 10}


def test_the_lag_of_a_partition_that_went_to_another_is_not_told_any_more(
    two_partitions, warehouse, monkeypatch
):
    broker, summary, told = two_partitions, ConsumeSummary(), []
    monkeypatch.setattr(warehouse, "note_consumer", lambda *_, **__: told.append(dict(summary.lag)))
    broker.clock.after(2, lambda: broker.give(1))
    broker.clock.after(2, lambda: broker.send(10, 11))
    assert run(broker, warehouse, idle_timeout=6, summary=summary).lag == {1: 0}
    assert told[0] == {0: 0, 1: 0}
    assert told[-2] == {1: 0}  # before the end, at which the broker is asked


def test_the_same_partitions_again_are_no_rebalance(two_partitions, warehouse, caplog):
    two_partitions.clock.after(2, lambda: two_partitions.give(0, 1))
    summary = run(two_partitions, warehouse, idle_timeout=6)
    assert (summary.rebalances, said(caplog)) == (0, [])


def test_the_pause_is_the_time_without_partitions():
    listener = Rebalances(TOPIC, deque())
    listener.on_partitions_assigned({place(0)})
    listener.on_partitions_revoked({place(0)})
    listener.revoked_at -= 1.5
    listener.on_partitions_assigned({place(1), place(0)})
    assert listener.assignments[0] == ([0], 0)
    assert listener.assignments[1] == ([0, 1], pytest.approx(1.5, abs=0.5))


class BeforeStore:
    """A warehouse before whose next writes something happens."""

    def __init__(self, warehouse: Warehouse, *acts: Callable):
        self.warehouse, self.acts = warehouse, list(acts)

    def __getattr__(self, name):
        return getattr(self.warehouse, name)

    def store(self, *arguments):
        if self.acts:
            self.acts.pop(0)()
        return self.warehouse.store(*arguments)


def store_elsewhere(broker: FakeBroker, warehouse, messages: int, partition: int = 0) -> None:
    """Another consumer with the same warehouse stores the next messages of a partition."""
    with Warehouse(str(warehouse.name)) as other:
        expected = other.next_offsets(broker.topic_id).get(partition)
        first = max(expected or 0, broker.start[partition])
        there = broker.log[partition][first : first + messages]
        readings = [decode_reading(value) for _, value in there if value.startswith(b"{")]
        letters = [
            DeadLetter(first + n, key, value, "elsewhere")
            for n, (key, value) in enumerate(there)
            if not value.startswith(b"{")
        ]
        batch = Batch(partition, expected, first + len(there), readings, letters)
        assert other.store(TOPIC, broker.topic_id, [batch] if there else []) == set()


# What is stored.


def test_each_message_is_a_row_with_its_values(broker, warehouse):
    broker.send(0, 1)
    run(broker, warehouse)
    assert warehouse.query("SELECT * FROM sensor_logs") == [
        (1, "sensor-0", 0.0, "°C", "OK", "2026-01-01T00:00:00.000000+00:00"),
        (2, "sensor-1", 1.0, "°C", "OK", "2026-01-01T00:01:00.000000+00:00"),
    ]


def test_rows_keep_the_order_of_their_partition(two_partitions, warehouse):
    two_partitions.most = 3
    run(two_partitions, warehouse)
    stored = values(warehouse)
    assert [val for val in stored if val < 100] + [val for val in stored if val >= 100] == TWENTY


def test_on_stored_hears_of_readings_that_are_committed(broker, warehouse, path):
    broker.send(0, 1, 2, 3, 4)
    broker.most = 2
    heard = []

    def on_stored(readings):
        with closing(sqlite3.connect(path)) as other:  # another program sees only what is committed
            there = other.execute("SELECT count(*) FROM sensor_logs").fetchone()[0]
        heard.append(([reading.val for reading in readings], there))

    run(broker, warehouse, on_stored=on_stored)
    assert heard == [([0, 1], 2), ([2, 3], 4), ([4], 5)]


def test_an_error_in_on_stored_ends_it_in_order_and_repeats_nothing(broker, warehouse):
    broker.send(0, 1, 2)
    broker.most = 2
    with pytest.raises(ZeroDivisionError):
        run(broker, warehouse, on_stored=lambda readings: 1 / 0)
    assert broker.members[0].closed
    run(broker, warehouse)
    assert values(warehouse) == [0, 1, 2]


def test_a_second_run_goes_on_where_the_first_ended(broker, warehouse):
    broker.send(*range(10))
    run(broker, warehouse, max_messages=4)
    assert run(broker, warehouse).stored == 6
    assert values(warehouse) == list(range(10))


@pytest.mark.parametrize("in_kafka", [0, 2, 5, 100], ids=lambda offset: f"kafka says {offset}")
def test_the_place_is_the_warehouses_and_not_kafkas(broker, warehouse, in_kafka):
    broker.send(*range(5))
    run(broker, warehouse, max_messages=3)
    broker.committed[place()] = OffsetAndMetadata(in_kafka, "", -1)
    run(broker, warehouse)
    assert values(warehouse) == list(range(5))
    assert warehouse.query("SELECT * FROM gaps") == []


def test_a_group_new_to_the_topic_starts_at_its_first_message(broker, warehouse):
    """Kafka has no offset for it, and the client is told to choose none by itself."""
    broker.send(*range(5))
    broker.trim(0, 2)
    summary = run(broker, warehouse)
    assert values(warehouse) == [2, 3, 4]
    assert (summary.lost_to_retention, summary.reconnects) == (0, 0)


def test_kafka_is_told_the_offsets_after_they_are_stored(broker, warehouse, monkeypatch):
    monkeypatch.setattr("lab.clients.session.COMMIT_SECONDS", 0)
    broker.send(*range(5))
    broker.most = 2
    seen = []
    run(broker, warehouse, on_stored=lambda readings: seen.append(committed(broker)))
    assert seen == [{0: 2}, {0: 4}, {0: 5}]


def test_kafka_is_told_a_few_times_a_second_and_at_the_latest_when_no_more_comes(broker, warehouse, caplog):
    broker.send(*range(5))
    broker.most = 2
    seen = []
    broker.clock.after(2, lambda: seen.append(committed(broker)))
    run(broker, warehouse, on_stored=lambda readings: seen.append(committed(broker)))
    assert seen == [{0: 2}, {0: 2}, {0: 2}, {0: 5}]


def test_the_client_is_made_to_lose_nothing_and_with_ones_own_settings(broker, warehouse):
    broker.send(0)
    run(broker, warehouse, fetch_max_wait_ms=7)
    config = broker.members[0].config
    assert (config["enable_auto_commit"], config["auto_offset_reset"]) == (False, "none")
    assert (config["group_id"], config["bootstrap_servers"]) == (GROUP, SERVERS)
    assert config["fetch_max_wait_ms"] == 7


def test_a_security_protocol_is_used_at_every_look_at_the_broker(broker, warehouse):
    broker.script = [lambda: broker.clock.advance(2)]
    run(broker, warehouse, security_protocol="SASL_SSL")
    assert set(broker.answered) == {(SERVERS, "SASL_SSL")}


# Messages that are no readings.


def test_dead_letters_among_good_ones_keep_what_they_were(broker, warehouse):
    broker.send(0, b"not JSON", 1)
    broker.send(None, key=b"\xff")
    broker.send(2)
    summary = run(broker, warehouse)
    assert values(warehouse) == [0, 1, 2]
    sql = 'SELECT topic, "partition", "offset", "key", value, error FROM dead_letters'
    not_json, tombstone = warehouse.query(sql)
    assert not_json[:5] == (TOPIC, 0, 1, b"key", b"not JSON")
    assert not_json[5].startswith("the message is not JSON")
    assert tombstone[:5] == (TOPIC, 0, 3, b"\xff", None)
    assert "tombstone" in tombstone[5]
    assert (summary.stored, summary.dead_letters) == (3, 2)


def test_a_log_of_bad_messages_alone_is_passed(broker, warehouse):
    broker.send(b"", b"{}", b"[]")
    heard = []
    summary = run(broker, warehouse, on_stored=heard.append)
    assert (summary.stored, summary.dead_letters, heard) == (0, 3, [])
    assert warehouse.next_offsets("id-1") == {0: 3}


# Bounds.


@pytest.mark.parametrize("bound", [1, 3, 7, 20])
def test_max_messages_is_exact_though_more_are_there(two_partitions, warehouse, bound):
    two_partitions.send(b"bad")
    two_partitions.most = 6
    summary = run(two_partitions, warehouse, max_messages=bound)
    assert summary.processed == bound
    assert sum(warehouse.next_offsets("id-1").values()) == bound


def test_max_messages_beyond_one_poll_is_exact_too(broker, warehouse):
    broker.send(*range(2500))
    broker.most = 10_000
    assert run(broker, warehouse, max_messages=2300).stored == 2300
    assert max(broker.limits) <= MAX_POLL_RECORDS  # for its memory, and for a transaction to stay short


def test_no_message_at_all_is_a_bound_too(broker, warehouse):
    broker.send(0)
    assert run(broker, warehouse, max_messages=0).processed == 0
    assert values(warehouse) == []


def test_idle_timeout_counts_from_the_last_message(broker, warehouse):
    broker.send(0)
    for seconds in (2, 4, 6):
        broker.clock.after(seconds, lambda seconds=seconds: broker.send(seconds))
    broker.clock.after(11, lambda: broker.send(11))
    summary = run(broker, warehouse, idle_timeout=3)
    assert values(warehouse) == [0, 2, 4, 6]
    assert 9 < summary.seconds < 10


def test_without_a_bound_it_waits_until_it_is_stopped(broker, warehouse):
    stop = Stop(broker.clock)
    broker.clock.after(300, lambda: broker.send(0))
    broker.clock.after(600, stop.set)
    assert run(broker, warehouse, idle_timeout=None, stop=stop).stored == 1


def test_stopped_before_it_began_it_does_nothing(broker, warehouse):
    broker.send(0)
    stop = Stop(broker.clock)
    stop.set()
    assert run(broker, warehouse, stop=stop).processed == 0
    assert broker.clients == []


def test_stopped_while_it_runs_it_ends_after_the_batch(broker, warehouse):
    broker.send(*range(10))
    broker.most = 4
    stop = Stop(broker.clock)
    summary = run(broker, warehouse, stop=stop, on_stored=lambda readings: stop.set())
    assert summary.stored == 4
    assert values(warehouse) == [0, 1, 2, 3]


def test_stopped_while_the_broker_is_away_it_ends(broker, warehouse):
    broker.away = True
    stop = Stop(broker.clock)
    broker.clock.after(60, stop.set)
    assert run(broker, warehouse, idle_timeout=None, stop=stop).processed == 0
    assert broker.clients == []


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_a_signal_while_it_polls_ends_it_and_loses_nothing(broker, warehouse, number):
    broker.send(*range(10))
    broker.most = 4
    broker.script = [None, None, lambda: signal.raise_signal(number)]
    heard, before = [], signal.getsignal(number)
    signal.signal(number, lambda *arguments: heard.append("not by the loop"))
    try:
        run(broker, warehouse, stop=None, idle_timeout=None)
    finally:
        signal.signal(number, before)
    assert heard == []
    assert values(warehouse) == list(range(8))  # what the signal came upon is stored as well
    assert broker.members[0].closed
    run(broker, warehouse)
    assert values(warehouse) == list(range(10))


def test_an_interrupt_in_the_middle_of_a_poll_loses_nothing(broker, warehouse):
    """A second Ctrl-C: the messages that the client was about to return are gone with it."""
    broker.send(*range(10))
    broker.most = 4
    broker.script = [None, None, KeyboardInterrupt()]
    with pytest.raises(KeyboardInterrupt):
        run(broker, warehouse)
    assert broker.members[0].closed
    assert values(warehouse) == [0, 1, 2, 3]
    run(broker, warehouse)
    assert values(warehouse) == list(range(10))


# The summary.


def test_the_summary_tells_what_became_of_the_messages(broker, warehouse):
    broker.send(0, 1, b"bad", 3, 4, 5)
    summary = run(broker, warehouse, max_messages=4)
    assert replace(summary, seconds=0) == ConsumeSummary(stored=3, dead_letters=1, lag={0: 2})
    assert 0 < summary.seconds < 1


def test_processed_and_per_second_follow_from_the_counts():
    summary = ConsumeSummary(stored=6, dead_letters=2, fenced=5, seconds=4)
    assert (summary.processed, summary.per_second) == (8, 2)
    assert ConsumeSummary(stored=6).per_second == 0


def test_ones_own_summary_is_kept_up_to_date_and_comes_back(broker, warehouse):
    broker.send(*range(5))
    broker.most = 2
    mine, seen = ConsumeSummary(), []

    def on_stored(readings):
        seen.append((mine.stored, dict(mine.lag)))
        broker.clock.advance(2)

    assert run(broker, warehouse, summary=mine, on_stored=on_stored) is mine
    assert seen == [(2, {}), (4, {0: 3}), (5, {0: 1})]
    assert mine.lag == {0: 0}


def test_its_numbers_are_in_the_warehouse_while_it_runs_and_at_the_end(broker, warehouse):
    broker.send(0, b"bad")
    broker.script = [None, None, KafkaError("broken")]
    seen, sql = [], "SELECT group_id, stored, dead_letters, fenced, reconnects FROM consumers"
    broker.clock.after(2, lambda: seen.extend(warehouse.query(sql)))
    run(broker, warehouse)
    assert seen == [(GROUP, 1, 1, 0, 1)]
    assert warehouse.query(sql) == [(GROUP, 1, 1, 0, 1)]


@pytest.mark.parametrize("is_broken", [False, True], ids=["rebalance", "rebalance with a new client"])
def test_the_lag_is_of_ones_own_partitions(two_partitions, warehouse, is_broken):
    """Another member reads what was taken from us: its messages are not ours to wait for."""
    broker = two_partitions

    def taken():
        broker.give(0)
        broker.script = [KafkaError()] * is_broken

    broker.clock.after(2, taken)
    broker.clock.after(3, lambda: broker.send(110, 111, partition=1))
    assert run(broker, warehouse, idle_timeout=4).lag == {0: 0}


def test_a_partition_taken_while_the_numbers_are_noted_is_no_end(two_partitions, warehouse):
    broker = two_partitions
    broker.most = 15

    def taken(readings):
        broker.give_now(0)
        broker.clock.advance(2)

    run(broker, warehouse, on_stored=taken)
    assert set(range(10)) <= set(values(warehouse))


# The client fails.

BROKEN = [
    ValueError("Invalid file descriptor: -1"),
    ValueError("filedescriptor out of range in select()"),
    OSError(9, "Bad file descriptor"),
    RuntimeError("NetworkSelector closed!"),
    KeyError(place()),
    IllegalStateError("KafkaConsumer is closed"),
    KafkaError("something new"),
]
by_text = {"ids": repr}


@pytest.mark.parametrize("error", BROKEN, **by_text)
@pytest.mark.parametrize("polls", [0, 1, 3], ids=lambda polls: f"at poll {polls}")
def test_a_broken_client_is_closed_and_made_anew(broker, warehouse, error, polls):
    broker.send(*range(10))
    broker.most = 2
    broker.script = [None] * polls + [error]
    summary = run(broker, warehouse)
    assert values(warehouse) == list(range(10))
    assert summary.reconnects == 1
    first, second = broker.members
    assert first.closed
    # Both by one name, for Kafka to give the partitions back at once.
    assert first.config["group_instance_id"] == second.config["group_instance_id"]


def test_a_client_that_breaks_at_every_second_poll_still_brings_all_once(broker, warehouse):
    broker.send(*range(20))
    broker.most = 3
    broker.script = [None, None, ValueError("Invalid file descriptor: -1")] * 10
    summary = run(broker, warehouse, idle_timeout=30)
    assert values(warehouse) == list(range(20))
    assert summary.reconnects == 10
    assert all(client.closed for client in broker.clients)


def test_an_error_that_passes_by_itself_does_not_cost_the_client(broker, warehouse):
    broker.send(*range(5))
    broker.most = 2
    broker.script = [None, None, KafkaConnectionError("a moment"), None, KafkaTimeoutError("a moment")]
    summary = run(broker, warehouse)
    assert values(warehouse) == list(range(5))
    assert (summary.reconnects, len(broker.members)) == (0, 1)


def test_a_client_that_fails_at_every_second_poll_is_made_anew_ever_more_slowly(broker, warehouse):
    stop = Stop(broker.clock)
    broker.script = [None, KafkaError()] * 8
    run(broker, warehouse, idle_timeout=40, stop=stop)
    assert stop.waits == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5, 5]


def test_the_wait_after_a_failure_doubles_up_to_five_seconds_and_starts_again(broker, warehouse):
    stop = Stop(broker.clock)
    healthy = [None] * 30  # six seconds
    broker.script = [KafkaError()] * 9 + healthy + [KafkaError()] * 2
    run(broker, warehouse, idle_timeout=40, stop=stop)
    assert stop.waits == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5, 5, 5, 0.1, 0.2]


def test_a_client_that_fails_for_hours_is_still_made_anew(broker, warehouse):
    broker.send(0)
    broker.script = [KafkaError()] * 1100
    assert run(broker, warehouse, idle_timeout=None, max_messages=1).stored == 1


def test_a_client_that_cannot_be_made_is_tried_again(broker, warehouse):
    broker.send(0)
    broker.refusals = [ValueError("Invalid file descriptor: -1"), KafkaTimeoutError("metadata")]
    assert run(broker, warehouse).stored == 1


def test_damage_at_the_committed_offset_does_not_matter_where_the_warehouse_is_behind_it(broker, warehouse):
    """It was skipped, and Kafka does not know of that yet: a new client begins there, and reads at once."""
    broker.send(*range(5))
    warehouse.store(TOPIC, broker.topic_id, [Batch(0, None, 3)])
    broker.committed[place()] = OffsetAndMetadata(0, "", -1)
    broker.script = [CorruptRecordError("damaged")]  # of the poll that joins the group
    summary = run(broker, warehouse, max_messages=2)
    assert (summary.stored, summary.reconnects, values(warehouse)) == (2, 0, [3, 4])


def test_a_client_that_does_not_even_close_is_left(broker, warehouse, monkeypatch):
    monkeypatch.setattr(FakeConsumer, "close", broken_close)
    broker.send(*range(5))
    broker.script = [None, None, KafkaError("broken")]
    assert run(broker, warehouse).reconnects == 1
    assert values(warehouse) == list(range(5))


def broken_close(self, autocommit=True, timeout_ms=None):
    raise ValueError("Invalid file descriptor: -1")


def test_a_seek_in_a_partition_that_was_taken_just_now_is_no_end(broker, warehouse, monkeypatch):
    seek, refused = FakeConsumer.seek, [ValueError("Unassigned partition")]

    def seek_once_refused(self, partition, offset):
        if refused:
            raise refused.pop()
        seek(self, partition, offset)

    monkeypatch.setattr(FakeConsumer, "seek", seek_once_refused)
    broker.send(0, 1)
    run(broker, warehouse)
    assert values(warehouse) == [0, 1]


@pytest.mark.parametrize("failing", ["in its future", "at once"])
def test_a_commit_to_kafka_that_fails_does_not_matter(broker, warehouse, monkeypatch, failing):
    """It only serves tools. At once it fails when the client's own thread is dead."""

    def commit_async(self, offsets=None, callback=None):
        raise RuntimeError("NetworkSelector closed!")

    if failing == "at once":
        monkeypatch.setattr(FakeConsumer, "commit_async", commit_async)
    broker.commits = [CommitFailedError()] * 10
    broker.send(*range(5))
    broker.most = 2
    heard = []
    summary = run(broker, warehouse, on_stored=heard.extend)
    assert values(warehouse) == [reading.val for reading in heard] == list(range(5))
    assert summary.stored == 5


FATAL = [
    (TopicAuthorizationFailedError({TOPIC}), "This user may not use the topic 'sensor-data'"),
    (GroupAuthorizationFailedError(GROUP), "This user may not use the consumer group 'sensor-logs'"),
    (SaslAuthenticationFailedError("wrong password"), "the user or the password is wrong"),
]


@pytest.mark.parametrize("error, text", FATAL, **by_text)
def test_what_cannot_be_mended_by_trying_again_is_raised(broker, warehouse, error, text):
    broker.send(*range(5))
    broker.most = 2
    broker.script = [None, None, error]
    with pytest.raises(AccessError, match=text):
        run(broker, warehouse)
    (client,) = broker.members
    assert client.closed
    assert broker.left == [(GROUP, client.config["group_instance_id"])]
    assert values(warehouse) == [0, 1]


@pytest.mark.parametrize("error, text", FATAL, **by_text)
def test_it_is_raised_when_the_client_is_made_as_well(broker, warehouse, error, text):
    broker.refusals = [error]
    with pytest.raises(AccessError, match=text):
        run(broker, warehouse)


def test_a_setting_that_kafka_does_not_know_is_raised(broker, warehouse):
    """It would be refused for ever."""
    with pytest.raises(KafkaConfigurationError, match="fetch_max_weight"):
        run(broker, warehouse, fetch_max_weight=7)


def test_a_warehouse_that_cannot_be_written_ends_it_in_order(broker, warehouse):
    broker.send(0)
    warehouse.query("PRAGMA query_only = 1")
    with pytest.raises(WarehouseError, match="read-only"):
        run(broker, warehouse)
    assert broker.members[0].closed


# The client is silent.


def test_a_client_that_brings_nothing_though_there_is_something_is_made_anew(broker, warehouse, monkeypatch):
    fetch = FakeConsumer._fetch

    def fetch_but_not_with_the_first(self, left):
        return {} if self is broker.clients[0] else fetch(self, left)

    monkeypatch.setattr(FakeConsumer, "_fetch", fetch_but_not_with_the_first)
    broker.send(*range(5))
    summary = run(broker, warehouse, idle_timeout=20)
    assert values(warehouse) == list(range(5))
    assert summary.reconnects == 1
    assert all(client.closed for client in broker.clients)


def test_a_topic_without_messages_is_looked_at_less_and_less(broker, warehouse):
    broker.send(0)
    summary = run(broker, warehouse, idle_timeout=200)
    assert summary.reconnects == 0
    assert 4 <= len(broker.clients) - 1 <= 6  # after 5, 10, 20, 40, ... seconds
    assert len(broker.answered) < 220  # and the broker is asked once a second, not at each poll
    assert all(client.closed for client in broker.clients)


def test_a_topic_whose_messages_are_all_gone_is_not_held_against_the_client(broker, warehouse):
    broker.send(*range(5))
    broker.trim(0, 5)
    assert run(broker, warehouse, idle_timeout=20).reconnects == 0


def test_a_new_client_is_given_as_much_time_as_the_first(broker, warehouse, monkeypatch):
    fetch = FakeConsumer._fetch

    def fetch_but_slowly(self, left):
        client = broker.members.index(self)
        self.began = getattr(self, "began", broker.clock.now)
        return fetch(self, left) if client and broker.clock.now > self.began + 8 else {}

    monkeypatch.setattr(FakeConsumer, "_fetch", fetch_but_slowly)
    broker.send(*range(5))
    summary = run(broker, warehouse, idle_timeout=40)
    assert (summary.stored, summary.reconnects) == (5, 1)


def test_a_message_that_comes_during_the_look_is_not_held_against_the_client(broker, warehouse, monkeypatch):
    look = FakeConsumer.partitions_for_topic

    def sent_just_now(self, topic):
        broker.send(len(broker.log[0]))
        return look(self, topic)

    monkeypatch.setattr(FakeConsumer, "partitions_for_topic", sent_just_now)
    stop = Stop(broker.clock)
    broker.clock.after(60, stop.set)
    summary = run(broker, warehouse, idle_timeout=None, stop=stop)
    assert summary.reconnects == 0
    assert summary.stored > 5


def test_what_another_member_has_not_read_yet_is_not_held_against_the_client(two_partitions, warehouse):
    broker = two_partitions
    broker.others = [1]
    broker.clock.after(2, lambda: broker.give(0))
    broker.clock.after(3, lambda: broker.send(110, 111, partition=1))
    assert run(broker, warehouse, idle_timeout=20).reconnects == 0


def test_a_partition_that_nobody_has_is_taken_by_a_new_client(two_partitions, warehouse, caplog):
    """Such as those of a topic made anew with more of them, of which kafka-python did not hear."""
    broker = two_partitions
    broker.clock.after(1, lambda: broker.give(0))
    broker.clock.after(2, lambda: broker.send(110, 111, partition=1))
    broker.clock.after(15, lambda: broker.give(0, 1))
    run(broker, warehouse, idle_timeout=40)
    assert "or without some partitions" in caplog.text
    assert {110, 111} <= set(values(warehouse))


# The broker is away.


def test_an_outage_is_said_once_and_once_that_it_is_over(broker, warehouse, caplog):
    broker.send(0, 1)
    broker.clock.after(5, lambda: setattr(broker, "away", True))
    broker.clock.after(400, lambda: setattr(broker, "away", False))
    broker.clock.after(400.5, lambda: broker.send(2))
    summary = run(broker, warehouse, idle_timeout=None, max_messages=3)
    assert values(warehouse) == [0, 1, 2]
    assert summary.reconnects == 0
    said = [record.getMessage() for record in caplog.records if record.name == "lab"]
    assert said == [f"Kafka at {SERVERS} is away: waiting until it is back.", "Kafka is back."]


def test_after_an_outage_the_client_is_given_its_time_again(broker, warehouse, monkeypatch):
    fetch = FakeConsumer._fetch

    def fetch_but_not_at_once(self, left):
        return {} if 100 <= broker.clock.now - began < 104 else fetch(self, left)

    monkeypatch.setattr(FakeConsumer, "_fetch", fetch_but_not_at_once)
    began = broker.clock.now
    broker.send(0)
    broker.clock.after(2, lambda: setattr(broker, "away", True))
    broker.clock.after(50, lambda: broker.send(1))
    broker.clock.after(100, lambda: setattr(broker, "away", False))
    summary = run(broker, warehouse, idle_timeout=None, max_messages=2)
    assert (summary.stored, summary.reconnects) == (2, 0)


def test_a_broker_that_goes_during_the_look_whether_messages_are_there_is_waited_for(
    broker, warehouse, monkeypatch
):
    def nobody_answers(*arguments, **options):
        broker.clock.advance(1)
        return False

    def goes():
        monkeypatch.setattr("lab.clients.connection.is_answering", nobody_answers)

    broker.send(0)
    broker.clock.after(4, goes)
    broker.clock.after(
        20, lambda: monkeypatch.setattr("lab.clients.connection.is_answering", broker.is_answering)
    )
    broker.clock.after(21, lambda: broker.send(1))
    assert run(broker, warehouse, idle_timeout=30, max_messages=2).stored == 2


def test_a_topic_that_is_not_there_yet_is_waited_for(broker, warehouse, caplog):
    broker.give()
    broker.exists = False
    broker.send(0)
    broker.clock.after(100, lambda: broker.give(0))
    summary = run(broker, warehouse, idle_timeout=None, max_messages=1)
    assert (summary.stored, summary.reconnects) == (1, 0)
    assert caplog.text.count("No partition of sensor-data for this consumer") == 1


def give_after_leaving(broker, monkeypatch):
    """Who leaves the group and joins it again gets its partition."""
    leave = FakeAdmin.remove_group_members

    def leave_and_be_given(self, group_id, members, group_coordinator_id=None):
        leave(self, group_id, members)
        broker.give(0)

    monkeypatch.setattr(FakeAdmin, "remove_group_members", leave_and_be_given)


@pytest.mark.parametrize("counted", [[], [0]], ids=["to nobody", "to us, it says"])
def test_a_group_that_gave_its_partitions_to_nobody_is_joined_anew(broker, warehouse, monkeypatch, counted):
    give_after_leaving(broker, monkeypatch)
    broker.counted = counted
    broker.send(0)
    broker.give()
    summary = run(broker, warehouse, idle_timeout=30)
    assert (summary.stored, summary.reconnects) == (1, 1)


@pytest.mark.parametrize("state", ["Stable", "PreparingRebalance"])
def test_a_group_that_has_work_for_others_only_is_waited_in(broker, warehouse, monkeypatch, state):
    give_after_leaving(broker, monkeypatch)
    broker.give()
    broker.state, broker.others = state, [0]
    stop = Stop(broker.clock)
    broker.clock.after(60, stop.set)
    summary = run(broker, warehouse, idle_timeout=None, stop=stop)
    assert (summary.reconnects, len(broker.members)) == (0, 1)
    assert 2 <= broker.looks <= 5  # after 5, 10, 20 and 40 seconds


@pytest.mark.parametrize("ours", [[], [0]], ids=["idle", "with a partition, it thinks"])
def test_a_group_that_goes_on_without_us_is_joined_anew(broker, warehouse, monkeypatch, ours):
    broker.give(*ours)
    broker.dropped, broker.others = True, [0]
    opened = len(broker.members)
    stop = Stop(broker.clock)
    broker.clock.after(8, lambda: setattr(broker, "dropped", False))
    broker.clock.after(60, stop.set)
    summary = run(broker, warehouse, idle_timeout=None, stop=stop)
    assert (summary.reconnects, len(broker.members) - opened) == (1, 2)


# Two writers: the fence.


def test_what_another_consumer_stored_first_is_not_stored_again(broker, warehouse):
    broker.send(*range(10))
    broker.most = 4
    late = BeforeStore(warehouse, lambda: store_elsewhere(broker, warehouse, 6))
    heard = []
    summary = run(broker, late, on_stored=heard.extend)
    assert values(warehouse) == list(range(10))
    assert [reading.val for reading in heard] == [6, 7, 8, 9]  # from the other's offset on
    assert (summary.stored, summary.fenced, summary.reconnects) == (4, 4, 0)


def test_a_fence_at_every_batch_only_slows_it(broker, warehouse):
    broker.send(*range(30))
    broker.most = 4
    late = BeforeStore(warehouse, *[lambda: store_elsewhere(broker, warehouse, 2)] * 10)
    summary = run(broker, late)
    assert values(warehouse) == list(range(30))
    assert summary.stored == 10


def test_a_fence_in_one_partition_loses_nothing_of_another(two_partitions, warehouse):
    """What the next poll brings of the other one is not to be thrown away."""
    broker = two_partitions
    broker.most = 12  # ten of one, two of the other
    late = BeforeStore(warehouse, lambda: store_elsewhere(broker, warehouse, 3))
    run(broker, late)
    assert sorted(values(warehouse)) == TWENTY


# Rebalances.


@pytest.mark.parametrize("how", ["give", "give_now"])
def test_a_partition_taken_between_poll_and_store_is_stored_once(two_partitions, warehouse, how):
    """Its new owner has stored the messages, or we have: whoever comes second is fenced."""
    broker = two_partitions
    broker.most = 15

    def taken():
        getattr(broker, how)(0)
        store_elsewhere(broker, warehouse, 10, partition=1)

    summary = run(broker, BeforeStore(warehouse, taken))
    assert sorted(values(warehouse)) == TWENTY
    assert (summary.stored, summary.fenced) == (10, 5)


def test_a_partition_that_comes_back_is_read_from_where_its_other_owner_left_it(two_partitions, warehouse):
    broker = two_partitions
    broker.most = 2

    def taken():
        broker.give(0)
        broker.clock.after(1, lambda: store_elsewhere(broker, warehouse, 5, partition=1))
        broker.clock.after(2, lambda: broker.give(0, 1))

    broker.clock.after(0.005, taken)
    run(broker, warehouse)
    assert sorted(values(warehouse)) == TWENTY


def test_a_rebalance_in_the_middle_repeats_and_loses_nothing(two_partitions, warehouse):
    """After it, Kafka's client is where the group last committed: here, always too early."""
    broker = two_partitions
    broker.most = 3
    broker.commits = [CommitFailedError()] * 100
    broker.script = [None, None, None, lambda: broker.give(1), None, lambda: broker.give(0, 1)]
    run(broker, warehouse)
    assert sorted(values(warehouse)) == TWENTY


# The topic changes.


@pytest.mark.parametrize("messages", [2, 8], ids=["shorter", "longer"])
def test_a_topic_made_anew_is_read_from_its_start_under_its_new_id(broker, warehouse, caplog, messages):
    broker.send(*range(5))
    broker.clock.after(2, lambda: broker.make_anew())
    broker.clock.after(8, lambda: broker.send(*range(10, 10 + messages)))
    run(broker, warehouse, idle_timeout=15)
    assert values(warehouse) == [*range(5), *range(10, 10 + messages)]
    assert warehouse.next_offsets("id-1") == {0: 5}
    assert warehouse.next_offsets("id-2") == {0: messages}
    assert warehouse.query("SELECT * FROM gaps") == []
    assert caplog.text.count("was recreated") == 1


def test_one_made_anew_and_as_long_is_noticed_by_its_id(broker, warehouse):
    """Nothing comes, and nothing is out of range."""
    broker.send(*range(5))
    broker.clock.after(2, lambda: broker.make_anew(*range(10, 15)))
    run(broker, warehouse, idle_timeout=12)
    assert values(warehouse) == [*range(5), *range(10, 15)]


def test_one_made_anew_between_two_runs_too(broker, warehouse):
    broker.send(*range(5))
    run(broker, warehouse)
    broker.make_anew(*range(10, 18))
    run(broker, warehouse)
    assert values(warehouse) == [*range(5), *range(10, 18)]


def test_one_made_anew_and_shorter_is_no_gap(broker, warehouse):
    """The old offset is out of range before the client has heard of the new id."""
    broker.send(*range(5))
    run(broker, warehouse, max_messages=5)
    broker.send(5)
    broker.script = [None, None, None, lambda: broker.make_anew(10, 11)]
    summary = run(broker, warehouse)
    assert values(warehouse) == [*range(6), 10, 11]
    assert (summary.lost_to_retention, warehouse.query("SELECT * FROM gaps")) == (0, [])


# Messages that left the log.

GAPS = 'SELECT topic, topic_id, "partition", first_offset, next_offset FROM gaps'


def test_messages_gone_before_they_were_read_are_a_gap_that_is_said(broker, warehouse, caplog):
    broker.send(*range(10))
    run(broker, warehouse, max_messages=3)
    broker.trim(0, 7)
    summary = run(broker, warehouse)
    assert values(warehouse) == [0, 1, 2, 7, 8, 9]
    assert warehouse.query(GAPS) == [(TOPIC, "id-1", 0, 3, 7)]
    assert (summary.stored, summary.lost_to_retention, summary.lag) == (3, 4, {0: 0})
    assert "the messages from offset 3 up to 6 are no longer in the log; going on at 7" in caplog.text


def test_a_gap_in_one_partition_touches_no_other(two_partitions, warehouse):
    broker = two_partitions
    run(broker, warehouse, max_messages=3)
    broker.trim(0, 7)
    broker.most = 4
    run(broker, warehouse)
    assert sorted(values(warehouse)) == [0, 1, 2, 7, 8, 9, *range(100, 110)]
    assert warehouse.query(GAPS) == [(TOPIC, "id-1", 0, 3, 7)]


def test_messages_gone_before_the_first_was_ever_stored_do_not_stop_it(broker, warehouse):
    """The consumer waits at the start of an empty topic, and is asleep while messages come and go."""

    def while_it_was_asleep():
        broker.send(*range(10))
        broker.trim(0, 6)

    broker.clock.after(2, while_it_was_asleep)
    run(broker, warehouse)
    assert values(warehouse) == [6, 7, 8, 9]


GAP = 'SELECT "partition", first_offset, next_offset, reason FROM gaps ORDER BY id'
LOST_END = "sensor-data, partition 0: Kafka lost the end of the log. What was stored of it, offsets {} to {}"


@pytest.mark.parametrize("sent", [(), (8,), (8, 9), (8, 9, 10), range(8, 20), (3, 8), (0, 1, 2, 3, 4, 5)])
def test_a_log_that_lost_its_end_is_read_on_from_where_it_did(broker, warehouse, caplog, sent):
    """As after a power cut, or on an older data folder: whatever was sent since then is stored."""
    broker.send(*range(5))
    run(broker, warehouse)
    del broker.log[0][3:]
    broker.send(*sent)
    summary = run(broker, warehouse)
    broker.send(30)
    again = run(broker, warehouse)
    assert values(warehouse) == [0, 1, 2, 3, 4, *sent, 30]
    assert warehouse.query(GAP) == [(0, 3, 5, "truncation")]
    assert (summary.truncated, summary.lost_to_retention, again.truncated) == (2, 0, 0)
    assert [text.startswith(LOST_END.format(3, 4)) for text in said(caplog)] == [True]
    assert warehouse.next_offsets(broker.topic_id) == {0: len(broker.log[0])}


@pytest.mark.parametrize("restarted", [True, False], ids=["later", "at once"])
def test_what_was_lost_and_is_sent_again_is_stored_once(broker, warehouse, caplog, restarted):
    """A producer had no answer, and sends it again behind newer messages; it keeps its time."""
    broker.send(*range(5))
    run(broker, warehouse)
    lost = broker.log[0][3:]
    del broker.log[0][3:]
    broker.send(*range(8, 20))
    if restarted:  # another consumer, which knows of it from the warehouse
        run(broker, warehouse)
    broker.log[0] += lost
    broker.send(3)  # as new as can be, though one of the same content was lost
    run(broker, warehouse)
    assert values(warehouse) == [0, 1, 2, 3, 4, *range(8, 20), 3]
    assert warehouse.query(GAP) == [(0, 3, 5, "truncation")]
    assert warehouse.next_offsets(broker.topic_id) == {0: len(broker.log[0])}
    assert "2 messages that Kafka had lost came again; they are stored already." in caplog.text


def test_the_last_one_stored_may_be_older_than_those_before_it(broker, warehouse):
    """It was lost before it was stored, and a producer without an answer sent it again."""
    broker.send(*range(10))
    run(broker, warehouse, max_messages=8)
    late = broker.log[0][8:]
    del broker.log[0][8:]
    broker.send(*range(20, 25))
    broker.log[0] += late
    run(broker, warehouse)
    broker.log[0].pop()
    run(broker, warehouse)
    assert values(warehouse) == [*range(8), *range(20, 25), 8, 9]
    assert warehouse.query(GAP) == [(0, 14, 15, "truncation")]


def test_many_that_come_again_do_not_hide_what_is_new_before_them(broker, warehouse):
    broker.send(*range(3000))
    run(broker, warehouse)
    lost = broker.log[0][400:]
    del broker.log[0][400:]
    broker.send(*range(5000, 5100))
    broker.log[0] += lost
    run(broker, warehouse)
    assert values(warehouse) == [*range(3000), *range(5000, 5100)]


def test_what_was_lost_and_comes_again_as_the_last_leaves_no_lag(broker, warehouse):
    broker.send(*range(5))
    run(broker, warehouse)
    lost = broker.log[0][3:]
    del broker.log[0][3:]
    broker.send(8)
    run(broker, warehouse)
    broker.log[0] += lost
    assert run(broker, warehouse).lag == {0: 0}
    assert values(warehouse) == [0, 1, 2, 3, 4, 8]


def test_a_log_that_loses_its_end_under_the_consumer_is_read_on_from_where_it_did(broker, warehouse):
    broker.send(*range(5))

    def lose() -> None:
        del broker.log[0][3:]
        broker.send(*range(8, 20))
        raise LogTruncationError({place(): None})

    broker.clock.after(1, lambda: broker.script.append(lose))
    summary = run(broker, warehouse)
    assert values(warehouse) == [0, 1, 2, 3, 4, *range(8, 20)]
    assert (summary.truncated, summary.reconnects) == (2, 0)


def test_a_topic_made_anew_during_an_outage_is_no_lost_end(broker, warehouse):
    """The client has not heard of it yet: its messages are read from the first, once."""
    broker.send(*range(5))

    def come_back() -> None:
        broker.make_anew(*range(100, 110))
        broker.away = False

    broker.clock.after(1, lambda: setattr(broker, "away", True))
    broker.clock.after(4, come_back)
    run(broker, warehouse, idle_timeout=10)
    assert values(warehouse) == [*range(5), *range(100, 110)]
    assert warehouse.query(GAP) == []


def test_a_lost_end_in_one_partition_touches_no_other(two_partitions, warehouse):
    broker = two_partitions
    run(broker, warehouse)
    del broker.log[1][4:]
    broker.send(*range(200, 220), partition=1)
    broker.send(b"no reading", partition=1)
    run(broker, warehouse)
    assert sorted(values(warehouse)) == [*TWENTY, *range(200, 220)]
    assert warehouse.query(GAP) == [(1, 4, 10, "truncation")]


def test_a_lost_end_of_thousands_is_found_to_the_message(broker, warehouse):
    broker.send(*range(5000))
    broker.send(b"no reading")
    run(broker, warehouse)
    del broker.log[0][1234:]
    broker.send(*range(6000, 12000))
    run(broker, warehouse)
    assert values(warehouse) == [*range(5000), *range(6000, 12000)]
    assert warehouse.query(GAP) == [(0, 1234, 5001, "truncation")]
    assert warehouse.query('SELECT "offset" FROM dead_letters') == [(5000,)]


def test_dead_letters_of_what_the_log_still_has_are_not_written_twice(broker, warehouse):
    broker.send(0, b"no reading", 1, 2, 3)
    run(broker, warehouse)
    del broker.log[0][3:]
    broker.send(b"again none")
    run(broker, warehouse)
    assert warehouse.query('SELECT "offset", value FROM dead_letters') == [
        (1, b"no reading"),
        (3, b"again none"),
    ]
    assert values(warehouse) == [0, 1, 2, 3]


@pytest.mark.parametrize("sent", [(), range(8, 20)])
def test_a_warehouse_of_an_older_kit_knows_only_where_the_log_ends(broker, warehouse, sent):
    broker.send(*range(5))
    run(broker, warehouse)
    warehouse.execute("UPDATE offsets SET last_offset = NULL, last_timestamp = NULL, last_checksum = NULL")
    del broker.log[0][3:]
    broker.send(*sent)
    run(broker, warehouse)
    assert values(warehouse) == [*range(5), *sent[2:]]
    assert warehouse.query(GAP) == ([] if sent else [(0, 3, 5, "truncation")])


def test_a_mark_that_retention_removed_is_not_missed(broker, warehouse):
    broker.send(*range(5))
    run(broker, warehouse)
    broker.trim(0, 5)
    broker.send(8)
    summary = run(broker, warehouse)
    assert values(warehouse) == [0, 1, 2, 3, 4, 8]
    assert (summary.truncated, warehouse.query(GAP)) == (0, [])


def test_an_error_of_a_sink_comes_out_as_it_is(broker, warehouse):
    """Also one of a type that a broken client raises, and not as an endless row of new clients."""
    broker.send(*range(5))

    def fail() -> None:
        raise KeyError("a bug in a sink")

    with pytest.raises(KeyError, match="a bug in a sink"):
        run(broker, BeforeStore(warehouse, fail))
    assert len(broker.members) == 1


def test_an_offset_that_is_in_range_after_all_is_no_gap(broker, warehouse):
    broker.send(*range(5))
    broker.script = [None, None, OffsetOutOfRangeError({place(): 0})]
    summary = run(broker, warehouse)
    assert values(warehouse) == list(range(5))
    assert (summary.lost_to_retention, warehouse.query(GAPS)) == (0, [])


# Leaving.


def test_settings_that_only_consumers_have_do_not_keep_it_from_leaving(broker, warehouse):
    """Else its partitions would wait for the end of its session."""
    run(broker, warehouse, fetch_max_wait_ms=7)
    assert len(broker.left) == 1


def test_at_the_end_it_leaves_the_group_and_closes_the_client(broker, warehouse):
    broker.send(0, 1)
    broker.commits = [CommitFailedError()]
    run(broker, warehouse, max_messages=2)
    (client,) = broker.clients
    assert broker.left == [(GROUP, client.config["group_instance_id"])]
    assert client.closed_with == (False, 1000)  # it must not commit by itself, nor wait for long
    assert committed(broker) == {0: 2}


def test_without_a_broker_it_ends_soon_as_well(broker, warehouse):
    broker.send(0)
    stop = Stop(broker.clock)
    broker.clock.after(2, lambda: setattr(broker, "away", True))
    broker.clock.after(10, stop.set)
    summary = run(broker, warehouse, stop=stop, idle_timeout=None)
    assert (summary.stored, broker.left) == (1, [])
    assert broker.members[0].closed
    assert summary.seconds < 13


def test_a_broker_that_goes_while_it_leaves_costs_neither_summary_nor_client(broker, warehouse, monkeypatch):
    def nobody_answers(*arguments, **options):
        broker.clock.advance(1)
        return False

    def goes(readings):
        monkeypatch.setattr("lab.clients.connection.is_answering", nobody_answers)

    broker.send(0)
    summary = run(broker, warehouse, max_messages=1, on_stored=goes)
    assert summary.stored == 1
    assert broker.members[0].closed


@pytest.mark.parametrize("method", ["commit", "end_offsets", "close"])
@pytest.mark.parametrize("error", [BROKEN[0], KafkaTimeoutError("late"), FATAL[0][0]], **by_text)
def test_a_client_that_fails_at_the_end_costs_nothing(broker, warehouse, monkeypatch, method, error):
    def fail(self, *arguments, **options):
        self.closed = True
        raise error

    broker.send(0, 1)
    monkeypatch.setattr(FakeConsumer, method, fail)
    assert run(broker, warehouse).stored == 2
    assert broker.members[0].closed
    assert values(warehouse) == [0, 1]


def test_what_it_leaves_is_a_whole_database_in_one_file(broker, path):
    broker.send(*range(5))
    with Warehouse(str(path)) as warehouse:
        run(broker, warehouse)
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


# The warehouse is locked.


@contextmanager
def locked(path):
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield other


def test_a_batch_waits_for_a_locked_warehouse_and_is_stored_once(broker, warehouse, path, caplog):
    broker.send(*range(5))
    with locked(path) as other:
        broker.clock.after(60, lambda: other.execute("ROLLBACK"))
        summary = run(broker, warehouse, idle_timeout=None, max_messages=5)
    assert values(warehouse) == list(range(5))
    assert (summary.stored, summary.fenced) == (5, 0)
    assert caplog.text.count("trying until it clears") == 1


def test_stopped_while_the_warehouse_is_locked_it_ends_without_the_batch(broker, warehouse, path):
    broker.send(*range(5))
    stop, heard = Stop(broker.clock), []
    broker.clock.after(10, stop.set)
    with locked(path):
        summary = run(broker, warehouse, stop=stop, on_stored=heard.extend)
    assert (summary.processed, heard, values(warehouse)) == (0, [], [])
    assert committed(broker) == {}
    assert summary.seconds < 12
    assert run(broker, warehouse).stored == 5
    assert values(warehouse) == list(range(5))


# Anything, in any order.


class Chance:
    """Messages and faults at each poll and each write, and what they should come to."""

    def __init__(self, broker: FakeBroker, warehouse: Warehouse, stop: Stop):
        self.broker, self.warehouse, self.stop = broker, warehouse, stop
        self.sink, self.numbers, self.lost = BeforeStore(warehouse), count(), Counter()

    def send(self, partition: int, number: int) -> None:
        self.broker.send(*[next(self.numbers) for _ in range(number)], partition=partition)

    def send_bad(self, partition: int, number: int) -> None:
        self.broker.send(*[b"bad %d" % next(self.numbers) for _ in range(number)], partition=partition)

    def break_client(self, partition: int, number: int) -> None:
        self.broker.script.insert(0, BROKEN[number % len(BROKEN)])

    def disturb(self, partition: int, number: int) -> None:
        self.broker.script.insert(0, KafkaConnectionError("a moment"))

    def fail_to_commit(self, partition: int, number: int) -> None:
        self.broker.commits += [CommitFailedError()] * number

    def store_elsewhere(self, partition: int, number: int) -> None:
        store_elsewhere(self.broker, self.warehouse, number, partition)

    def store_elsewhere_first(self, partition: int, number: int) -> None:
        self.sink.acts.append(lambda: self.store_elsewhere(partition, number))

    def give(self, partition: int, number: int) -> None:
        self.broker.give(*{partition, number % 3})

    def give_before_store(self, partition: int, number: int) -> None:
        self.sink.acts.append(lambda: self.broker.give_now(*{partition, number % 3}))

    def trim(self, partition: int, number: int) -> None:
        """What was not stored yet is lost, and Kafka's doing."""
        first = self.warehouse.next_offsets("id-1").get(partition, 0)
        start = min(first + number, len(self.broker.log[partition]))
        first = max(first, self.broker.start[partition])
        self.lost.update(value for _, value in self.broker.log[partition][first:start])
        self.broker.trim(partition, start)

    def stop_it(self, partition: int, number: int) -> None:
        self.stop.set()


WHAT = sorted(name for name, thing in vars(Chance).items() if inspect.isfunction(thing) and name[0] != "_")
happenings = st.lists(
    st.tuples(st.sampled_from(["send", "send", "send", *WHAT]), st.integers(0, 2), st.integers(1, 6)),
    max_size=25,
)


@pytest.mark.broker
@settings(max_examples=120, deadline=None, derandomize=True)
@given(happenings, st.integers(1, 8))
def test_whatever_happens_each_message_is_stored_once(tmp_path_factory, happenings, most):
    path = tmp_path_factory.mktemp("chance") / "warehouse.db"
    with fake_kafka(partitions=3) as broker, Warehouse(str(path)) as warehouse:
        stop = Stop(broker.clock)
        chance = Chance(broker, warehouse, stop)
        broker.most = most
        broker.script = [
            lambda what=what, arguments=arguments: getattr(chance, what)(*arguments)
            for what, *arguments in happenings
        ]
        for partition in range(3):
            chance.send(partition, 4)
        while broker.script:
            run(broker, chance.sink, stop=stop, idle_timeout=8)
            stop.clear()
        broker.give(0, 1, 2)
        run(broker, warehouse, idle_timeout=8)

        sent = Counter(value for log in broker.log.values() for _, value in log)
        stored = warehouse.query("SELECT sensor_id, val, unit, status, ts FROM sensor_logs")
        dead = warehouse.query("SELECT value FROM dead_letters")
        good, bad = (
            Counter({value: n for value, n in (sent - chance.lost).items() if (value[0] == 123) is is_good})
            for is_good in (True, False)
        )
        assert Counter(stored) == Counter(row(decode_reading(value)) for value in good.elements())
        assert Counter(value for (value,) in dead) == bad
        offsets = broker.start | warehouse.next_offsets("id-1")
        assert offsets == {partition: len(log) for partition, log in broker.log.items()}


def test_consumers_hold_their_name_while_they_run(broker, warehouse):
    names = []

    def meanwhile(readings):
        with static_member(GROUP, warehouse.identity) as other:
            names.append(other)

    broker.send(0)
    run(broker, warehouse, on_stored=meanwhile)
    assert names != [broker.members[0].config["group_instance_id"]]
