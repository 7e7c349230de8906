"""How does a worker of Kafka Connect run here? It moves data between Kafka and other systems.

It is a Java process. Its connectors, and how far each of them is, live in Kafka, in three topics. Each
`start_connect` takes new names for these, so what a worker of an earlier day had to do is not done again.
"""

import shutil
import subprocess
import time
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from lab.embedded.client_properties import client_properties, write_private
from lab.embedded.java import environment, java_command
from lab.embedded.ports import HOST, free_ports
from lab.neighbours.connect_rest import ConnectError, ask, connector_path, wait_until_gone, wait_until_ready
from lab.neighbours.earlier import end_earlier
from lab.neighbours.neighbour import Neighbour, require
from lab.settings import Settings
from lab.system import programs
from lab.topics import fresh_name

NAME = "Kafka Connect"
MAIN_CLASS = "org.apache.kafka.connect.cli.ConnectDistributed"
MEMORY = "-Xmx192m"  # with what Java needs for itself, 270 MB
START_SECONDS, STOP_SECONDS = 120.0, 15.0
TAIL_LINES = 15
# A killed member of a group counts as alive for this time: 6 s, not 10 s (the group of the workers) or 45 s.
SESSION = {"session.timeout.ms": 6000, "heartbeat.interval.ms": 1000}


class ConnectWorker:
    """A worker of Kafka Connect, asked over HTTP at `url`. After a kill and a start its connectors go on.

    `properties` are its settings. A change of them counts from its next start.
    """

    def __init__(self, neighbour: Neighbour, kafka: dict[str, Any]):
        self.url = f"http://{HOST}:{free_ports(1)[0]}"
        self.properties = _properties(neighbour, fresh_name("connect"), self.url, kafka)
        self.log = Path(mkdtemp(prefix="lesson-")) / "connect.log"
        self._jars = neighbour.jars
        self._process: subprocess.Popen | None = None

    def __repr__(self) -> str:
        state = f"process {self._process.pid}" if self._process and self.is_running() else "stopped"
        return f"<Kafka Connect at {self.url}, {state}>"

    @property
    def _settings_file(self) -> Path:
        return self.log.with_name("worker.properties")

    def is_running(self) -> bool:
        """Whether its process is alive."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> "ConnectWorker":
        """Start it unless it runs, and return when it answers.

        Raises ConnectError, with the end of its log, if it does not within two minutes.
        """
        if not self.is_running():
            try:
                self._launch()
                self._wait_until_answering()
            except BaseException:  # also after an interrupt: it would answer nobody
                self.kill()
                raise
            finally:
                self._settings_file.unlink(missing_ok=True)  # a password may be in it
        return self

    def stop(self) -> None:
        """Ask it to end, and kill it if it does not. Its sinks commit first what they have done."""
        if self._process and self.is_running():
            self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self) -> None:
        """End it at once, as a crash would."""
        if self._process:
            self._process.kill()
            self._process.wait()

    def rest(self, method: str, path: str, body: Any = None) -> Any:
        """Its answer to a request, such as `rest("GET", "/connectors")`.

        Raises ConnectError, in its own words, if it refuses the request, or does not run.
        """
        if not self.is_running():
            raise ConnectError("Kafka Connect does not run: worker.start() starts it.")
        return ask(self.url, method, path, body)

    def add(self, name: str, settings: dict[str, Any]) -> dict[str, Any]:
        """Give it a connector, in the place of one with this name. Returns its status as soon as it runs.

        Raises ConnectError, with the reason, if the worker refuses the settings, or if the connector fails.
        """
        if name in self.rest("GET", "/connectors"):  # its state would be taken for that of the new one
            self.rest("DELETE", connector_path(name))
            wait_until_gone(self.url, name)
        config = {key: _text(value) for key, value in settings.items()}
        self.rest("PUT", f"{connector_path(name)}/config", config)
        return wait_until_ready(self.url, name)

    def remove(self, prefix: str = "") -> None:
        """Remove the connectors whose names begin so. What they have written stays."""
        for name in self.rest("GET", "/connectors"):
            if name.startswith(prefix):
                self.rest("DELETE", connector_path(name))

    def _launch(self) -> None:
        folder = self.log.parent
        write_private(self._settings_file, self.properties)
        shutil.rmtree(folder / "tmp", ignore_errors=True)  # a killed one leaves what Java has unpacked there
        (folder / "tmp").mkdir(exist_ok=True)
        command = java_command(
            MAIN_CLASS,
            self._settings_file.name,
            options=(MEMORY, "-Djava.io.tmpdir=tmp"),
            more_jars=self._jars,
        )
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment(),
                **programs.OWN_GROUP,
            )
        home = Settings.from_environment().home
        programs.end_with_this_process(home, self._process.pid, f"{NAME} at {self.url}")

    def _wait_until_answering(self) -> None:
        until = time.monotonic() + START_SECONDS
        while True:
            try:
                ask(self.url, "GET", "/connectors", timeout=5)
                return
            except ConnectError as error:
                if not self.is_running() or time.monotonic() > until:
                    raise ConnectError(f"Kafka Connect does not start.\n{self._log_tail()}") from error
            time.sleep(0.1)

    def _log_tail(self) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL_LINES:]
        return "\n".join([f"The end of its log, {self.log}:", *lines])


def start_connect(**kafka: Any) -> ConnectWorker:
    """Start a worker of Kafka Connect for this notebook only (about 270 MB of memory).

    An earlier one of this notebook is ended. It ends with the notebook's kernel; `python -m lab broker stop`
    ends it too.
    """
    neighbour = require("connect")
    end_earlier(NAME)
    return ConnectWorker(neighbour, kafka).start()


def _properties(neighbour: Neighbour, name: str, url: str, kafka: dict[str, Any]) -> dict[str, object]:
    """The settings of a worker whose group and topics have this name."""
    found: dict[str, object] = {"group.id": name, "listeners": url, **SESSION}
    for topic in ("config", "offset", "status"):
        found[f"{topic}.storage.topic"] = f"{name}-{topic}"
        found[f"{topic}.storage.replication.factor"] = -1  # as many as the broker usually makes
    found |= {f"{topic}.storage.partitions": 1 for topic in ("offset", "status")}
    clients = {"bootstrap.servers": kafka["bootstrap_servers"], **client_properties(kafka)}
    for client in ("", "producer.", "consumer.", "admin."):
        found |= {f"{client}{key}": value for key, value in clients.items()}
    found |= {f"consumer.{key}": value for key, value in SESSION.items()}
    found |= {f"{part}.converter": "org.apache.kafka.connect.json.JsonConverter" for part in ("key", "value")}
    found |= {f"{part}.converter.schemas.enable": False for part in ("key", "value")}
    found["exactly.once.source.support"] = "enabled"
    # Without `plugin.discovery` it looks through every class: that takes 15 s and 150 MB more.
    plugins = ",".join(str(folder) for folder in sorted(neighbour.folder.glob("debezium-*")))
    return found | {"plugin.path": plugins, "plugin.discovery": "service_load"}


def _text(value: Any) -> str:
    """A setting as Connect takes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
