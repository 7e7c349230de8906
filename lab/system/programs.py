"""Which programs did notebooks start, and which of them are left over?

A notebook's program has a group of its own, because the stop button interrupts the whole group of the kernel.
It has a file in the folder `programs` of the kit's home, and is ended with the kernel. If the kernel was
killed, the program is left over, and the next start of the kit ends it.
"""

import atexit
import hashlib
import json
import os
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from lab.errors import LabError

OWN_GROUP: dict = (
    {"creationflags": 0x00000200}  # CREATE_NEW_PROCESS_GROUP
    if os.name == "nt"
    else {"start_new_session": True}
)
END_SECONDS = 10.0
# JupyterLab kills a kernel that takes longer to end.
EXIT_SECONDS = 1.5
NEW_SECONDS = 1.0  # a new process has no command line for a moment
_homes: set[Path] = set()  # in which this process has recorded programs


@dataclass(frozen=True)
class Process:
    """A process, recognized by its id and command line; its start time changes when the clock is set."""

    pid: int
    command: str

    @classmethod
    def of(cls, pid: int) -> "Process":
        """The process that has this id now. Raises psutil.Error if there is none."""
        process, until = psutil.Process(pid), time.monotonic() + NEW_SECONDS
        while not (words := _command_line(process)) and time.monotonic() < until:
            time.sleep(0.001)
        return cls(pid, hashlib.sha256("\0".join(words).encode(errors="replace")).hexdigest())

    def is_alive(self) -> bool:
        """Whether it runs; False if it has ended and only its parent has not noticed."""
        try:
            return Process.of(self.pid) == self
        except psutil.Error:  # it is gone, or has become that of another user
            return False


def _command_line(process: psutil.Process) -> list[str]:
    """Empty for a moment, while the process begins or ends. psutil.Error is not an OSError."""
    try:
        return process.cmdline()
    except OSError:  # on Windows psutil passes on what the system answers of such a process
        return []


@dataclass(frozen=True)
class Program:
    """A program of a notebook, and its file. `owner` is the kernel that started it."""

    file: Path
    name: str
    process: Process
    owner: Process

    @property
    def is_left_over(self) -> bool:
        """Whether its kernel is gone."""
        return not self.owner.is_alive()

    def __str__(self) -> str:
        return f"{self.name} (process {self.process.pid})"


def end_with_this_process(home: Path, pid: int, name: str) -> None:
    """Record a process in a home. It is ended when this process ends, or when it is found left over."""
    try:
        process = Process.of(pid)
    except psutil.Error:
        return  # it has already ended by itself
    record = {"name": name, "process": asdict(process), "owner": asdict(Process.of(os.getpid()))}
    try:
        _write(home, f"{pid}", json.dumps(record, indent=1))
    except OSError as error:
        raise LabError(f"{home} cannot be written: {error.strerror}. Choose another: LAB_HOME.") from error
    if not _homes:
        atexit.register(_end_own)
    _homes.add(home)


def read_programs(home: Path) -> list[Program]:
    """The programs of notebooks that run."""
    found = map(_read, sorted((home / "programs").glob("*.json")))
    return [program for program in found if program and program.process.is_alive()]


def left_over(home: Path) -> list[Program]:
    """The programs whose kernel is gone."""
    return [program for program in read_programs(home) if program.is_left_over]


def end(programs: Iterable[Program], timeout: float = END_SECONDS) -> list[Program]:
    """Ask them to end, and kill those that still run after `timeout` seconds. Returns those that it ended."""
    ended = running = [program for program in programs if program.process.is_alive()]
    for act in (psutil.Process.terminate, psutil.Process.kill):
        for program in running:
            with suppress(psutil.Error):  # it has just ended
                act(psutil.Process(program.process.pid))
        running = _wait(running, timeout)
    for program in ended:
        _remove(program.file)
    return ended


def _wait(programs: list[Program], timeout: float) -> list[Program]:
    """Wait until they have ended. Returns those that still run after `timeout` seconds."""
    until = time.monotonic() + timeout
    while (running := [each for each in programs if each.process.is_alive()]) and time.monotonic() < until:
        time.sleep(0.02)
    return running


def _end_own() -> None:
    """End what this process started."""
    own = Process.of(os.getpid())
    end([each for home in _homes for each in read_programs(home) if each.owner == own], EXIT_SECONDS)


def _write(home: Path, name: str, text: str) -> None:
    """Write a record, and remove those of programs that have ended."""
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder = home / "programs"
    folder.mkdir(exist_ok=True)
    for program in filter(None, map(_read, folder.glob("*.json"))):
        if not program.process.is_alive():
            _remove(program.file)
    new = folder / f"{name}.new"
    new.write_text(text, encoding="utf-8")
    new.replace(folder / f"{name}.json")


def _remove(file: Path) -> None:
    with suppress(OSError):  # on Windows, while another command reads it
        file.unlink(missing_ok=True)


def _read(file: Path) -> Program | None:
    """The program of a file; None if the file is damaged or gone."""
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
        return Program(file, values["name"], Process(**values["process"]), Process(**values["owner"]))
    except (OSError, ValueError, TypeError, KeyError):
        return None
