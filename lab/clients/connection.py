"""How does the kit connect to Kafka? With shared client settings, and only once a broker answers.

Written for kafka-python 3. The package named `kafka` and the fork `kafka-python-ng` install the same folder,
`kafka`, and hide it; `python -m lab doctor` detects that.
"""

import itertools
import logging
import socket
import struct
import threading
import time
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

import lab.clients.workarounds  # noqa: F401 - its import mends every client
from lab.clients.auth_errors import explain_refusal
from lab.errors import AccessError, BrokerError

log = logging.getLogger("lab")
T = TypeVar("T")  # Python 3.11 has no def connect[T]
P = ParamSpec("P")
CLIENTS = itertools.count(1)  # gives each client of this process its own id
ASK_SECONDS = 10.0  # how long a request is retried while a broker is stopping or starting


def client_config(**kafka: Any) -> dict[str, Any]:
    """The keyword arguments for a kafka-python client: the kit's, overridden by those given.

    With the default `reconnect_backoff_max_ms` of 30 s a client reconnects long after the broker is back.
    """
    ours: dict[str, Any] = {"reconnect_backoff_max_ms": 1000, "bootstrap_timeout_ms": 2000}
    return ours | kafka


def admin_config(kafka: dict[str, Any]) -> dict[str, Any]:
    """Those settings of a producer or consumer that an admin client accepts as well."""
    return {name: value for name, value in kafka.items() if name in KafkaAdminClient.DEFAULT_CONFIG}


def is_answering(bootstrap_servers: str, timeout: float = 1.0, security_protocol: str = "PLAINTEXT") -> bool:
    """Whether one of the servers answers as a Kafka broker within `timeout` seconds each.

    An open port is not enough, because a starting broker opens it early. So this sends ApiVersions, the
    request that every broker answers first (kafka.apache.org/protocol). With TLS it only checks the port.
    """
    encrypted = security_protocol.endswith("SSL")
    return any(_answers(host, port, timeout, encrypted) for host, port in addresses(bootstrap_servers))


def address(server: str) -> tuple[str, int]:
    """'host:9092' as ('host', 9092)."""
    host, _, port = server.strip().rpartition(":")
    return host.strip("[]"), int(port)


def addresses(bootstrap_servers: str) -> list[tuple[str, int]]:
    """'one:9092,two:9092' as [('one', 9092), ('two', 9092)]."""
    return [address(server) for server in bootstrap_servers.split(",")]


def speaks_tls(bootstrap_servers: str, timeout: float = 1.0) -> bool:
    """Whether one of the servers answers a plain-text request with a TLS alert."""
    return any(_ask(host, port, timeout)[:2] == b"\x15\x03" for host, port in addresses(bootstrap_servers))


def _answers(host: str, port: int, timeout: float, encrypted: bool) -> bool:
    if encrypted:
        return is_port_open(host, port, timeout)
    answer = _ask(host, port, timeout)
    return len(answer) == 10 and struct.unpack(">iih", answer)[1:] == (1, 0)


def is_port_open(host: str, port: int, timeout: float = 1) -> bool:
    """Whether a program listens on the port."""
    try:
        socket.create_connection((host, port), timeout).close()
        return True
    except (OSError, UnicodeError):  # UnicodeError: not a possible host name
        return False


def _ask(host: str, port: int, timeout: float) -> bytes:
    """The first bytes of the answer to ApiVersions; empty if there is none."""
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
    """Wait until a broker answers, and log the wait once; False if `stop` was set instead.

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
    """What to do if no Kafka answers."""
    places = addresses(bootstrap_servers)
    if any(is_port_open(host, port) for host, port in places):
        return "What listens there is no Kafka, or not yet: choose another address by LAB_BOOTSTRAP_SERVERS."
    if any(host not in ("localhost", "127.0.0.1", "::1") for host, _ in places):
        return "Check the address and the way to it (VPN, firewall), or unset LAB_BOOTSTRAP_SERVERS."
    return "Start one with 'python -m lab broker start'."


def connect(client: Callable[..., T], *, timeout: float = 10, **kafka: Any) -> T:
    """Make a client once a broker answers.

    It does not try to make clients in a loop: in kafka-python 3 every failed attempt leaks a thread and four
    file descriptors.

    Raises BrokerError if none answers within `timeout` seconds, and AccessError if it refuses the client.
    """
    wait_until_answering(
        kafka["bootstrap_servers"],
        timeout=timeout,
        security_protocol=kafka.get("security_protocol", "PLAINTEXT"),
    )
    return make_client(client, **kafka)


def make_client(client: Callable[..., T], **kafka: Any) -> T:
    """Make a client of a broker that answers. Raises AccessError if the broker refuses it."""
    config = client_config(**{"client_id": f"lab-{next(CLIENTS)}"} | kafka)
    protocol = config.get("security_protocol", "PLAINTEXT")
    with explain_refusal(config["bootstrap_servers"], config["client_id"], protocol):
        return client(**config)


def ask_again(question: Callable[P, T]) -> Callable[P, T]:
    """A decorator that retries a request to Kafka for ASK_SECONDS while its error is retriable.

    When a broker of a cluster has just died, some requests succeed only at the second try.
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
