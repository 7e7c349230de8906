"""What does a learner's notebook tell the class? An event: who, which exercise, its state, when."""

import json
import secrets
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from lab.classroom.attendance.membership import alias_fault
from lab.classroom.exercises.exercise import DONE, NOT_ATTEMPTED, NOT_YET, SHOWN, exercise_numbers

TOPIC = "lab-class"
VERSION = 1
STATES = {DONE, NOT_YET, NOT_ATTEMPTED, SHOWN}
MAX_HINTS, MAX_ID, MAX_TIME = 99, 64, 40


class OddEvent(ValueError):
    """A message of the class's topic that is no event of this version of the kit."""


@dataclass(frozen=True)
class Event:
    """One check, or one look at a solution. By its `id` it counts once, however often it comes."""

    id: str
    alias: str
    exercise: str
    state: str
    hints: int
    solution_seen: bool
    ts: str
    kit: str = ""  # Membership.kit; an event of an older kit has none


def new_event(
    alias: str, exercise: str, state: str, hints: int = 0, solution_seen: bool = False, kit: str = ""
) -> Event:
    """An event of this moment."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    hints = min(hints, MAX_HINTS)
    return Event(secrets.token_hex(16), alias, exercise, state, hints, solution_seen, now, kit)


def encode_event(event: Event) -> bytes:
    """The event as the value of a message."""
    return json.dumps({"version": VERSION, **asdict(event)}, ensure_ascii=False).encode()


def decode_event(value: bytes | None) -> Event:
    """The event in a message. Raises OddEvent: whoever reaches the room's broker can write anything."""
    try:
        found = json.loads(value or b"")
        version = found.pop("version")
        event = Event(**found)
        sound = version == VERSION and _is_sound(event)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise OddEvent(str(error)) from None
    if not sound:
        raise OddEvent("a field has a value that it cannot have")
    return event


def _is_sound(event: Event) -> bool:
    return (
        _is_text(event.id, MAX_ID)
        and not alias_fault(event.alias)
        and event.exercise in exercise_numbers()
        and event.state in STATES
        and type(event.hints) is int
        and 0 <= event.hints <= MAX_HINTS
        and type(event.solution_seen) is bool
        and _is_text(event.ts, MAX_TIME)
        and bool(datetime.fromisoformat(event.ts))
        and (event.kit == "" or _is_text(event.kit, MAX_ID))
    )


def _is_text(value: Any, longest: int) -> bool:
    return isinstance(value, str) and 0 < len(value) <= longest
