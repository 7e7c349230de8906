"""Which nodes of Kafka does a home have, with which ports and data, and which of them run?

`broker.json` says how they were last started. It may be lost, or older than what runs. So a node counts
as running when a Kafka runs in its folder, as the process list of this machine shows.
"""

import json
import re
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import psutil

from lab.embedded.folders import data_folders, node_folder, retry_while_in_use
from lab.embedded.ports import HOST

PROGRAMS = {"kafka.Kafka", "kafka.tools.StorageTool"}  # the broker, and what formats its data folder
LISTENERS = re.compile(r"^listeners=PLAINTEXT://(.+):(\d+),CONTROLLER://.+:(\d+)$", re.MULTILINE)


@dataclass(frozen=True)
class Node:
    """One broker of a cluster, whose process may have ended; `started` is in seconds since 1970."""

    id: int
    port: int
    controller_port: int
    pid: int = 0
    started: float = 0
    host: str = HOST
    folder: Path = Path()

    @property
    def address(self) -> str:
        """Where its clients reach it."""
        return f"{self.host}:{self.port}"

    @property
    def process(self) -> psutil.Process | None:
        """The process, if it is a Kafka in this node's folder.

        The folder decides, not the start time, which moves when the clock is set. Only of another
        user's process we see no more than the start time.
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
    """The nodes of a home as they were last started, each with the process that runs in its folder."""
    nodes = read_record(home) or _configured(home)
    if all(node.process for node in nodes):
        return nodes
    running = kafka_processes()
    return [node if node.process else _found(node, running) for node in nodes]


def read_record(home: Path) -> list[Node]:
    """The nodes as `broker.json` has them; none if there is no such file, or a crash left half of it."""
    try:
        text = retry_while_in_use(lambda: (home / "broker.json").read_text(encoding="utf-8"))
        return [Node(**node, folder=node_folder(home, node["id"])) for node in json.loads(text)]
    except FileNotFoundError:
        return []
    except (ValueError, TypeError, KeyError):
        return []


def write_nodes(home: Path, nodes: list[Node]) -> None:
    """Write to `broker.json` how they were started; in one step, for others may read it at that moment."""
    records = [{name: value for name, value in asdict(node).items() if name != "folder"} for node in nodes]
    new = home / "broker.json.new"
    new.write_text(json.dumps(records, indent=1), encoding="utf-8")
    retry_while_in_use(lambda: new.replace(home / "broker.json"))


def remove_record(home: Path) -> None:
    """Remove `broker.json`, if it is there."""
    retry_while_in_use(lambda: (home / "broker.json").unlink(missing_ok=True))


def kafka_processes() -> list[tuple[psutil.Process, Path]]:
    """Every process of Kafka on this machine with its folder, which may be gone; not those of other users."""
    found = []
    for process in psutil.process_iter():
        try:
            if folder := _kafka_folder(process):
                found.append((process, folder))
        except psutil.Error:
            continue
    return found


def unknown_processes(home: Path, nodes: list[Node]) -> list[Node]:
    """The processes of Kafka in the folders of a home that are none of its nodes.

    The folder or the record of such a process is gone, or it formats a folder and outlived the command
    that started it.
    """
    known = {node.pid for node in nodes}
    return [
        Node(0, 0, 0, process.pid, folder=home / folder.name)
        for process, folder in kafka_processes()
        if process.pid not in known and _is_same(folder.parent, home)
    ]


def _configured(home: Path) -> list[Node]:
    """The nodes by the `server.properties` of each; none if one of these files cannot be read."""
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
        # A new process has no command line for a moment: then its folder alone decides.
        return None if command and PROGRAMS.isdisjoint(command) else Path(process.cwd())
    except OSError:  # on some systems, if the folder is gone
        return None


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:  # one of them is gone
        return one == other
