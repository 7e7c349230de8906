"""Where do Kafka's jars come from? A pinned list, each file checked by its SHA-256 at every start.

`python -m lab.embedded.jars 4.4.0` prints the list anew, for the maintainers.
"""

import hashlib
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from pathlib import Path

import requests
from jgo.maven import MavenContext

from lab.errors import JarError
from lab.system.locks import one_at_a_time

BINDING = "org.slf4j:slf4j-simple:1.7.36"  # Kafka names no log binding: without one it is silent

LOCK_SECONDS = 600  # for 45 MB through a slow line


def fetch_jars(repository: Path | None = None, progress: bool = False) -> list[Path]:
    """The paths of Kafka's jars; what is missing or damaged is fetched first.

    They are kept in `repository`, by default the Maven folder of the user (`~/.m2/repository`,
    or `M2_REPO`), and fetched from where Maven fetches by default.

    Raises JarError that names the file, when it cannot be fetched or is still not the pinned one.
    """
    context = MavenContext(repo_cache=repository)
    pins = _pins()
    context.repo_cache.mkdir(parents=True, exist_ok=True)
    with one_at_a_time(context.repo_cache / ".kafka-lab.lock", LOCK_SECONDS), ThreadPoolExecutor(8) as pool:
        found = pool.map(lambda pin: _fetch(context, *pin), pins)
        return list(_count(found, len(pins)) if progress else found)


def damaged_jars(repository: Path | None = None) -> list[Path]:
    """The jars that are missing or are not the pinned ones; nothing is fetched."""
    context = MavenContext(repo_cache=repository)
    paths = [(_artifact(context, coordinate).cached_path, sha256) for coordinate, sha256 in _pins()]
    return [path for path, sha256 in paths if not path.is_file() or _sha256(path) != sha256]


def _count(paths: Iterable[Path], total: int) -> Iterable[Path]:
    """The paths as they come, with a progress bar on stderr while they do."""
    from rich.console import Console  # here, for few ask for it
    from rich.progress import track

    return track(paths, "Kafka", total, console=Console(stderr=True), transient=True)


def _pins() -> list[list[str]]:
    text = files("lab.embedded").joinpath("kafka-jars.txt").read_text(encoding="utf-8")
    return [line.split() for line in text.splitlines()]


def _fetch(context: MavenContext, coordinate: str, sha256: str) -> Path:
    artifact = _artifact(context, coordinate)
    path = artifact.cached_path
    for _ in range(2):  # what a crash left half-written is fetched once more
        if path.is_file() and _sha256(path) == sha256:
            return path
        path.unlink(missing_ok=True)
        try:
            artifact.resolve()
        except (requests.RequestException, RuntimeError, AssertionError, OSError) as error:
            raise JarError(
                f"{path.name} of Kafka could not be fetched ({type(error).__name__}). "
                "Connect to the internet (a proxy goes into HTTPS_PROXY) and run this again."
            ) from error
    if path.is_file() and _sha256(path) == sha256:
        return path
    raise JarError(
        f"{path} is not the file that lab/embedded/kafka-jars.txt names, even when fetched anew. "
        "It is refused: something between you and the Maven repository changes files."
    )


def _artifact(context: MavenContext, coordinate: str):
    group, artifact, version = coordinate.split(":")
    return context.project(group, artifact).at_version(version).artifact()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def pin_jars(version: str) -> Iterable[str]:
    """The lines of `kafka-jars.txt` for a version of Kafka: what its POM asks for, with SHA-256."""
    context = MavenContext()
    component = context.project("org.apache.kafka", "kafka_2.13").at_version(version)
    inputs, transitive = context.resolver.resolve([_dependency(context, component)])
    wanted = {f"{d.groupId}:{d.artifactId}:{d.version}" for d in inputs + transitive}
    for coordinate in sorted(wanted | {BINDING}):
        yield f"{coordinate} {_sha256(_artifact(context, coordinate).resolve())}"


def _dependency(context: MavenContext, component):
    return context.create_dependency(f"{component.groupId}:{component.artifactId}:{component.version}")


if __name__ == "__main__":
    print(*pin_jars(sys.argv[1]), sep="\n")
