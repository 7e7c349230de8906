"""What is a message? A `Reading` as JSON, checked field by field when it is read.

The stages exchange only the types of this module.
"""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from lab.errors import InvalidReading
from lab.text.forms import describe_form
from lab.text.printable import printable

Status = Literal["OK", "WARNING", "CRITICAL"]


class Reading(msgspec.Struct, frozen=True, gc=False):  # gc: it cannot be part of a reference cycle
    """One value that one sensor measured at one time."""

    sensor_id: Annotated[str, Meta(min_length=1, max_length=200)]
    val: float
    unit: Annotated[str, Meta(max_length=50)]
    status: Status
    ts: Annotated[datetime, Meta(tz=True)]


Headers = list[tuple[str, bytes | None]]  # of a message, in order; a name may occur twice


@dataclass(frozen=True)
class DeadLetter:
    """A message that is not a reading: its unchanged bytes, and the reason."""

    offset: int
    key: bytes | None
    value: bytes | None
    error: str
    headers: Headers = field(default_factory=list)


@dataclass(frozen=True)
class Mark:
    """The offset and checksum of the last stored message, used to recognize the log.

    `timestamp`: the latest time of the messages up to it, in milliseconds since 1970, as in Kafka; its own
    time may be earlier, for a producer may send a message again. `checksum`: CRC-32 of its whole content.
    """

    offset: int
    timestamp: int
    checksum: int


@dataclass(frozen=True)
class Gap:
    """A range of offsets whose messages cannot be read from the log.

    From `first_offset` up to, but not including, `next_offset`. `reason` is one of:
    - retention: Kafka removed them before they were read;
    - truncation: they were stored, and then the log lost them (their rows stay);
    - unreadable: the client could not read them, and they were skipped by hand.

    `last_timestamp` is that of the last message that was stored and lost, in milliseconds.
    """

    first_offset: int
    next_offset: int
    reason: str
    last_timestamp: int | None = None


@dataclass
class Batch:
    """The messages of one poll from one partition, ready to be stored.

    The batch is stored only if the warehouse still has the offset `expected` (None: no offset yet).
    Afterwards it has `next_offset`. `last` is the last message before `next_offset`.
    """

    partition: int
    expected: int | None
    next_offset: int
    readings: list[Reading] = field(default_factory=list)
    dead_letters: list[DeadLetter] = field(default_factory=list)
    last: Mark | None = None
    gap: Gap | None = None

    def __len__(self) -> int:
        return len(self.readings) + len(self.dead_letters)


encode_reading = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Reading).decode
_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode

MISSING = re.compile(r"Object missing required field `(.+)`")
AT = re.compile(r"(.*) - at `\$\.(\w+)`")
EXPECTED = {
    "sensor_id": "a text of 1 to 200 characters",
    "val": "a finite number",
    "unit": "a text of at most 50 characters",
    "status": "OK, WARNING or CRITICAL",
    "ts": "a time with its offset, such as 2026-01-31T12:00:00+00:00",
}


def decode_reading(value: bytes | None) -> Reading:
    """Decode the bytes of a message; its time is converted to UTC.

    Unknown fields are ignored, so that a newer producer does not break an older reader.
    Raises InvalidReading, which names the field, what was found and what was expected.
    """
    if value is None:
        raise InvalidReading("the message has no value at all (a tombstone)")
    try:
        reading = _decode(value)
        if "\0" in reading.sensor_id or "\0" in reading.unit:
            raise InvalidReading(
                "sensor_id or unit: found the character NUL, which no database keeps in a text"
            )
        if reading.ts.tzinfo is not UTC:
            return msgspec.structs.replace(reading, ts=reading.ts.astimezone(UTC))
        return reading
    except msgspec.ValidationError as error:
        raise InvalidReading(_explain(str(error), value)) from error
    except UnicodeDecodeError as error:
        raise InvalidReading(
            describe_form(value) or f"the message is not UTF-8 text: {error.reason}"
        ) from error
    except msgspec.DecodeError as error:
        found = "the message is empty" if not value else f"the message is not JSON: {error}"
        raise InvalidReading(describe_form(value) or found) from error
    except RecursionError as error:
        raise InvalidReading("the message is nested too deeply to be a reading") from error
    except OverflowError as error:
        raise InvalidReading(f"ts: expected {EXPECTED['ts']}, found a year out of range") from error


def _explain(message: str, value: bytes) -> str:
    if missing := MISSING.match(message):
        return f"{missing[1]}: missing; expected {EXPECTED[missing[1]]}"
    if at := AT.match(message):
        return f"{at[2]}: expected {EXPECTED[at[2]]}, found {_found(value, at[2])}"
    return f"expected an object with the fields {', '.join(EXPECTED)}: {message}"


def _found(value: bytes, name: str) -> str:
    """The field as it is in the message, shortened."""
    try:
        text = bytes(_fields(value)[name]).decode(errors="replace")
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return "something else"  # the JSON after the field is invalid
    text = text if len(text) <= 60 else text[:57] + "..."
    return printable(text)
