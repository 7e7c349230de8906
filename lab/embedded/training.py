"""How is Java's AOT cache made, which lets Kafka start quickly?

In a training run, Java loads the classes that Kafka needs, and writes them to the cache when it ends. That
Kafka is used, too: without that, a new one spends half of the time of its first group on loading classes.
"""

import logging
import os
import socket
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.errors import KafkaError

from lab.clients.connection import connect, is_answering
from lab.embedded.folders import node_folder
from lab.embedded.formatting import format_folder
from lab.embedded.java import current_cache, environment, java_command
from lab.embedded.nodes import Node
from lab.embedded.ports import HOST, free_ports
from lab.embedded.properties import server_properties
from lab.errors import BrokerError, LabError, LockError
from lab.system.locks import one_at_a_time
from lab.system.signals import wait_until

log = logging.getLogger("lab")
TRAINING_SECONDS = 300  # some seconds are usual; a busy machine needs two minutes
ENDING_SECONDS = 10
ANSWER_SECONDS = 30
LOCK_SECONDS = TRAINING_SECONDS + 60  # a training, and the format before it


class TooSlowError(BrokerError):
    """Java did not make the cache in time."""


def prepare_quick_start() -> Path | None:
    """Make the AOT cache if it does not exist, once, in a few seconds. Kafka then starts three times as fast.

    None if this Java or the rights on its folder do not allow it, or if Java takes too long, which is logged.
    Then Kafka starts without it.
    """
    try:
        cache = current_cache()
        if cache and not cache.exists():
            with one_at_a_time(cache.with_name(f"{cache.name}.lock"), LOCK_SECONDS):
                if not cache.exists():
                    _make(cache)
        return cache
    except TooSlowError as error:
        log.warning("%s", error)
    except (BrokerError, OSError, LockError):  # no Java; a read-only folder
        pass
    return None


def _make(cache: Path) -> None:
    new = cache.with_suffix(".aot.new")
    _remove(cache.parent, f"{new.name}*")  # of a training that was killed
    try:
        _train(new)
        new.replace(cache)  # before the old ones are removed: this fails if Java made none
    finally:
        _remove(cache.parent, f"{new.name}*")
    for old in set(cache.parent.glob("kafka-*.aot")) - {cache}:
        _remove(cache.parent, f"{old.stem}.features", old.name, f"{old.name}.new*")


def _remove(folder: Path, *patterns: str) -> None:
    for file in (file for pattern in patterns for file in folder.glob(pattern)):
        file.unlink(missing_ok=True)


def _train(cache: Path) -> None:
    """Run a Kafka that writes the cache when it ends: when it was used, and is asked to end.

    Windows cannot ask it. There its port is taken, so it ends by itself, and only its start is in the cache.
    """
    java, *arguments = java_command("kafka.Kafka", "server.properties", quick=False)
    with tempfile.TemporaryDirectory(prefix="lab-train-", ignore_cleanup_errors=True) as home:
        port, controller_port = free_ports(2)
        node = Node(1, port, controller_port, folder=node_folder(Path(home).resolve(), 1))
        format_folder(node.folder, server_properties(node, [node]), quick=False)
        command = [java, f"-XX:AOTCacheOutput={cache}", *arguments]
        if os.name == "nt":
            with socket.create_server((HOST, port)):
                _run(command, node.folder)
        else:
            _run(command, node.folder, use=node.address)


def _run(command: list[str], folder: Path, use: str = "") -> None:
    """Run a Java to its end. After too long, or an interrupt, the Java that it has started ends, too.

    `use`: the address of the Kafka that it runs, which is used and then asked to end.
    """
    silent: dict = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, cwd=folder, env=environment(), **silent) as java:
        try:
            if use:
                wait_until(lambda: is_answering(use) or java.poll() is not None, TRAINING_SECONDS)
                with suppress(LabError, KafkaError, TimeoutError):  # then the cache has less
                    _use(use)
                java.terminate()
            java.wait(TRAINING_SECONDS)
        except BaseException as error:
            _end(java)
            if not isinstance(error, (subprocess.TimeoutExpired, TimeoutError)):
                raise
            raise TooSlowError(
                f"Java's cache was not ready after {TRAINING_SECONDS} s, so Kafka will start more slowly. "
                "To try again: start.py setup."
            ) from error


def _use(address: str) -> None:
    """Send a message in a transaction, and read it in a group."""
    kafka: dict[str, Any] = {"bootstrap_servers": address}
    with connect(KafkaAdminClient, **kafka) as admin:
        admin.create_topics({"training": {"num_partitions": 3, "replication_factor": 1}})
        admin.wait_for_topics(["training"])
    with connect(KafkaProducer, transactional_id="training", **kafka) as producer:
        producer.init_transactions()
        producer.begin_transaction()
        producer.send("training", b"message").get(ANSWER_SECONDS)
        producer.commit_transaction()
    kafka |= {"group_id": "training", "auto_offset_reset": "earliest", "isolation_level": "read_committed"}
    with connect(KafkaConsumer, **kafka) as consumer:
        consumer.subscribe(["training"])
        wait_until(lambda: consumer.poll(timeout_ms=500), ANSWER_SECONDS)
        consumer.commit()


def _end(java: subprocess.Popen) -> None:
    family = [psutil.Process(java.pid), *psutil.Process(java.pid).children(recursive=True)]
    for process in family:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(family, ENDING_SECONDS)  # until then Windows does not remove their file
