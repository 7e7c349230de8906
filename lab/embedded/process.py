"""How is a node of Kafka launched and ended, and when does it serve clients?"""

import os
import subprocess
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

import psutil

from lab.clients.connection import is_answering, is_port_open
from lab.embedded.folders import remove_folders
from lab.embedded.formatting import format_folder
from lab.embedded.java import KafkaEndedError, environment, java_command
from lab.embedded.logs import STARTED, found_port_taken, log_file, log_tail
from lab.embedded.nodes import Node
from lab.embedded.owners import listens
from lab.embedded.ports import another_address, port_owner
from lab.embedded.properties import write_properties
from lab.errors import BrokerError

KILL_SECONDS = 10.0
# Where Java puts the native libraries of lz4, snappy and zstd when it loads them. In the system's folder for
# temporary files, a killed Kafka left them for ever; and if no library may be loaded from there, as on some
# servers, a message compressed by zstd was never acknowledged.
TEMPORARY = "tmp"
# A broker must neither get the Ctrl-C of the terminal nor end with the kernel that started it.
DETACHED: dict = (
    {"creationflags": 0x00000008 | 0x00000200}  # DETACHED_PROCESS | CREATE_NEW_PROCESS_GROUP
    if os.name == "nt"
    else {"start_new_session": True}
)
_children: list[subprocess.Popen] = []


def launch(node: Node, properties: Mapping[str, object], quick: bool) -> Node:
    """Launch Kafka in the folder of a node, after formatting it if it is new. Returns the running node.

    `quick`: with Java's AOT cache, if there is one.
    """
    if not node.folder.exists():
        format_folder(node.folder, properties, quick)
    write_properties(node.folder, properties)
    remove_folders(node.folder / TEMPORARY)
    (node.folder / TEMPORARY).mkdir()
    with log_file(node).open("ab") as output:
        output.write(f"{datetime.now():%Y-%m-%d %H:%M:%S} {STARTED}".encode())
        output.flush()
        child = subprocess.Popen(
            java_command(
                "kafka.Kafka", "server.properties", quick=quick, options=[f"-Djava.io.tmpdir={TEMPORARY}"]
            ),
            cwd=node.folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment(),
            **DETACHED,
        )
    _children.append(child)
    return replace(node, pid=child.pid, started=psutil.Process(child.pid).create_time())


def wait_until_serving(nodes: list[Node], timeout: float) -> None:
    """Wait until every node answers its clients.

    Raises KafkaEndedError, with the end of its log, if a node ends. Raises BrokerError if another program
    took a port, or after `timeout` seconds.
    """
    until, waiting = time.monotonic() + timeout, nodes
    # One that has answered is not asked again: to find the owner of a port costs as much as Kafka's start.
    while waiting := [node for node in waiting if not _serves(node)]:
        for node in filter(_has_ended, nodes):
            if is_port_open(node.host, node.port):
                raise BrokerError(
                    f"Port {node.port} was taken by {port_owner(node.port)} while Kafka started. "
                    f"End it, or choose another port: {another_address(node.address)}."
                )
            raise KafkaEndedError(
                f"Kafka ended while it started.\n{log_tail(node)}", port_taken=found_port_taken(node)
            )
        if time.monotonic() > until:
            raise BrokerError(f"Kafka does not answer after {timeout:.0f} s.\n{log_tail(waiting[0])}")
        time.sleep(0.05)


def _serves(node: Node) -> bool:
    """Whether the node's own process answers, and not another one at its address."""
    process = node.process
    return is_answering(node.address) and bool(process) and listens(process, node.port)


def _has_ended(node: Node) -> bool:
    """Whether its process has ended. For a process that we launched, the system is asked for its exit code.

    The process list may be wrong about a new process for a moment; then a second Kafka would be launched.
    """
    child = next((child for child in _children if child.pid == node.pid), None)
    return child.poll() is not None if child else not node.process


def end(nodes: list[Node], timeout: float) -> None:
    """Ask the running nodes to end, and kill them after `timeout` seconds; with 0, kill them at once.

    All are asked at the same time: the last node of a cluster cannot shut down alone, and would hang for
    minutes.
    """
    running = [node for node in nodes if node.process]
    for act in ("terminate", "kill") if timeout else ("kill",):
        for node in running:
            _signal(node, act)
        until = time.monotonic() + (timeout or KILL_SECONDS)
        while any(map(_holds_on, running)) and time.monotonic() <= until:
            time.sleep(0.02)
    if left := next((node for node in running if node.process), None):
        raise BrokerError(f"Kafka does not end: process {left.pid}. End it, and do this again.")
    for child in _children:  # the system lists an ended child until its parent reads its exit code
        if child.pid in {node.pid for node in running}:
            child.wait(timeout=10)
        child.poll()  # also for one that ended by itself


def _holds_on(node: Node) -> bool:
    """Whether a node runs or still has its port: a killed process disappears before its port is free."""
    return bool(node.process) or bool(node.port and is_port_open(node.host, node.port))


def _signal(node: Node, act: str) -> None:
    try:
        if process := node.process:
            getattr(process, act)()
    except psutil.NoSuchProcess:
        pass
    except psutil.AccessDenied as error:
        raise BrokerError(f"Kafka is process {node.pid} of another user, who must end it.") from error
