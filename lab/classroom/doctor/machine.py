"""Does this machine let the kit work? Folders, disk, memory, clock, proxy.

A clock that is ahead cannot be told from a right one without the network, so it is not looked for.
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

NEEDED_MEMORY_MB = 300  # the embedded broker takes 180 at its peak, and a notebook 100
RELEASED = datetime(2026, 11, 1, tzinfo=UTC)
DAY_SECONDS = 86400  # less may be a file system that keeps the time of another time zone

WINDOWS = os.name == "nt"
# Windows allows 260 characters; below its home Kafka needs a hundred, for the files of a topic.
LONGEST_HOME = 150
# Words in the folders of the programs that copy a folder to the internet, in lower case.
CLOUDS = ("onedrive", "dropbox", "mobile documents", "icloud", "google drive", "googledrive", "cloudstorage")
NETWORKS = ("nfs", "nfs4", "cifs", "smb", "smb2", "smb3", "smbfs", "afpfs", "webdav", "davfs", "fuse.sshfs")


def check_folders(settings: Settings) -> Finding:
    """The folders of the broker and of the warehouse are on a disk of this machine, ours to write."""
    for folder, variable in _folders(settings).items():
        if fault := _fault_of(folder):
            fix = f"Move the kit to a plain folder on this machine's disk, or set {variable} to one."
            return Finding("Folders", f"{folder} {fault}", fix)
    return Finding("Folders", ", ".join(map(str, _folders(settings))))


def _folders(settings: Settings) -> dict[Path, str]:
    """{folder that is written: the variable that moves it}."""
    folders = {settings.home: "LAB_HOME"}
    if (url := settings.warehouse_url).startswith("sqlite:"):
        folders[Path(url.removeprefix("sqlite:///")).parent] = "LAB_WAREHOUSE"
    return folders


def _fault_of(folder: Path) -> str | None:
    if any(cloud in part.lower() for part in folder.parts for cloud in CLOUDS):
        return "is copied to the internet by a program, which gets in the way of open files"
    if _is_remote(folder):
        return "is on a network drive, where a database cannot lock its file as it must"
    if WINDOWS and len(str(folder)) > LONGEST_HOME:
        return f"has {len(str(folder))} characters: with the names of its files too many for Windows"
    try:
        # To ask for the permission would not do: Windows tells it wrongly. This file is gone at once.
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
    """There is room for the broker's data, and for the rows."""
    places = {_existing(folder) for folder in _folders(settings)}
    for place in places:  # really tried, for a quota may be used up on a disk with room
        if fault := lack_of_room(place):
            found = f"nothing more can be written to {place}: {fault}; a Kafka that cannot write ends"
            return Finding("Disk", found, f"Free at least {NEEDED_MB} MB there, or ask for a larger quota.")
    free, folder = min((shutil.disk_usage(place).free // 2**20, place) for place in places)
    fix = f"Free at least {NEEDED_MB} MB on the disk of {folder}." if free < NEEDED_MB else ""
    return Finding("Disk", f"{free} MB free", fix)


def check_memory(settings: Settings) -> Finding:
    """There is memory for the broker and a notebook."""
    free = psutil.virtual_memory().available // 2**20
    few = free < NEEDED_MEMORY_MB
    fix = "Close other programs: a browser with many tabs takes most." if few else ""
    return Finding("Memory", f"{free} MB free" + (f", and Kafka needs {NEEDED_MEMORY_MB}" * few), fix)


def check_clock(settings: Settings) -> Finding:
    """The clock is not before the kit was made or installed: then every reading would be misdated."""
    now = time.time()
    newest = max(path.stat().st_mtime for path in Path(__file__).parents[2].rglob("*.py"))
    found = f"it is {datetime.fromtimestamp(now, UTC):%d %B %Y, %H:%M} UTC"
    fix = "Let the system set its clock by the network; Kafka keeps and removes messages by it."
    if now < RELEASED.timestamp():
        return Finding("Clock", f"{found}, which is before the kit was made", fix)
    if now < newest - DAY_SECONDS:
        return Finding("Clock", f"{found}, which is before the kit was put on this machine", fix)
    return Finding("Clock", found)


def check_proxy(settings: Settings) -> Finding:
    """A proxy is for the internet: what is on this machine must not be asked of it."""
    proxies = urllib.request.getproxies_environment()
    used = next((proxies[kind] for kind in ("http", "https", "all") if kind in proxies), None)
    if not used:
        return Finding("Proxy", "none")
    # Without user and password, which may stand before the @.
    proxy = used.rpartition("@")[2].rpartition("/")[2] if "@" in used else used
    if missed := [host for host in ("localhost", "127.0.0.1") if not urllib.request.proxy_bypass(host)]:
        found = f"{proxy} is asked for {' and '.join(missed)} too, so JupyterLab may not find its own server"
        return Finding("Proxy", found, "Set NO_PROXY=localhost,127.0.0.1 before you start.")
    return Finding("Proxy", f"{proxy}, and not for this machine")
