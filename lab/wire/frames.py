"""What does a frame say? Requests and answers as Python objects."""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lab.clients.protocol import ANSWERS, REQUESTS

Address = tuple[str, int]
ADDRESSED = ("brokers", "coordinators", "node_endpoints")  # the fields of answers in which addresses are


@dataclass(frozen=True)
class Request:
    """The header of a request, and what it asks; nothing if kafka-python does not know it."""

    key: int
    version: int
    correlation_id: int  # the answer has the same
    client_id: str
    message: Any

    @property
    def kind(self) -> str:
        """Its name, such as `Fetch`; the number, if kafka-python does not know it."""
        return REQUESTS[self.key].__name__.removesuffix("Request") if self.key in REQUESTS else f"{self.key}"


def read_request(frame: bytes) -> Request:
    """A request, from a frame with its length."""
    key, version, correlation_id = struct.unpack(">hhi", frame[4:12])
    (length,) = struct.unpack(">h", frame[12:14])
    client_id = frame[14 : 14 + length].decode(errors="replace") if length > 0 else ""
    return Request(key, version, correlation_id, client_id, _decode(REQUESTS, key, version, frame))


def read_answer(frame: bytes, request: Request) -> Any:
    """The answer to that request; None if kafka-python does not know its kind or version."""
    return _decode(ANSWERS, request.key, request.version, frame)


def correlation_id_of(answer: bytes) -> int:
    """The number of the request that this frame answers."""
    return struct.unpack(">i", answer[4:8])[0]


def _decode(classes: dict[int, Any], key: int, version: int, frame: bytes) -> Any:
    if key not in classes or not 0 <= version <= classes[key].max_version:
        return None
    try:
        return classes[key].decode(frame, version=version, header=True, framed=True)
    except (ValueError, IndexError, struct.error):  # a newer broker, or no Kafka at all
        return None


def readdress(message: Any, through: Callable[[int, Address], Address]) -> bytes | None:
    """The frame of an answer with other addresses of brokers in it; None if it has none.

    `through` gives the new address for the number of a broker and its own address.
    """
    places = [place for name in ADDRESSED for place in getattr(message, name, None) or ()]
    if hasattr(message, "host"):  # an old FindCoordinator
        places.append(message)
    places = [place for place in places if place.host]
    for place in places:
        number = getattr(place, "node_id", None)
        address = (place.host, place.port)
        place.host, place.port = through(place.broker_id if number is None else number, address)
    return message.encode(header=True, framed=True) if places else None
