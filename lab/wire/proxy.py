"""How are requests and answers handed on between Kafka's clients and a broker, one frame at a time?

A frame is a request or an answer, with its length before it. See kafka.apache.org/protocol.
"""

import itertools
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

LINKS = itertools.count(1)
AT_ONCE = 1 << 20  # bytes: no more memory than that for a client that says a length and sends nothing
See = Callable[["Link", bytes], bytes | None]


class Link:
    """A connection of a client, and the one to the broker that goes with it."""

    def __init__(self, proxy: "Proxy", client: socket.socket, broker: socket.socket):
        self.proxy, self.client, self.broker = proxy, client, broker
        self.number = next(LINKS)
        self.is_open = True

    def end_answers(self) -> None:
        """Close one direction: the client reads an end, and what it sends still arrives."""
        with suppress(OSError):
            self.client.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """End both connections: with one alone, nothing can be handed on."""
        self.is_open = False
        for connection in (self.client, self.broker):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()


class Wiretap(Protocol):
    """What sees the frames of a link. It returns what is handed on; None loses it, and ends the link."""

    def request(self, link: Link, frame: bytes) -> bytes | None: ...
    def answer(self, link: Link, frame: bytes) -> bytes | None: ...


class Proxy:
    """Listens on a port of this machine, and hands on what clients and one broker say to each other."""

    def __init__(self, name: str, broker: tuple[str, int], tap: Wiretap, port: int = 0):
        """`broker`: its host and port. `port`: where the clients connect; by default, one that is free."""
        self.name, self.broker, self.tap = name, broker, tap
        self.links: set[Link] = set()
        self._server = socket.create_server(("127.0.0.1", port))
        self.port: int = self._server.getsockname()[1]
        self._is_closed = False
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def close(self) -> None:
        """Take no more connections, and end those that there are. Closing twice is safe."""
        self._is_closed = True
        with suppress(
            OSError
        ):  # it listens as long as a thread waits in `accept`: a last connection wakes it
            socket.create_connection(("127.0.0.1", self.port)).close()
        self._accepting.join()
        self._server.close()
        self.cut()

    def cut(self) -> None:
        """End every connection, with whatever is on its way."""
        for link in list(self.links):
            link.close()

    def _accept(self) -> None:
        while not self._is_closed:
            client = self._server.accept()[0]
            try:
                broker = socket.create_connection(self.broker)
            except OSError:  # it is away, and the client is told so
                client.close()
                continue
            for connection in (client, broker):
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            link = Link(self, client, broker)
            self.links.add(link)
            for way in ((client, broker, self.tap.request), (broker, client, self.tap.answer)):
                threading.Thread(target=self._hand_on, args=(link, *way), daemon=True).start()

    def _hand_on(self, link: Link, source: socket.socket, target: socket.socket, see: See) -> None:
        try:
            while (frame := read_frame(source)) and (seen := see(link, frame)) is not None:
                target.sendall(seen)
        except OSError:
            pass  # the other direction ended
        finally:
            link.close()
            self.links.discard(link)


def read_frame(connection: socket.socket) -> bytes:
    """The next frame, with its length before it; empty at the end."""
    with suppress(OSError, EOFError):
        length = _read(connection, 4)
        return length + _read(connection, struct.unpack(">i", length)[0])
    return b""


def _read(connection: socket.socket, size: int) -> bytes:
    """So many bytes, asked for until all are there: MSG_WAITALL does not wait for them everywhere."""
    parts = []
    while size > 0:
        if not (part := connection.recv(min(size, AT_ONCE))):
            raise EOFError
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
