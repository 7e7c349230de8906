"""How do we reach Kafka? The settings that all our clients share, and whether a broker answers.

Made for kafka-python 3. The package named `kafka` and the fork `kafka-python-ng` install the
same folder, `kafka`, and hide it: `python -m lab doctor` tells them apart.
"""

import logging
import os
import selectors
import socket
import struct
import threading
import time
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from kafka import KafkaAdminClient, KafkaConsumer
from kafka.errors import KafkaError
from kafka.net.inet import KafkaNetSocket

from lab.clients.access import explain_refusal
from lab.errors import AccessError, BrokerError

log = logging.getLogger("lab")
T = TypeVar("T")  # Python 3.11 has no def connect[T]
P = ParamSpec("P")
ASK_SECONDS = 10.0  # for a question that fails because a broker is just going, or just coming


class TolerantSelector(selectors.SelectSelector):
    """`select.select`, the selector of Windows, but a socket closed under it is not an error.

    kafka-python closes its sockets from another thread than the one that selects; where epoll
    forgets a closed socket, `select.select` raises ValueError or OSError.
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


def _connect_ex(self: KafkaNetSocket, sock: socket.socket, address: Any) -> int:
    """Begin to connect; asked again, how far that is, or why it failed.

    kafka-python asks by connecting again. On Windows that begins anew, so that a node that is gone
    would cost a client all its time, though another node is there.
    """
    return sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) or sock.connect_ex(address)


if os.name == "nt":  # for the clients of a notebook too, which are not made by `connect`
    KafkaNetSocket.connect_ex = _connect_ex


def client_config(**kafka: Any) -> dict[str, Any]:
    """The keyword arguments for a client of kafka-python: ours, then those given.

    With the default `reconnect_backoff_max_ms` of 30 s a client is back only long after the
    broker is.
    """
    ours: dict[str, Any] = {"reconnect_backoff_max_ms": 1000, "bootstrap_timeout_ms": 2000}
    if os.name == "nt":
        ours["selector"] = TolerantSelector
    return ours | kafka


def admin_config(kafka: dict[str, Any]) -> dict[str, Any]:
    """The settings of a producer or a consumer that a client for administration knows as well."""
    return {name: value for name, value in kafka.items() if name in KafkaAdminClient.DEFAULT_CONFIG}


def is_answering(bootstrap_servers: str, timeout: float = 1.0, security_protocol: str = "PLAINTEXT") -> bool:
    """Whether one of the servers answers as a Kafka broker within `timeout` seconds each.

    An open port is not enough: a starting broker opens it early. So this sends ApiVersions,
    the request that every broker answers first (kafka.apache.org/protocol). Behind TLS it only
    looks at the port.
    """
    servers = [address(server) for server in bootstrap_servers.split(",")]
    encrypted = security_protocol.endswith("SSL")
    return any(_answers(host, port, timeout, encrypted) for host, port in servers)


def address(server: str) -> tuple[str, int]:
    """'host:9092' as ('host', 9092)."""
    host, _, port = server.strip().rpartition(":")
    return host.strip("[]"), int(port)


def speaks_tls(bootstrap_servers: str, timeout: float = 1.0) -> bool:
    """Whether one of the servers answers a request in plain text with an alert of TLS."""
    servers = [address(server) for server in bootstrap_servers.split(",")]
    return any(_ask(host, port, timeout)[:2] == b"\x15\x03" for host, port in servers)


def _answers(host: str, port: int, timeout: float, encrypted: bool) -> bool:
    if encrypted:
        return _listens(host, port, timeout)
    answer = _ask(host, port, timeout)
    return len(answer) == 10 and struct.unpack(">iih", answer)[1:] == (1, 0)


def _listens(host: str, port: int, timeout: float = 1) -> bool:
    try:
        socket.create_connection((host, port), timeout).close()
        return True
    except (OSError, UnicodeError):  # UnicodeError: no host can have that name
        return False


def _ask(host: str, port: int, timeout: float) -> bytes:
    """How the answer to ApiVersions begins; empty, if there is none."""
    api_versions = struct.pack(">hhih", 18, 0, 1, -1)  # key, version, correlation id, no client id
    try:
        with socket.create_connection((host, port), timeout) as connection:
            connection.settimeout(timeout)
            connection.sendall(struct.pack(">i", len(api_versions)) + api_versions)
            with connection.makefile("rb") as stream:
                return stream.read(10)
    except (OSError, UnicodeError):
        return b""


def wait_until_answering(
    bootstrap_servers: str,
    *,
    timeout: float | None = None,
    stop: threading.Event | None = None,
    security_protocol: str = "PLAINTEXT",
) -> bool:
    """Wait until a broker answers, saying so once; False if `stop` was set instead.

    Raises BrokerError after `timeout` seconds.
    """
    stop, began, told = stop or threading.Event(), time.monotonic(), False
    while not is_answering(bootstrap_servers, security_protocol=security_protocol):
        waited = time.monotonic() - began
        if timeout is not None and waited >= timeout:
            raise BrokerError(
                f"No Kafka broker answers at {bootstrap_servers} (waited {waited:.0f} s). "
                f"{_remedy(bootstrap_servers)}"
            )
        if not told and waited > 0.5:
            if security_protocol.startswith(("PLAIN", "SASL_PLAIN")) and speaks_tls(bootstrap_servers):
                raise AccessError(
                    f"Kafka at {bootstrap_servers} does not let us in: it speaks TLS: "
                    "look at LAB_SECURITY_PROTOCOL."
                )
            log.warning("Waiting for Kafka at %s ...", bootstrap_servers)
            told = True
        if stop.wait(0.1):
            return False
    if told:
        log.warning("Kafka at %s is back.", bootstrap_servers)
    return True


def _remedy(bootstrap_servers: str) -> str:
    """What to do where no Kafka answers."""
    places = [address(server) for server in bootstrap_servers.split(",")]
    if any(_listens(host, port) for host, port in places):
        return "What listens there is no Kafka, or not yet: choose another address by LAB_BOOTSTRAP_SERVERS."
    if any(host not in ("localhost", "127.0.0.1", "::1") for host, _ in places):
        return "Check the address and the way to it (VPN, firewall), or unset LAB_BOOTSTRAP_SERVERS."
    return "Start one with 'python -m lab broker start'."


def connect(client: Callable[..., T], *, timeout: float = 10, **kafka: Any) -> T:
    """Make a client once a broker answers.

    Not by trying to make one in a loop: in kafka-python 3 every attempt that fails leaves a
    thread and four file descriptors behind.

    Raises BrokerError if none answers within `timeout` seconds, and AccessError if it refuses us.
    """
    wait_until_answering(
        kafka["bootstrap_servers"],
        timeout=timeout,
        security_protocol=kafka.get("security_protocol", "PLAINTEXT"),
    )
    return make_client(client, **kafka)


def make_client(client: Callable[..., T], **kafka: Any) -> T:
    """Make a client of a broker that answers. Raises AccessError if it does not let us in."""
    with explain_refusal(kafka["bootstrap_servers"], kafka.get("security_protocol", "PLAINTEXT")):
        return client(**client_config(**kafka))


def ask_again(question: Callable[P, T]) -> Callable[P, T]:
    """A question to Kafka that is asked again, for ASK_SECONDS, while its error is one that passes.

    A cluster of which one broker has just died answers some questions only at the second try.
    """

    @wraps(question)
    def ask(*args: P.args, **kwargs: P.kwargs) -> T:
        until = time.monotonic() + ASK_SECONDS
        while True:
            try:
                return question(*args, **kwargs)
            except KafkaError as error:
                if not error.retriable or time.monotonic() > until:
                    raise
            time.sleep(0.2)

    return ask


def free_late_callers(client: KafkaConsumer) -> None:
    """See to it that no call to this client waits for ever for the client's own thread.

    When that thread dies, kafka-python (3.0.12) raises in the calls that wait for it, and in the
    later ones; but a call that begins at that very moment would never return.
    """
    net = client._net

    def free() -> None:
        io_thread.join()
        for _ in range(20):  # two seconds: far more than such a call needs to begin
            if not net._exception:
                return  # it ended in order
            net._fail_pending_waiters(net._exception)
            threading.Event().wait(0.1)

    if io_thread := net._io_thread:
        threading.Thread(target=free, name="lab-free-late-callers", daemon=True).start()
