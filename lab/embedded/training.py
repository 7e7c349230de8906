"""How is Java's AOT cache made, which lets Kafka start quickly?

In a training run, Java loads the classes that Kafka needs, and writes them to the cache when it ends.
"""

import socket
import subprocess
import tempfile
from pathlib import Path

from lab.embedded.folders import node_folder
from lab.embedded.formatting import format_folder
from lab.embedded.java import current_cache, environment, java_command
from lab.embedded.nodes import Node
from lab.embedded.ports import HOST, free_ports
from lab.embedded.properties import server_properties
from lab.errors import BrokerError, LockError
from lab.system.locks import one_at_a_time

TRAINING_SECONDS = 120


def prepare_quick_start() -> Path | None:
    """Make the AOT cache if it does not exist, once, in a few seconds. Kafka then starts three times as fast.

    None if this Java or the rights on its folder do not allow it. Then Kafka starts without it.
    """
    try:
        cache = current_cache()
        if cache and not cache.exists():
            with one_at_a_time(cache.with_name(f"{cache.name}.lock")):
                if not cache.exists():
                    _make(cache)
        return cache
    except (BrokerError, OSError, LockError, subprocess.SubprocessError):  # no Java; a read-only folder
        return None


def _make(cache: Path) -> None:
    new = cache.with_suffix(".aot.new")
    new.unlink(missing_ok=True)
    _train(new)
    new.replace(cache)  # before the old ones are removed: this fails if Java made none
    for old in set(cache.parent.glob("kafka-*.aot")) - {cache}:
        old.with_suffix(".features").unlink(missing_ok=True)
        old.unlink()


def _train(cache: Path) -> None:
    """Run a Kafka that writes the cache when it ends. It ends by itself, because its port is taken."""
    java, *arguments = java_command("kafka.Kafka", "server.properties", quick=False)
    with tempfile.TemporaryDirectory(prefix="lab-train-", ignore_cleanup_errors=True) as home:
        port, controller_port = free_ports(2)
        node = Node(1, port, controller_port, folder=node_folder(Path(home).resolve(), 1))
        format_folder(node.folder, server_properties(node, [node]), quick=False)
        with socket.create_server((HOST, port)):
            subprocess.run(
                [java, f"-XX:AOTCacheOutput={cache}", *arguments],
                cwd=node.folder,
                env=environment(),
                capture_output=True,
                timeout=TRAINING_SECONDS,
            )
