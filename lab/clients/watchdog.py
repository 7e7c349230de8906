"""Why are there no messages? The topic has no new ones, the broker is away, or the client is stuck."""

import logging
import time
from typing import Any

from kafka import KafkaConsumer
from kafka.errors import KafkaError, TopicAuthorizationFailedError

from lab.clients.connection import connect, is_answering
from lab.clients.membership import Group
from lab.clients.positions import Positions
from lab.clients.readers import READER
from lab.clients.workarounds import is_forbidden

log = logging.getLogger("lab")
PROBE_SECONDS = 1.0  # the time between two probes
SETTLED_SECONDS = 3.0  # a group on a busy machine needs this time to assign its partitions
STALL_SECONDS = 5.0  # after this time without a record, the client is checked; doubled each time


class Watchdog:
    """Checks a client that returns no records, and raises KafkaError if it must be replaced."""

    def __init__(self, group: Group, positions: Positions, kafka: dict[str, Any]):
        self.group, self.positions, self.kafka = group, positions, kafka
        self.servers = kafka["bootstrap_servers"]
        self.protocol = kafka.get("security_protocol", "PLAINTEXT")
        self.last_record = self.last_probe = time.monotonic()
        self.stall_timeout, self.is_suspected = STALL_SECONDS, False
        self.last_warning, self.was_away = "", False

    def record_came(self) -> None:
        """Record that the client and the broker work."""
        self.last_warning, self.was_away = "", False
        self.last_record, self.stall_timeout, self.is_suspected = time.monotonic(), STALL_SECONDS, False

    def client_was_made(self) -> None:
        """Restart the stall timeout for a new client."""
        self.last_record, self.is_suspected = time.monotonic(), False

    def probe(self, client: KafkaConsumer) -> None:
        """Check once a second, and warn once of each reason."""
        if time.monotonic() - self.last_probe < PROBE_SECONDS:
            return
        self.last_probe = time.monotonic()
        silence = self.last_probe - self.last_record
        warning, is_away = "", not is_answering(self.servers, security_protocol=self.protocol)
        if is_away:
            warning = f"Kafka at {self.servers} is away: waiting until it is back."
        elif not client.assignment():
            if is_forbidden(client, self.group.topic):
                raise TopicAuthorizationFailedError(self.group.topic)
            warning = self._check_assignment(silence)
        elif self.was_away:
            log.warning("Kafka is back.")
            self.last_record = self.last_probe
            self.positions.needs_seek.extend(client.assignment())  # its log may have changed
        elif silence > self.stall_timeout:
            self._check_client(client)
        if warning and warning != self.last_warning:
            log.warning(warning)
        self.last_warning, self.was_away = warning, is_away

    def _check_assignment(self, silence: float) -> str:
        """The warning about a client that has no partition; empty while it may still get one."""
        if silence > self.stall_timeout:
            self.stall_timeout *= 2
            if self.group.leaves_partitions_unread(None):
                self.group.leave()  # otherwise the coordinator would repeat the same assignment
                raise KafkaError("there are unassigned partitions, but it has none")
        if silence <= SETTLED_SECONDS:
            return ""
        return (
            f"No partition of {self.group.topic} for this consumer: the other members of group "
            f"{self.group.group_id} have them all, or there is no such topic yet. Waiting."
        )

    def _check_client(self, client: KafkaConsumer) -> None:
        """Raise KafkaError if a client that has partitions but returns no records is stuck."""
        if self.group.leaves_partitions_unread(client):
            self.stall_timeout *= 2
            raise KafkaError("the group goes on without it, or without some partitions")
        if not self._has_unread_messages():
            self.stall_timeout, self.is_suspected = 2 * self.stall_timeout, False
        elif self.is_suspected:
            self.stall_timeout *= 2
            raise KafkaError("there are messages, but it returns none")
        else:
            self.is_suspected = True  # the messages may be new: the next check decides

    def _has_unread_messages(self) -> bool:
        """Whether another client sees messages after the stored offsets."""
        stored = self.positions.stored
        with connect(KafkaConsumer, timeout=1, **READER | self.kafka) as other:
            there = other.partitions_for_topic(self.group.topic) or ()
            partitions = [partition for partition in stored if partition.partition in there]
            first = other.beginning_offsets(partitions, timeout_ms=1000)
            end = other.end_offsets(partitions, timeout_ms=1000)
        places = {p: first[p] if stored[p] is None else stored[p] for p in partitions}
        return any(end[p] > place for p, place in places.items())
