"""What went over the network while these lines ran? An X-ray between the clients and their brokers."""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from lab.clients.connection import addresses
from lab.errors import LabError
from lab.wire.frames import Address, correlation_id_of, readdress
from lab.wire.line import Line
from lab.wire.proxy import Link, Proxy
from lab.wire.recorder import Recorder


class Xray(Recorder):
    """What `xray` saw. Give `kafka` to the clients, in place of the settings that you gave to `xray`.

    `line` is the way to the brokers: `wire.line.delay = 0.1` makes it slow.
    """

    def __init__(self, kafka: dict[str, Any]):
        super().__init__()
        self._proxies: dict[str, Proxy] = {}
        self._to_lose: list[str] = []  # kinds of request
        self._leading = threading.Lock()
        self.line = Line()
        servers = addresses(kafka["bootstrap_servers"])
        ports = [self._through(f"{host}:{port}", (host, port))[1] for host, port in servers]
        self.kafka = kafka | {"bootstrap_servers": ",".join(f"127.0.0.1:{port}" for port in ports)}

    def lose_answer(self, kind: str) -> None:
        """Lose the next answer to a request of this kind, such as `Produce`, and the connection with it."""
        with self._leading:
            self._to_lose.append(kind)

    def close(self) -> None:
        """End every connection that goes through it."""
        for proxy in self._proxies.values():
            proxy.close()

    def request(self, link: Link, frame: bytes) -> bytes:
        """Note a request, and hand it on as it is."""
        self.note_request(link, frame)
        return self.line.carry_request(frame)

    def answer(self, link: Link, frame: bytes) -> bytes | None:
        """Note an answer, and hand it on; the addresses in it lead through the X-ray, too."""
        if not (frame := self.line.carry_answer(frame, link)):
            return frame
        with self._leading:
            if (kind := self.kind_of(link, frame)) in self._to_lose:
                self._to_lose.remove(kind)
                self.note_loss(link, correlation_id_of(frame))
                return None
            message = self.note_answer(link, frame)
            return (readdress(message, self._advertised) if message else None) or frame

    def _advertised(self, node_id: int, address: Address) -> Address:
        return self._through(f"broker {node_id} at {address[0]}:{address[1]}", address)

    def _through(self, name: str, address: Address) -> Address:
        if name not in self._proxies:
            self._proxies[name] = Proxy(name, address, self)
        return "127.0.0.1", self._proxies[name].port


@contextmanager
def xray(**kafka: Any) -> Generator[Xray]:
    """See every request and answer of the clients that are made in the block with the X-ray's `kafka`.

    `kafka` says how to reach the broker (`bootstrap_servers=...`). Close these clients within the block: at
    its end their connections end. Raises LabError for a broker with TLS, which nobody can read.
    """
    if str(kafka.get("security_protocol", "")).endswith("SSL"):
        raise LabError("The X-ray cannot read what is encrypted: use an address of the broker without TLS.")
    seen = Xray(kafka)
    try:
        yield seen
    finally:
        seen.close()
