"""Which files does a home have, is there room for more, and how are they removed?

`broker-1` is the data folder of node 1, and `broker-1.log` its log. `broker-1.new` is a folder that is being
formatted, and `broker-1.gone` one that is being removed. A crash may leave either of them.
"""

import errno
import os
import re
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")  # Python 3.11 has no def retry_while_in_use[T]
FORMATTED = re.compile(r"broker-\d+")
OURS = re.compile(r"broker-\d+(\.new|\.gone)*")
# Windows neither replaces nor removes a file that a program or a virus scanner has open.
IN_USE_SECONDS = 5.0 if os.name == "nt" else 0.0
NEEDED_MB = 500  # of free disk space, enough for the kit to run for a while
PROBE_BYTES = 2**20
NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def node_folder(home: Path, number: int) -> Path:
    """The folder in which a node runs and keeps its data."""
    return home / f"broker-{number}"


def data_folders(home: Path) -> list[Path]:
    """The folders of the completely formatted nodes, whether they run or not."""
    return sorted(folder for folder in home.glob("broker-*/") if FORMATTED.fullmatch(folder.name))


def all_folders(home: Path) -> list[Path]:
    """The data folders, including those that are half-formatted or half-removed."""
    return sorted(folder for folder in home.glob("broker-*/") if OURS.fullmatch(folder.name))


def is_locked(folder: Path) -> bool:
    """Whether a Kafka holds the lock on this data, even an invisible one, for example in a container.

    Always False on Windows, where a folder in use cannot be removed anyway.
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
    """Remove those of the folders that exist, with all their files, including read-only ones.

    All of them are renamed first. If one cannot be renamed, none is removed. A half-removed folder no longer
    counts as the folder of a node.
    """
    renamed: dict[Path, Path] = {}
    try:
        for folder in filter(Path.exists, folders):
            gone = folder.with_name(folder.name + ".gone")
            _remove(gone)
            retry_while_in_use(lambda folder=folder, gone=gone: folder.rename(gone))
            renamed[gone] = folder
    except OSError:
        for gone, folder in renamed.items():
            gone.rename(folder)
        raise
    for gone in renamed:
        _remove(gone)


def _remove(folder: Path) -> None:
    def remove_read_only(remove: Callable, path: str, error: object) -> None:
        """Make the file writable first: Kafka has read-only files, and Windows does not remove them."""
        if remove not in (os.unlink, os.rmdir):
            raise  # the error that rmtree handles while it calls this
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
        retry_while_in_use(remove_tree)


def retry_while_in_use(act: Callable[[], T]) -> T:
    """Call `act`, and try again for IN_USE_SECONDS while another program has its file open."""
    until = time.monotonic() + IN_USE_SECONDS
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
    """The system's reason why a file there cannot grow (a full disk, a used-up quota); None if it can."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(PROBE_BYTES))
            file.flush()
    except OSError as error:
        return error.strerror if error.errno in NO_ROOM else None
    return None
