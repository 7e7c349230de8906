"""What happens to messages that were wrong? List them, fix them, and send them to the topic again.

A replayed message keeps its headers and gets one more, which names its dead letter. If the program dies
between sending the message and recording that, the next try finds the message in the log by this header.
So each dead letter is replayed once, however often it is tried.
"""

from dataclasses import dataclass
from typing import Any

import msgspec
from kafka import KafkaProducer

from lab.clients.connection import connect
from lab.databases import queries
from lab.errors import LabError
from lab.readings import Headers, decode_reading
from lab.topics import read_records
from lab.warehouse import Warehouse

HEADER = "dead-letter"
SENDING = "sending"
_decode = msgspec.json.Decoder(Headers).decode


class ReplayError(LabError):
    """A dead letter cannot be replayed: it is still not a reading, or it was replayed before."""


@dataclass(frozen=True)
class StoredDeadLetter:
    """A row of `dead_letters`; `replayed` is the place of its replay in the log, or None."""

    id: int
    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    error: str
    ts: str
    replayed: str | None
    headers: Headers

    @property
    def is_replayed(self) -> bool:
        """Whether its replay is in the log; of one that was being sent when the program died nobody knows."""
        return bool(self.replayed) and self.replayed != SENDING

    @property
    def name(self) -> str:
        """The value of the header of its replay; it is unique."""
        return f"{self.topic}-{self.partition}@{self.offset} of {self.ts}"


def list_dead_letters(warehouse: Warehouse) -> list[StoredDeadLetter]:
    """All dead letters, the oldest first."""
    found = queries.dead_letters(warehouse)
    return [StoredDeadLetter(*row, _decode(headers or "[]")) for *row, headers in found]


def fix_value(value: bytes | None, changes: dict[str, Any]) -> bytes:
    """The JSON object in `value` with some fields changed.

    Raises ReplayError if there is no JSON object to change.
    """
    try:
        fields = msgspec.json.decode(value or b"", type=dict[str, Any])
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise ReplayError(f"There are no fields to change ({error}): give a whole new value.") from error
    return msgspec.json.encode(fields | changes)


def replay(warehouse: Warehouse, letter_id: int, value: bytes | None = None, **kafka: Any) -> str:
    """Send a dead letter to its topic again, with a new `value` or its own, and mark it as replayed.

    Returns its new place in the log, "topic-partition@offset". Raises ReplayError if it was replayed before.
    Raises InvalidReading, and sends nothing, if the value is not a reading.
    """
    with warehouse.exclusive("replay"):  # otherwise two at the same time would both send
        letter = next((x for x in list_dead_letters(warehouse) if x.id == letter_id), None)
        if letter is None:
            raise ReplayError(f"There is no dead letter {letter_id} in {warehouse.name}.")
        if letter.is_replayed:
            raise ReplayError(f"Dead letter {letter_id} was replayed before, as {letter.replayed}.")
        value = letter.value if value is None else value
        decode_reading(value)
        place = _find(letter, kafka) if letter.replayed == SENDING else None
        if not place:
            queries.mark_replayed(warehouse, letter.id, SENDING)
            place = _send(letter, value, kafka)
        queries.mark_replayed(warehouse, letter.id, place)
        return place


def _send(letter: StoredDeadLetter, value: bytes | None, kafka: dict[str, Any]) -> str:
    with connect(KafkaProducer, **kafka) as producer:
        # kafka-python accepts no header without a value: None becomes an empty value.
        own = [(name, text or b"") for name, text in letter.headers]
        headers = [*own, (HEADER, letter.name.encode())]
        sent = producer.send(letter.topic, value, letter.key, headers).get(timeout=30)
    return f"{sent.topic}-{sent.partition}@{sent.offset}"


def _find(letter: StoredDeadLetter, kafka: dict[str, Any]) -> str | None:
    """The place of its replay in the log, if an earlier try sent it."""
    for record in read_records(letter.topic, **kafka):
        if record.headers[-1:] == [(HEADER, letter.name.encode())]:  # the others are its own
            return f"{record.topic}-{record.partition}@{record.offset}"
    return None
