"""Which jars make up a version of Kafka? For the maintainers: `python -m lab.embedded.pins 4.4.0`.

With `connect` behind it, those that Kafka Connect of that version needs besides.
"""

import sys
from collections.abc import Iterator

from jgo.maven import MavenContext

from lab.embedded.jars import artifact, maven_folder, sha256_of

BINDING = "org.slf4j:slf4j-simple:1.7.36"  # Kafka's POM has no log binding, and without one it logs nothing


def pin_jars(version: str) -> Iterator[str]:
    """The lines of `kafka-jars.txt` for a version of Kafka, with SHA-256.

    They are the jars that its POM requires, a log binding, and Kafka's command-line tools. The tools need
    none of the further jars that their own POM names.
    """
    context = MavenContext(repo_cache=maven_folder())
    yield from _lines(context, _kafka(context, version))


def pin_connect_jars(version: str) -> Iterator[str]:
    """The lines of `connect-jars.txt`: what Kafka Connect needs beyond the jars of Kafka."""
    context = MavenContext(repo_cache=maven_folder())
    there = {each.rpartition(":")[0] for each in _kafka(context, version)}
    wanted = _needed(context, f"org.apache.kafka:connect-runtime:{version}")
    yield from _lines(context, {each for each in wanted if each.rpartition(":")[0] not in there})


def _kafka(context: MavenContext, version: str) -> set[str]:
    wanted = _needed(context, f"org.apache.kafka:kafka_2.13:{version}")
    return wanted | {BINDING, f"org.apache.kafka:kafka-tools:{version}"}


def _needed(context: MavenContext, coordinate: str) -> set[str]:
    """The coordinates that its POM requires, with its own."""
    inputs, transitive = context.resolver.resolve([context.create_dependency(coordinate)])
    found = [each for each in inputs + transitive if each.scope not in ("test", "provided", "system")]
    return {f"{each.groupId}:{each.artifactId}:{each.version}" for each in found}


def _lines(context: MavenContext, coordinates: set[str]) -> Iterator[str]:
    for coordinate in sorted(coordinates):
        yield f"{coordinate} {sha256_of(artifact(context, coordinate).resolve())}"


if __name__ == "__main__":
    version, *connect = sys.argv[1:]
    print(*(pin_connect_jars if connect else pin_jars)(version), sep="\n")
