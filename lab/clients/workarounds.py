"""Which private parts of kafka-python does the kit touch, what for, and until when?

No other module of the kit uses a private name or a private module of kafka-python. Each workaround says in
which version its fault was seen, what goes wrong without it, and when to delete it; where the fault can be
provoked, tests/clients/test_workarounds.py shows it. A workaround that does not fit the installed version is
off, and says so. kafka-python is at https://github.com/dpkp/kafka-python: #3121 is issue 3121 there.
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

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
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
        ConsumerRecord = Any  # it only names what a poll brings

log = logging.getLogger("lab")
T = TypeVar("T")  # Python 3.11 has no def workaround[T]
P = ParamSpec("P")
ON_WINDOWS = os.name == "nt"
FITS_NOT = (AttributeError, ImportError)  # what a private part raises that is not there any more
off: set[str] = set()  # the workarounds of which was said that they are off


def workaround(otherwise: Any) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """A function that is off, and gives `otherwise`, where kafka-python lacks the private parts it needs."""

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
    """`select.select`, the selector of Windows, but a socket closed under it is not an error.

    Seen in 3.0.12. kafka-python closes sockets that its selector still watches. epoll forgets a closed
    socket; `select.select` raises ValueError or OSError, and the client's I/O thread dies, in about every
    third client that is closed: too seldom for a test of its own. #1485 reports the same of 1.4. Delete it
    when tests/test_faults.py passes with `selectors.SelectSelector` in its place.
    """

    def select(self, timeout=None):
        """What is ready to be read or written; nothing, when a closed socket had to be dropped."""
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


@workaround({})
def selector_config() -> dict[str, Any]:
    """The setting by which a client on Windows has the TolerantSelector; none elsewhere."""
    if ON_WINDOWS and "selector" not in KafkaConsumer.DEFAULT_CONFIG:
        raise AttributeError("no setting 'selector'")
    return {"selector": TolerantSelector} if ON_WINDOWS else {}


@workaround(None)
def connect_once() -> None:
    """See to it that an attempt to connect is made once, and then asked how it ended.

    Seen in 3.0.12; 3.1.0.dev does the same in another place. kafka-python asks by connecting again. On
    Windows that begins anew, so a broker that is gone costs a client all its time, though another one is
    there. Delete it when the client asks for SO_ERROR, as `connect_ex` here does.
    """
    from kafka.net.inet import KafkaNetSocket

    _ = KafkaNetSocket.connect_ex  # is it still there?
    KafkaNetSocket.connect_ex = connect_ex


def connect_ex(self: Any, sock: socket.socket, sockaddr: Any) -> int:
    """Begin to connect; asked again, how far that is, or why it failed."""
    return sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) or sock.connect_ex(sockaddr)


if ON_WINDOWS:  # for the clients of a notebook too, which are not made by `connect`
    connect_once()


@workaround(None)
def free_late_callers(client: KafkaConsumer) -> None:
    """See to it that no call to this client waits for ever for the client's own thread.

    Seen in 3.0.12. When the I/O thread dies, kafka-python raises in the calls that wait for it, and in the
    later ones; but a call that begins at that very moment never returns. #3121 is such a call; from 3.1 on
    each ends after a minute (#3123). Delete it when 3.1 is the oldest version, and a minute is soon enough.
    """
    net = client._net
    fail_pending_waiters = net._fail_pending_waiters

    def free() -> None:
        io_thread.join()
        for _ in range(20):  # two seconds: far more than such a call needs to begin
            if not net._exception:
                return  # it ended in order
            fail_pending_waiters(net._exception)
            threading.Event().wait(0.1)

    if io_thread := net._io_thread:
        threading.Thread(target=free, name="lab-free-late-callers", daemon=True).start()


# What a client knows, and does not tell.


@workaround(None)
def topic_id(client: KafkaConsumer, topic: str) -> str | None:
    """The id of a topic, as the client last heard of it; None if it has not.

    Not a fault of 3.0.12, but the only way without a request for each poll: a fetch names a topic, not its
    id. So it has no test of its own. Delete it when the consumer tells the id.
    """
    found = client._cluster.topic_id(topic)
    return str(found) if found else None


@workaround([])
def advertised_addresses(client: Any) -> list[str]:
    """The addresses to which the brokers send an admin client or a producer on, as 'host:port'.

    Not a fault of 3.0.12, and without a test of its own: `describe_cluster` gives them too, but it asks at
    one of these addresses, which may be out of reach. Delete it when a client tells them unasked.
    """
    cluster = client._metadata if hasattr(client, "_metadata") else client._manager.cluster
    return [f"{broker.host}:{broker.port}" for broker in cluster.brokers()]


# The producer.


class LostPartition(KafkaError):
    """The topic was made anew, with fewer partitions: nothing was written to this one."""


class InDoubt(KafkaError):
    """A batch failed, and an earlier attempt had no answer: the broker may have written it.

    `written_as`: the producer id, its epoch and the last sequence number by which the broker would know it.
    """

    def __init__(self, cause: Exception, partition: TopicPartition, written_as: tuple[int, int, int]):
        super().__init__(str(cause))
        self.cause, self.partition, self.written_as = cause, partition, written_as


@workaround(None)
def fail_alone(producer: KafkaProducer) -> None:
    """See to it that a batch which the broker refuses fails alone.

    Seen in 3.0.12; no issue is known. A refused batch is a fatal error of the idempotent producer: with it
    fails everything in flight, which the broker may be writing, and nothing is sent any more. There is no
    need: a producer has one batch of a partition in flight, so nothing follows the refused one, and its
    sequence numbers can be taken again. If there was an attempt without an answer before, nobody knows
    which numbers the broker has: so then the batch is in doubt, and those that follow get a new producer
    id. Delete it when a producer goes on after a refused batch, and tells which batches are in doubt.
    """
    sender, manager = producer._sender, producer._transaction_manager
    if not manager:
        return  # not idempotent, by the settings of the caller
    dispatch, classify = sender._dispatch_error, manager.classify_batch_error
    _ = sender._can_retry, manager.producer_id_and_epoch, manager.set_sequence_number  # are they there?

    def dispatch_error(batch, exception, partition_response):
        is_doubtful = batch.attempts or partition_response is None or isinstance(exception, UnknownError)
        if is_doubtful and not isinstance(exception, RetriableError):
            last = batch.base_sequence + batch.record_count - 1
            written_as = batch.producer_id, batch.producer_epoch, last
            exception, partition_response = InDoubt(exception, batch.topic_partition, written_as), None
        dispatch(batch, exception, partition_response)

    def classify_batch_error(error, batch, log_start_offset=-1):
        if isinstance(error, InDoubt):
            return classify(OutOfOrderSequenceNumberError(), batch)  # it has the same remedy
        outcome = classify(error, batch, log_start_offset)
        if outcome != manager.ERROR_CLASS_FATAL:
            return outcome
        if manager.producer_id_and_epoch.match(batch):
            manager.set_sequence_number(batch.topic_partition, batch.base_sequence)
        return manager.ERROR_CLASS_RETRIABLE  # this fails the batch, and nothing else

    def can_retry(batch, error_cls):
        # Also when the others have a new producer id: the batch keeps its own, by which the broker knows it.
        return issubclass(error_cls, RetriableError) and batch.final_state is None

    sender._dispatch_error, sender._can_retry = dispatch_error, can_retry
    manager.classify_batch_error = classify_batch_error


@workaround(False)
def fail_lost_partitions(producer: KafkaProducer, topic: str) -> bool:
    """Fail what waits for a partition that the topic no longer has; whether there was any.

    Seen in 3.0.12; no issue is known. By itself such a message would wait until its delivery times out,
    which the kit forbids. Delete it when a producer fails, or sends elsewhere, what waits for a partition
    that is gone.
    """
    accumulator, found = producer._accumulator, False
    try:
        there = producer.partitions_for(topic)
    except KafkaError:
        return False  # there is no topic now, or no broker: both are waited for
    for batch in accumulator._incomplete.all():
        with accumulator._tp_lock(batch.topic_partition):
            waiting = accumulator._batches[batch.topic_partition]
            # One that is in flight is not among them: its answer brings it back.
            if is_lost := batch.topic_partition.partition not in there and batch in waiting:
                waiting.remove(batch)
        if is_lost:
            batch.abort(LostPartition())
            accumulator.deallocate(batch)
            found = True
    return found


@workaround(False)
def is_dead(producer: KafkaProducer) -> bool:
    """Whether it sends nothing any more, for it got no producer id.

    Seen in 3.0.12; no issue is known, and what the broker would have to answer cannot be provoked. Without
    it each message would fail at once, for ever. Delete it when a producer tells that it is of no more use.
    """
    manager = producer._transaction_manager
    return bool(manager and manager.has_fatal_error())


def close_producer(producer: KafkaProducer) -> int:
    """Close it now. How many messages were sent and have no answer: they may have been written.

    Seen in 3.0.12; no issue is known (#3108 mended another end that hung). A `close` that runs out of time
    raises, and closes nothing: the producer would send later what is counted as unsent. Delete it when
    `close` closes by force then, and a producer tells how many messages have no answer.
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
    """Counts, when it is asked, which of the messages that it has now were sent and not answered."""
    from kafka.producer.producer_batch import FinalState

    batches, unanswered = producer._accumulator._incomplete.all(), (None, FinalState.ABORTED)
    return lambda: sum(
        batch.record_count for batch in batches if batch.drained and batch.final_state in unanswered
    )


@workaround(None)
def _force_close(producer: KafkaProducer) -> None:
    producer._sender.force_close()
    producer._sender.join(1)
