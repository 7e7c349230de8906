"""What do the brokers of a cluster say to each other, and what happens if some of them cannot?"""

import re
import threading
from collections.abc import Sequence
from weakref import WeakKeyDictionary

from lab.embedded.nodes import Node
from lab.wire.frames import Request, read_request
from lab.wire.line import Line
from lab.wire.proxy import Link, Proxy
from lab.wire.recorder import Recorder

# How a broker calls itself when it asks another: as a follower, as a controller, and as one that is led.
BROKER = re.compile(r"broker-(\d+)-.+|raft-client-(\d+)|(\d+)")


class Network(Recorder):
    """The network between the brokers of a cluster: what they say can be seen, and cut.

    What they say as controllers is not kept: kafka-python knows little of it.

    `line` is the way from a broker to another: `network.line.delay = 0.1` makes it slow. Clients, too, reach
    each broker through this network, and nothing happens to them. It works as long as this program runs.
    `start_own_broker(brokers=3, network=...)` starts a cluster on it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.line = Line()
        self._proxies: dict[tuple[str, int], Proxy] = {}  # {(listener, id of a node)}
        self._apart: set[int] = set()
        self._sources: WeakKeyDictionary[Link, int | None] = WeakKeyDictionary()
        self._cutting = threading.Lock()

    def properties(self, node: Node, nodes: Sequence[Node]) -> dict[str, object]:
        """The settings of a node with which everybody reaches it, and it the others, through this network."""
        voters = [f"{each.id}@{self._address('CONTROLLER', each)}" for each in nodes]
        own = [f"{listener}://{self._address(listener, node)}" for listener in ("PLAINTEXT", "CONTROLLER")]
        return {"advertised.listeners": ",".join(own), "controller.quorum.voters": ",".join(voters)}

    def isolate(self, *nodes: int) -> None:
        """Cut these brokers off from all others: what they said to each other ends, and nothing new begins.

        Among each other they are connected. Clients reach all.
        """
        with self._cutting:
            self._apart = set(nodes)
            cut = [link for link, source in self._sources.items() if self._is_cut(source, link.proxy)]
        for link in cut:
            link.close()

    def heal(self) -> None:
        """Connect all brokers again."""
        self.isolate()

    def close(self) -> None:
        """End every connection that goes through it."""
        for proxy in self._proxies.values():
            proxy.close()

    def request(self, link: Link, frame: bytes) -> bytes | None:
        """Note a request, and hand it on if the network is not cut there."""
        is_kept = not self._is_of_controllers(link)
        asked = self.note_request(link, frame) if is_kept else read_request(frame)
        with self._cutting:
            source = self._sources.setdefault(link, source_of(asked))
            if self._is_cut(source, link.proxy):
                return None
        return frame if source is None else self.line.carry_request(frame)

    def answer(self, link: Link, frame: bytes) -> bytes:
        """Note an answer, and hand it on. A link that is cut is closed."""
        frame = frame if self._sources.get(link) is None else self.line.carry_answer(frame, link)
        if frame and not self._is_of_controllers(link):
            self.note_answer(link, frame)
        return frame

    def client_of(self, asked: Request) -> str:
        """A broker that asks another has the name under which it is asked itself."""
        source = source_of(asked)
        return asked.client_id if source is None else f"broker {source}"

    def _is_of_controllers(self, link: Link) -> bool:
        listener, _ = self._place(link.proxy)
        return listener == "CONTROLLER"

    def _place(self, proxy: Proxy) -> tuple[str, int]:
        """The listener and the node that it leads to."""
        return next(place for place, each in self._proxies.items() if each is proxy)

    def _is_cut(self, source: int | None, target: Proxy) -> bool:
        _, to = self._place(target)
        return source is not None and (source in self._apart) != (to in self._apart)

    def _address(self, listener: str, node: Node) -> str:
        place = (node.host, node.port if listener == "PLAINTEXT" else node.controller_port)
        if (listener, node.id) not in self._proxies:
            self._proxies[listener, node.id] = Proxy(f"broker {node.id}", place, self)
        self._proxies[listener, node.id].broker = place  # a new start may choose other ports
        return f"127.0.0.1:{self._proxies[listener, node.id].port}"


def source_of(asked: Request) -> int | None:
    """The number of the broker that asks; None if it is a client."""
    found = BROKER.fullmatch(asked.client_id)
    return int(next(filter(None, found.groups()))) if found else None
