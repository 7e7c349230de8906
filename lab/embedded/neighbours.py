"""Whose is the Kafka that answers here, and who else uses ours? Several kits and users share a machine."""

import re
from collections.abc import Iterable
from pathlib import PurePath

import psutil
from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from lab.clients.connection import connect
from lab.errors import LabError

NODE_FOLDER = re.compile(r"broker-\d+")
ASK_MS = 2000


def home_of(bootstrap_servers: str) -> PurePath | None:
    """The home of the embedded broker that answers there; None if it is no kit's, or does not say.

    Kafka itself says where its data is. The processes would not do: those of another user show it to nobody.
    """
    try:
        with connect(
            KafkaAdminClient, timeout=1, bootstrap_servers=bootstrap_servers, request_timeout_ms=ASK_MS
        ) as admin:
            found = [each["log_dir"] for node in admin.describe_log_dirs([]) for each in node["log_dirs"]]
    except (LabError, KafkaError):
        return None
    data = PurePath(found[0] if found else "")
    is_kit = data.name == "data" and NODE_FOLDER.fullmatch(data.parent.name)
    return data.parent.parent if is_kit else None


def listens(process: psutil.Process, port: int) -> bool:
    """Whether this process is the one that listens on a port; so it seems where its ports are not shown."""
    try:
        found = process.net_connections("tcp")
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True
    return any(each.status == psutil.CONN_LISTEN and each.laddr.port == port for each in found)


def clients_of(servers: Iterable[tuple[psutil.Process, int]]) -> list[str]:
    """Who else is connected to some servers, each (its process, its port): not they, and not this process."""
    servers = list(servers)
    known = {psutil.Process(), *(process for process, _ in servers)}
    own = {connection.laddr.port for process in known for connection in _connections(process)}
    ends = {
        connection.raddr
        for process, port in servers
        for connection in _connections(process)
        if connection.status == psutil.CONN_ESTABLISHED and connection.laddr.port == port
    }
    return sorted({_program_at(end) for end in ends if end.port not in own})


def _connections(process: psutil.Process) -> list:
    try:
        return process.net_connections("tcp")
    except psutil.Error:
        return []  # it is gone, or another user's


def _program_at(end) -> str:
    """The program at one end of a connection, in words."""
    try:
        for connection in psutil.net_connections("tcp"):
            if connection.laddr and connection.laddr.port == end.port and connection.pid:
                return f"{psutil.Process(connection.pid).name()} (process {connection.pid})"
    except psutil.Error:
        pass  # macOS tells only the administrator
    return f"a program of another user, or at {end.ip.removeprefix('::ffff:')}"
