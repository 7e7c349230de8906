"""How can only one program at a time do something? It takes a lock; the others wait and log who holds it.

The system releases a lock when its holder ends. A suspended program keeps its lock, so the others wait for it
only a few seconds. Every wait has a limit.
"""

import logging
import os
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from lab.errors import LockError

log = logging.getLogger("lab")
MAX_SECONDS = 120.0  # a replay may wait 30 s for each answer of Kafka
WARN_SECONDS = 1.0
SUSPENDED_SECONDS = 5.0


@dataclass(frozen=True)
class Holder:
    """The program that holds a lock."""

    name: str = "another program"
    is_suspended: bool = False

    def __str__(self) -> str:
        return f"{self.name}, which is suspended" if self.is_suspended else self.name


@contextmanager
def one_at_a_time(path: Path, timeout: float = MAX_SECONDS) -> Generator[None]:
    """Of all programs and threads that pass the same file, only one at a time runs the block.

    Raises LockError after `timeout` seconds, or if the file cannot be made.
    """
    lock = FileLock(path)
    wait_for_turn(lambda: _take(lock), lambda: holder_of(path), str(path), timeout)
    try:
        with suppress(OSError):  # on a full disk, the others then say "another program"
            _note(path).write_text(str(os.getpid()), encoding="ascii")
        yield
    finally:
        with suppress(OSError):
            _note(path).unlink()
        lock.release()


def wait_for_turn(
    take: Callable[[], bool], holder: Callable[[], Holder], lock: str, timeout: float = MAX_SECONDS
) -> None:
    """Call `take()` until it returns True; after a second, log who holds the lock.

    `holder()` returns the holder, and `lock` is the name of the lock. Raises LockError, which names the
    holder, after `timeout` seconds, or sooner if the holder is suspended.
    """
    began, warned = time.monotonic(), False
    while not take():
        waited = time.monotonic() - began
        if waited > WARN_SECONDS:
            who = holder()
            if waited > (min(SUSPENDED_SECONDS, timeout) if who.is_suspended else timeout):
                raise LockError(f"{lock} is held by {who} (waited {waited:.0f} s). End it, and try again.")
            if not warned:
                log.warning("Waiting for %s: it holds %s ...", who, lock)
                warned = True
        time.sleep(0.05)


def holder_of(path: Path) -> Holder:
    """The program that holds the lock of `one_at_a_time(path)`, read from the file next to it."""
    try:
        process = psutil.Process(int(_note(path).read_text(encoding="ascii")))
        suspended = process.status() == psutil.STATUS_STOPPED
        return Holder(f"{process.name()} (process {process.pid})", suspended)
    except (OSError, ValueError, psutil.Error):
        return Holder()


def _take(lock: FileLock) -> bool:
    try:
        lock.acquire(blocking=False)
        return True
    except Timeout:
        return False
    except OSError as error:
        raise LockError(f"{lock.lock_file} cannot be made: {error.strerror}.") from error


def _note(path: Path) -> Path:
    """The file with the holder's process id. On Windows, others cannot read the lock file itself."""
    return path.with_name(path.name + ".holder")
