"""How does a worker of Kafka Connect run here? It moves data between Kafka and other systems.

It is a Java process. Its connectors, and how far each of them is, live in Kafka, in three topics. Each
`start_connect` takes new names for these, so what a worker of an earlier day had to do is not done again.
"""

from pathlib import Path
from typing import Any

from lab.embedded.client_properties import client_properties, write_private
from lab.embedded.java import java_command
from lab.embedded.ports import HOST, free_ports
from lab.neighbours.connect_rest import (
    ANSWER_SECONDS,
    NAME,
    ask,
    connector_path,
    wait_until_gone,
    wait_until_ready,
)
from lab.neighbours.earlier import end_earlier
from lab.neighbours.neighbour import Neighbour, require
from lab.neighbours.server import PATIENCE_SECONDS, Server
from lab.topics import fresh_name

MAIN_CLASS = "org.apache.kafka.connect.cli.ConnectDistributed"
MEMORY = "-Xmx192m"  # with what Java needs for itself, 270 MB
# A killed member of a group counts as alive for this time: 6 s, not 10 s (the group of the workers) or 45 s.
SESSION = {"session.timeout.ms": 6000, "heartbeat.interval.ms": 1000}


class ConnectWorker(Server):
    """A worker of Kafka Connect. After a kill and a start its connectors go on.

    `properties` are its settings. A change of them counts from its next start.
    """

    name, variable = NAME, "worker"

    def __init__(self, neighbour: Neighbour, kafka: dict[str, Any]):
        super().__init__(f"http://{HOST}:{free_ports(1)[0]}")
        self.properties = _properties(neighbour, fresh_name("connect"), self.url, kafka)
        self._jars = neighbour.jars

    @property
    def _settings_file(self) -> Path:
        return self.log.with_name("worker.properties")

    def start(self) -> "ConnectWorker":
        """Start it unless it runs, and return it when it answers.

        Raises LabError, with the end of its log, if it does not within two minutes.
        """
        try:
            return super().start()
        finally:
            self._settings_file.unlink(missing_ok=True)  # a password may be in it

    def command(self) -> list[str]:
        """The command that runs it. It reads a file of settings, which is written here."""
        write_private(self._settings_file, self.properties)
        options = (MEMORY, "-Djava.io.tmpdir=tmp")
        return java_command(MAIN_CLASS, self._settings_file.name, options=options, more_jars=self._jars)

    def must_be_ready(self) -> None:
        """Raise RestError as long as it does not answer."""
        self.ask("GET", "/connectors", timeout=PATIENCE_SECONDS)

    def ask(self, method: str, path: str, body: Any = None, timeout: float = ANSWER_SECONDS) -> Any:
        """Its answer, whether it runs or not. While it is busy, it is asked again."""
        return ask(self.url, method, path, body, timeout)

    def add(self, name: str, settings: dict[str, Any]) -> dict[str, Any]:
        """Give it a connector, in the place of one with this name. Returns its status as soon as it runs.

        Raises RestError, with the reason, if the worker refuses the settings, or if the connector fails.
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
