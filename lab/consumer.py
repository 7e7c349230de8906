"""How do readings get out of Kafka? Poll, check, store, and go on after any fault.

The place reached in the log is the warehouse's, not Kafka's: it is written in the transaction of
the rows, and every start, rebalance or fault goes back to it. What is committed to Kafka, after
that, only serves tools that show the lag.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

from kafka import (
    ConsumerRebalanceListener,
    KafkaAdminClient,
    KafkaConsumer,
    OffsetAndMetadata,
    TopicPartition,
)
from kafka.admin import MemberToRemove
from kafka.errors import (
    AuthorizationError,
    CorruptRecordError,
    FencedInstanceIdError,
    IllegalStateError,
    InconsistentGroupProtocolError,
    KafkaConfigurationError,
    KafkaError,
    KafkaTimeoutError,
    LogTruncationError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
    SaslAuthenticationFailedError,
    UnsupportedCodecError,
)

from lab.clients.access import explain_rights
from lab.clients.connection import (
    admin_config,
    connect,
    is_answering,
    make_client,
    wait_until_answering,
)
from lab.clients.members import another_name, consumers_of, static_member, strangers
from lab.clients.truncation import ASK_MS, READER, first_difference, mark
from lab.clients.unreadable import explain_unreadable
from lab.clients.workarounds import ConsumerRecord, free_late_callers, topic_id
from lab.errors import BrokerError, GroupError, InvalidReading, LabError, TopicError
from lab.readings import Batch, DeadLetter, Gap, Mark, Reading, decode_reading
from lab.system.signals import stop_on_signals

log = logging.getLogger("lab")
POLL_MS = 200
PATIENCE = 5.0  # seconds without a message, until we look whether there are any; doubled each time
MAX_POLL_RECORDS = 2000
LEAST_IDLE = 0.5  # seconds: less is shorter than some polls
COMMIT_SECONDS = 0.1  # at least, between two commits to Kafka
SESSION_MS = 6000  # so long a dead member keeps its partitions
JOIN_SECONDS = 8.0  # within this a consumer has partitions, if there are any for it
HEALTHY_SECONDS = 5.0  # a client that lived so long did not fail as the one before it did
SETTLED_SECONDS = 3.0  # a group on a busy machine takes so long to share out its partitions
FENCES = 3  # until we look whether another group is behind them
# What a broken client raises: once its own thread is dead, whatever killed that, at every call.
# KeyError: it was asked for a partition that is gone. BrokerError: the broker left as we asked it.
BROKEN = (KafkaError, ValueError, OSError, RuntimeError, KeyError, BrokerError)
# Trying again would not help.
FATAL = (
    AuthorizationError,
    SaslAuthenticationFailedError,
    KafkaConfigurationError,
    InconsistentGroupProtocolError,
)


class Sink(Protocol):
    """What a consumer needs of a warehouse; see `lab.warehouse`."""

    @property
    def identity(self) -> str: ...
    def positions(self, topic_id: str, stop: threading.Event) -> dict[int, tuple[int, Mark | None]]: ...
    def which_are_stored(
        self, topic: str, partition: int, messages: Sequence[Reading | DeadLetter]
    ) -> list[bool]: ...
    def store(
        self, topic: str, topic_id: str, batches: list[Batch], stop: threading.Event
    ) -> set[int] | None: ...
    def reopen_if_lost(self, stop: threading.Event) -> bool: ...
    def note_consumer(self, group_id: str, member: str, **counts: float) -> None: ...
    def running_consumers(self) -> list[tuple[str, str]]: ...


@dataclass
class ConsumeSummary:
    """What a consumer did, or is doing. Each message it processed is stored or a dead letter."""

    stored: int = 0
    dead_letters: int = 0
    fenced: int = 0  # messages that another consumer had stored first
    lost_to_retention: int = 0  # messages that left the log before they were read
    truncated: int = 0  # offsets that were stored before the log was cut short there
    reconnects: int = 0
    rebalances: int = 0  # how often the group gave this consumer other partitions
    paused: float = 0  # seconds without any, while the group did so
    seconds: float = 0
    lag: dict[int, int] = field(default_factory=dict)  # {partition: messages left unread}

    @property
    def processed(self) -> int:
        """Messages read and put where they belong."""
        return self.stored + self.dead_letters

    @property
    def per_second(self) -> float:
        """Messages processed a second."""
        return self.processed / self.seconds if self.seconds else 0


def consume(
    topic: str,
    warehouse: Sink,
    *,
    group_id: str = "sensor-logs",
    max_messages: int | None = None,
    idle_timeout: float | None = None,
    stop: threading.Event | None = None,
    on_stored: Callable[[list[Reading]], object] | None = None,
    summary: ConsumeSummary | None = None,
    **kafka: Any,
) -> ConsumeSummary:
    """Store every reading of a topic in the warehouse, once.

    Ends after `max_messages`, after `idle_timeout` seconds without a message, on Ctrl-C, or when
    `stop` is set. `on_stored` is called with readings once they are in the warehouse. Pass a
    `summary` to watch its numbers from another thread; it is also what comes back.

    Messages that are no readings become dead letters. While the broker is away, or the warehouse
    locked, it waits and goes on. Raises, where waiting cannot help: AccessError (no right, a wrong
    password), GroupError (it has members that are another program, or that store the topic in another
    warehouse), UnreadableError; and BrokerError if Kafka is away when `idle_timeout` ends it. What a sink
    of your own raises comes out as it is.
    """
    with stop_on_signals(stop) as stop, static_member(group_id, warehouse.identity) as member:
        summary = summary or ConsumeSummary()
        consumer = _Consumer(topic, warehouse, group_id, member, stop, summary, kafka)
        try:
            return consumer.run(max_messages, idle_timeout, on_stored)
        except _SinkError as error:
            raise error.reason from error.reason.__cause__


class _Rebalance(ConsumerRebalanceListener):
    """Notes which partitions came or went, for the loop to take them to the warehouse's offset.

    It runs on the client's own thread, where nothing may block: so it only notes. `given` gets the
    partitions of each assignment, and the seconds for which there were none before it.
    """

    def __init__(self, misplaced: deque[TopicPartition], given: deque[tuple[list[int], float]]):
        self.misplaced, self.given = misplaced, given
        self.taken_at: float | None = None

    def on_partitions_assigned(self, assigned):
        pause = time.monotonic() - self.taken_at if self.taken_at else 0
        self.misplaced.extend(assigned)
        self.given.append((sorted(partition.partition for partition in assigned), pause))

    def on_partitions_revoked(self, revoked):
        self.taken_at = time.monotonic()
        self.misplaced.extend(revoked)


class _SinkError(Exception):
    """A sink raised this: it is not the client's, whatever its type is."""

    def __init__(self, reason: Exception):
        self.reason = reason


class _Sink:
    """A sink whose errors nobody takes for those of Kafka's client: both may be a KeyError."""

    def __init__(self, sink: Sink):
        self._sink = sink

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._sink, name)

        def call(*arguments: Any, **named: Any) -> Any:
            try:
                return method(*arguments, **named)
            except LabError:
                raise
            except Exception as error:
                raise _SinkError(error) from error

        return call


class _Consumer:
    """A client that is made anew when it fails, and what it must know to lose and repeat nothing."""

    def __init__(
        self,
        topic: str,
        warehouse: Sink,
        group_id: str,
        member: str,
        stop: threading.Event,
        summary: ConsumeSummary,
        kafka: dict[str, Any],
    ):
        self.topic, self.stop, self.kafka = topic, stop, kafka
        self.warehouse: Any = _Sink(warehouse)
        self.group_id, self.member = group_id, member
        self.servers = kafka["bootstrap_servers"]
        self.protocol = kafka.get("security_protocol", "PLAINTEXT")
        self.summary = summary
        self.client: KafkaConsumer | None = None
        self.topic_id = ""
        self.expected: dict[TopicPartition, int | None] = {}  # the warehouse's offsets, as we know them
        self.marks: dict[TopicPartition, Mark | None] = {}  # the last message stored before those
        self.unproven: set[TopicPartition] = set()  # whose next message must be the one of the mark
        self.misplaced: deque[TopicPartition] = deque()  # the client may be elsewhere in these
        self.given: deque[tuple[list[int], float]] = deque()  # what rebalances gave us, not yet told
        self.partitions: list[int] | None = None  # what the last one gave us
        self.is_in = False  # whether the group was seen to be one that we can be in
        self.rivals: list[str] = []  # its members of other warehouses, of whom was told
        self.fences, self.told_of_group = 0, False  # so often; that another group does it
        self.untold, self.told_kafka = False, 0.0  # what is stored since; when Kafka was last told
        self.unprovable: set[tuple[TopicPartition, Mark]] = set()  # marks that the log cannot show
        self.failures, self.failed = 0, 0.0  # in a row; when the last one was
        self.idle_timeout: float | None = None
        self.idle_since: float | None = None  # the last message, or the first partitions
        self.heard = self.asked = time.monotonic()  # the last message; the last look why none comes
        self.patience, self.doubts = PATIENCE, 0
        self.told = ""
        self.began = self.noted = time.monotonic()

    def run(
        self,
        max_messages: int | None,
        idle_timeout: float | None,
        on_stored: Callable[[list[Reading]], object] | None,
    ) -> ConsumeSummary:
        """The loop. Its bounds: the count, the idle time, and the stop event."""
        self.idle_timeout = None if idle_timeout is None else max(idle_timeout, LEAST_IDLE)
        try:
            while not self.stop.is_set():
                before = self.summary.processed
                left = MAX_POLL_RECORDS if max_messages is None else max_messages - before
                if left <= 0 or self.is_idle():
                    break
                stored = self.step(min(left, MAX_POLL_RECORDS))
                if self.summary.processed > before:
                    self.idle_since = time.monotonic()
                if stored and on_stored:
                    on_stored(stored)
                if time.monotonic() - self.noted > 1:
                    self.note()
        finally:
            self.close()
            self.note()
        return self.summary

    def idle_seconds_left(self) -> float | None:
        """Until `idle_timeout` ends it. The time it takes to join the group does not count."""
        if self.idle_timeout is None:
            return None
        since, seconds = self.idle_since or self.began, self.idle_timeout
        if self.client and not self.idle_since:
            seconds = max(seconds, JOIN_SECONDS)
        return since + seconds - time.monotonic()

    def is_idle(self) -> bool:
        """Whether no message came for `idle_timeout`. With no broker nobody knows: then BrokerError."""
        left = self.idle_seconds_left()
        if left is None or left > 0:
            return False
        if not is_answering(self.servers, security_protocol=self.protocol):
            raise BrokerError(
                f"No Kafka broker answers at {self.servers}: ended after {self.idle_timeout:g} s without a "
                f"message. {self.summary.stored} readings were stored before. "
                "Start one with 'python -m lab broker start'."
            )
        return True

    def step(self, max_records: int) -> list[Reading]:
        """Poll once, and store what came; returns the readings that were stored."""
        try:
            if not self.client:
                self.client = self.open()
                return []
            polled = self.poll(self.client, max_records)
        except InconsistentGroupProtocolError as error:
            raise GroupError(
                f"The members of group {self.group_id} share out their partitions in another way: they are "
                "another program. Take a group of your own: LAB_GROUP, or --group."
            ) from error
        except FATAL as error:
            raise explain_rights(error, self.topic, self.group_id) or error from error
        except BROKEN as error:
            self.recover(error)
            return []
        except (LabError, _SinkError):
            raise
        except Exception:  # of a decoder, at damaged bytes
            self.raise_if_unreadable()
            raise
        return self.store([self.check(partition, records) for partition, records in polled.items()])

    def poll(self, client: KafkaConsumer, max_records: int) -> dict[TopicPartition, list[ConsumerRecord]]:
        """Messages that follow on what is stored; nothing, where that place had to be found first."""
        polled = {}
        try:
            polled = client.poll(POLL_MS, max_records=max_records)
        except NoOffsetForPartitionError:
            pass  # new to this group: its place is found below
        except OffsetOutOfRangeError as error:
            self.find_place(client, list(error.args[0]))
        except LogTruncationError as error:
            self.misplaced.extend(error.divergent_offsets)  # the marks tell
        if self.given:
            self.look_at_group()
        self.tell_rebalances()
        if not polled:
            self.look_for_marks(client)
            self.pass_control_records(client)
            self.tell_kafka(client)
            self.tell_why_nothing_comes(client)
        moved = self.move_to_stored_offsets(client)
        return {
            partition: following
            for partition, records in polled.items()
            if partition not in moved and (following := self.prove(partition, records))
        }

    def prove(self, partition: TopicPartition, records: list[ConsumerRecord]) -> list[ConsumerRecord]:
        """The messages after the one of the mark, if it is first; none, if another is in its place."""
        last = self.marks.get(partition)
        if partition not in self.unproven or last is None:
            return records
        self.unproven.discard(partition)
        if records[0].offset > last.offset:  # compaction removed it: nothing can be told
            return records
        if mark(records[0]) == last:
            return records[1:]
        self.go_back(partition, last, self.expected[partition] or 0)
        return []

    def check(self, partition: TopicPartition, records: list[ConsumerRecord]) -> Batch:
        """Sort the messages of one partition into readings and dead letters."""
        end = records[-1]
        batch = Batch(partition.partition, self.expected[partition], end.offset + 1, last=mark(end))
        keep = batch.readings.append
        for record in records:
            try:
                keep(decode_reading(record.value))
            except InvalidReading as reason:
                letter = DeadLetter(record.offset, record.key, record.value, str(reason), record.headers)
                batch.dead_letters.append(letter)
        return batch

    def store(self, batches: list[Batch]) -> list[Reading]:
        """Write the batches, then tell Kafka; a fenced partition goes back to the stored offset."""
        fenced = self.warehouse.store(self.topic, self.topic_id, batches, self.stop) if batches else None
        if fenced is None:
            return []  # nothing, or stopped before it could be written: then it comes again
        readings = []
        for batch in batches:
            partition = TopicPartition(self.topic, batch.partition)
            if batch.partition in fenced:
                self.summary.fenced += len(batch)
                self.misplaced.append(partition)
                self.tell_who_fences()
                continue
            self.expected[partition], self.marks[partition] = batch.next_offset, batch.last
            self.summary.stored += len(batch.readings)
            self.summary.dead_letters += len(batch.dead_letters)
            readings += batch.readings
        self.told, self.heard, self.patience, self.doubts = "", time.monotonic(), PATIENCE, 0
        self.untold = True
        if self.client:
            self.tell_kafka(self.client)
        return readings

    def tell_kafka(self, client: KafkaConsumer) -> None:
        """Commit what is stored. A few times a second is enough, for only tools that show lag need it."""
        if self.untold and time.monotonic() - self.told_kafka >= COMMIT_SECONDS:
            self.untold, self.told_kafka = False, time.monotonic()
            with suppress(*BROKEN):  # a client that is broken shows it at the next poll as well
                client.commit_async(self.offsets())

    def move_to_stored_offsets(self, client: KafkaConsumer) -> set[TopicPartition]:
        """Seek wherever the client's place may differ from the warehouse's; returns where it may have."""
        now = topic_id(client, self.topic) or self.topic_id
        if self.warehouse.reopen_if_lost(self.stop) or now != self.topic_id:
            if self.topic_id and now != self.topic_id:
                log.warning("Topic %s was made anew: reading it from its start.", self.topic)
            self.topic_id = now
            self.misplaced.extend(client.assignment())
        if not self.misplaced:
            return set()
        stored = self.warehouse.positions(self.topic_id, self.stop)
        assigned, moved = client.assignment(), set()
        while self.misplaced:
            partition = self.misplaced.popleft()
            moved.add(partition)
            self.unproven.discard(partition)
            if partition not in assigned:
                self.expected.pop(partition, None)
                continue
            offset, last = stored.get(partition.partition, (None, None))
            self.expected[partition], self.marks[partition] = offset, last
            if offset is None:
                client.seek_to_beginning(partition)
            elif last is None or (partition, last) in self.unprovable:
                client.seek(partition, offset)
            else:
                client.seek(partition, last.offset)
                self.unproven.add(partition)
            self.idle_since = self.idle_since or time.monotonic()
        return moved

    def find_place(self, client: KafkaConsumer, partitions: list[TopicPartition]) -> None:
        """The log has no message where we were to read on: it begins later by now, or ends earlier."""
        client.topics()  # asks the broker: perhaps this is another topic of the same name
        if self.move_to_stored_offsets(client):
            return
        firsts = client.beginning_offsets(partitions, timeout_ms=ASK_MS)
        ends = client.end_offsets(partitions, timeout_ms=ASK_MS)
        for partition in partitions:
            stored, last = self.expected[partition], self.marks[partition]
            first, end = firsts[partition], ends[partition]
            if stored is not None and end < stored:
                self.go_back(partition, last, stored, end)
            elif stored is not None and stored < first:
                self.pass_gap(partition, stored, first)
            elif last and last.offset < first:
                self.unprovable.add((partition, last))
            self.misplaced.append(partition)

    def look_for_marks(self, client: KafkaConsumer) -> None:
        """A log that ends just before a mark brings nothing, and no error either."""
        ends: dict[TopicPartition, int] = {}
        if self.unproven:
            with suppress(KafkaTimeoutError):  # the broker is away, or the topic is gone
                ends = client.end_offsets(list(self.unproven), timeout_ms=ASK_MS)
        for partition, end in ends.items():
            last = self.marks[partition]
            if last and end <= last.offset:
                self.go_back(partition, last, self.expected[partition] or 0, end)

    def pass_gap(self, partition: TopicPartition, stored: int, first: int) -> None:
        """Retention removed messages before they were read: record it, and go on behind them."""
        log.warning(
            "%s: the messages from offset %d up to %d are no longer in the log; going on at %d.",
            f"{self.topic}, partition {partition.partition}", stored, first - 1, first,
        )  # fmt: skip
        self.summary.lost_to_retention += first - stored
        self.store([Batch(partition.partition, stored, first, gap=Gap(stored, first, "retention"))])

    def go_back(
        self, partition: TopicPartition, last: Mark | None, stored: int, end: int | None = None
    ) -> None:
        """The log was cut short, and perhaps written anew: go on where it is no longer what was stored."""
        if self.client:
            self.client.topics()  # asks the broker: perhaps this is another topic of the same name
            if (topic_id(self.client, self.topic) or self.topic_id) != self.topic_id:
                self.misplaced.extend(self.client.assignment())
                return
        there, before = end or 0, None
        if last:
            there, before = first_difference(
                partition, last, stored if end is None else min(stored, end),
                self.warehouse.which_are_stored, **self.kafka,
            )  # fmt: skip
        gap = Gap(there, stored, "truncation") if there < stored else None
        if gap:
            log.warning(
                "%s, partition %d: Kafka lost the end of the log. What was stored of it, offsets %d to %d, "
                "stays in the warehouse. What is in the log from offset %d on is new: it is stored as well.",
                self.topic, partition.partition, there, stored - 1, there,
            )  # fmt: skip
            self.summary.truncated += stored - there
        self.store([Batch(partition.partition, stored, there, last=before, gap=gap)])
        self.misplaced.append(partition)

    def pass_control_records(self, client: KafkaConsumer) -> None:
        """Go past the ends of transactions, and aborted messages: else they would count as lag for ever."""
        passed = []
        for partition, offset in self.expected.items():
            if partition in self.unproven or partition in self.misplaced:
                continue
            with suppress(IllegalStateError):  # taken from us just now
                there = client.position(partition, timeout_ms=POLL_MS) or 0
                if there > (offset or 0):
                    last = self.marks[partition]
                    passed.append(Batch(partition.partition, offset, there, last=last))
        if passed:
            self.store(passed)

    def is_left_behind(self) -> bool:
        """Whether another client sees messages that ours does not bring."""
        with connect(KafkaConsumer, timeout=1, **READER | self.kafka) as other:
            there = other.partitions_for_topic(self.topic) or ()
            partitions = [partition for partition in self.expected if partition.partition in there]
            first = other.beginning_offsets(partitions, timeout_ms=1000)
            end = other.end_offsets(partitions, timeout_ms=1000)
        places = {p: first[p] if self.expected[p] is None else self.expected[p] for p in partitions}
        return any(end[p] > place for p, place in places.items())

    def is_forgotten(self) -> bool:
        """Whether the group is settled, and goes on without this consumer, or without some partitions.

        kafka-python (3.0.12) brings a group there: it assigns partitions at the very moment at which it
        learns of the topic, or loses sight of it; it goes on with those it knew of a topic made anew with
        more; and where members join on a busy machine, its heartbeats end, and it notices nothing.
        """
        with self.admin() as admin:
            topic = admin.describe_topics([self.topic])[0]
            group = admin.describe_groups([self.group_id])[self.group_id]
        members = group["members"]
        if topic["error_code"] or group["group_state"] != "Stable" or not members:
            return False
        if self.member not in [member.get("group_instance_id") for member in members]:
            return True
        # What it has by the group's word alone is nobody's.
        has = client.assignment() if (client := self.client) else set()
        owned = {partition.partition for partition in has}
        for member in members:
            if member.get("group_instance_id") != self.member:
                for each in member["member_assignment"]["assigned_partitions"]:
                    owned |= set(each["partitions"]) if each["topic"] == self.topic else set()
        return bool({each["partition_index"] for each in topic["partitions"]} - owned)

    def look_at_group(self) -> None:
        """Refuse to share the topic with who stores it elsewhere; to him who was there first, say it.

        Each looks after it has joined. So of two that come at the same moment one at least sees the other.
        """
        try:
            with self.admin() as admin:
                group = admin.describe_groups([self.group_id])[self.group_id]
        except BROKEN:
            return  # what is wrong shows at the next poll as well
        if group["group_state"] != "Stable":
            return  # it is being shared out again: then we look again
        others = strangers(group, self.topic, self.member)
        if others and not self.is_in:
            raise GroupError(
                f"Group {self.group_id} has a member that stores {self.topic} in another warehouse: "
                f"{others[0]}. Each would get only a part of the messages. End it (one that was killed is "
                "gone after six seconds), or take a group of your own: LAB_GROUP."
            )
        self.is_in = True
        if others and others != self.rivals:
            self.rivals = others
            log.warning(
                "Group %s has a member that stores %s in another warehouse: %s. This one gets only a part of "
                "the messages. Give one of them another group: LAB_GROUP.",
                self.group_id, self.topic, others[0],
            )  # fmt: skip

    def tell_who_fences(self) -> None:
        """Members of one group fence each other while partitions change hands, those of two for ever."""
        self.fences += 1
        if self.fences % FENCES or self.told_of_group:
            return
        others = [each for each in self.warehouse.running_consumers() if each[0] != self.group_id]
        with suppress(*BROKEN), self.admin() as admin:
            for group, member in consumers_of(self.topic, others, admin):
                log.warning(
                    "Fenced %d times: %s of group %s stores %s in the same warehouse. Nothing is stored "
                    "twice, but one group is enough for a warehouse: end the consumers of %s or of %s.",
                    self.fences, member, group, self.topic, group, self.group_id,
                )  # fmt: skip
                self.told_of_group = True
                return

    def open(self) -> KafkaConsumer | None:
        """A client that has joined the group; None if stopped while the broker was away."""
        try:
            left = self.idle_seconds_left()
            if not wait_until_answering(
                self.servers, stop=self.stop, timeout=left, security_protocol=self.protocol
            ):
                return None
        except BrokerError:
            return None  # the time is up, and `is_idle` says so
        client = make_client(
            KafkaConsumer,
            group_id=self.group_id,
            group_instance_id=self.member,
            enable_auto_commit=False,
            **READER,
            session_timeout_ms=SESSION_MS,
            heartbeat_interval_ms=500,  # by it a member hears that another joined
            metadata_max_age_ms=5000,  # a topic made anew is noticed within that time
            # Not the cooperative assignor: it needs two rounds, and with 3.0.12 made holes of 0.5 s where
            # the default makes one of 0.1 s.
            **self.kafka,
        )
        free_late_callers(client)
        self.misplaced.clear()
        self.heard, self.doubts = time.monotonic(), 0
        with suppress(KafkaError):  # what is wrong shows at the first poll as well
            # Else, should the group choose it to share out the partitions, it would know of none.
            client.partitions_for_topic(self.topic)
        try:
            client.subscribe([self.topic], listener=_Rebalance(self.misplaced, self.given))
        except ValueError as error:
            client.close()
            raise TopicError(f"{self.topic!r} cannot be the name of a topic: {error}.") from error
        return client

    def note(self) -> None:
        """How far we are, for those who watch: `status`, and the metrics."""
        self.noted, counts = time.monotonic(), self.summary
        counts.seconds = round(self.noted - self.began, 3)
        if client := self.client:
            for partition, offset in self.offsets().items():
                with suppress(IllegalStateError):  # taken from us just now
                    if end := client.highwater(partition):
                        counts.lag[partition.partition] = max(0, end - offset.offset)
        self.warehouse.note_consumer(
            self.group_id,
            self.member,
            stored=counts.stored,
            dead_letters=counts.dead_letters,
            fenced=counts.fenced,
            reconnects=counts.reconnects,
            seconds=counts.seconds,
        )

    def recover(self, error: Exception) -> None:
        """Wait a little; unless the error passes by itself, also close the client and make a new one."""
        if time.monotonic() - self.failed > HEALTHY_SECONDS:
            self.failures = 0
        if not getattr(error, "retriable", False):
            if isinstance(error, FencedInstanceIdError):
                self.take_another_name()
            else:
                if self.failures or isinstance(error, CorruptRecordError | UnsupportedCodecError):
                    self.raise_if_unreadable()
                log.warning("Kafka client failed (%s): making a new one.", error)
            self.summary.reconnects += 1
            self.discard()
        else:
            # Whatever it had in its hands, it reads on at what is stored.
            self.misplaced.extend(self.client.assignment() if self.client else ())
            if self.failures == 1 and is_answering(self.servers, security_protocol=self.protocol):
                log.warning("Kafka at %s answers, but not as asked: %s. Trying again.", self.servers, error)
        self.failures += 1
        self.stop.wait(min(0.05 * 2 ** min(self.failures, 10), 5))
        self.failed = time.monotonic()

    def raise_if_unreadable(self) -> None:
        """UnreadableError, if it is not the client that fails, but what stands next in the log."""
        with suppress(*BROKEN):  # then Kafka cannot be asked now
            if reason := explain_unreadable(self.expected, **self.kafka):
                raise reason
        # Perhaps what cannot be read is a mark: it was stored, and is not needed.
        self.unprovable |= {(p, last) for p in self.unproven if (last := self.marks[p])}

    def take_another_name(self) -> None:
        """Two with one name would put each other out for ever, as on two machines that are copies."""
        name, self.member = self.member, another_name(self.member)
        log.warning("Another consumer is called %s as well: this one goes on as %s.", name, self.member)

    def discard(self) -> None:
        client, self.client = self.client, None
        self.expected.clear()
        self.unproven.clear()
        try:
            if client:
                client.close(autocommit=False, timeout_ms=1000)
        except BROKEN as error:
            log.debug("A broken client did not close: %s", error)

    def close(self) -> None:
        """Leave in order: offsets and lag while the broker is there, then the group."""
        if self.client and is_answering(self.servers, security_protocol=self.protocol):
            try:
                if offsets := self.offsets():
                    self.client.commit(offsets, timeout_ms=500)
                    ends = self.client.end_offsets(list(offsets), timeout_ms=500)
                    self.summary.lag = {
                        tp.partition: end - offsets[tp].offset for tp, end in sorted(ends.items())
                    }
                self.leave_group()
            except BROKEN as error:
                log.debug("Left without a word to Kafka: %s", error)
        self.discard()

    def leave_group(self) -> None:
        """Give up the partitions at once: by itself a static member keeps them for its session."""
        with self.admin() as admin:
            admin.remove_group_members(self.group_id, [MemberToRemove(group_instance_id=self.member)])

    def admin(self) -> KafkaAdminClient:
        """A client for the group's affairs, without the settings that only consumers know."""
        known = admin_config(self.kafka)
        return connect(KafkaAdminClient, timeout=1, **{"request_timeout_ms": 2 * ASK_MS} | known)

    def offsets(self) -> dict[TopicPartition, OffsetAndMetadata]:
        """What is stored, in the form that Kafka's commits take."""
        return {
            partition: OffsetAndMetadata(offset, "", -1)
            for partition, offset in self.expected.items()
            if offset is not None
        }

    def tell_rebalances(self) -> None:
        """Count the rebalances that changed something, and say what this consumer has now."""
        while self.given:
            partitions, pause = self.given.popleft()
            if self.partitions is None and not partitions:
                continue  # it waits for its first
            if self.partitions is not None and partitions != self.partitions:
                self.summary.rebalances += 1
                self.summary.paused = round(self.summary.paused + pause, 3)
                now = ", ".join(map(str, partitions)) or "none"
                log.warning("The group shared out %s anew: this consumer has partitions %s now,"
                            " after a pause of %.2f s.", self.topic, now, pause)  # fmt: skip
            self.partitions = partitions

    def tell_why_nothing_comes(self, client: KafkaConsumer) -> None:
        """Look once a second, and say each reason once."""
        if time.monotonic() - self.asked < 1:
            return
        self.asked = time.monotonic()
        reason = ""
        if not is_answering(self.servers, security_protocol=self.protocol):
            reason = f"Kafka at {self.servers} is away: waiting until it is back."
        elif not client.assignment():
            if self.asked - self.heard > SETTLED_SECONDS:
                reason = (
                    f"No partition of {self.topic} for this consumer: the other members of group "
                    f"{self.group_id} have them all, or there is no such topic yet. Waiting."
                )
            if self.asked - self.heard > self.patience:
                self.patience *= 2
                if self.is_forgotten():
                    self.leave_group()  # else Kafka would give the same assignment again
                    raise KafkaError("there are partitions, and it has none")
        elif "is away" in self.told:
            log.warning("Kafka is back.")
            self.heard = self.asked
            self.misplaced.extend(client.assignment())  # it may have come back with another log
        elif self.asked - self.heard > self.patience:
            if self.is_forgotten():
                self.patience *= 2
                raise KafkaError("the group goes on without it, or without some partitions")
            if not self.is_left_behind():
                self.patience, self.doubts = 2 * self.patience, 0
            elif self.doubts:
                self.patience *= 2
                raise KafkaError("there are messages, and it brings none")
            else:
                self.doubts = 1  # they may have come just now: look again in a second
        if reason and reason != self.told:
            log.warning(reason)
        self.told = reason
