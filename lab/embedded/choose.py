"""Which broker does an address mean: one that already answers, or the embedded one?

A broker of somebody else that already answers is used as it is, and never stopped. The embedded broker should
not be stopped while other programs use it: `clients` lists them.
"""

import logging
import time
from pathlib import Path, PurePath
from typing import Protocol

from lab.clients.connection import addresses, is_port_open
from lab.embedded.broker import EmbeddedBroker
from lab.embedded.external import ExternalBroker, is_kafka
from lab.embedded.nodes import Node
from lab.embedded.owners import other_kit
from lab.embedded.ports import LOOPBACK, own_address, port_owner
from lab.errors import BrokerError
from lab.system.programs import end, left_over

log = logging.getLogger("lab")
COMES_UP_SECONDS = 15.0  # Docker opens a port long before its Kafka answers
WARN_SECONDS = 1.0
FIRST_PROBE_SECONDS = 0.5
PROBE_SECONDS = 5.0  # a Kafka that has just started may be slow


class Broker(Protocol):
    """What EmbeddedBroker and ExternalBroker have in common."""

    @property
    def bootstrap_servers(self) -> str:
        """The addresses for clients."""

    @property
    def home(self) -> PurePath | None:
        """The folder of the kit that runs it; None if no kit does."""

    @property
    def other_kit(self) -> PurePath | None:
        """The same, but None if this kit runs it."""

    @property
    def started_here(self) -> bool:
        """Whether this object started it, and so should stop it."""

    def __enter__(self) -> "Broker": ...

    def __exit__(self, *exception: object) -> None: ...

    def nodes(self) -> list[Node]:
        """Its nodes, as far as this kit knows them."""

    def is_running(self) -> bool:
        """Whether it runs."""

    def start(self, timeout: float = 120) -> "Broker":
        """Start it if it is the embedded one."""

    def stop(self, node: int | None = None, timeout: float = 10) -> None:
        """Stop it if it is the embedded one."""

    def clients(self) -> list[str]:
        """The programs that a stop would disturb."""


def start_broker(
    bootstrap_servers: str = "localhost:9092",
    home: Path | str = ".lab",
    brokers: int | None = None,
    listen: str | None = None,
) -> Broker:
    """The broker at this address: the one that answers there, otherwise the embedded one, which is started.

    `brokers`: the number of nodes; by default as many as before, or one per address. `listen`: an address of
    this machine at which other machines may reach it. Programs of notebooks that are gone are ended first.
    Raises BrokerError if nothing answers and the address is not on this machine.
    """
    embedded = _embedded(bootstrap_servers, home, brokers, listen)
    end(left_over(embedded.home))
    if listen:
        bootstrap_servers = embedded.bootstrap_servers
    servers = addresses(bootstrap_servers)
    own = {node.port for node in embedded.nodes() if node.process}
    is_own = not own.isdisjoint(port for _, port in servers)
    if not is_own and _answers_as_kafka(bootstrap_servers):
        return _external(bootstrap_servers, embedded.home)
    if not all(host in (*LOOPBACK, embedded.host) for host, _ in servers):
        raise BrokerError(
            f"No Kafka broker answers at {bootstrap_servers}, and the kit starts one on this machine "
            "only. Check the address, or unset LAB_BOOTSTRAP_SERVERS."
        )
    try:
        return embedded.start()
    except BrokerError:
        if embedded.is_running() or not is_kafka(bootstrap_servers):
            raise
        return _external(bootstrap_servers, embedded.home)  # another program started one first


def _embedded(
    bootstrap_servers: str, home: Path | str, brokers: int | None, listen: str | None
) -> EmbeddedBroker:
    """The embedded broker for these addresses, whether it runs or not."""
    servers = addresses(bootstrap_servers)
    embedded = EmbeddedBroker(home, servers[0][1])
    nodes = embedded.nodes()
    embedded.brokers = brokers or max(len(servers), len(nodes))
    if listen:
        embedded.host = own_address(listen)
    elif any(node.process and (node.host, node.port) in servers for node in nodes):
        embedded.host = nodes[0].host  # it was started with `listen`
    return embedded


def _external(bootstrap_servers: str, home: Path) -> ExternalBroker:
    return ExternalBroker(bootstrap_servers, other_kit(bootstrap_servers, home))


def _answers_as_kafka(bootstrap_servers: str) -> bool:
    """Whether a Kafka answers there. If the port is open, this waits COMES_UP_SECONDS for an answer."""
    began, probe, warned = time.monotonic(), FIRST_PROBE_SECONDS, False
    while not is_kafka(bootstrap_servers, probe):
        is_open = [place for place in addresses(bootstrap_servers) if is_port_open(*place)]
        waited = time.monotonic() - began
        if not is_open or waited > COMES_UP_SECONDS:
            return False
        if waited > WARN_SECONDS and not warned:
            _warn(*is_open[0])
            warned = True
        if warned:  # half of the time that is left, because is_kafka asks twice
            probe = min(PROBE_SECONDS, max(FIRST_PROBE_SECONDS, (COMES_UP_SECONDS - waited) / 2))
        time.sleep(0.2)
    return True


def _warn(host: str, port: int) -> None:
    who = port_owner(port) if host in LOOPBACK else "a program"
    log.warning(
        "At %s:%s, %s listens and does not answer as Kafka yet: waiting up to %.0f s for it ...",
        *(host, port, who, COMES_UP_SECONDS),
    )
