"""How is a program that stands beside Kafka fetched? Once, as a whole, into a folder of the kit's home."""

import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from lab.embedded.folders import remove_folders
from lab.errors import LabError
from lab.neighbours.neighbour import Neighbour
from lab.system.locks import one_at_a_time
from lab.system.signals import interrupted_once

# Is told what is fetched now and its size in bytes (None: unknown), and gives what counts those that arrive.
Watch = Callable[[str, int | None], AbstractContextManager[Callable[[int], None]]]
LOCK_SECONDS = 1800.0  # for 160 MB through a slow connection
# Python 3.11.3 and older have no filter.
ONLY_DATA: dict = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}


def unwatched(what: str, size: int | None) -> AbstractContextManager[Callable[[int], None]]:
    """Show no progress."""
    return nullcontext(lambda count: None)


def fetch(neighbour: Neighbour, watch: Watch = unwatched) -> None:
    """Fetch it, unless it is here. What an interrupted fetch has left is removed first.

    Raises LabError if something cannot be fetched or written.
    """
    folder = neighbour.folder
    again = f"then: python -m lab fetch {neighbour.name}."
    try:
        folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with one_at_a_time(folder.with_suffix(".lock"), LOCK_SECONDS), interrupted_once():
            if not neighbour.is_here:
                _fetch(neighbour, watch)
    except subprocess.CalledProcessError as error:
        code = f"{Path(error.cmd[0]).stem} ended with {error.returncode}; {_log(neighbour)} says why"
        advice = f"Connect to the internet (a proxy goes into HTTPS_PROXY), {again}"
        raise LabError(f"{neighbour.what} could not be fetched ({code}). {advice}") from error
    except OSError as error:
        found = f"{error.filename or folder} cannot be used: {error.strerror or error}"
        advice = f"Free the disk, end what uses it, or choose another LAB_HOME, {again}"
        raise LabError(f"{found}. {advice}") from error


def _fetch(neighbour: Neighbour, watch: Watch) -> None:
    remove_folders(neighbour.folder)
    neighbour.folder.mkdir()
    if neighbour.packages.exists():
        with watch(neighbour.what, None):
            _make_environment(neighbour)
    if neighbour.has_files:
        with watch(neighbour.what, neighbour.download_mb * 10**6) as advance:
            _fetch_files(neighbour, advance)
    neighbour.stamp.write_text(neighbour.fingerprint(), encoding="utf-8")


def _make_environment(neighbour: Neighbour) -> None:
    """Make its environment, and install its packages: by uv if it is there, which is quicker; else by pip."""
    folder, python = neighbour.folder / "python", neighbour.python
    make, install = [sys.executable, "-m", "venv", folder], [python, "-m", "pip", "install"]
    if uv := shutil.which("uv"):
        make = [uv, "venv", "--python", sys.executable, folder]
        install = [uv, "pip", "install", "--compile-bytecode", "--python", python]
    with _log(neighbour).open("wb") as log:
        for command in (make, [*install, "-r", neighbour.packages]):
            subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def _fetch_files(neighbour: Neighbour, advance: Callable[[int], None]) -> None:
    """Fetch its jars, and unpack its archives."""
    neighbour.pinned("jars").fetch(advance=advance)
    packed = neighbour.folder / "packed"
    for archive in neighbour.pinned("archives").fetch(packed, advance=advance):
        name = archive.parent.parent.name  # Maven keeps it in artifact/version/
        shutil.unpack_archive(archive, neighbour.folder / name, **ONLY_DATA)
    remove_folders(packed)


def _log(neighbour: Neighbour) -> Path:
    """What uv or pip said."""
    return neighbour.folder / "packages.log"
