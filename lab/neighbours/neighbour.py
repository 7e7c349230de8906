"""Which programs stand beside Kafka for the lessons of part two, and is one here?

What a neighbour consists of is pinned in the folder `pins`, in up to three lists:

- `NAME-packages.txt`: Python packages. They get an environment of their own, which disturbs no other.
- `NAME-jars.txt`: files of Maven with their SHA-256. They stay in the user's Maven folder, as Kafka's do.
- `NAME-archives.txt`: such files that are `.tar.gz`. Each is unpacked into a folder with its artifact's name.
"""

import hashlib
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from lab.embedded.jars import PinnedFiles, jar_path, maven_folder
from lab.errors import LabError
from lab.settings import Settings

PINS = Path(__file__).parent / "pins"
PROGRAMS = Path(__file__).parent / "programs"  # each runs in the environment of its neighbour
PYTHON = b"Python %d.%d" % sys.version_info[:2]
FOLDER = "_KAFKA_LAB_NEIGHBOURS"  # a test run has a new home, and uses the neighbours of the kit's


@dataclass(frozen=True)
class Neighbour:
    """A program beside Kafka, and the lesson that needs it. `download_mb` and `memory_mb` were measured."""

    name: str
    what: str
    lesson: str
    download_mb: int
    memory_mb: int

    @property
    def folder(self) -> Path:
        """Where it is, or will be."""
        home = os.environ.get(FOLDER) or Settings.from_environment().home / "neighbours"
        return Path(home) / self.name

    @property
    def python(self) -> Path:
        """The Python of its environment."""
        return self.folder / "python" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

    @property
    def packages(self) -> Path:
        """The list of its packages, as pip reads it. It may not exist."""
        return PINS / f"{self.name}-packages.txt"

    @property
    def jars(self) -> list[Path]:
        """Its jars, for a class path."""
        return [jar_path(maven_folder(), coordinate) for coordinate, _ in self.pinned("jars").pins]

    def pinned(self, kind: str) -> PinnedFiles:
        """Its files of Maven: "jars" or "archives"."""
        file = PINS / f"{self.name}-{kind}.txt"
        lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        command = f"python -m lab fetch {self.name}"
        return PinnedFiles(self.what, f"lab/neighbours/pins/{file.name}", command, [x.split() for x in lines])

    @property
    def has_files(self) -> bool:
        """Whether it has files of Maven."""
        return bool(self.pinned("jars").pins or self.pinned("archives").pins)

    @property
    def is_here(self) -> bool:
        """Whether all that is pinned was fetched, and its Python starts."""
        try:
            is_whole = self.stamp.read_text(encoding="utf-8") == self.fingerprint()
        except OSError:
            return False
        starts = not self.packages.exists() or self._starts()
        return is_whole and starts and not self.pinned("jars").damaged()

    @property
    def stamp(self) -> Path:
        """The file that a fetch writes last. Without it, the folder is a half."""
        return self.folder / "whole.txt"

    def fingerprint(self) -> str:
        """What the stamp says. It changes with the lists; with packages also with the kit's Python, and with
        the folder, because no environment moves.
        """
        lists = [path.read_bytes() for path in sorted(PINS.glob(f"{self.name}-*.txt"))]
        own = [PYTHON] if self.packages.exists() else []  # what is compiled for one is nothing for another
        return hashlib.sha256(b"\0".join([*lists, str(self.folder).encode(), *own])).hexdigest()

    def _starts(self) -> bool:
        """Whether its Python does: the one that it was made with may be gone."""
        try:
            return subprocess.run([self.python, "-c", ""], capture_output=True).returncode == 0
        except OSError:
            return False


NEIGHBOURS = {
    each.name: each
    for each in (
        Neighbour("streams", "Quix Streams 3.28.1", "13_streams", 25, 90),
        Neighbour("connect", "Kafka Connect 4.4.0, Debezium 3.6 and PostgreSQL 18", "14_connect", 123, 300),
        Neighbour("avro", "fastavro 1.13.1", "15_schemas", 4, 5),
        Neighbour("registry", "Apicurio Registry 3.3.3", "15_schemas", 159, 350),
        Neighbour("queues", "confluent-kafka 2.16.1", "16_queues", 4, 30),
    )
}


def require(name: str) -> Neighbour:
    """The neighbour that a lesson needs. Raises LabError, which says how to fetch it, if it is not here."""
    neighbour = neighbour_of(name)
    if reason := fault(neighbour):
        raise LabError(reason)
    return neighbour


def neighbour_of(name: str) -> Neighbour:
    """The one with this name. Raises LabError, which lists all names."""
    if name not in NEIGHBOURS:
        raise LabError(f"There is no neighbour {name!r}: it is one of {', '.join(NEIGHBOURS)}.")
    return NEIGHBOURS[name]


def fault(neighbour: Neighbour) -> str:
    """Why a lesson cannot use it, and the command that helps; empty if it can."""
    if neighbour.is_here:
        return ""
    return (
        f"{neighbour.what} is not here: type in a terminal: python -m lab fetch {neighbour.name} "
        f"({neighbour.download_mb} MB, once). Then run this again."
    )


def fault_of(lesson: str) -> str:
    """The same for a lesson, such as "13_streams" or "13"; empty also if it needs no neighbour."""
    faults = (fault(each) for each in NEIGHBOURS.values() if each.lesson.startswith(lesson[:2]))
    return next(filter(None, faults), "")
