"""Which jars make up a version of Kafka? For the maintainers: `python -m lab.embedded.pins 4.4.0`."""

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
    kafka = context.create_dependency(f"org.apache.kafka:kafka_2.13:{version}")
    inputs, transitive = context.resolver.resolve([kafka])
    wanted = {f"{d.groupId}:{d.artifactId}:{d.version}" for d in inputs + transitive}
    for coordinate in sorted(wanted | {BINDING, f"org.apache.kafka:kafka-tools:{version}"}):
        yield f"{coordinate} {sha256_of(artifact(context, coordinate).resolve())}"


if __name__ == "__main__":
    print(*pin_jars(sys.argv[1]), sep="\n")
