"""What went over the network while these lines ran? An X-ray between the clients and their brokers."""

import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import fields, replace
from typing import Any

import pandas as pd

from lab.clients.connection import addresses
from lab.drawing.figure import Chart
from lab.errors import LabError
from lab.wire.exchange import Exchange
from lab.wire.frames import Address, Request, correlation_id_of, read_answer, read_request, readdress
from lab.wire.proxy import Link, Proxy
from lab.wire.sequence import draw
from lab.wire.words import Names, answer_words, error_of, learn_names, words_of

MOST = 10_000  # exchanges that are kept
TOO_NEW = "(a kind or version that kafka-python does not know)"


class Xray:
    """What `xray` saw. Give `kafka` to the clients, in place of the settings that you gave to `xray`."""

    def __init__(self, kafka: dict[str, Any]):
        self._proxies: dict[str, Proxy] = {}
        self._waiting: dict[tuple[int, int], tuple[Request, int]] = {}  # {(link, correlation id): its place}
        self._exchanges: list[Exchange] = []
        self._names: Names = {}
        self._numbers: dict[int, int] = {}  # {link: number of the connection}
        self._lock, self._began = threading.Lock(), time.monotonic()
        self._to_lose: list[str] = []  # kinds of request
        self.left_out = 0  # exchanges that were not kept, because there are too many
        servers = addresses(kafka["bootstrap_servers"])
        ports = [self._through(f"{host}:{port}", (host, port))[1] for host, port in servers]
        self.kafka = kafka | {"bootstrap_servers": ",".join(f"127.0.0.1:{port}" for port in ports)}

    @property
    def exchanges(self) -> list[Exchange]:
        """Each request with its answer, in the order in which they were asked."""
        with self._lock:
            return list(self._exchanges)

    def table(self) -> pd.DataFrame:
        """The exchanges as a DataFrame, with one row for each."""
        columns = [field.name for field in fields(Exchange)]
        return pd.DataFrame([vars(each) for each in self.exchanges], columns=columns)

    def diagram(self, *kinds: str) -> Chart:
        """Who asked whom what, from top to bottom.

        `kinds`: those to show, such as `Fetch`; without any, all but the first of each connection.
        """
        return draw(self.exchanges, kinds, self.left_out)

    def lose_answer(self, kind: str) -> None:
        """Lose the next answer to a request of this kind, such as `Produce`, and the connection with it."""
        with self._lock:
            self._to_lose.append(kind)

    def close(self) -> None:
        """End every connection that goes through it."""
        for proxy in self._proxies.values():
            proxy.close()

    def request(self, link: Link, frame: bytes) -> bytes:
        """Note a request, and hand it on as it is."""
        asked, now = read_request(frame), time.monotonic() - self._began
        with self._lock:
            self._waiting[link.number, asked.correlation_id] = asked, len(self._exchanges)
            if len(self._exchanges) < MOST:
                self._exchanges.append(self._noted(asked, link, now))
            else:
                self.left_out += 1
        return frame

    def _noted(self, asked: Request, link: Link, now: float) -> Exchange:
        connection = self._numbers.setdefault(link.number, len(self._numbers) + 1)
        broker = next(name for name, proxy in self._proxies.items() if proxy is link.proxy)
        return Exchange(
            connection=connection,
            client=asked.client_id,
            broker=broker,
            kind=asked.kind,
            version=asked.version,
            correlation_id=asked.correlation_id,
            asked_at=now,
            request=words_of(asked.message, self._names) if asked.message else TOO_NEW,
        )

    def answer(self, link: Link, frame: bytes) -> bytes | None:
        """Note an answer, and hand it on; the addresses in it lead through the X-ray, too."""
        now = time.monotonic() - self._began
        with self._lock:
            asked, place = self._waiting.pop((link.number, correlation_id_of(frame)), (None, MOST))
            if asked and asked.kind in self._to_lose:
                self._to_lose.remove(asked.kind)
                if place < len(self._exchanges):
                    self._exchanges[place] = replace(self._exchanges[place], is_lost=True)
                return None
            message = read_answer(frame, asked) if asked else None
            if message:
                learn_names(message, self._names)
            if place < len(self._exchanges):
                known = self._exchanges[place]
                words = answer_words(message, self._names) if message else TOO_NEW
                error = error_of(message) if message else None
                took = now - known.asked_at
                self._exchanges[place] = replace(known, took=took, answer=words, error=error)
            return (readdress(message, self._advertised) if message else None) or frame

    def _advertised(self, node_id: int, address: Address) -> Address:
        return self._through(f"broker {node_id} at {address[0]}:{address[1]}", address)

    def _through(self, name: str, address: Address) -> Address:
        if name not in self._proxies:
            self._proxies[name] = Proxy(address, self)
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
