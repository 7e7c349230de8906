"""Which nodes of Kafka does a home have, with which ports and data, and which of them run?

`broker.json` records how they were last started. It may be lost or outdated. So a node counts as running if
the process list of this machine shows a Kafka in its folder.
"""

import json
import re
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import psutil

from lab.embedded.folders import data_folders, node_folder, retry_while_in_use
from lab.embedded.ports import HOST

PROGRAMS = {"kafka.Kafka", "kafka.tools.StorageTool"}  # the broker, and the formatter of its data folder
LISTENERS = re.compile(r"^listeners=PLAINTEXT://(.+):(\d+),CONTROLLER://.+:(\d+)$", re.MULTILINE)


@dataclass(frozen=True)
class Node:
    """One broker of a cluster; its process may have ended. `started` is in seconds since 1970."""

    id: int
    port: int
    controller_port: int
    pid: int = 0
    started: float = 0
    host: str = HOST
    folder: Path = Path()

    @property
    def address(self) -> str:
        """Its address for clients."""
        return f"{self.host}:{self.port}"

    @property
    def process(self) -> psutil.Process | None:
        """The process, if it is a Kafka in this node's folder.

        The folder decides, not the start time, which changes when the clock is set. Only for a process of
        another user, whose folder is not visible, the start time decides.
        """
        try:
            process = psutil.Process(self.pid) if self.pid else None
            if not process:
                return None
            try:
                found = _kafka_folder(process)
                return process if found and _is_same(found, self.folder) else None
            except psutil.AccessDenied:
                is_it = abs(process.create_time() - self.started) < 1
                return process if is_it and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None


def read_nodes(home: Path) -> list[Node]:
    """The nodes of the last start in a home, each with the process that runs in its folder."""
    nodes = read_record(home) or _configured(home)
    if all(node.process for node in nodes):
        return nodes
    running = kafka_processes()
    return [node if node.process else _found(node, running) for node in nodes]


def read_record(home: Path) -> list[Node]:
    """The nodes in `broker.json`; empty if there is no such file, or a crash left it incomplete."""
    try:
        text = retry_while_in_use(lambda: (home / "broker.json").read_text(encoding="utf-8"))
        return [Node(**node, folder=node_folder(home, node["id"])) for node in json.loads(text)]
    except FileNotFoundError:
        return []
    except (ValueError, TypeError, KeyError):
        return []


def write_nodes(home: Path, nodes: list[Node]) -> None:
    """Record in `broker.json` how they were started, atomically, because others may read it meanwhile."""
    records = [{name: value for name, value in asdict(node).items() if name != "folder"} for node in nodes]
    new = home / "broker.json.new"
    new.write_text(json.dumps(records, indent=1), encoding="utf-8")
    retry_while_in_use(lambda: new.replace(home / "broker.json"))


def remove_record(home: Path) -> None:
    """Remove `broker.json` if it exists."""
    retry_while_in_use(lambda: (home / "broker.json").unlink(missing_ok=True))


def kafka_processes() -> list[tuple[psutil.Process, Path]]:
    """This user's Kafka processes on this machine, each with its folder, which may have been removed."""
    found = []
    for process in psutil.process_iter():
        try:
            if folder := _kafka_folder(process):
                found.append((process, folder))
        except psutil.Error:
            continue
    return found


def unknown_processes(home: Path, nodes: list[Node]) -> list[Node]:
    """The Kafka processes in the folders of a home that are not nodes of it.

    The folder or the record of such a process was removed, or it is a formatter that outlived the command
    that started it.
    """
    known = {node.pid for node in nodes}
    return [
        Node(0, 0, 0, process.pid, folder=home / folder.name)
        for process, folder in kafka_processes()
        if process.pid not in known and _is_same(folder.parent, home)
    ]


def _configured(home: Path) -> list[Node]:
    """The nodes according to their `server.properties`; empty if one of these files cannot be read."""
    nodes = []
    for folder in data_folders(home):
        try:
            text = (folder / "server.properties").read_text(encoding="ascii")
        except (OSError, ValueError):
            return []
        if not (found := LISTENERS.search(text)):
            return []
        number = int(folder.name.removeprefix("broker-"))
        nodes.append(Node(number, int(found[2]), int(found[3]), host=found[1], folder=folder))
    return sorted(nodes, key=lambda node: node.id)


def _found(node: Node, running: list[tuple[psutil.Process, Path]]) -> Node:
    """The node with the process that runs in its folder, if one does."""
    process = next((process for process, folder in running if _is_same(folder, node.folder)), None)
    try:
        return replace(node, pid=process.pid, started=process.create_time()) if process else node
    except psutil.NoSuchProcess:
        return node


def _kafka_folder(process: psutil.Process) -> Path | None:
    """The folder in which a process of Kafka runs; None if it is another program."""
    try:
        command = process.cmdline()
        # A new process has no command line for a moment. Then only its folder decides.
        return None if command and PROGRAMS.isdisjoint(command) else Path(process.cwd())
    except OSError:  # on some systems, if the folder was removed
        return None


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:  # one of them was removed
        return one == other
