"""What is the name of a consumer in its group? One that it keeps after a restart, and that no other has."""

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
    """A `group_instance_id` that a consumer keeps when it is killed and started again.

    With it, Kafka gives back the same partitions at once (KIP-345). Without it, Kafka waits until the dead
    member's session ends. Two consumers that run at the same time must not have the same name. So each holds
    a lock on its number, which the operating system releases when the process dies. The name is derived from
    the locked file: if TMPDIR differs, so do the file and the name.

    `warehouse`: its `identity`.
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
    """A new, unique name for a member whose name is used by another one as well."""
    start, _, warehouse = member.rpartition("-")
    return f"{start}-{secrets.token_hex(4)}-{warehouse}"


def _take_number(folder: Path, name: str) -> tuple[int, FileLock]:
    """The first free number, and the lock on it, which is now held."""
    for number in itertools.count(1):
        # The file is kept when it is released, on Windows too: its inode is part of the name.
        lock = FileLock(folder / f"{name}-{number}.lock", preserve_lock_file=True)
        with suppress(Timeout):
            lock.acquire(timeout=0)
            return number, lock
    raise AssertionError("numbers have no end")


@contextmanager
def _own_folder(name: str) -> Generator[Path]:
    """A folder in the shared temporary folder that only this user can write.

    If another user owns a folder of that name, a temporary one is made for this run.
    """
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
    """Whether it is a folder, not a link, and belongs to this user alone."""
    found = folder.lstat()
    if os.name == "nt":  # there each user has a temporary folder of their own
        return stat.S_ISDIR(found.st_mode)
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o022


def fingerprint(*values: object) -> str:
    """A hash of these values, as eight hexadecimal digits."""
    return hashlib.sha256(repr(list(map(str, values))).encode()).hexdigest()[:8]


def _plain(name: str) -> str:
    return re.sub(r"[^a-zA-Z0-9._-]", "_", name)[:60]
