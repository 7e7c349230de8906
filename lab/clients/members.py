"""Under which name is a consumer in its group? Under one that it keeps, and that no other has."""

import hashlib
import itertools
import os
import platform
import re
import secrets
import shutil
import stat
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from lab.system.machine import machine_id


@contextmanager
def static_member(group_id: str, warehouse: str = "") -> Generator[str]:
    """A name in the group that a consumer keeps when it is killed and started again.

    With it Kafka gives the same partitions back at once (KIP-345); without, it waits until the
    dead member's session ends. Two that run at the same time must not share one, so each holds a
    lock on its number, which the system releases when the process dies. The name is made of the
    very file that is locked: who finds another file there, as with another TMPDIR, has another name.

    `warehouse`: what tells the warehouse from all others.
    """
    user, machine = _plain(psutil.Process().username()), _plain(platform.node())
    with _own_folder(f"kafka-lab-members-{user}") as folder:
        number, lock = _take_number(folder, f"{_plain(group_id)}-{fingerprint(warehouse)}")
        try:
            file = Path(lock.lock_file).resolve()
            found = file.stat()
            mark = fingerprint(machine_id(), file, found.st_dev, found.st_ino)
            yield f"{machine}-{user}-{number}-{mark}-{fingerprint(warehouse)}"
        finally:
            lock.release()


def another_name(member: str) -> str:
    """For a member whose name somebody else has as well: one that nobody has."""
    start, _, warehouse = member.rpartition("-")
    return f"{start}-{secrets.token_hex(4)}-{warehouse}"


def _take_number(folder: Path, name: str) -> tuple[int, FileLock]:
    """The first number that is free, and the lock on it, which is held."""
    for number in itertools.count(1):
        lock = FileLock(folder / f"{name}-{number}.lock")
        with suppress(Timeout):
            lock.acquire(timeout=0)
            return number, lock
    raise AssertionError("numbers have no end")


@contextmanager
def _own_folder(name: str) -> Generator[Path]:
    """A folder that nobody else can write, in one that everybody can: else one for this time only."""
    folder = Path(tempfile.gettempdir()) / name
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    if _is_own(folder):
        yield folder
        return
    folder = Path(tempfile.mkdtemp(prefix=f"{name}-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _is_own(folder: Path) -> bool:
    """Whether it is a folder, no link to one, and this user's alone."""
    found = folder.lstat()
    if os.name == "nt":  # there the folder for what is temporary is each user's own
        return stat.S_ISDIR(found.st_mode)
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o022


def fingerprint(*values: object) -> str:
    """Eight hexadecimal digits that stand for these values."""
    return hashlib.sha256(repr(list(map(str, values))).encode()).hexdigest()[:8]


def _plain(name: str) -> str:
    return re.sub(r"[^a-zA-Z0-9._-]", "_", name)[:60]
