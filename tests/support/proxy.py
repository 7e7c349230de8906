"""A network that fails: between the clients and a broker, it cuts a connection at the worst moment."""

import struct
from collections.abc import Callable, Generator
from contextlib import contextmanager

from lab.embedded.broker import EmbeddedBroker
from lab.embedded.ports import free_ports
from lab.wire.line import Line
from lab.wire.proxy import Link, Proxy

PRODUCE = 0  # the key of that request


class FailingNetwork(Proxy):
    """A proxy that loses what it sees.

    Before a produce request is handed on, `loses_request()` is asked, and before its answer,
    `loses_answer()`: if it is true, that is lost, and the connection with it. While `is_cut`, nothing gets
    through in either direction. How the rest gets through, its `line` says.
    """

    def __init__(self, port: int, broker_port: int):
        self.bootstrap_servers = f"127.0.0.1:{port}"
        self.is_cut = False
        self.line = Line()
        self.loses_request: Callable[[], bool] = lambda: False
        self.loses_answer: Callable[[], bool] = lambda: False
        self._produce: set[tuple[int, bytes]] = (
            set()
        )  # (link, correlation id), of which the answers are awaited
        super().__init__("the broker", ("127.0.0.1", broker_port), self, port)

    @contextmanager
    def all_cut(self) -> Generator[None]:
        """Lose, within the block, whatever is on its way, and every connection that it was on."""
        self.is_cut = True
        try:
            yield
        finally:
            self.is_cut = False

    def request(self, link: Link, frame: bytes) -> bytes | None:
        """Hand on a request, or lose it."""
        if self.is_cut:
            return None
        if struct.unpack(">h", frame[4:6])[0] == PRODUCE:
            self._produce.add((link.number, frame[8:12]))
            if self.loses_request():
                return None
        return self.line.carry_request(frame)

    def answer(self, link: Link, frame: bytes) -> bytes | None:
        """Hand on an answer, or lose it."""
        asked = (link.number, frame[4:8])
        if self.is_cut or (asked in self._produce and self.loses_answer()):
            return None
        self._produce.discard(asked)
        return self.line.carry_answer(frame, link)


class ProxiedBroker(EmbeddedBroker):
    """A broker that sends all its clients through a network that fails."""

    def __init__(self, home):
        port, through = free_ports(2)
        self.proxy = FailingNetwork(through, port)
        super().__init__(home, port, properties={"advertised.listeners": f"PLAINTEXT://127.0.0.1:{through}"})

    def __exit__(self, *exception: object) -> None:
        super().__exit__(*exception)
        self.proxy.close()
