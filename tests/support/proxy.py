"""A network that fails: between the clients and a broker, it cuts a connection at the worst moment."""

import socket
import struct
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress

from lab.embedded.broker import EmbeddedBroker
from lab.embedded.ports import free_ports

PRODUCE = 0  # the key of that request


class Proxy:
    """Hands on what Kafka's clients and the broker say to each other, frame by frame.

    Before a produce request is handed on, `loses_request()` is asked, and before its answer,
    `loses_answer()`: if it is true, that is lost, and the connection with it. While `is_cut`, nothing gets
    through in either direction.
    """

    def __init__(self, port: int, broker_port: int):
        self.bootstrap_servers = f"127.0.0.1:{port}"
        self.broker_port = broker_port
        self.is_cut = False
        self.loses_request: Callable[[], bool] = lambda: False
        self.loses_answer: Callable[[], bool] = lambda: False
        self.server = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no more connections."""
        self.server.close()

    @contextmanager
    def cut(self) -> Generator[None]:
        """Lose, within the block, whatever is on its way, and every connection that it was on."""
        self.is_cut = True
        try:
            yield
        finally:
            self.is_cut = False

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client = self.server.accept()[0]
                if self.is_cut:
                    client.close()
                    continue
                try:
                    broker = socket.create_connection(("127.0.0.1", self.broker_port))
                except OSError:
                    client.close()
                    continue
                produce: set[bytes] = set()  # correlation ids, of which the answers are awaited
                for work in (self._requests, self._answers):
                    threading.Thread(target=work, args=(client, broker, produce), daemon=True).start()

    def _requests(self, client: socket.socket, broker: socket.socket, produce: set[bytes]) -> None:
        with _both(client, broker):
            while (frame := _read(client)) and not self.is_cut:
                if struct.unpack(">h", frame[4:6])[0] == PRODUCE:
                    produce.add(frame[8:12])
                    if self.loses_request():
                        return
                broker.sendall(frame)

    def _answers(self, client: socket.socket, broker: socket.socket, produce: set[bytes]) -> None:
        with _both(client, broker):
            while (frame := _read(broker)) and not self.is_cut:
                if frame[4:8] in produce and self.loses_answer():
                    return
                produce.discard(frame[4:8])
                client.sendall(frame)


class _both:
    """Both ends are closed when one direction ends, in whatever way."""

    def __init__(self, *connections: socket.socket):
        self.connections = connections

    def __enter__(self):
        return self

    def __exit__(self, kind, *rest):
        for connection in self.connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        return kind is not None and issubclass(kind, OSError)


def _read(connection: socket.socket) -> bytes:
    """The next frame with its length before it; empty at the end."""
    with suppress(OSError):
        if len(length := connection.recv(4, socket.MSG_WAITALL)) == 4:
            rest = connection.recv(struct.unpack(">i", length)[0], socket.MSG_WAITALL)
            return length + rest
    return b""


class ProxiedBroker(EmbeddedBroker):
    """A broker that sends all its clients through a proxy."""

    def __init__(self, home):
        port, through = free_ports(2)
        self.proxy = Proxy(through, port)
        super().__init__(home, port, properties={"advertised.listeners": f"PLAINTEXT://127.0.0.1:{through}"})

    def __exit__(self, *exception: object) -> None:
        super().__exit__(*exception)
        self.proxy.close()
