"""Which ports of this machine are free, and which program uses a port?"""

import random
import re
import socket
from collections.abc import Collection

import psutil

from lab.clients.connection import address, is_port_open
from lab.errors import BrokerError

HOST = "127.0.0.1"  # Kafka listens there only, unless the user asks for another address (`listen`)
LOOPBACK = ("localhost", HOST, "::1")
# Below the range that systems use for outgoing connections. Otherwise such a connection, even one between
# nodes, could take a port between our check and Kafka's start.
PORTS = range(10_000, 32_000)


def free_ports(count: int, avoid: Collection[int] = ()) -> list[int]:
    """`count` consecutive ports of this machine that are free now and not in `avoid`."""
    while True:
        first = random.choice(PORTS)
        ports = list(range(first, first + count))
        if not set(ports) & set(avoid) and all(_is_free(port) for port in ports):
            return ports


def another_address(bootstrap_servers: str) -> str:
    """The setting that gives a broker a free port of this machine."""
    ports = range(address(bootstrap_servers.split(",")[0])[1] + 100, 2**16, 100)
    free = next((port for port in ports if not is_port_open(HOST, port)), None)
    return f"LAB_BOOTSTRAP_SERVERS=localhost:{free or free_ports(1)[0]}"


def port_owner(port: int) -> str:
    """A description of the program that listens on a port."""
    return program_at(port, psutil.CONN_LISTEN) or "another program"


def program_at(port: int, status: str | None = None) -> str | None:
    """The program with a connection at this port of this machine, as 'name (process 7)'.

    `status`: only connections in this state. None if there is no such program, or the system does not show
    it: most systems hide the programs of other users, and macOS hides all.
    """
    try:
        for connection in psutil.net_connections("tcp"):
            is_there = connection.laddr and connection.laddr.port == port
            if is_there and connection.pid and status in (None, connection.status):
                return f"{psutil.Process(connection.pid).name()} (process {connection.pid})"
    except psutil.Error:
        pass  # macOS shows connections only to the administrator
    return None


def own_address(host: str) -> str:
    """The address, if this machine has it; otherwise raises BrokerError, which lists its addresses."""
    found = [each.address for some in psutil.net_if_addrs().values() for each in some]
    own = [each for each in found if re.fullmatch(r"[0-9.]+", each)]
    if host not in own and not host.startswith("127."):
        raise BrokerError(f"{host!r} is no address of this machine. It has: {', '.join(own)}.")
    return host


def _is_free(port: int) -> bool:
    try:
        with socket.socket() as probe:
            probe.bind((HOST, port))
        return True
    except OSError:
        return False
