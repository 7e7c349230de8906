"""What is there in a scenario in which each program comes with its name and password?"""

from collections.abc import Mapping, Sequence
from typing import Any

from lab.classroom.exercises.exercise import Step
from lab.classroom.incidents.scenario import Scenario, promise
from lab.classroom.incidents.system import NONE
from lab.clients.rights import Right, grant, may, rights_of, set_password
from lab.embedded.ports import free_ports
from lab.embedded.secured import ADMINISTRATORS, secure

LISTENER, PROTOCOL = "CLIENTS", "SASL_PLAINTEXT"
PASSWORDS = {"sender": "sends-many-readings", "storer": "stores-all-of-them"}
OPEN = "allow.everyone.if.no.acl.found"  # a setting of Kafka


class SecuredScenario(Scenario):
    """A Kafka with a listener for clients, who have passwords and few rights, and one for administrators."""

    def start_kafka(self, properties: Mapping[str, object] = NONE, port: int = 0) -> None:
        """Start it. All its ports are in `kafka.properties`, so it has the same ones after a restart."""
        free, controller, clients = free_ports(3)
        plain = port or free
        secured = secure(controller, {"PLAINTEXT": plain, LISTENER: clients}, {LISTENER: PROTOCOL})
        super().start_kafka(secured | dict(properties), plain)
        self.system.remember(clients=f"localhost:{clients}")

    def begin(self) -> None:
        """Give each program a password, and the rights that it needs."""
        kafka = self.system.kafka
        self.create_topic()
        for user, password in PASSWORDS.items():
            set_password(user, password, **kafka)
        for right in self.rights():
            grant(right.user, right.operation, **{right.kind: right.name}, **kafka)
        self.system.add("sender", **self.sender(kafka=self._login("sender")))
        self.system.add("storer", **self.storer(kafka=self._login("storer")))

    def rights(self) -> list[Right]:
        """What the programs need, and no more."""
        topic, group = self.system.topic, self.system.group
        reads = [Right("storer", "READ", "topic", topic), Right("storer", "READ", "group", group)]
        return [Right("sender", "WRITE", "topic", topic), *reads]

    def promises(self) -> Sequence[Step]:
        """Nobody may do more than before, and nobody comes without a password."""
        named = promise("each program comes with its own name and a password", self._nameless)
        narrow = promise("nobody may do more than before", self._wide)
        return [named, narrow, *super().promises()]

    def _login(self, user: str) -> dict[str, Any]:
        return {
            "bootstrap_servers": self.system.facts["clients"],
            "security_protocol": PROTOCOL,
            "sasl_mechanism": "SCRAM-SHA-512",
            "sasl_plain_username": user,
            "sasl_plain_password": PASSWORDS[user],
        }

    def _nameless(self) -> str:
        for name in PASSWORDS:
            settings = self.system.program(name).settings["kafka"]
            if (settings["security_protocol"], settings["sasl_plain_username"]) != (PROTOCOL, name):
                return f"not {name}"
        return ""

    def _wide(self) -> str:
        properties = self.system.properties
        if properties["super.users"] != ADMINISTRATORS or properties.get(OPEN, "false") != "false":
            return "see kafka.properties"
        for user in PASSWORDS:
            needed = [right for right in self.rights() if right.user == user]
            for right in rights_of(user, **self.system.kafka):
                if not right.is_denied and not may(right.operation, right.kind, right.name, needed):
                    return f"{user} may {right}"
        return ""
