"""How does a Kafka run that asks for TLS, for a password, and for rights?"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from lab.clients.rights import MECHANISMS
from lab.embedded.broker import EmbeddedBroker
from lab.embedded.certificates import Authority
from lab.embedded.ports import HOST, free_ports

LISTENERS = MappingProxyType({"CLIENTS": "SASL_SSL"})
NAME = "localhost"  # what its certificate says, and where it sends its clients
ADMINISTRATORS = "User:ANONYMOUS"  # the name of all who give none, as the controller does
LOGIN = "org.apache.kafka.common.security"


class SecuredBroker(EmbeddedBroker):
    """One node with a listener for clients: by TLS, with a password, and with the rights that they are given.

    `bootstrap_servers` is another one, in plain text and without a password, for the administrator. Who comes
    by it may do everything. Both are on this machine only.
    """

    def __init__(
        self,
        home: Path | str,
        listeners: Mapping[str, str] = LISTENERS,
        properties: Mapping[str, object] | None = None,
    ):
        """`listeners`: {name: what it speaks}."""
        plain, controller, *ports = free_ports(2 + len(listeners))
        self.ports = {"PLAINTEXT": plain} | dict(zip(listeners, ports))
        secured = secure(controller, self.ports, listeners)
        super().__init__(home, plain, properties=secured | dict(properties or {}))
        self.authority = Authority(self.home / "certificates")
        self.certify(NAME)

    def address(self, listener: str = "CLIENTS") -> str:
        """Where clients find that listener."""
        return f"{NAME}:{self.ports[listener]}"

    def certify(self, *hosts: str, listener: str = "", valid_from: str = "") -> None:
        """Issue a certificate for these hosts; for one listener, or for all. The next start uses it."""
        keystore = self.authority.issue(listener.lower() or "broker", *hosts, valid_from=valid_from)
        where = f"listener.name.{listener.lower()}." if listener else ""
        self.properties |= {
            f"{where}ssl.keystore.type": "PKCS12",
            f"{where}ssl.keystore.location": f"../{keystore.relative_to(self.home).as_posix()}",
            f"{where}ssl.keystore.password": self.authority.password,
        }


def secure(controller: int, ports: Mapping[str, int], listeners: Mapping[str, str]) -> dict[str, object]:
    """The settings of a node that asks for a password, at these listeners, and keeps rights.

    `ports`: {name: port}, also of the listener PLAINTEXT, whose clients may do everything.
    """
    places = [f"{name}://{HOST}:{port}" for name, port in ports.items()]
    told = [f"{name}://{NAME}:{port}" for name, port in ports.items()]
    protocols = {"PLAINTEXT": "PLAINTEXT", "CONTROLLER": "PLAINTEXT"} | dict(listeners)
    logins = {
        f"listener.name.{name.lower()}.{mechanism.lower()}.sasl.jaas.config": (
            f"{LOGIN}.scram.ScramLoginModule required;"
        )
        for name, protocol in listeners.items()
        for mechanism in MECHANISMS
        if protocol.startswith("SASL")
    }
    return {
        "controller.quorum.voters": f"1@{HOST}:{controller}",
        "listeners": ",".join([*places, f"CONTROLLER://{HOST}:{controller}"]),
        "advertised.listeners": ",".join(told),
        "listener.security.protocol.map": ",".join(f"{n}:{p}" for n, p in protocols.items()),
        "sasl.enabled.mechanisms": ",".join(MECHANISMS),
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": ADMINISTRATORS,
        **logins,
    }
