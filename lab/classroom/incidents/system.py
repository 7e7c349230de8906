"""What breaks? A small system to look after: a Kafka, and programs that send and store readings.

All of it is in one folder: the programs, with their settings and logs; Kafka, with its `kafka.properties`;
and the `ledger`, what was sent and stored.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any

from lab.classroom.incidents.program import Program, write_json
from lab.embedded.broker import EmbeddedBroker
from lab.embedded.folders import remove_folders
from lab.embedded.ports import free_ports
from lab.errors import LabError

STATE = "system.json"
CLOCK_SECONDS = 2.0  # systems tell the start of a process in whole seconds only
NONE: Mapping[str, object] = MappingProxyType({})


class System:
    """The system in `folder`. Its state is in files, so that a terminal and a notebook can share it."""

    def __init__(self, folder: Path, known_in: Path | None = None):
        """`known_in`: the kit's home, if what it starts is to end with this Python."""
        self.folder, self.known_in = folder, known_in
        self._state = folder / STATE
        self._properties = folder / "kafka.properties"

    @property
    def facts(self) -> dict[str, Any]:
        """What is kept of it: `topic`, `group`, `bootstrap_servers` and more."""
        with suppress(FileNotFoundError):
            return json.loads(self._state.read_text(encoding="utf-8"))
        return {}

    def remember(self, **facts: object) -> None:
        """Keep more facts."""
        write_json(self._state, self.facts | facts)

    @property
    def topic(self) -> str:
        """Where the readings go."""
        return self.facts["topic"]

    @property
    def group(self) -> str:
        """The group of the programs that store them."""
        return self.facts["group"]

    @property
    def kafka(self) -> dict[str, Any]:
        """How an administrator reaches Kafka."""
        return {"bootstrap_servers": self.facts["bootstrap_servers"]}

    @property
    def broker(self) -> EmbeddedBroker:
        """The Kafka of the system, with the settings that `kafka.properties` has now."""
        facts = self.facts
        broker = EmbeddedBroker(self.folder / "kafka", facts["port"], facts["brokers"], self.properties)
        broker.known_in = self.known_in
        return broker

    def start_kafka(self, brokers: int = 1, properties: Mapping[str, object] = NONE, port: int = 0) -> None:
        """Start a Kafka with these further settings, on this port or on a free one."""
        self.remember(port=port or free_ports(brokers)[0], brokers=brokers)
        self.change_properties(properties)
        self.remember(bootstrap_servers=self.broker.bootstrap_servers)
        self.broker.start()

    @property
    def properties(self) -> dict[str, str]:
        """The settings in `kafka.properties`."""
        file = self._properties
        lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        pairs = [line.split("=", 1) for line in lines if "=" in line and not line.startswith("#")]
        return {name.strip(): value.strip() for name, value in pairs}

    def change_properties(self, changes: Mapping[str, object | None]) -> None:
        """Change `kafka.properties`; None removes a setting. The next start of Kafka uses it."""
        properties = self.properties | dict(changes)
        lines = [f"{name}={value}\n" for name, value in properties.items() if value is not None]
        text = "".join(["# Settings of Kafka, read when it starts.\n", *lines])
        self._properties.write_text(text, encoding="utf-8")

    def add(self, name: str, script: str = "", **settings: object) -> None:
        """Add a program, a copy of `script` under this name, with its settings, and start it."""
        program = self.program(name)
        program.write(script or name)
        program.change(**settings)
        program.start()

    def program(self, name: str) -> Program:
        """The program of that name."""
        return Program(self.folder, name, self.known_in)

    def names(self) -> list[str]:
        """The programs, then the nodes of Kafka: `kafka`, or `kafka-1` and so on."""
        found = sorted(file.stem for file in self.folder.glob("*.py"))
        number = self.facts.get("brokers", 0)
        return found + (["kafka"] if number == 1 else [f"kafka-{n + 1}" for n in range(number)])

    def restart(self, name: str) -> None:
        """End a program, or a node of Kafka, if it runs, and start it."""
        self.end(name)
        if self._node(name):
            self.broker.start()
        else:
            self.program(name).start()

    def end(self, name: str, at_once: bool = False) -> None:
        """End a program, or a node of Kafka, if it runs; `at_once`, as a crash would."""
        number = self._node(name)
        if not number:
            self.program(name).end(at_once)
        elif at_once:
            self.broker.kill(number)
        else:
            self.broker.stop(number)

    def is_running(self, name: str) -> bool:
        """Whether that program or node runs."""
        if number := self._node(name):
            return any(node.id == number and node.process for node in self.broker.nodes())
        return self.program(name).is_running()

    def changed_after_start(self, name: str) -> str:
        """The file of a program or of Kafka that was changed after its start; empty if there is none."""
        number = self._node(name)
        if not number:
            return self.program(name).changed_after_start()
        started = [node.started for node in self.broker.nodes() if node.id == number and node.process]
        is_newer = started and self._properties.stat().st_mtime > started[0] + CLOCK_SECONDS
        return self._properties.name if is_newer else ""

    def close(self) -> None:
        """End everything, and remove the folder."""
        for name in self.names():
            if not self._node(name):
                self.program(name).end(at_once=True)
        if "brokers" in self.facts:
            self.broker.kill()
        try:
            remove_folders(self.folder)
        except OSError as error:  # on Windows, while a program has a file open
            if self.folder.exists():
                raise LabError(f"{self.folder} is in use: close what has it open, and try again.") from error

    def _node(self, name: str) -> int:
        """The number of a node of Kafka; 0 for a program. Raises LabError if there is neither."""
        if name not in (names := self.names()):
            raise LabError(f"There is no {name!r} in {self.folder}. There are: {', '.join(names)}.")
        kind, _, number = name.partition("-")
        return int(number or 1) if kind == "kafka" else 0
