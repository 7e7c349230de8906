"""A fake of Kafka's clients: what the stages use of them and no more, on a clock that a test drives."""

import inspect
import sys
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, OffsetAndMetadata, TopicPartition
from kafka.consumer.fetcher import ConsumerRecord
from kafka.errors import (
    IllegalStateError,
    KafkaConfigurationError,
    KafkaError,
    KafkaTimeoutError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
    UnknownTopicOrPartitionError,
)
from kafka.future import Future
from kafka.structs import OffsetAndTimestamp

from lab.readings import Reading, encode_reading

TOPIC, GROUP, SERVERS = "sensor-data", "sensor-logs", "fake:9092"


START = datetime(2026, 1, 1, tzinfo=UTC)


BEGINNING = -2  # a position that the next poll looks up


class Clock:
    """Time that passes only when somebody waits; what is planned for then happens."""

    def __init__(self):
        self.now, self.looks, self.plans = time.monotonic(), 0, []

    def monotonic(self) -> float:
        self.looks += 1
        assert self.looks < 20_000, "it goes on for ever"
        return self.now

    def time(self) -> float:
        """Seconds since 1970."""
        return 1.7e9 + self.now

    def after(self, seconds: float, act: Callable) -> None:
        self.plans.append((self.now + seconds, act))

    def advance(self, seconds: float) -> None:
        self.now += seconds
        for plan in [plan for plan in self.plans if plan[0] <= self.now]:
            self.plans.remove(plan)
            plan[1]()


class Stop(threading.Event):
    """A stop event on that clock, which remembers how long it was waited for."""

    def __init__(self, clock: Clock):
        super().__init__()
        self.clock, self.waits = clock, []

    def wait(self, timeout=None) -> bool:
        if not self.is_set():
            self.waits.append(timeout)
            self.clock.advance(timeout)
        return self.is_set()


class Message(tuple):
    """(key, value), and when it was sent: no two at one time."""

    timestamp: int


class FakeBroker:
    """One topic in memory, what the group committed, and what happens at the next polls."""

    def __init__(self, partitions: int):
        self.clock = Clock()
        self.topic_id, self.sent = "id-1", 0
        self.log = {n: [] for n in range(partitions)}  # [(key, value), ...]: its offset is its place
        self.start = dict.fromkeys(range(partitions), 0)  # the first offset that is still there
        self.owned, self.generation = None, 1  # the partitions of our member (None: all)
        self.committed: dict[TopicPartition, OffsetAndMetadata] = {}
        self.most = 500  # messages in one poll
        self.script: list[BaseException | Callable | None] = []  # one for each poll
        self.refusals: list[Exception] = []  # one for each new client
        self.away, self.answered = False, []
        self.commits: list[Exception] = []  # one for each asynchronous commit
        self.clients: list[FakeConsumer] = []
        self.left: list[tuple[str, str]] = []  # (group, member) that gave their partitions up
        self.exists, self.state = True, "Stable"  # the topic; the group
        self.others: list[int] = []  # the partitions of another member
        self.others_warehouse = ""  # the end of its name, if it stores elsewhere than ours
        self.counted: list[int] = []  # what the group says is ours, though our client does not know it
        self.dropped = False  # our member, by the group
        self.looks = 0  # at the group
        self.limits: list[int] = []  # the most messages that each poll asked for

    @property
    def members(self) -> list["FakeConsumer"]:
        """The clients that joined the group, not those that only looked."""
        return [client for client in self.clients if client.config.get("group_id")]

    def send(self, *messages: int | bytes | None, partition: int = 0, key: bytes = b"key") -> None:
        """A number becomes the reading with that value."""
        for message in messages:
            value = encode_reading(reading(message)) if isinstance(message, int) else message
            sent = Message((key, value))
            sent.timestamp = self.sent = self.sent + 1
            self.log[partition].append(sent)

    def since(self, partition: TopicPartition, timestamp: int) -> OffsetAndTimestamp | None:
        """The first message of that time or later."""
        log, start = self.log[partition.partition], self.start[partition.partition]
        times = enumerate((message.timestamp for message in log[start:]), start)
        found = (OffsetAndTimestamp(offset, time, -1) for offset, time in times if time >= timestamp)
        return next(found, None)

    def trim(self, partition: int, start: int) -> None:
        """Retention: what comes before `start` is gone."""
        self.start[partition] = max(self.start[partition], min(start, len(self.log[partition])))

    def make_anew(self, *messages: int) -> None:
        self.topic_id = f"id-{int(self.topic_id[3:]) + 1}"
        self.log = {n: [] for n in self.log}
        self.start = dict.fromkeys(self.log, 0)
        self.send(*messages)

    def give(self, *partitions: int) -> None:
        """A rebalance: these are our member's, from its next poll on."""
        self.owned, self.generation = partitions, self.generation + 1

    def give_now(self, *partitions: int) -> None:
        """A rebalance on the client's own thread, while ours is busy."""
        self.give(*partitions)
        if not self.members[-1].closed:
            self.members[-1]._join()

    def is_answering(self, bootstrap_servers, timeout=1.0, security_protocol="PLAINTEXT"):
        self.answered.append((bootstrap_servers, security_protocol))
        if self.away:
            self.clock.advance(timeout)
        return not self.away


class FakeCluster:
    """What a client believes of the topic: as old as its last look."""

    def __init__(self, broker: FakeBroker):
        self.broker = broker
        self.look()

    def look(self) -> None:
        self.looked, self.id = self.broker.clock.now, self.broker.topic_id

    def topic_id(self, topic_name):
        return self.id


class FakeConsumer:
    """`KafkaConsumer`, as far as the kit uses it."""

    broker: FakeBroker
    DEFAULT_CONFIG = KafkaConsumer.DEFAULT_CONFIG

    def __init__(self, *topics, **configs):
        unknown = set(configs) - set(self.DEFAULT_CONFIG)
        if unknown:
            raise KafkaConfigurationError(f"Unrecognized configs: {unknown}")
        self.config, self.closed = configs, False
        self.positions: dict[TopicPartition, int | None] = {}  # of the partitions assigned
        self.ends: dict[TopicPartition, int] = {}
        self.generation, self.listener = 0, None
        self._cluster, self._net = FakeCluster(self.broker), SimpleNamespace(_io_thread=None)
        self.broker.clients.append(self)
        if self.broker.refusals:
            raise self.broker.refusals.pop(0)

    def __enter__(self):
        return self

    def __exit__(self, exc_type, exc_val, exc_tb):
        self.close(autocommit=exc_type is None)

    def subscribe(self, topics=(), pattern=None, listener=None):
        assert topics == [TOPIC]
        self.listener = listener

    def assign(self, partitions):
        self.positions = dict.fromkeys(partitions)
        self.generation = self.broker.generation

    def assignment(self):
        return set(self.positions)

    def poll(self, timeout_ms=0, max_records=None, update_offsets=True):
        if self.closed:
            raise IllegalStateError("KafkaConsumer is closed")
        broker = self.broker
        if not self.config.get("group_id"):  # one that only looks
            return self._fetch(500)
        if max_records <= 0:
            raise ValueError("max_records must be positive")
        broker.limits.append(max_records)
        act = broker.script.pop(0) if broker.script else None
        if getattr(act, "retriable", False):
            raise act
        if callable(act):
            act()
        if broker.away:
            broker.clock.advance(timeout_ms / 1000)
            return {}
        if broker.clock.now - self._cluster.looked >= self.config["metadata_max_age_ms"] / 1000:
            self._cluster.look()
        if self.generation != broker.generation:
            self._join()
        if isinstance(act, BaseException):
            with suppress(KafkaError):  # the client has gone past messages that nobody gets
                self._find_positions()
                self._fetch(min(max_records, broker.most))
            raise act
        self._find_positions()
        polled = self._fetch(min(max_records, broker.most))
        broker.clock.advance(0.001 if polled else timeout_ms / 1000)
        return polled

    def _join(self) -> None:
        broker = self.broker
        owned = broker.log if broker.owned is None else broker.owned
        if self.positions:
            self.listener.on_partitions_revoked(set(self.positions))
        self.positions = {TopicPartition(TOPIC, n): None for n in owned}
        self.generation = broker.generation
        self.listener.on_partitions_assigned(set(self.positions))

    def _find_positions(self) -> None:
        broker = self.broker
        for partition, position in self.positions.items():
            if position is None and partition in broker.committed:
                self.positions[partition] = broker.committed[partition].offset
            if position == BEGINNING:
                self.positions[partition] = broker.start[partition.partition]
        missing = {partition for partition, position in self.positions.items() if position is None}
        if missing:
            assert self.config["auto_offset_reset"] == "none"
            raise NoOffsetForPartitionError(missing)

    def _fetch(self, left: int) -> dict[TopicPartition, list[ConsumerRecord]]:
        polled = {}
        for partition, first in self.positions.items():
            log, start = self.broker.log[partition.partition], self.broker.start[partition.partition]
            if not start <= first <= len(log):
                if polled:
                    break  # raised at the next poll
                raise OffsetOutOfRangeError({partition: first})
            self.ends[partition] = len(log)
            there = range(first, min(len(log), first + left))
            records = [record(partition, offset, *log[offset], log[offset].timestamp) for offset in there]
            if records:
                polled[partition] = records
                self.positions[partition] = records[-1].offset + 1
                left -= len(records)
        return polled

    def seek(self, partition, offset):
        if partition not in self.positions:
            raise ValueError("Unassigned partition")
        self.positions[partition] = offset

    def seek_to_beginning(self, *partitions):
        for partition in partitions:
            self.seek(partition, BEGINNING)

    def topics(self):
        self._cluster.look()
        return {TOPIC}

    def partitions_for_topic(self, topic):
        return set(self.broker.log)

    def beginning_offsets(self, partitions, timeout_ms=None):
        return {partition: self.broker.start[partition.partition] for partition in partitions}

    def offsets_for_times(self, timestamps, timeout_ms=None):
        return {partition: self.broker.since(partition, since) for partition, since in timestamps.items()}

    def end_offsets(self, partitions, timeout_ms=None):
        return {partition: len(self.broker.log[partition.partition]) for partition in partitions}

    def position(self, partition, timeout_ms=None):
        if partition not in self.positions:
            raise IllegalStateError("Partition is not assigned")
        position = self.positions[partition]
        return None if position == BEGINNING else position

    def highwater(self, partition):
        if partition not in self.positions:
            raise IllegalStateError("Partition is not assigned")
        return self.ends.get(partition)

    def commit(self, offsets=None, timeout_ms=None):
        if self.broker.away:
            self.broker.clock.advance(timeout_ms / 1000)
            raise KafkaTimeoutError("no coordinator")
        self.broker.committed |= offsets

    def commit_async(self, offsets=None, callback=None):
        if self.broker.commits:
            return Future().failure(self.broker.commits.pop(0))
        if not self.broker.away:
            self.broker.committed |= offsets
        return Future().success(None)

    def close(self, autocommit=True, timeout_ms=None):
        self.closed = True
        self.closed_with = autocommit, timeout_ms


class FakeAdmin:
    """`KafkaAdminClient`, with which a member leaves."""

    broker: FakeBroker
    DEFAULT_CONFIG = KafkaAdminClient.DEFAULT_CONFIG

    def __init__(self, **configs):
        unknown = set(configs) - set(self.DEFAULT_CONFIG)
        if unknown:
            raise KafkaConfigurationError(f"Unrecognized configs: {unknown}")

    def __enter__(self):
        return self

    def __exit__(self, exc_type, exc_val, exc_tb):
        pass

    def describe_topics(self, topics=None):
        error_code = 0 if self.broker.exists else UnknownTopicOrPartitionError.errno
        partitions = [{"partition_index": number} for number in self.broker.log]
        return [{"error_code": error_code, "partitions": partitions} for _ in topics]

    def describe_groups(self, group_ids, group_coordinator_id=None, include_authorized_operations=False):
        self.broker.looks += 1
        ours = self.broker.members[-1]
        partitions = [place.partition for place in ours.positions] + self.broker.counted
        name = ours.config["group_instance_id"]
        other = f"somebody-else-{self.broker.others_warehouse or name.rpartition('-')[2]}"
        members = [
            {
                "group_instance_id": instance,
                "member_metadata": {"topics": [TOPIC]},
                "member_assignment": self._assignment(some),
            }
            for instance, some in ((name, partitions), (other, self.broker.others))
        ]
        members = members[self.broker.dropped :]
        return {group: {"group_state": self.broker.state, "members": members} for group in group_ids}

    def _assignment(self, partitions: list[int]) -> dict | str:
        if self.broker.state != "Stable":
            return ""  # there is none, and kafka-python does not decode it
        topics = [{"topic": TOPIC, "partitions": partitions}] if partitions else []
        return {"assigned_partitions": topics}

    def remove_group_members(self, group_id, members, group_coordinator_id=None):
        assert not self.broker.members[-1].closed, "first it leaves, then it closes"
        self.broker.left += [(group_id, member.group_instance_id) for member in members]


def reading(number: int) -> Reading:
    return Reading(f"sensor-{number % 3}", number, "°C", "OK", START + timedelta(minutes=number))


def record(
    partition: TopicPartition, offset: int, key: bytes, value: bytes | None, timestamp: int
) -> ConsumerRecord:
    values = {"offset": offset, "key": key, "value": value, "timestamp": timestamp}
    return ConsumerRecord(*partition, *[values.get(name) for name in ConsumerRecord._fields[2:]])


def same_signatures(fake: type, real: type) -> set[str]:
    """The names of the methods of a fake, each compared with the real one."""
    methods = {name for name, thing in vars(fake).items() if inspect.isfunction(thing)}
    methods = {name for name in methods if name.endswith("__") or not name.startswith("_")}
    methods.discard("__annotate_func__")  # Python 3.14 makes it for the annotations of a class
    for name in methods:
        assert inspect.signature(getattr(fake, name)) == inspect.signature(getattr(real, name)), name
    return methods


@contextmanager
def in_place_of_kafka(broker, **fakes: type):
    """Within the block the stages have these fakes of that broker for Kafka's clients, and its clock."""
    stages = [name for name in sys.modules if name in ("lab.consumer", "lab.producer") or ".clients." in name]
    with pytest.MonkeyPatch.context() as patch:
        for fake in fakes.values():
            patch.setattr(fake, "broker", broker, raising=False)
        replaced = {**fakes, "is_answering": broker.is_answering, "time": broker.clock}
        for module in (sys.modules[name] for name in stages if name.startswith("lab.")):
            for name in replaced.keys() & vars(module).keys():
                patch.setattr(module, name, replaced[name])
        yield broker


@contextmanager
def fake_kafka(partitions: int = 1):
    """Within the block the consumer has the fake for Kafka."""
    fakes = {"KafkaConsumer": FakeConsumer, "KafkaAdminClient": FakeAdmin}
    with in_place_of_kafka(FakeBroker(partitions), **fakes) as broker:
        yield broker
