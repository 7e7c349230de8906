"""To whom does the Kafka at an address belong, and who else uses ours? Kits and users share a machine."""

from collections.abc import Collection, Iterable
from pathlib import Path, PurePath
from typing import Any

import psutil
from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from lab.clients.connection import addresses, connect, is_answering
from lab.clients.readers import REQUEST_MS
from lab.embedded.folders import FORMATTED
from lab.embedded.nodes import read_nodes
from lab.embedded.ports import LOOPBACK, program_at
from lab.errors import LabError


def other_kit(bootstrap_servers: str, home: Path, security_protocol: str = "PLAINTEXT") -> PurePath | None:
    """The home of another kit on this machine, if its embedded broker answers there.

    Also None for a broker at an address that other machines can reach, which is meant to be shared. A broker
    with a password or a certificate is not asked: it is not an embedded one.
    """
    if security_protocol != "PLAINTEXT":
        return None
    home = home.resolve()
    servers = addresses(bootstrap_servers)
    own = {node.port for node in read_nodes(home) if node.process}
    is_here = all(host in LOOPBACK for host, _ in servers)
    if not is_here or not own.isdisjoint(port for _, port in servers) or not is_answering(bootstrap_servers):
        return None
    found = home_of(bootstrap_servers)
    return None if found == home else found


def home_of(bootstrap_servers: str) -> PurePath | None:
    """The home of the embedded broker that answers there; None if it belongs to no kit or does not tell.

    Kafka itself is asked where its data is. The process list would not be enough, because it does not show
    the folder of another user's process.
    """
    try:
        with connect(
            KafkaAdminClient,
            timeout=1,
            bootstrap_servers=bootstrap_servers,
            request_timeout_ms=REQUEST_MS,
        ) as admin:
            found = [each["log_dir"] for node in admin.describe_log_dirs([]) for each in node["log_dirs"]]
    except (LabError, KafkaError):
        return None
    data = PurePath(found[0] if found else "")
    is_kit = data.name == "data" and FORMATTED.fullmatch(data.parent.name)
    return data.parent.parent if is_kit else None


def listens(process: psutil.Process, port: int) -> bool:
    """Whether this process listens on the port; also True if the system does not show its connections."""
    try:
        found = process.net_connections("tcp")
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True
    return any(each.status == psutil.CONN_LISTEN and each.laddr.port == port for each in found)


def clients_of(servers: Iterable[tuple[psutil.Process, int]], besides: Collection[int] = ()) -> list[str]:
    """The programs that are connected to the servers, each given as (its process, its port).

    This program, the servers themselves, and the processes `besides` are left out, with what they started.
    """
    servers = list(servers)
    known = {psutil.Process(), *(process for process, _ in servers)}.union(*map(_family, besides))
    own = {connection.laddr.port for process in known for connection in _connections(process)}
    ends = {
        connection.raddr
        for process, port in servers
        for connection in _connections(process)
        if connection.status == psutil.CONN_ESTABLISHED and connection.laddr.port == port
    }
    return sorted({_program(end) for end in ends if end.port not in own})


def _family(pid: int) -> set[psutil.Process]:
    """A process and what it started: on Windows, the Python of a `.venv` starts the real one."""
    try:
        process = psutil.Process(pid)
        return {process, *process.children(recursive=True)}
    except psutil.Error:
        return set()


def _connections(process: psutil.Process) -> list:
    try:
        return process.net_connections("tcp")
    except psutil.Error:
        return []  # the process has ended, or is another user's


def _program(end: Any) -> str:
    """The program at one end of a connection, in words."""
    address = end.ip.removeprefix("::ffff:")
    return program_at(end.port) or f"a program of another user, or at {address}"
