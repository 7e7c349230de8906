"""The faults of kafka-python that the kit works around, each without its workaround.

`xfail(strict=True)`: on the day one is mended upstream its test passes, and the suite fails and says so. Then
the workaround can go, as its docstring says. And no other module knows the inside of kafka-python.

Private modules are imported where they are needed: one that has moved must not hide what the others tell.
"""

import ast
import errno
import inspect
import logging
import selectors
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing, suppress
from pathlib import Path

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.errors import KafkaError, KafkaTimeoutError, RequestTimedOutError, TopicAlreadyExistsError
from kafka.future import Future

import lab
from lab.clients import workarounds
from lab.clients.deliveries import NEVER_MS
from lab.wire.xray import xray
from tests.support.marks import DELETES_TOPIC
from tests.support.waiting import wait_for

KIT = Path(__file__).parents[2]
PUBLIC = {"kafka", "kafka.admin", "kafka.errors", "kafka.partitioner"}
# `compiled.py` and `protocol.py` are parts of `workarounds.py`, imported only where they are needed.
KNOWING = [KIT / "lab" / "clients" / name for name in ("workarounds.py", "compiled.py", "protocol.py")]
CLIENTS = [KafkaConsumer, KafkaProducer, KafkaAdminClient]
MODULES = sorted(path for path in (KIT / "lab").rglob("*.py") if path not in KNOWING)


# Nobody else knows the inside.


def test_only_the_workarounds_know_the_inside_of_kafka_python():
    for path in MODULES:
        module = ast.parse(path.read_text(encoding="utf-8"))
        assert imported(module) <= PUBLIC, (
            f"{path}: lab.clients.workarounds hands on what is needed of others"
        )
        assert private_names(module) == set(), f"{path}: a private name of another module"


def imported(module: ast.Module) -> set[str]:
    """The modules of kafka-python that are imported, inside functions too."""
    found = set()
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            found |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
            if node.module == "kafka":  # `from kafka import net` is a module as well
                found |= {f"kafka.{each.name}" for each in node.names if each.name.islower()}
    return {each for each in found if each.split(".")[0] == "kafka"}


def private_names(module: ast.Module) -> set[str]:
    """The private names that are used of something else, and are not made in this module."""
    own, used = {"_exit"}, set()  # os._exit
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            own.add(node.name)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            own.add(node.attr)
        elif isinstance(node, ast.Attribute) and node.attr[0] == "_" and node.attr[-2:] != "__":
            used.add(node.attr)
    return used - own


def test_what_knows_the_inside_is_seen():
    for line, expected in (
        ("from kafka.net.inet import KafkaNetSocket", {"kafka.net.inet"}),
        ("import kafka.net.selector", {"kafka.net.selector"}),
        ("def late():\n    from kafka import net", {"kafka", "kafka.net"}),
        ("from kafka import KafkaConsumer", {"kafka"}),
        ("from lab.topics import kafka", set()),
    ):
        assert imported(ast.parse(line)) == expected
    assert private_names(ast.parse("client._net.stop()")) == {"_net"}
    assert private_names(ast.parse("class A:\n    def _b(self):\n        self._b()")) == set()


# A workaround that does not fit is off.


class Strange:
    """A client of a version that is made differently inside."""

    def __init__(self):
        self.closed = []

    def close(self, timeout=None):
        self.closed.append(timeout)
        if timeout:
            raise KafkaTimeoutError("Timeout waiting for future")


OFF = {
    "free_late_callers": ((), None),
    "topic_id": (("topic",), None),
    "is_forbidden": (("topic",), False),
    "advertised_addresses": ((), []),
    "fail_alone": ((), None),
    "fail_lost_partitions": (("topic",), False),
    "is_dead": ((), False),
}


@pytest.fixture
def said(caplog, monkeypatch):
    monkeypatch.setattr(workarounds, "off", set())
    caplog.set_level(logging.WARNING, "lab")
    return caplog


@pytest.mark.parametrize("name", OFF)
def test_one_that_does_not_fit_is_off_and_says_so_once(name, said):
    arguments, expected = OFF[name]
    for _ in range(2):
        assert getattr(workarounds, name)(Strange(), *arguments) == expected
    assert len(said.messages) == 1
    assert f"the workaround {name} is off. Run " in said.messages[0] and '"kafka-python>=' in said.messages[0]


def test_a_strange_producer_is_closed_as_far_as_it_can_be(said):
    producer = Strange()
    assert workarounds.close_producer(producer) == 0
    assert producer.closed == [0.1, 0]
    assert len(said.messages) == 2


@pytest.mark.parametrize(
    ("name", "module"),
    [("connect_once", "kafka.net.inet"), ("finish_joins", "kafka.coordinator.consumer")],
)
def test_one_whose_private_module_has_moved_is_off(name, module, said, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    getattr(workarounds, name)()
    assert f"the workaround {name} is off" in said.messages[0]


def test_a_client_that_takes_no_selector_is_given_none(said, monkeypatch):
    monkeypatch.delitem(KafkaConsumer.DEFAULT_CONFIG, "selector")
    workarounds.tolerate_closed_sockets()
    assert "selector" not in KafkaConsumer.DEFAULT_CONFIG
    assert "the workaround tolerate_closed_sockets is off" in said.messages[0]


def test_the_private_functions_that_are_replaced_take_what_they_took():
    """A TypeError in the client's own thread would be seen by nobody."""
    from kafka.coordinator.consumer import ConsumerCoordinator
    from kafka.net.inet import KafkaNetSocket
    from kafka.producer.sender import Sender
    from kafka.producer.transaction_manager import TransactionManager

    for function, parameters in (
        (Sender._dispatch_error, ["self", "batch", "exception", "partition_response"]),
        (Sender._can_retry, ["self", "batch", "error_cls"]),
        (TransactionManager.classify_batch_error, ["self", "error", "batch", "log_start_offset"]),
        (ConsumerCoordinator.need_rejoin, ["self"]),
        (KafkaNetSocket.connect_ex, list(inspect.signature(workarounds.connect_ex).parameters)),
    ):
        assert list(inspect.signature(function).parameters) == parameters


# The faults, each without its workaround.

fault = pytest.mark.xfail(
    strict=True, raises=AssertionError, reason="kafka-python 3.0.12; if it is mended, a workaround can go"
)
without = pytest.mark.parametrize(
    "works_around", [True, pytest.param(False, marks=fault)], ids=["worked around", "as it is"]
)


@pytest.fixture
def topic(kafka):
    topic = lab.fresh_name("workarounds")
    lab.create_topic(topic, num_partitions=3, configs={"max.message.bytes": 3000}, **kafka)
    return topic


@without
def test_a_producer_goes_on_after_a_message_that_the_broker_refused(kafka, topic, works_around):
    """`fail_alone`. By itself its next message fails as well, and every other."""
    with KafkaProducer(**kafka) as producer:
        if works_around:
            workarounds.fail_alone(producer)
        futures = [producer.send(topic, b"x" * 6000)]
        wait_for(lambda: futures[0].is_done)
        futures.append(producer.send(topic, b"small"))
        wait_for(lambda: futures[1].is_done)
    assert [future.succeeded() for future in futures] == [False, True]


@DELETES_TOPIC
@without
def test_what_waits_for_a_partition_that_is_gone_does_not_wait_for_ever(kafka, topic, works_around):
    """`fail_lost_partitions`. By itself it is done when its delivery times out, after two minutes."""
    with KafkaProducer(**kafka, linger_ms=60_000, metadata_max_age_ms=500) as producer:
        future = producer.send(topic, b"to the last partition", partition=2)
        with KafkaAdminClient(**kafka) as admin:
            admin.delete_topics([topic])
            wait_for(lambda: topic not in admin.list_topics())
            with suppress(TopicAlreadyExistsError):  # on a busy machine the client asks twice
                admin.create_topics({topic: {"num_partitions": 1, "replication_factor": 1}})
        wait_for(lambda: producer.partitions_for(topic) == {0})
        if works_around:
            assert workarounds.fail_lost_partitions(producer, topic)
        else:
            with suppress(KafkaTimeoutError):
                producer.flush(timeout=3)
        is_done = future.is_done
        workarounds.fail_lost_partitions(producer, topic)  # or it could not be closed
        assert is_done


@without
def test_a_producer_goes_on_after_a_time_without_answers(kafka, topic, works_around, monkeypatch):
    """`NEVER_MS`. By itself nothing goes to that partition any more, once a delivery has timed out."""
    ours = {"delivery_timeout_ms": NEVER_MS if works_around else 1000, "request_timeout_ms": 500}
    producer = KafkaProducer(**kafka, **ours)
    producer.send(topic, b"heard", partition=0).get(timeout=10)
    with monkeypatch.context() as patch:
        unheard = Future().failure(RequestTimedOutError())
        patch.setattr(producer._sender._client, "send", lambda *arguments, **options: unheard)
        until = time.monotonic() + 2
        while time.monotonic() < until:
            producer.send(topic, b"not heard", partition=0)
            time.sleep(0.1)
    later = producer.send(topic, b"heard again", partition=0)
    with suppress(KafkaTimeoutError):
        producer.flush(timeout=4)
    is_heard = later.is_done and later.succeeded()
    workarounds.close_producer(producer)
    assert is_heard


@without
def test_a_producer_that_was_closed_sends_nothing_later(kafka, topic, works_around, monkeypatch):
    """`close_producer`. By itself `close` ends where its flush has run out of time."""
    producer = KafkaProducer(**kafka)

    def flush(timeout=None):
        raise KafkaTimeoutError("Timeout waiting for future")

    monkeypatch.setattr(producer, "flush", flush)
    if works_around:
        workarounds.close_producer(producer)
    else:
        with pytest.raises(KafkaTimeoutError):
            producer.close(timeout=0.1)
    is_alive = producer._sender.is_alive()
    producer._sender.force_close()
    producer._sender.join(10)
    assert not is_alive


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@without
def test_a_call_that_begins_as_the_clients_thread_dies_ends(kafka, monkeypatch, works_around):
    """`free_late_callers`. By itself it waits for ever."""
    consumer = KafkaConsumer(**kafka)
    net, freed, raised = consumer._net, [], []
    real = net._fail_pending_waiters

    def fail_pending_waiters(error):
        freed.append(error)
        if len(freed) > 1:  # the call began just after kafka-python freed the others
            real(error)

    def die():
        wait_for(lambda: net._pending_waiters)
        raise ZeroDivisionError

    def work():
        try:
            consumer.partitions_for_topic("no-such-topic")
        except Exception as error:
            raised.append(type(error))

    monkeypatch.setattr(net, "_fail_pending_waiters", fail_pending_waiters)
    monkeypatch.setattr(net, "_poll_once", die)
    if works_around:
        workarounds.free_late_callers(consumer)
    caller = threading.Thread(target=work, daemon=True)
    caller.start()
    net.wakeup()
    caller.join(3)
    before_we_ended_it = raised[:]
    real(ZeroDivisionError())
    caller.join(10)
    with suppress(ZeroDivisionError):
        consumer.close()
    assert before_we_ended_it == [ZeroDivisionError]


@pytest.fixture
def join_as_it_is(monkeypatch):
    """A function that takes `finish_joins` back."""
    from kafka.coordinator.consumer import ConsumerCoordinator

    as_it_is = ConsumerCoordinator.need_rejoin.__wrapped__
    return lambda: monkeypatch.setattr(ConsumerCoordinator, "need_rejoin", as_it_is)


def test_a_client_of_a_lesson_is_mended_too():
    """It is made without `connect`, in a kernel that has started a broker."""
    program = (
        "from lab import start_broker\n"
        "from kafka.coordinator.consumer import ConsumerCoordinator\n"
        "ConsumerCoordinator.need_rejoin.__wrapped__"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@without
def test_a_member_that_is_asked_before_its_join_is_answered_gets_its_partitions(
    kafka, topic, works_around, join_as_it_is
):
    """`finish_joins`. By itself it sends no heartbeats any more, and polls without a pause."""
    if not works_around:
        join_as_it_is()
    with xray(**kafka) as wire, KafkaConsumer(topic, group_id=topic, **wire.kafka) as member:
        wait_for(lambda: member.poll(500) or member.assignment())
        coordinator = member._coordinator
        coordinator._assignment_snapshot = {}  # as of a new one that knew of no partitions when it joined
        wire.line.delay = 0.7
        wait_for(lambda: member.poll(50) or coordinator.rejoining)
        wait_for(lambda: coordinator._assignment_snapshot)  # so it joins, and nobody waits for the answer
        wire.line.delay = 0
        wait_for(lambda: member.poll(50) or not coordinator.rejoining, timeout=30 if works_around else 2)
        assert len(member.assignment()) == 3


@without
def test_a_member_whose_topic_changes_back_while_it_joins_is_a_member_afterwards(
    kafka, topic, works_around, join_as_it_is
):
    """`finish_joins`. By itself it sends no heartbeats any more, and polls without a pause."""
    options = {"group_id": topic, "heartbeat_interval_ms": 300, "enable_auto_commit": False, **kafka}
    with KafkaConsumer(topic, **options) as first, KafkaConsumer(topic, **options) as second:
        members = [first, second]
        wait_for(lambda: [member.poll(500) for member in members] and all(m.assignment() for m in members))
        members.sort(key=lambda member: member._coordinator._assignment_snapshot is None)
        leader, other = members  # the leader alone compares the partitions
        coordinator = leader._coordinator
        if not works_around:
            join_as_it_is()
        there, coordinator._metadata_snapshot = coordinator._metadata_snapshot, {}
        leader.poll(50)  # it begins to join, and waits for the other one
        assert coordinator.rejoining
        coordinator._metadata_snapshot = there
        over = threading.Event()
        thread = threading.Thread(target=lambda: [other.poll(50) for _ in iter(over.is_set, True)])
        thread.start()
        try:
            wait_for(lambda: leader.poll(50) or coordinator.stable(), timeout=5)
        finally:
            over.set()
            thread.join(10)


class WindowsSocket(socket.socket):
    """A socket whose second attempt to connect begins anew, and never says how the first one ended."""

    def connect_ex(self, address):
        super().connect_ex(address)
        return errno.EWOULDBLOCK


def closed_port() -> tuple[str, int]:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        return listener.getsockname()


def test_on_windows_a_failed_attempt_to_connect_is_not_made_anew():
    with WindowsSocket() as sock, selectors.DefaultSelector() as selector:
        sock.setblocking(False)
        place = closed_port()
        assert workarounds.connect_ex(None, sock, place) == errno.EWOULDBLOCK
        selector.register(sock, selectors.EVENT_WRITE)
        assert selector.select(10)
        assert workarounds.connect_ex(None, sock, place) in (errno.ECONNREFUSED, 10061)  # and Windows'


@pytest.mark.broker
@without
def test_on_windows_an_attempt_to_connect_that_fails_is_seen_at_once(works_around, monkeypatch):
    """`connect_once`. By itself the client connects again and again, until the time for it is up."""
    from kafka.net.inet import KafkaNetSocket
    from kafka.net.selector import NetworkSelector

    monkeypatch.setattr(KafkaNetSocket, "connect_ex", lambda self, sock, place: sock.connect_ex(place))
    if works_around:
        monkeypatch.setattr(KafkaNetSocket, "connect_ex", workarounds.connect_ex)
    net, place = NetworkSelector(), closed_port()
    with closing(net), WindowsSocket() as sock, pytest.raises(KafkaError) as failed:
        sock.setblocking(False)
        net.run(KafkaNetSocket().sock_connect, net, sock, place, time.monotonic() + 1)
    assert not isinstance(failed.value, KafkaTimeoutError)


@fault
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_client_that_cannot_be_made_leaves_nothing_behind():
    """Why `connect` waits for a broker that answers, before it makes a client."""
    servers = f"127.0.0.1:{closed_port()[1]}"
    before = set(threading.enumerate())
    with pytest.raises(KafkaTimeoutError):
        KafkaConsumer(bootstrap_servers=servers, bootstrap_timeout_ms=100)
    left = set(threading.enumerate()) - before
    assert not left


# A socket closed under the selector.


def with_one_closed(selector: selectors.BaseSelector) -> tuple[socket.socket, socket.socket]:
    """Register two sockets, and close the first; the second has something to read."""
    gone, stays = socket.socketpair(), socket.socketpair()
    for registered, _ in (gone, stays):
        selector.register(registered, selectors.EVENT_READ)
    stays[1].send(b"hello")
    for each in gone:
        each.close()
    return stays


def test_select_fails_where_a_socket_was_closed_under_it():
    """The fault that is mended below; select is the selector of Windows."""
    with selectors.SelectSelector() as selector:
        pair = with_one_closed(selector)
        with pytest.raises((ValueError, OSError)):
            selector.select(0)
        for each in pair:
            each.close()


def test_the_tolerant_selector_forgets_the_closed_socket_and_serves_the_others():
    with workarounds.TolerantSelector() as selector:
        pair = with_one_closed(selector)
        assert selector.select(0) == []
        assert [(key.fileobj, events) for key, events in selector.select(1)] == [
            (pair[0], selectors.EVENT_READ)
        ]
        assert [key.fileobj for key in selector.get_map().values()] == [pair[0]]
        for each in pair:
            each.close()


def test_the_tolerant_selector_selects_as_any_other():
    with workarounds.TolerantSelector() as selector:
        one, other = socket.socketpair()
        selector.register(one, selectors.EVENT_READ | selectors.EVENT_WRITE)
        assert [events for _, events in selector.select(0)] == [selectors.EVENT_WRITE]
        other.send(b"hello")
        assert [events for _, events in selector.select(1)] == [selectors.EVENT_READ | selectors.EVENT_WRITE]
        one.close()
        other.close()


@pytest.mark.parametrize("client", CLIENTS)
def test_on_windows_a_client_that_a_notebook_makes_itself_has_the_tolerant_selector(
    client, kafka, monkeypatch
):
    """Its I/O thread ended with a traceback in the notebook: 3 of 60 clients that were closed."""
    if not workarounds.ON_WINDOWS:  # there it is done when the kit is imported
        for each in CLIENTS:
            monkeypatch.setitem(each.DEFAULT_CONFIG, "selector", selectors.DefaultSelector)
        workarounds.tolerate_closed_sockets()
    with client(**kafka) as made:
        assert made.config["selector"] is workarounds.TolerantSelector
