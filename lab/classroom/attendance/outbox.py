"""How do a learner's events reach the class? By an outbox: a file each, removed when the broker has it.

A check only writes the file. A thread sends it, so that no check waits for the room's network. Nothing is
lost when the broker is down or the kernel is killed: the next check, in any notebook, sends what waits. Two
notebooks may send the same event. It counts once, because the board knows its id.
"""

import logging
import threading
import time
from pathlib import Path
from typing import Any

from kafka import KafkaProducer
from kafka.errors import KafkaError

from lab.classroom.attendance.event import TOPIC, Event, decode_event, encode_event, new_event
from lab.classroom.attendance.membership import folder, membership, waiting_events
from lab.clients.connection import is_answering, make_client
from lab.clients.workarounds import close_producer
from lab.errors import LabError
from lab.topics import create_topic

RETRY_SECONDS = 2.0  # how often a broker that is away is asked for again
ACK_SECONDS = 10.0
AT_ONCE = 500  # events in one go
log = logging.getLogger("lab.class")
log.addHandler(logging.NullHandler())
log.propagate = False  # a learner who works offline is not told every two seconds

_unwritten: list[Event] = []  # for a home that cannot be written
_kept: set[Path] = set()  # acknowledged, in a home that can no longer be written
_wake = threading.Event()
_starting = threading.Lock()
_thread: threading.Thread | None = None


def tell_class(exercise: str, state: str, hints: int = 0, solution_seen: bool = False) -> str:
    """Put an event into the outbox, if this kit joined a class; one line for the learner about it."""
    joined = membership()
    if joined is None:
        return ""
    waiting = len(_waiting()) + len(_unwritten)
    _put(new_event(joined.alias, exercise, state, hints, solution_seen, joined.kit))
    start_sending()
    if waiting:
        return f"For the class, as {joined.alias}: {waiting + 1} events wait for {joined.bootstrap_servers}."
    return f"For the class, as {joined.alias}: on its way to {joined.bootstrap_servers}."


def start_sending() -> None:
    """Send what waits, in the background."""
    global _thread
    with _starting:
        if _thread is None or not _thread.is_alive():
            # A daemon thread does not keep a kernel from ending.
            _thread = threading.Thread(target=_run, name="lab-class", daemon=True)
            _thread.start()
    _wake.set()


def _put(event: Event) -> None:
    """Write it beside its place first, so that a kill never leaves half an event there."""
    place = folder() / f"{time.time_ns():020}-{event.id}.event"
    try:
        folder().mkdir(parents=True, exist_ok=True)
        half = place.with_suffix(".half")
        half.write_bytes(encode_event(event))
        half.replace(place)
    except OSError:
        _unwritten.append(event)


def _run() -> None:
    while True:
        try:
            _wake.wait(None if is_empty() else RETRY_SECONDS)
            _wake.clear()
            send_waiting()
        except Exception as error:  # this thread may not end: it tries again
            log.warning("not sent: %s", error)
            time.sleep(RETRY_SECONDS)


def is_empty() -> bool:
    """Whether the class has everything, or this kit is in none."""
    return membership() is None or not (_waiting() or _unwritten)


def send_waiting() -> bool:
    """Send what waits, and remove what the broker acknowledged; whether nothing is left."""
    joined = membership()
    if joined is None:
        _unwritten.clear()
    if joined is None or is_empty() or not is_answering(joined.bootstrap_servers):
        return is_empty()
    kafka: dict[str, Any] = {"bootstrap_servers": joined.bootstrap_servers}
    try:
        create_topic(TOPIC, **kafka)
        producer = make_client(KafkaProducer, acks="all", **kafka)
        try:
            while membership() == joined and _send_some(producer):
                pass
        finally:
            close_producer(producer)  # at once: what has no answer is still in the outbox
    except (KafkaError, LabError) as error:
        log.warning("not sent: %s", error)
    return is_empty()


def _waiting() -> list[Path]:
    return [path for path in waiting_events() if path not in _kept]


def _send_some(producer: KafkaProducer) -> int:
    """How many were sent. Each is removed only when it is acknowledged. KafkaError if one is not."""
    files, unwritten = _waiting()[:AT_ONCE], _unwritten[:AT_ONCE]
    events = [(event, path) for path in files if (event := _read(path))]
    sent = [(_send(producer, event), path) for event, path in events]
    kept = [(_send(producer, event), event) for event in unwritten]
    for future, path in sent:
        future.get(timeout=ACK_SECONDS)
        _remove(path)
    for future, event in kept:
        future.get(timeout=ACK_SECONDS)
        _unwritten.remove(event)
    return len(sent) + len(kept)


def _send(producer: KafkaProducer, event: Event):
    return producer.send(TOPIC, encode_event(event), key=event.alias.encode())


def _read(path: Path) -> Event | None:
    """None if another notebook has just sent it, or if it is none: then it is removed."""
    try:
        return decode_event(path.read_bytes())
    except OSError:
        return None
    except ValueError:
        _remove(path)
        return None


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)  # missing: another notebook sent it too
    except OSError:
        _kept.add(path)
