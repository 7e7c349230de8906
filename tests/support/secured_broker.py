"""A real Kafka that asks for certificates, passwords and rights, each on a port of its own."""

from datetime import UTC, datetime
from pathlib import Path

import trustme
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from kafka import KafkaAdminClient
from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    ResourcePattern,
    ResourceType,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from lab.embedded.broker import EmbeddedBroker
from lab.embedded.ports import free_ports

USER, PASSWORD = "ada", "correct horse battery"
STRANGER = "bob"  # he may connect, and nothing else
PROTOCOLS = {  # {listener: what it speaks}; EXPIRED and ELSEWHERE have a certificate that is wrong
    "TLS": "SSL",
    "EXPIRED": "SSL",
    "ELSEWHERE": "SSL",
    "PASSWORD": "SASL_PLAINTEXT",
    "BOTH": "SASL_SSL",
}


class SecuredBroker(EmbeddedBroker):
    """Its first port is in plain text, for the tests themselves."""

    def __init__(self, folder: Path):
        plain, controller, *rest = free_ports(2 + len(PROTOCOLS))
        self.ports = {"PLAINTEXT": plain} | dict(zip(PROTOCOLS, rest))
        self.folder = folder
        self._certify()
        super().__init__(folder / "broker", plain, properties=self._secure(controller))

    def address(self, listener: str) -> str:
        """Where that listener is."""
        return f"localhost:{self.ports[listener]}"

    def start(self, timeout: float = 120) -> "SecuredBroker":
        """Start it, and give the user his passwords and rights."""
        super().start(timeout)
        with KafkaAdminClient(bootstrap_servers=self.bootstrap_servers) as admin:
            for mechanism in (ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512):
                admin.alter_user_scram_credentials([UserScramCredentialUpsertion(USER, mechanism, PASSWORD)])
            everything = [
                ACL(
                    principal=f"User:{USER}",
                    host="*",
                    operation=ACLOperation.ALL,
                    permission_type=ACLPermissionType.ALLOW,
                    resource_pattern=ResourcePattern(kind, name),
                )
                for kind, name in (
                    (ResourceType.TOPIC, "*"),
                    (ResourceType.GROUP, "*"),
                    (ResourceType.CLUSTER, "kafka-cluster"),
                )
            ]
            admin.create_acls(everything)
        return self

    def _certify(self) -> None:
        authority, stranger = trustme.CA(), trustme.CA()
        authority.cert_pem.write_to_path(self.folder / "authority.pem")
        stranger.cert_pem.write_to_path(self.folder / "stranger.pem")
        year = {"not_before": datetime(2020, 1, 1, tzinfo=UTC), "not_after": datetime(2021, 1, 1, tzinfo=UTC)}
        for name, certificate in {
            "good": authority.issue_cert("localhost", "127.0.0.1"),
            "expired": authority.issue_cert("localhost", "127.0.0.1", **year),
            "elsewhere": authority.issue_cert("kafka.example"),
        }.items():
            key = load_pem_private_key(certificate.private_key_pem.bytes(), None)
            # Kafka reads no other form of a key.
            pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            chain = b"".join(each.bytes() for each in certificate.cert_chain_pems)
            (self.folder / f"{name}.pem").write_bytes(pem + chain)

    def _secure(self, controller: int) -> dict[str, object]:
        listeners = {name: f"{name}://127.0.0.1:{port}" for name, port in self.ports.items()}
        protocols = PROTOCOLS | {"PLAINTEXT": "PLAINTEXT", "CONTROLLER": "PLAINTEXT"}
        login = "org.apache.kafka.common.security"
        properties = {
            "controller.quorum.voters": f"1@127.0.0.1:{controller}",
            "listeners": ",".join([*listeners.values(), f"CONTROLLER://127.0.0.1:{controller}"]),
            "advertised.listeners": ",".join(listeners.values()).replace("127.0.0.1", "localhost"),
            "listener.security.protocol.map": ",".join(f"{n}:{p}" for n, p in protocols.items()),
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": "../../good.pem",
            "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS",  # who comes by the port in plain text, and by TLS alone
        }
        for name in ("expired", "elsewhere"):
            properties[f"listener.name.{name}.ssl.keystore.type"] = "PEM"
            properties[f"listener.name.{name}.ssl.keystore.location"] = f"../../{name}.pem"
        for name in ("password", "both"):
            users = f'user_{USER}="{PASSWORD}" user_{STRANGER}="{PASSWORD}"'
            properties[f"listener.name.{name}.plain.sasl.jaas.config"] = (
                f"{login}.plain.PlainLoginModule required {users};"
            )
            for mechanism in ("scram-sha-256", "scram-sha-512"):
                properties[f"listener.name.{name}.{mechanism}.sasl.jaas.config"] = (
                    f"{login}.scram.ScramLoginModule required;"
                )
        return properties
