"""Kafka as it comes: the settings of its own `server.properties`, the options of its own start script."""

import os
import subprocess
import time
from pathlib import Path

import psutil

from lab.clients.connection import is_answering
from lab.embedded.jars import fetch_jars
from lab.embedded.java import environment, java_executable

JVM_OPTIONS = (
    "-Xmx1G", "-Xms1G", "-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20",
    "-XX:InitiatingHeapOccupancyPercent=35", "-XX:+ExplicitGCInvokesConcurrent", "-Djava.awt.headless=true",
)  # fmt: skip
PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
num.network.threads=3
num.io.threads=8
log.dirs=data
num.partitions=1
num.recovery.threads.per.data.dir=2
offsets.topic.replication.factor=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
log.retention.hours=168
log.segment.bytes=1073741824
log.retention.check.interval.ms=300000
"""


class StockBroker:
    """One node of it in a folder; with the start, kill and stop of ours."""

    def __init__(self, home: Path, port: int, controller: int):
        self.home, self.bootstrap_servers = home, f"127.0.0.1:{port}"
        self.process: subprocess.Popen | None = None
        text = PROPERTIES.format(port=port, controller=controller)
        (home / "server.properties").write_text(text, encoding="ascii")

    def start(self) -> "StockBroker":
        """Format the folder if that was not done, start, and return when it answers."""
        if not (self.home / "data").exists():
            cluster = "--cluster-id=MkU3OEVBNTcwNTJENDM2Qg"
            self._java("kafka.tools.StorageTool", "format", cluster, "-c", "server.properties").wait()
        self.process = self._java("kafka.Kafka", "server.properties")
        while not is_answering(self.bootstrap_servers):
            if self.process.poll() is not None:
                raise RuntimeError(f"Kafka ended: see {self.home / 'kafka.log'}")
            time.sleep(0.05)
        return self

    def memory(self) -> int:
        """What it has of the machine's memory, in bytes."""
        assert self.process
        return psutil.Process(self.process.pid).memory_info().rss

    def kill(self) -> None:
        """End it at once, as a crash would."""
        assert self.process
        self.process.kill()
        self.process.wait()

    stop = kill  # nothing that is measured comes after a stop

    def _java(self, *arguments: str) -> subprocess.Popen:
        with (self.home / "kafka.log").open("ab") as output:
            path = os.pathsep.join(map(str, fetch_jars()))
            return subprocess.Popen(
                [str(java_executable()), *JVM_OPTIONS, "-cp", path, *arguments],
                cwd=self.home,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment(),
            )
