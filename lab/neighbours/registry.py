"""How does a schema registry run here? It keeps the schemas of messages, and refuses some changes of them.

It is Apicurio Registry, a Java process. What it keeps is in Kafka, in its topic `kafkasql-journal`: a new one
knows what the one before knew. It is asked as the registry of Confluent is, so clients for that one work.
"""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from lab.embedded.java import JVM_OPTIONS, STAY_OPTIONS, java_executable
from lab.embedded.ports import HOST, free_ports
from lab.errors import LabError
from lab.neighbours.avro import parse_schema
from lab.neighbours.earlier import end_earlier
from lab.neighbours.neighbour import NEIGHBOURS, fault, require
from lab.neighbours.rest import RestError, ask
from lab.neighbours.server import PATIENCE_SECONDS, Server

NAME = "Apicurio Registry"
NEIGHBOUR = NEIGHBOURS["registry"]
NO_SCHEMA = 422  # the code with which it refuses what is none


class SchemaRegistry(Server):
    """A schema registry for this notebook only (about 250 MB of memory). `start()` starts it.

    It ends with the notebook's kernel; `python -m lab broker stop` ends it too. `schemas[7]` is the schema
    with the id 7: what it was asked once, it remembers.
    """

    name, variable = NAME, "registry"

    def __init__(self, **kafka: Any):
        port, self._management_port = free_ports(2)
        super().__init__(f"http://{HOST}:{port}/apis/ccompat/v7")
        self._port, self._servers = port, kafka["bootstrap_servers"]
        self._protocol = kafka.get("security_protocol", "PLAINTEXT")
        self.schemas = _Schemas(self)

    def start(self) -> "SchemaRegistry":
        """Start it unless it runs, and return it when it answers. An earlier one of this notebook is ended.

        Raises LabError, which says what to do, if the registry was not fetched, or cannot reach such a Kafka.
        """
        require("registry")
        if self._protocol != "PLAINTEXT":
            raise LabError(f"This registry does not speak {self._protocol}. Unset LAB_SECURITY_PROTOCOL.")
        if not self.is_running():
            end_earlier(NAME)
        return super().start()

    def rest(self, method: str, path: str, body: Any = None) -> Any:
        """Its answer to a request, such as `rest("GET", "/subjects")`.

        Raises RestError, in its own words, if it refuses the request, or does not run.
        """
        if not self.is_running() and (missing := fault(NEIGHBOUR)):
            raise RestError(missing)
        return super().rest(method, path, body)

    def register(self, subject: str, schema: Mapping[str, Any]) -> int:
        """Make it the newest schema of a subject. Returns its id; the same schema keeps the one that it has.

        Raises RestError, with the place in the schema, if readers of the one before could not understand it,
        and with what is wrong if it is no Avro schema.
        """
        body = {"schema": json.dumps(schema)}
        try:
            return self.rest("POST", f"/subjects/{quote(subject, safe='')}/versions", body)["id"]
        except RestError as error:
            if error.code == NO_SCHEMA and (reason := _reason(schema)):
                raise RestError(f"{subject}: {reason}", error.code) from None
            raise

    def must_be_ready(self) -> None:
        """Raise RestError as long as it has not read all that an earlier one has left in Kafka."""
        management = f"http://{HOST}:{self._management_port}"
        ask(NAME, management, "GET", "/health/ready", timeout=PATIENCE_SECONDS)

    def command(self) -> list[str]:
        """The command that runs it."""
        settings = {
            "java.io.tmpdir": "tmp",
            "quarkus.http.host": HOST,
            "quarkus.http.port": self._port,
            "quarkus.management.host": HOST,  # else it would listen to other machines there
            "quarkus.management.port": self._management_port,
            "quarkus.http.access-log.enabled": "false",
            "apicurio.storage.kind": "kafkasql",
            "apicurio.kafkasql.bootstrap.servers": self._servers,
            "apicurio.kafkasql.topic-configuration.replication.factor": -1,
            "apicurio.kafkasql.consumer.poll.timeout": 200,  # else it is ready 15 s later
        }
        options = [f"-D{key}={value}" for key, value in settings.items()]
        jar = NEIGHBOUR.folder / "apicurio-registry-app" / "quarkus-run.jar"
        return [str(java_executable()), *STAY_OPTIONS, *JVM_OPTIONS, *options, "-jar", str(jar)]


def _reason(schema: Mapping[str, Any]) -> str | None:
    """Why this is no schema, in the words of fastavro, if it was fetched: the registry does not say it."""
    try:
        if not fault(NEIGHBOURS["avro"]):
            parse_schema(schema)
    except LabError as error:
        return str(error)
    return None


class _Schemas(dict):
    """{id: schema}, which asks the registry for an id that it does not have yet."""

    def __init__(self, registry: SchemaRegistry):
        super().__init__()
        self._registry = registry

    def __missing__(self, number: int) -> Any:
        answer = self._registry.rest("GET", f"/schemas/ids/{number}")
        self[number] = json.loads(answer["schema"])
        return self[number]
