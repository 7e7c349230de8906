"""The line between a program and Kafka. It loses some answers to what was sent, and the connection with each.

Its settings are in the file of the same name that ends in .json. It prints what it lost.
"""

import itertools
import json
import threading
from pathlib import Path

from lab.clients.connection import address
from lab.wire.frames import Address, Request, correlation_id_of, read_answer, read_request, readdress
from lab.wire.proxy import Link, Proxy

settings = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))


class Line:
    """What it sees of each connection."""

    def __init__(self) -> None:
        self._asked: dict[tuple[Link, int], Request] = {}
        self._answers = itertools.count(1)  # those to what was sent

    def request(self, link: Link, frame: bytes) -> bytes:
        """Hand it on."""
        asked = read_request(frame)
        self._asked[link, asked.correlation_id] = asked
        return frame

    def answer(self, link: Link, frame: bytes) -> bytes | None:
        """Hand it on, or lose it. The address of Kafka in it becomes that of the line."""
        asked = self._asked.pop((link, correlation_id_of(frame)))
        if asked.kind == "Produce" and next(self._answers) % settings["loses_one_answer_of"] == 0:
            print(f"An answer to {asked.client_id} was lost, and the connection with it.", flush=True)
            return None
        message = read_answer(frame, asked)
        return (readdress(message, here) if message else None) or frame


def here(node: int, kafka: Address) -> Address:
    """The address of the line, in place of Kafka's own."""
    return "127.0.0.1", settings["port"]


proxy = Proxy("Kafka", address(settings["kafka"]["bootstrap_servers"]), Line(), settings["port"])
threading.Event().wait()  # the connections have their own threads
