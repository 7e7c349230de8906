"""A Kafka that asks for certificates, passwords and rights, each on a listener of its own."""

from pathlib import Path

import certifi

from lab.clients.rights import MECHANISMS, grant, set_password
from lab.embedded.secured import LOGIN, SecuredBroker

USER, PASSWORD = "ada", "correct horse battery"
STRANGER = "bob"  # he may connect, and nothing else
PROTOCOLS = {  # {listener: what it speaks}; EXPIRED and ELSEWHERE have a certificate that is wrong
    "TLS": "SSL",
    "EXPIRED": "SSL",
    "ELSEWHERE": "SSL",
    "PASSWORD": "SASL_PLAINTEXT",
    "BOTH": "SASL_SSL",
}
PLAIN = {"sasl.enabled.mechanisms": ",".join(("PLAIN", *MECHANISMS))} | {
    f"listener.name.{name}.plain.sasl.jaas.config": (
        f'{LOGIN}.plain.PlainLoginModule required user_{USER}="{PASSWORD}" user_{STRANGER}="{PASSWORD}";'
    )
    for name in ("password", "both")
}
STRANGE_AUTHORITIES = certifi.where()  # those that browsers trust; none of them has signed for us


class ManyListeners(SecuredBroker):
    """Its first listener is in plain text, for the tests themselves."""

    def __init__(self, home: Path):
        super().__init__(home, PROTOCOLS, PLAIN)
        self.certify("localhost", "127.0.0.1", listener="EXPIRED", valid_from="2020/01/01")
        self.certify("kafka.example", listener="ELSEWHERE")

    def start(self, timeout: float = 120) -> "ManyListeners":
        """Start it, and give the user a password of each kind, and every right."""
        super().start(timeout)
        for mechanism in MECHANISMS:
            set_password(USER, PASSWORD, mechanism, bootstrap_servers=self.bootstrap_servers)
        grant(USER, "ALL", topic="*", group="*", bootstrap_servers=self.bootstrap_servers)
        return self
