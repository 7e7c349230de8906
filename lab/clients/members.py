"""Under which name is a consumer in its group, and who else is there?

A name ends in a mark of the warehouse that its consumer writes. So members that share a topic, and
write into different warehouses, are told apart: each would have only a part of the messages.
"""

import hashlib
import itertools
import os
import platform
import re
import secrets
import shutil
import stat
import tempfile
import uuid
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
from filelock import FileLock, Timeout

if TYPE_CHECKING:
    from kafka import KafkaAdminClient


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
        number, lock = _take_number(folder, f"{_plain(group_id)}-{_mark(warehouse)}")
        try:
            file = Path(lock.lock_file).resolve()
            found = file.stat()
            mark = _mark(machine_id(), file, found.st_dev, found.st_ino)
            yield f"{machine}-{user}-{number}-{mark}-{_mark(warehouse)}"
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


def machine_id() -> str:
    """What tells this machine from others: its name, and its network card if it has one."""
    card = uuid.getnode()
    made_up = card >> 40 & 1  # then it is another one in each process
    return platform.node() if made_up else f"{platform.node()} {card:x}"


def strangers(group: Mapping[str, Any], topic: str, member: str) -> list[str]:
    """Members of a group, as Kafka describes it, that read the topic into another warehouse than `member`."""
    _, _, warehouse = member.rpartition("-")
    return [name for name in _readers(group, topic) if name.rpartition("-")[2] != warehouse]


def is_joined(group: Mapping[str, Any], topic: str, warehouse: str) -> bool:
    """Whether a group, as Kafka describes it, reads the topic into this warehouse, and into no other."""
    return {name.rpartition("-")[2] for name in _readers(group, topic)} == {_mark(warehouse)}


def consumers_of(
    topic: str, consumers: Iterable[tuple[str, str]], admin: "KafkaAdminClient"
) -> list[tuple[str, str]]:
    """Those of some consumers, each (group, member), that read the topic now."""
    consumers = list(consumers)
    groups = admin.describe_groups(sorted({group for group, _ in consumers})) if consumers else {}
    return [(group, member) for group, member in consumers if member in _readers(groups[group], topic)]


def tell_groups(
    topic: str, consumers: Iterable[tuple[str, str]], admin: "KafkaAdminClient"
) -> tuple[str, str] | None:
    """What is wrong, and what to do, if consumers of a warehouse, each (group, member), are of two groups."""
    groups = sorted({group for group, _ in consumers_of(topic, consumers, admin)})
    if len(groups) < 2:
        return None
    found = f"the groups {' and '.join(groups)} both store {topic} in it, and fence each other"
    return found, "One group is enough for a warehouse: end the others, or give each its own LAB_WAREHOUSE."


def _readers(group: Mapping[str, Any], topic: str) -> list[str]:
    return [
        each.get("group_instance_id") or f"{each['client_id']} at {each['client_host'].strip('/')}"
        for each in group["members"]
        if topic in (each["member_metadata"] or {}).get("topics", ())
    ]


def _mark(*values: object) -> str:
    return hashlib.sha256(repr(list(map(str, values))).encode()).hexdigest()[:8]


def _plain(name: str) -> str:
    return re.sub(r"[^a-zA-Z0-9._-]", "_", name)[:60]
