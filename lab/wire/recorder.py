"""What was asked and answered over the network? Each request with its answer, to be listed and drawn."""

import threading
import time
from dataclasses import fields, replace
from typing import Any

import pandas as pd

from lab.drawing.figure import Chart
from lab.wire.exchange import Exchange
from lab.wire.frames import Request, correlation_id_of, read_answer, read_request
from lab.wire.proxy import Link
from lab.wire.sequence import Choice, draw
from lab.wire.words import Names, answer_words, error_of, learn_names, words_of

MOST = 10_000  # exchanges that are kept
TOO_NEW = "(a kind or version that kafka-python does not know)"


class Recorder:
    """The exchanges that were seen."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[Link, int], tuple[Request, int]] = {}  # {(link, correlation id): its place}
        self._exchanges: list[Exchange] = []
        self._names: Names = {}
        self._numbers: dict[int, int] = {}  # {link: number of the connection}
        self._lock, self._began = threading.Lock(), time.monotonic()
        self.left_out = 0  # exchanges that were not kept, because there are too many

    @property
    def exchanges(self) -> list[Exchange]:
        """Each request with its answer, in the order in which they were asked."""
        with self._lock:
            return list(self._exchanges)

    def table(self) -> pd.DataFrame:
        """The exchanges as a DataFrame, with one row for each."""
        columns = [field.name for field in fields(Exchange)]
        return pd.DataFrame([vars(each) for each in self.exchanges], columns=columns)

    def diagram(self, *kinds: str, about: str = "", newest: bool = False) -> Chart:
        """Who asked whom what, from top to bottom.

        `kinds`: those to show, such as `Fetch`; without any, all but the first of each connection.
        `about`: only those in which this word is, such as the name of a topic or of a client. `newest`: if
        there are too many, the last ones instead of the first, for a picture that moves.
        """
        return draw(self.exchanges, Choice(kinds, about, newest), self.left_out)

    def clear(self) -> None:
        """Forget what was seen, except what still waits for its answer: that was asked before 0 s."""
        with self._lock:
            now, seen = time.monotonic(), self._exchanges
            waiting = {
                key: each for key, each in self._waiting.items() if key[0].is_open and each[1] < len(seen)
            }
            waited = [seen[place] for _, place in waiting.values()]
            self._exchanges = [replace(each, asked_at=each.asked_at + self._began - now) for each in waited]
            self._waiting = {key: (asked, n) for n, (key, (asked, _)) in enumerate(waiting.items())}
            self.left_out, self._began = 0, now

    def note_request(self, link: Link, frame: bytes) -> Request:
        """What is asked."""
        asked, now = read_request(frame), time.monotonic()
        with self._lock:
            self._waiting[link, asked.correlation_id] = asked, len(self._exchanges)
            if len(self._exchanges) < MOST:
                self._exchanges.append(self._noted(asked, link, now - self._began))
            else:
                self.left_out += 1
        return asked

    def _noted(self, asked: Request, link: Link, now: float) -> Exchange:
        return Exchange(
            connection=self._numbers.setdefault(link.number, len(self._numbers) + 1),
            client=self.client_of(asked),
            broker=link.proxy.name,
            kind=asked.kind,
            version=asked.version,
            correlation_id=asked.correlation_id,
            asked_at=now,
            request=words_of(asked.message, self._names) if asked.message else TOO_NEW,
        )

    def client_of(self, asked: Request) -> str:
        """Who asked, as it is shown."""
        return asked.client_id

    def note_answer(self, link: Link, frame: bytes) -> Any:
        """The answer as an object; None if it cannot be decoded."""
        now = time.monotonic()
        with self._lock:
            asked, place = self._waiting.pop((link, correlation_id_of(frame)), (None, MOST))
            message = read_answer(frame, asked) if asked else None
            if message:
                learn_names(message, self._names)
            if place < len(self._exchanges):
                known = self._exchanges[place]
                words = answer_words(message, self._names) if message else TOO_NEW
                error = error_of(message) if message else None
                took = now - self._began - known.asked_at
                self._exchanges[place] = replace(known, took=took, answer=words, error=error)
            return message

    def note_loss(self, link: Link, number: int) -> None:
        """The answer to the request with this correlation id is lost."""
        with self._lock:
            _, place = self._waiting.pop((link, number), (None, MOST))
            if place < len(self._exchanges):
                self._exchanges[place] = replace(self._exchanges[place], is_lost=True)

    def kind_of(self, link: Link, answer: bytes) -> str | None:
        """The kind of the request that this frame answers; None if it was not seen."""
        with self._lock:
            asked, _ = self._waiting.get((link, correlation_id_of(answer)), (None, 0))
            return asked.kind if asked else None
