"""Does this machine let the kit work? Its folders, disk, memory, clock and proxy are checked.

A clock that is fast cannot be detected without the network, so it is not checked here.
"""

import os
import shutil
import tempfile
import time
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

import psutil

from lab.classroom.doctor.finding import Finding
from lab.embedded.folders import NEEDED_MB, lack_of_room
from lab.settings import Settings

NEEDED_MEMORY_MB = 300  # the embedded broker needs up to 180, and a notebook 100
RELEASED = datetime(2026, 11, 1, tzinfo=UTC)
DAY_SECONDS = 86400  # a smaller difference may come from a file system that stores local times

WINDOWS = os.name == "nt"
# Windows allows 260 characters. Kafka needs a hundred of them for the files of a topic in its home.
LONGEST_HOME = 150
# Words in the paths of folders that a program synchronizes with a cloud, in lower case.
CLOUDS = ("onedrive", "dropbox", "mobile documents", "icloud", "google drive", "googledrive", "cloudstorage")
NETWORKS = ("nfs", "nfs4", "cifs", "smb", "smb2", "smb3", "smbfs", "afpfs", "webdav", "davfs", "fuse.sshfs")


def check_folders(settings: Settings) -> Finding:
    """The folders of the broker and the warehouse are on a disk of this machine, and can be written."""
    for folder, variable in _folders(settings).items():
        if fault := _fault_of(folder):
            fix = f"Move the kit to a plain folder on this machine's disk, or set {variable} to one."
            return Finding("Folders", f"{folder} {fault}", fix)
    return Finding("Folders", ", ".join(map(str, _folders(settings))))


def _folders(settings: Settings) -> dict[Path, str]:
    """{folder that the kit writes to: the variable that changes it}."""
    folders = {settings.home: "LAB_HOME"}
    if (url := settings.warehouse_url).startswith("sqlite:"):
        folders[Path(url.removeprefix("sqlite:///")).parent] = "LAB_WAREHOUSE"
    return folders


def _fault_of(folder: Path) -> str | None:
    if any(cloud in part.lower() for part in folder.parts for cloud in CLOUDS):
        return "is synchronized with a cloud by a program, which interferes with open files"
    if _is_remote(folder):
        return "is on a network drive, where a database cannot lock its file reliably"
    if WINDOWS and len(str(folder)) > LONGEST_HOME:
        return f"has {len(str(folder))} characters, which with the names of its files is too long for Windows"
    try:
        # os.access is not reliable on Windows. This file is removed at once.
        with tempfile.TemporaryFile(dir=_existing(folder)):
            return None
    except OSError as error:
        return f"cannot be written ({error.strerror})"


def _is_remote(folder: Path) -> bool:
    if str(folder).startswith("\\\\"):
        return True
    mounts = {Path(each.mountpoint): each for each in psutil.disk_partitions(all=True)}
    mount = next((mounts[each] for each in (folder, *folder.parents) if each in mounts), None)
    return bool(mount) and (mount.fstype.lower() in NETWORKS or "remote" in mount.opts.split(","))


def _existing(folder: Path) -> Path:
    return next(each for each in (folder, *folder.parents) if each.exists())


def check_disk(settings: Settings) -> Finding:
    """There is room for the broker's data and for the rows."""
    places = {_existing(folder) for folder in _folders(settings)}
    for place in places:  # tried by writing, because a quota may be used up on a disk with room
        if fault := lack_of_room(place):
            found = f"nothing more can be written to {place}: {fault}; a Kafka that cannot write ends"
            return Finding("Disk", found, f"Free at least {NEEDED_MB} MB there, or ask for a larger quota.")
    free, folder = min((shutil.disk_usage(place).free // 2**20, place) for place in places)
    fix = f"Free at least {NEEDED_MB} MB on the disk of {folder}." if free < NEEDED_MB else ""
    return Finding("Disk", f"{free} MB free", fix)


def check_memory(settings: Settings) -> Finding:
    """There is enough memory for the broker and a notebook."""
    free = psutil.virtual_memory().available // 2**20
    few = free < NEEDED_MEMORY_MB
    fix = "Close other programs; a browser with many tabs needs most." if few else ""
    return Finding("Memory", f"{free} MB free" + (f", and Kafka needs {NEEDED_MEMORY_MB}" * few), fix)


def check_clock(settings: Settings) -> Finding:
    """The clock is not before the release or installation of the kit: then every reading is misdated."""
    now = time.time()
    newest = max(path.stat().st_mtime for path in Path(__file__).parents[2].rglob("*.py"))
    found = f"it is {datetime.fromtimestamp(now, UTC):%d %B %Y, %H:%M} UTC"
    fix = "Let the system set its clock by the network: Kafka removes old messages by the clock."
    if now < RELEASED.timestamp():
        return Finding("Clock", f"{found}, which is before the kit was made", fix)
    if now < newest - DAY_SECONDS:
        return Finding("Clock", f"{found}, which is before the kit was put on this machine", fix)
    return Finding("Clock", found)


def check_proxy(settings: Settings) -> Finding:
    """A proxy, if there is one, is not used for addresses of this machine."""
    proxies = urllib.request.getproxies_environment()
    used = next((proxies[kind] for kind in ("http", "https", "all") if kind in proxies), None)
    if not used:
        return Finding("Proxy", "none")
    # Without the user and password, which may be before the @.
    proxy = used.rpartition("@")[2].rpartition("/")[2] if "@" in used else used
    if missed := [host for host in ("localhost", "127.0.0.1") if not urllib.request.proxy_bypass(host)]:
        found = f"{proxy} is asked for {' and '.join(missed)} too, so JupyterLab may not find its own server"
        return Finding("Proxy", found, "Set NO_PROXY=localhost,127.0.0.1 before you start.")
    return Finding("Proxy", f"{proxy}, and not for this machine")
