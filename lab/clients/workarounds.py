"""Which private parts of kafka-python does the kit use, why, and until when?

No other module of the kit uses a private name or a private module of kafka-python. Each workaround says in
which version its fault was seen, what goes wrong without it, and when to delete it. If the fault can be
provoked, tests/clients/test_workarounds.py shows it. A workaround that does not fit the installed version is
switched off and logs that. #3121 is issue 3121 of https://github.com/dpkp/kafka-python.
"""

import logging
import os
import selectors
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import (
    KafkaError,
    OutOfOrderSequenceNumberError,
    RetriableError,
    UnknownError,
)

from lab.clients.installed import PACKAGE, reinstall, version

if TYPE_CHECKING:
    from kafka.consumer.fetcher import ConsumerRecord as ConsumerRecord
else:
    try:
        from kafka.consumer.fetcher import ConsumerRecord
    except ImportError:
        ConsumerRecord = Any  # only for annotations

log = logging.getLogger("lab")
T = TypeVar("T")  # Python 3.11 has no def workaround[T]
P = ParamSpec("P")
ON_WINDOWS = os.name == "nt"
FITS_NOT = (AttributeError, ImportError)  # raised if a private part no longer exists
COMPILED = {PACKAGE: "3.0.12", "aiokafka": "0.14.0"}  # the versions that decode alike, by the tests
off: set[str] = set()  # the workarounds that were reported as off


def workaround(otherwise: Any) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """A decorator: the function returns `otherwise` if kafka-python lacks the private parts it needs."""

    def guard(function: Callable[P, T]) -> Callable[P, T]:
        name = getattr(function, "__name__", "")

        @wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> T:
            try:
                return function(*args, **kwargs)
            except FITS_NOT as error:
                if name not in off:
                    off.add(name)
                    log.warning(
                        "%s %s is not as the kit knows it (%s): the workaround %s is off. %s",
                        PACKAGE, version(PACKAGE), error, name, reinstall(),
                    )  # fmt: skip
                return otherwise

        return call

    return guard


# The network.


class TolerantSelector(selectors.SelectSelector):
    """`select.select`, the selector of Windows, made tolerant of sockets that were closed.

    Seen in 3.0.12. kafka-python closes sockets that its selector still watches. epoll forgets a closed
    socket; `select.select` raises ValueError or OSError, and the client's I/O thread dies. This happens to
    about every third client that is closed, which is too rare for a test. #1485 reports it for 1.4. Delete
    it when tests/test_faults.py passes with `selectors.SelectSelector` in its place.
    """

    def select(self, timeout=None):
        """The sockets that can be read or written; none if closed sockets had to be dropped."""
        try:
            return super().select(timeout)
        except (OSError, ValueError):
            for key in list(self.get_map().values()):
                if _is_closed(key.fileobj):
                    self.unregister(key.fileobj)
            return []


def _is_closed(fileobj: Any) -> bool:
    try:
        return fileobj.fileno() < 0
    except (OSError, ValueError):
        return True


@workaround(None)
def tolerate_closed_sockets() -> None:
    """Make the TolerantSelector the default of every client."""
    clients: tuple[Any, ...] = (KafkaConsumer, KafkaProducer, KafkaAdminClient)
    if not all("selector" in client.DEFAULT_CONFIG for client in clients):
        raise AttributeError("no setting 'selector'")
    for client in clients:
        client.DEFAULT_CONFIG["selector"] = TolerantSelector


@workaround(None)
def connect_once() -> None:
    """Connect a socket only once, and then ask for the result.

    Seen in 3.0.12; 3.1.0.dev does the same in another place. kafka-python asks for the result by connecting
    again. On Windows this restarts the attempt, so a client spends all its time on a broker that is gone,
    although another one is there. Delete it when the client reads SO_ERROR, as `connect_ex` here does.
    """
    from kafka.net.inet import KafkaNetSocket

    _ = KafkaNetSocket.connect_ex  # AttributeError if it no longer exists
    KafkaNetSocket.connect_ex = connect_ex


def connect_ex(self: Any, sock: socket.socket, sockaddr: Any) -> int:
    """Start to connect; later calls return whether it is in progress, connected, or why it failed."""
    return sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) or sock.connect_ex(sockaddr)


@workaround(None)
def finish_joins() -> None:
    """Let every consumer that has begun to join its group finish it.

    Seen in 3.0.12. The member that leads a group joins again when the partitions of the topic have changed. A
    new one does too, because it first knows of none. If its `poll` ends before the answer comes, the client
    finds nothing changed any more, and nobody takes the answer: the member gets no partition, sends no
    heartbeat, is expelled and never joins again. Its `poll` no longer waits, so it takes all of a core. On a
    busy machine this happened to every sixth member that was asked with `poll(200)`. Delete it when
    `need_rejoin` of kafka-python is true while a join is under way, as in the client for Java.
    """
    from kafka.coordinator.consumer import ConsumerCoordinator

    coordinator: Any = ConsumerCoordinator
    need_rejoin = coordinator.need_rejoin  # AttributeError if it no longer exists

    @wraps(need_rejoin)
    def is_joining(self: Any) -> bool:
        return getattr(self, "rejoining", False) or need_rejoin(self)

    coordinator.need_rejoin = is_joining


# At import, because notebooks also make clients without `connect`.
finish_joins()
if ON_WINDOWS:
    tolerate_closed_sockets()
    connect_once()


@workaround(None)
def free_late_callers(client: KafkaConsumer) -> None:
    """Fail pending calls when the client's I/O thread has died.

    Seen in 3.0.12. When the I/O thread dies, kafka-python raises an error in the calls that wait for it, and
    in later ones. But a call that begins at that moment never returns. #3121 is such a call; from 3.1 on,
    each ends after a minute (#3123). Delete it when 3.1 is the oldest version and a minute is short enough.
    """
    net = client._net
    fail_pending_waiters = net._fail_pending_waiters

    def free() -> None:
        io_thread.join()
        for _ in range(20):  # two seconds: far more than such a call needs to begin
            if not net._exception:
                return  # it ended normally
            fail_pending_waiters(net._exception)
            threading.Event().wait(0.1)

    if io_thread := net._io_thread:
        threading.Thread(target=free, name="lab-free-late-callers", daemon=True).start()


# The consumer.


def decode_compiled(client: KafkaConsumer) -> bool:
    """Let a consumer decode its messages in compiled code, by `lab.clients.compiled`; whether it does.

    Not a fault of 3.0.12: Python takes 2.9 microseconds to decode a message, and compiled code 0.3. Without
    the package, or with another version than COMPILED, the consumer is only slower. Delete it when
    kafka-python has compiled code of its own.
    """
    if any(version(package) != tested for package, tested in COMPILED.items()):
        return False
    try:
        from lab.clients.compiled import CompiledRecords

        if client.config.get("key_deserializer") or client.config.get("value_deserializer"):
            return False  # kafka-python calls them for each message
        fetcher: Any = client._fetcher
        _ = fetcher.PartitionRecords  # AttributeError if it no longer exists
        fetcher.PartitionRecords = CompiledRecords
    except FITS_NOT:
        return False
    return True


# What a client knows but has no public method for.


@workaround(None)
def topic_id(client: KafkaConsumer, topic: str) -> str | None:
    """The id of a topic in the client's metadata; None if it is not known.

    Not a fault of 3.0.12, so it has no test. It is the only way without a request for each poll, because a
    fetch names a topic by its name, not by its id. Delete it when the consumer has a method for the id.
    """
    found = client._cluster.topic_id(topic)
    return str(found) if found else None


@workaround(False)
def is_forbidden(client: KafkaConsumer, topic: str) -> bool:
    """Whether the broker refuses to tell this user of a topic that a consumer has subscribed to.

    Seen in 3.0.12: the error is raised where nobody catches it, and the consumer waits for a partition for
    ever. Delete it when `poll` raises TopicAuthorizationFailedError.
    """
    return topic in client._cluster.unauthorized_topics


@workaround([])
def advertised_addresses(client: Any) -> list[str]:
    """The addresses that the brokers advertise to an admin client or a producer, as 'host:port'.

    Not a fault of 3.0.12, so it has no test. `describe_cluster` returns them too, but it sends its request to
    one of these addresses, which may be unreachable. Delete it when a client exposes its metadata.
    """
    cluster = client._metadata if hasattr(client, "_metadata") else client._manager.cluster
    return [f"{broker.host}:{broker.port}" for broker in cluster.brokers()]


# The producer.


class LostPartition(KafkaError):
    """The topic was recreated with fewer partitions: nothing was written to this one."""


class InDoubt(KafkaError):
    """A batch failed after an earlier attempt had no answer: the broker may have written it.

    `written_as`: the producer id, its epoch and the last sequence number that the broker would have stored.
    """

    def __init__(self, cause: Exception, partition: TopicPartition, written_as: tuple[int, int, int]):
        super().__init__(str(cause))
        self.cause, self.partition, self.written_as = cause, partition, written_as


@workaround(None)
def fail_alone(producer: KafkaProducer) -> None:
    """Make a batch that the broker refuses fail alone.

    Seen in 3.0.12; no issue is known. A refused batch is a fatal error of the idempotent producer: everything
    in flight fails with it, although the broker may be writing it, and nothing more is sent. This is not
    necessary. A producer has only one batch per partition in flight, so no batch follows the refused one, and
    its sequence numbers can be used again. If an earlier attempt had no answer, the sequence numbers of the
    broker are unknown. Then the batch is in doubt, and later batches get a new producer id. Delete it when a
    producer goes on after a refused batch and says which batches are in doubt.
    """
    sender, manager = producer._sender, producer._transaction_manager
    if not manager:
        return  # the caller's settings switch idempotence off
    dispatch, classify = sender._dispatch_error, manager.classify_batch_error
    _ = sender._can_retry, manager.producer_id_and_epoch, manager.set_sequence_number  # do they still exist?

    def dispatch_error(batch, exception, partition_response):
        is_doubtful = batch.attempts or partition_response is None or isinstance(exception, UnknownError)
        if is_doubtful and not isinstance(exception, RetriableError):
            last = batch.base_sequence + batch.record_count - 1
            written_as = batch.producer_id, batch.producer_epoch, last
            exception, partition_response = InDoubt(exception, batch.topic_partition, written_as), None
        dispatch(batch, exception, partition_response)

    def classify_batch_error(error, batch, log_start_offset=-1):
        if isinstance(error, InDoubt):
            return classify(OutOfOrderSequenceNumberError(), batch)  # this has the same remedy
        outcome = classify(error, batch, log_start_offset)
        if outcome != manager.ERROR_CLASS_FATAL:
            return outcome
        if manager.producer_id_and_epoch.match(batch):
            manager.set_sequence_number(batch.topic_partition, batch.base_sequence)
        return manager.ERROR_CLASS_RETRIABLE  # this fails only the batch

    def can_retry(batch, error_cls):
        # Also after a change of the producer id: the batch keeps the old one, by which the broker knows it.
        return issubclass(error_cls, RetriableError) and batch.final_state is None

    sender._dispatch_error, sender._can_retry = dispatch_error, can_retry
    manager.classify_batch_error = classify_batch_error


@workaround(False)
def fail_lost_partitions(producer: KafkaProducer, topic: str) -> bool:
    """Fail the messages that wait for a partition that the topic no longer has; whether there were any.

    Seen in 3.0.12; no issue is known. Otherwise such a message would wait until its delivery times out, and
    the kit switches that time-out off. Delete it when a producer fails the messages for a partition that is
    gone, or sends them to another one.
    """
    accumulator, found = producer._accumulator, False
    try:
        there = producer.partitions_for(topic)
    except KafkaError:
        return False  # there is no topic or no broker now, but either may come back
    for batch in accumulator._incomplete.all():
        with accumulator._tp_lock(batch.topic_partition):
            waiting = accumulator._batches[batch.topic_partition]
            # A batch in flight is not in `waiting`: it returns there when its answer comes.
            if is_lost := batch.topic_partition.partition not in there and batch in waiting:
                waiting.remove(batch)
        if is_lost:
            batch.abort(LostPartition())
            accumulator.deallocate(batch)
            found = True
    return found


@workaround(False)
def is_dead(producer: KafkaProducer) -> bool:
    """Whether the producer can send nothing more, because it got no producer id.

    Seen in 3.0.12; no issue is known, and the broker's answer that causes it cannot be provoked. Without this
    check every message would fail at once, for ever. Delete it when a producer reports this state itself.
    """
    manager = producer._transaction_manager
    return bool(manager and manager.has_fatal_error())


def close_producer(producer: KafkaProducer) -> int:
    """Close it now; return how many messages were sent and have no answer. They may have been written.

    Seen in 3.0.12; no issue is known (#3108 fixed another `close` that hung). A `close` that times out raises
    an error and closes nothing, so the producer would later send messages that are counted as unsent. Delete
    it when `close` then closes by force, and a producer reports how many messages have no answer.
    """
    count = _unanswered(producer)
    try:
        producer.close(timeout=0.1)
    except KafkaError:
        _force_close(producer)
        with suppress(KafkaError):
            producer.close(timeout=0)
    return count()


@workaround(lambda: 0)
def _unanswered(producer: KafkaProducer) -> Callable[[], int]:
    """A function that counts those of the current messages that were sent and have no answer."""
    from kafka.producer.producer_batch import FinalState

    batches, unanswered = producer._accumulator._incomplete.all(), (None, FinalState.ABORTED)
    return lambda: sum(
        batch.record_count for batch in batches if batch.drained and batch.final_state in unanswered
    )


@workaround(None)
def _force_close(producer: KafkaProducer) -> None:
    producer._sender.force_close()
    producer._sender.join(1)
