"""Where do Kafka's jars come from? From a pinned list; the SHA-256 of each file is checked at every start.

`lab.embedded.pins` makes the list.
"""

import hashlib
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
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
    repository, pins = repository or maven_folder(), _pins()
    repository.mkdir(parents=True, exist_ok=True)
    with one_at_a_time(repository / ".kafka-lab.lock", LOCK_SECONDS), ThreadPoolExecutor(8) as pool:
        found = pool.map(partial(_fetch, repository), pins)
        return list(_count(found, len(pins)) if progress else found)


def damaged_jars(repository: Path | None = None) -> list[Path]:
    """The jars that are missing or are not the pinned ones; nothing is downloaded."""
    repository = repository or maven_folder()
    paths = [(jar_path(repository, coordinate), sha256) for coordinate, sha256 in _pins()]
    return [path for path, sha256 in paths if not _is_pinned(path, sha256)]


def jar_path(repository: Path, coordinate: str) -> Path:
    """Where Maven keeps the jar `group:artifact:version`."""
    group, artifact, version = coordinate.split(":")
    return repository.joinpath(*group.split("."), artifact, version, f"{artifact}-{version}.jar")


def maven_folder() -> Path:
    """The Maven folder of the user."""
    return Path(os.environ.get("M2_REPO") or Path.home() / ".m2" / "repository")


def _count(paths: Iterable[Path], total: int) -> Iterable[Path]:
    """Pass the paths on, with a progress bar on stderr."""
    from rich.console import Console  # here, because it is rarely needed
    from rich.progress import track

    return track(paths, "Kafka", total, console=Console(stderr=True), transient=True)


def _pins() -> list[list[str]]:
    text = files("lab.embedded").joinpath("kafka-jars.txt").read_text(encoding="utf-8")
    return [line.split() for line in text.splitlines()]


def _fetch(repository: Path, pin: list[str]) -> Path:
    coordinate, sha256 = pin
    path = jar_path(repository, coordinate)
    for _ in range(2):  # a file that a crash left incomplete is downloaded again
        if _is_pinned(path, sha256):
            return path
        path.unlink(missing_ok=True)
        _download(repository, coordinate)
    if _is_pinned(path, sha256):
        return path
    raise JarError(
        f"{path} is not the file that lab/embedded/kafka-jars.txt names, even after a new download. "
        "It is refused: a program between you and the Maven repository changes files."
    )


def _download(repository: Path, coordinate: str) -> None:
    """Download a jar from Maven's default repository."""
    import requests  # both here, because they are slow to import and most starts need no download
    from jgo.maven import MavenContext

    try:
        artifact(MavenContext(repo_cache=repository), coordinate).resolve()
    except (requests.RequestException, RuntimeError, AssertionError, OSError) as error:
        name = jar_path(repository, coordinate).name
        raise JarError(
            f"{name} of Kafka could not be fetched ({type(error).__name__}). "
            "Connect to the internet (a proxy goes into HTTPS_PROXY) and run this again: "
            "python -m lab broker start fetches all of Kafka's files."
        ) from error


def artifact(context, coordinate: str):
    """The artifact `group:artifact:version` of a `MavenContext` of jgo."""
    group, name, version = coordinate.split(":")
    return context.project(group, name).at_version(version).artifact()


def _is_pinned(path: Path, sha256: str) -> bool:
    return path.is_file() and sha256_of(path) == sha256


def sha256_of(path: Path) -> str:
    """The checksum of a file, in the form of the list of pins."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
