"""How is a broker used that somebody else runs? Like an `EmbeddedBroker`, but never started or stopped."""

from pathlib import PurePath

from lab.clients.connection import is_answering, speaks_tls
from lab.embedded.nodes import Node


class ExternalBroker:
    """A broker that somebody else starts and stops: docker-compose, a cluster, another kit.

    `home`: its folder, if it is the embedded broker of another kit on this machine.
    """

    started_here = False

    def __init__(self, bootstrap_servers: str, home: PurePath | None = None):
        self.bootstrap_servers = bootstrap_servers
        self.home = home

    @property
    def other_kit(self) -> PurePath | None:
        """The home of the kit that runs it; None if no kit does."""
        return self.home

    def __repr__(self) -> str:
        state = "running" if self.is_running() else "not answering"
        by = f"another kit, for itself: {self.home}" if self.home else "somebody else"
        return f"<Kafka at {self.bootstrap_servers}, {state}, started by {by}>"

    def __enter__(self) -> "ExternalBroker":
        return self.start()

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def nodes(self) -> list[Node]:
        """Empty: this kit does not know its nodes."""
        return []

    def is_running(self) -> bool:
        """Whether it answers as Kafka or speaks TLS."""
        return is_kafka(self.bootstrap_servers)

    def start(self, timeout: float = 120) -> "ExternalBroker":
        """Nothing to do: somebody else starts it."""
        return self

    def stop(self, node: int | None = None, timeout: float = 10) -> None:
        """Leave it running."""

    def clients(self) -> list[str]:
        """Empty: `stop` leaves it running, so it disturbs no program."""
        return []


def is_kafka(bootstrap_servers: str, timeout: float = 1) -> bool:
    """Whether a broker answers, or a server that speaks TLS, which may be a Kafka."""
    return is_answering(bootstrap_servers, timeout) or speaks_tls(bootstrap_servers, timeout)
