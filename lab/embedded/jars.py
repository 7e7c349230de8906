"""Where do Kafka's jars come from? From a pinned list; the SHA-256 of each file is checked at every start.

`lab.embedded.pins` makes the list. What stands beside Kafka (the room `neighbours`) is fetched alike.
"""

import hashlib
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from pathlib import Path

from lab.errors import JarError
from lab.system.locks import one_at_a_time

LOCK_SECONDS = 600  # for 45 MB through a slow connection


def fetch_jars(repository: Path | None = None, progress: bool = False) -> list[Path]:
    """The paths of Kafka's jars. Those that are missing or damaged are downloaded first.

    They are kept in `repository`, by default the Maven folder of the user (`~/.m2/repository`,
    or `M2_REPO`).

    Raises JarError, which names the file, if it cannot be downloaded or the download is not the pinned file.
    """
    return _kafka().fetch(repository, watch=_count if progress else None)


def damaged_jars(repository: Path | None = None) -> list[Path]:
    """The jars that are missing or are not the pinned ones; nothing is downloaded."""
    return _kafka().damaged(repository)


@dataclass(frozen=True)
class PinnedFiles:
    """Files of Maven, each given as [its coordinate, its SHA-256]; the other fields are for messages.

    `whose` files they are, where they are `listed_in`, and the `command` that fetches them.
    """

    whose: str
    listed_in: str
    command: str
    pins: list[list[str]]

    def fetch(
        self,
        repository: Path | None = None,
        watch: Callable[[Iterable[Path], int], Iterable[Path]] | None = None,
        advance: Callable[[int], None] | None = None,
    ) -> list[Path]:
        """Their paths; those that are missing or damaged are downloaded first. Raises JarError.

        `watch(paths, total)` sees each path as it comes, `advance` the number of bytes.
        """
        repository = repository or maven_folder()
        repository.mkdir(parents=True, exist_ok=True)
        with one_at_a_time(repository / ".kafka-lab.lock", LOCK_SECONDS), ThreadPoolExecutor(8) as pool:
            found = pool.map(partial(self._fetch, repository, advance), self.pins)
            return list(watch(found, len(self.pins)) if watch else found)

    def damaged(self, repository: Path | None = None) -> list[Path]:
        """Those that are missing or are not the pinned ones."""
        repository = repository or maven_folder()
        paths = [(jar_path(repository, coordinate), sha256) for coordinate, sha256 in self.pins]
        return [path for path, sha256 in paths if not _is_pinned(path, sha256)]

    def _fetch(self, repository: Path, advance: Callable[[int], None] | None, pin: list[str]) -> Path:
        coordinate, sha256 = pin
        path = jar_path(repository, coordinate)
        for _ in range(2):  # a file that a crash left incomplete is downloaded again
            if _is_pinned(path, sha256):
                return path
            path.unlink(missing_ok=True)
            self._download(repository, advance, coordinate)
        if _is_pinned(path, sha256):
            return path
        raise JarError(
            f"{path} is not the file that {self.listed_in} names, even after a new download. "
            "It is refused: a program between you and the Maven repository changes files."
        )

    def _download(self, repository: Path, advance: Callable[[int], None] | None, coordinate: str) -> None:
        """Download a file from Maven's default repository."""
        import requests  # both here, because they are slow to import and most starts need no download
        from jgo.maven import MavenContext, PythonResolver

        watched = PythonResolver(progress_callback=_told(advance)) if advance else None
        try:
            artifact(MavenContext(resolver=watched, repo_cache=repository), coordinate).resolve()
        except (requests.RequestException, RuntimeError, AssertionError, OSError) as error:
            name = jar_path(repository, coordinate).name
            raise JarError(
                f"{name} of {self.whose} could not be fetched ({type(error).__name__}). "
                f"Connect to the internet (a proxy goes into HTTPS_PROXY) and run this again: {self.command}."
            ) from error


def jar_path(repository: Path, coordinate: str) -> Path:
    """Where Maven keeps `group:artifact:version`, or `group:artifact:version:classifier:packaging`."""
    group, name, version, classifier, packaging = _parts(coordinate)
    file = "-".join(filter(None, [name, version, classifier]))
    return repository.joinpath(*group.split("."), name, version, f"{file}.{packaging}")


def maven_folder() -> Path:
    """The Maven folder of the user."""
    return Path(os.environ.get("M2_REPO") or Path.home() / ".m2" / "repository")


def artifact(context, coordinate: str):
    """The artifact of such a coordinate, of a `MavenContext` of jgo."""
    group, name, version, classifier, packaging = _parts(coordinate)
    return context.project(group, name).at_version(version).artifact(classifier, packaging)


def _parts(coordinate: str) -> list[str]:
    """Group, artifact, version, classifier and packaging."""
    group, name, version, *rest = coordinate.split(":")
    return [group, name, version, *(rest or ("", "jar"))]


def _told(advance: Callable[[int], None]):
    """The form in which jgo tells of a download."""

    @contextmanager
    def begin(name: str, size: int):
        yield advance

    return begin


def _count(paths: Iterable[Path], total: int) -> Iterable[Path]:
    """Pass the paths on, with a progress bar on stderr."""
    from rich.console import Console  # here, because it is rarely needed
    from rich.progress import track

    return track(paths, "Kafka", total, console=Console(stderr=True), transient=True)


def _kafka() -> PinnedFiles:
    command = "python -m lab broker start fetches all of Kafka's files"
    return PinnedFiles("Kafka", "lab/embedded/kafka-jars.txt", command, _pins())


def _pins() -> list[list[str]]:
    text = files("lab.embedded").joinpath("kafka-jars.txt").read_text(encoding="utf-8")
    return [line.split() for line in text.splitlines()]


def _is_pinned(path: Path, sha256: str) -> bool:
    return path.is_file() and sha256_of(path) == sha256


def sha256_of(path: Path) -> str:
    """The checksum of a file, in the form of the list of pins."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
