"""Which nodes of Kafka has a home, with which ports and data, and which of them run?

`broker.json` says how they were last started. It may be lost, or older than what runs. So a node counts
as running when a Kafka runs in its folder: that is seen in the processes of this machine.
"""

import errno
import json
import os
import re
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TypeVar

import psutil

T = TypeVar("T")  # Python 3.11 has no def patiently[T]
HOST = "127.0.0.1"  # nothing here listens beyond this machine, unless somebody says `listen`
PROGRAMS = {"kafka.Kafka", "kafka.tools.StorageTool"}  # the broker, and what formats its data folder
FOLDER = re.compile(r"broker-\d+")
OURS = re.compile(r"broker-\d+(\.new|\.gone)*")  # also what is half-made or half-removed
LISTENERS = re.compile(r"^listeners=PLAINTEXT://(.+):(\d+),CONTROLLER://.+:(\d+)$", re.MULTILINE)
# Windows: a file that is read, or looked through for viruses, cannot be replaced or removed meanwhile.
PATIENCE_SECONDS = 5.0 if os.name == "nt" else 0.0
PROBE_BYTES = 2**20
NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
STARTED = "The lab kit starts Kafka.\n"  # a line of the log


@dataclass(frozen=True)
class Node:
    """One broker, of which the process may be gone; `started` is in seconds since 1970."""

    id: int
    port: int
    controller_port: int
    pid: int = 0
    started: float = 0
    host: str = HOST
    folder: Path = Path()

    @property
    def address(self) -> str:
        """Where its clients find it."""
        return f"{self.host}:{self.port}"

    @property
    def process(self) -> psutil.Process | None:
        """The process, if it is a Kafka in this node's folder.

        Its start time would not do: it moves when the clock is set. Only of a process of another user
        it is all that we see.
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


def write_nodes(home: Path, nodes: list[Node]) -> None:
    """Keep in `broker.json` how they were started; atomically, for others read it meanwhile."""
    records = [{name: value for name, value in asdict(node).items() if name != "folder"} for node in nodes]
    new = home / "broker.json.new"
    new.write_text(json.dumps(records, indent=1), encoding="utf-8")
    patiently(lambda: new.replace(home / "broker.json"))


def node_folder(home: Path, number: int) -> Path:
    """Where a node keeps its data and runs."""
    return home / f"broker-{number}"


def log_file(node: Node) -> Path:
    """What a node says, over all its starts."""
    return node.folder.with_name(f"{node.folder.name}.log")


def data_folders(home: Path) -> list[Path]:
    """The folders of the nodes that were formatted to the end, running or not."""
    return sorted(folder for folder in home.glob("broker-*/") if FOLDER.fullmatch(folder.name))


def all_folders(home: Path) -> list[Path]:
    """The data folders, and what is left of some that were half-made or half-removed."""
    return sorted(folder for folder in home.glob("broker-*/") if OURS.fullmatch(folder.name))


def kafka_processes() -> list[tuple[psutil.Process, Path]]:
    """Every process of Kafka on this machine, with its folder, which may be gone; none of other users."""
    found = []
    for process in psutil.process_iter():
        try:
            if folder := _kafka_folder(process):
                found.append((process, folder))
        except psutil.Error:
            continue
    return found


def unknown_processes(home: Path, nodes: list[Node]) -> list[Node]:
    """What runs in the folders of a home and is none of its nodes: its folder, or its record, is gone.

    A format that goes on after its command was killed is one too.
    """
    known = {node.pid for node in nodes}
    return [
        Node(0, 0, 0, process.pid, folder=home / folder.name)
        for process, folder in kafka_processes()
        if process.pid not in known and _is_same(folder.parent, home)
    ]


def is_locked(folder: Path) -> bool:
    """Whether a Kafka has the lock on this data: also one that we cannot see, of a container for example.

    On Windows a folder in use cannot be removed anyway.
    """
    if os.name == "nt":
        return False
    import fcntl

    try:
        file = (folder / "data" / ".lock").open("r+b")
    except OSError:
        return False
    with file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            return True
        except OSError:  # a file system without locks
            return False
        return False


def remove_folders(*folders: Path) -> None:
    """Remove these folders with all that is in them, also what is read-only; those that are there.

    All of them are renamed first. So when one cannot be, all stay as they are, and one that is
    half-removed counts for nothing.
    """
    renamed: dict[Path, Path] = {}
    try:
        for folder in filter(Path.exists, folders):
            gone = folder.with_name(folder.name + ".gone")
            _remove(gone)
            patiently(lambda folder=folder, gone=gone: folder.rename(gone))
            renamed[gone] = folder
    except OSError:
        for gone, folder in renamed.items():
            gone.rename(folder)
        raise
    for gone in renamed:
        _remove(gone)


def _remove(folder: Path) -> None:
    def remove_read_only(remove: Callable, path: str, error: object) -> None:
        """Kafka makes some of its files read-only; Windows removes no such file."""
        if remove not in (os.unlink, os.rmdir):
            raise  # what rmtree handles when it calls this
        for each in (Path(path).parent, Path(path)):
            if each.is_relative_to(folder) and not each.is_symlink():
                each.chmod(stat.S_IRWXU)
        remove(path)

    def remove_tree() -> None:
        if sys.version_info >= (3, 12):
            shutil.rmtree(folder, onexc=remove_read_only)
        else:
            shutil.rmtree(folder, onerror=remove_read_only)

    if folder.exists():
        patiently(remove_tree)


def patiently(act: Callable[[], T]) -> T:
    """Act on a file, and again for PATIENCE_SECONDS while another program has it."""
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return act()
        except FileNotFoundError:
            raise
        except OSError:
            if time.monotonic() >= until:
                raise
        time.sleep(0.05)


def lack_of_room(folder: Path) -> str | None:
    """Why a file there cannot grow, in the words of the system: the disk is full, or a quota is used up."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:  # gone at once
            file.write(bytes(PROBE_BYTES))
            file.flush()
    except OSError as error:
        return error.strerror if error.errno in NO_ROOM else None
    return None


def failed_write(node: Node) -> str | None:
    """What kept a node from writing its data, so that it ended; by its log since it was last started."""
    try:
        log = log_file(node).read_text(encoding="utf-8", errors="replace").rpartition(STARTED)[2]
    except OSError:
        return None
    causes = re.findall(r"Exception: (.+)", log) or ["its log says why"]
    return causes[-1] if "because all log dirs" in log else None


def read_record(home: Path) -> list[Node]:
    """The nodes as `broker.json` has them; none, if there is none, or a crash left it half-written."""
    try:
        text = patiently(lambda: (home / "broker.json").read_text(encoding="utf-8"))
        return [Node(**node, folder=node_folder(home, node["id"])) for node in json.loads(text)]
    except FileNotFoundError:
        return []
    except (ValueError, TypeError, KeyError):
        return []


def _configured(home: Path) -> list[Node]:
    """The nodes as each one's own `server.properties` has them; none, if one of these cannot be read."""
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
    """The folder in which a process of Kafka runs; None if it is none."""
    try:
        command = process.cmdline()
        # For a moment a new process has none to show: then its folder alone tells.
        return None if command and PROGRAMS.isdisjoint(command) else Path(process.cwd())
    except OSError:  # a folder that is gone, on some systems
        return None


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:  # one of them is gone
        return one == other
