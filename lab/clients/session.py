"""How does a consumer go on after a fault? It closes its client, and makes a new one."""

import logging
import time
from collections.abc import Callable
from contextlib import suppress

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import (
    FencedInstanceIdError,
    InconsistentGroupProtocolError,
    LogTruncationError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
)

from lab.clients.auth_errors import explain_rights
from lab.clients.connection import is_answering, wait_until_answering
from lab.clients.membership import Group, Rebalances
from lab.clients.offsets import ask_lag, known_lag, to_commit
from lab.clients.positions import Positions, Records
from lab.clients.readers import BROKEN, DAMAGED, FATAL, join_group
from lab.clients.summaries import ConsumeSummary
from lab.clients.unreadable import explain_unreadable
from lab.clients.watchdog import Watchdog
from lab.databases.sink import SinkError
from lab.errors import BrokerError, GroupError, LabError
from lab.readings import Batch

log = logging.getLogger("lab")
POLL_MS = 200
COMMIT_SECONDS = 0.1  # the minimum between two commits
HEALTHY_SECONDS = 5.0  # after this time, a failure no longer counts as a repetition of the last one
CLOSE_MS = 500
Store = Callable[[list[Batch]], object]


class Session:
    """A client of a consumer group that is replaced whenever it fails.

    `store` writes the batches that have no message, such as gaps; see `Positions`.
    """

    def __init__(self, group: Group, positions: Positions, summary: ConsumeSummary, store: Store):
        self.group, self.topic, self.kafka = group, group.topic, group.kafka
        self.servers = self.kafka["bootstrap_servers"]
        self.protocol = self.kafka.get("security_protocol", "PLAINTEXT")
        self.positions, self.stop, self.summary, self.store = positions, positions.stop, summary, store
        self.client: KafkaConsumer | None = None
        self.rebalances = Rebalances(self.topic, positions.needs_seek)
        self.watchdog = Watchdog(group, positions, self.kafka)
        self.failures, self.last_failure = 0, 0.0  # in a row
        self.commit_due, self.last_commit = False, 0.0

    def poll(self, max_records: int, timeout: float | None) -> Records:
        """Records that follow the stored offsets; none if it had to seek or to make a client first.

        `timeout`: the seconds to wait for a broker if there is no client. Raises the errors that another try
        does not fix: AccessError, GroupError, UnreadableError, and errors of the sink.
        """
        try:
            if self.client:
                return self._poll(self.client, max_records)
            self._open(timeout)
        except FATAL as error:
            raise explain(error, self.group) from error
        except BROKEN as error:
            self._recover(error)
        except (LabError, SinkError):
            raise
        except Exception:  # the client's decoder can raise anything at damaged bytes
            raise_if_unreadable(self.positions)
            raise
        return {}

    def _poll(self, client: KafkaConsumer, max_records: int) -> Records:
        polled = {}
        try:
            polled = client.poll(POLL_MS, max_records=max_records)
        except NoOffsetForPartitionError:
            pass  # the client has no position yet; `follow` seeks
        except OffsetOutOfRangeError as error:
            self.positions.find(client, list(error.args[0]))
        except LogTruncationError as error:
            self.positions.needs_seek.extend(error.divergent_offsets)  # the marks tell where
        except DAMAGED:
            # The unreadable message may be at the committed offset and already skipped: seek first.
            if not self.positions.needs_seek:
                raise
        if self.rebalances.assignments:
            self.group.check_members()
            self.summary.add_rebalances(*self.rebalances.report())
        if not polled:
            self.positions.find_ends(client)
        if passed := self.positions.take_passed():
            self.store(passed)
        if not polled:
            self.commit()
            self.watchdog.probe(client)
        return self.positions.follow(client, polled)

    def note_stored(self, batch: Batch) -> None:
        """Record that a batch is in the warehouse."""
        self.positions.advance(batch)
        self.watchdog.record_came()
        self.commit_due = True

    def note_fenced(self, batch: Batch) -> None:
        """Go back to the stored offset, because another consumer stored these messages first."""
        self.positions.needs_seek.append(TopicPartition(self.topic, batch.partition))
        self.watchdog.record_came()

    def commit(self) -> None:
        """Commit the stored offsets a few times a second, for the tools that show the lag."""
        if self.client and self.commit_due and time.monotonic() - self.last_commit >= COMMIT_SECONDS:
            self.commit_due, self.last_commit = False, time.monotonic()
            with suppress(*BROKEN):  # if the client is broken, the next poll raises it as well
                self.client.commit_async(to_commit(self.positions.stored))

    def _open(self, timeout: float | None) -> None:
        """Make a client that has joined the group, unless it is stopped while the broker is away."""
        try:
            if not wait_until_answering(
                self.servers, stop=self.stop, timeout=timeout, security_protocol=self.protocol
            ):
                return
        except BrokerError:
            return  # the idle time is over
        self.positions.needs_seek.clear()
        self.rebalances.revoked_at = None
        self.client = join_group(
            self.topic, self.group.group_id, self.group.member, self.rebalances, **self.kafka
        )
        self.watchdog.client_was_made()

    def _recover(self, error: Exception) -> None:
        """Wait a little. Unless the error is retriable, also close the client."""
        if time.monotonic() - self.last_failure > HEALTHY_SECONDS:
            self.failures = 0
        if not getattr(error, "retriable", False):
            if isinstance(error, FencedInstanceIdError):
                self.group.rename()
            else:
                if self.failures or isinstance(error, DAMAGED):
                    raise_if_unreadable(self.positions)
                log.warning("Kafka client failed (%s): making a new one.", error)
            self.summary.reconnects += 1
            self._discard()
        else:
            # Records that the client had fetched may be lost: seek, so that they are read again.
            self.positions.needs_seek.extend(self.client.assignment() if self.client else ())
            if self.failures == 1 and self._all_answer():
                log.warning("Kafka at %s answers, but not as asked: %s. Trying again.", self.servers, error)
        self.failures += 1
        self.stop.wait(min(0.05 * 2 ** min(self.failures, 10), 5))
        self.last_failure = time.monotonic()

    def _all_answer(self) -> bool:
        """Whether each address does: of a cluster, a dead broker explains an error."""
        servers = self.servers.split(",")
        return all(is_answering(server, security_protocol=self.protocol) for server in servers)

    def _discard(self) -> None:
        client, self.client = self.client, None
        self.positions.clear()
        try:
            if client:
                client.close(autocommit=False, timeout_ms=1000)
        except BROKEN as error:
            log.debug("A broken client did not close: %s", error)

    def close(self) -> None:
        """Commit and read the lag while the broker is there, then leave the group and close the client."""
        if self.client and is_answering(self.servers, security_protocol=self.protocol):
            try:
                if offsets := to_commit(self.positions.stored):
                    self.client.commit(offsets, timeout_ms=CLOSE_MS)
                self.summary.lag = ask_lag(self.client, self.positions.stored, CLOSE_MS)
                self.group.leave()
            except BROKEN as error:
                log.debug("The client closes without leaving the group: %s", error)
        self._discard()

    def note_lag(self) -> None:
        """Record the lag that the client knows, without a request."""
        if self.client:
            self.summary.lag = known_lag(self.client, self.positions.stored)


def explain(error: Exception, group: Group) -> Exception:
    """The error for a FATAL one, with what to do about it."""
    if isinstance(error, InconsistentGroupProtocolError):
        return GroupError(
            f"The members of group {group.group_id} share out their partitions in another way: they are "
            "another program. Take a group of your own: LAB_GROUP, or --group."
        )
    return explain_rights(error, "READ", group.topic, group.group_id) or error


def raise_if_unreadable(positions: Positions) -> None:
    """Raise UnreadableError if the next message in the log is the cause, and not the client."""
    with suppress(*BROKEN):  # Kafka cannot be asked now
        if reason := explain_unreadable(positions.stored, **positions.kafka):
            raise reason
    positions.distrust_marks()
