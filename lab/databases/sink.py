"""What does a consumer need from a warehouse? Any object with these methods can be passed to `consume`."""

import threading
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from lab.errors import LabError
from lab.readings import Batch, DeadLetter, Mark, Reading


class Sink(Protocol):
    """A warehouse as a consumer sees it; `lab.warehouse.Warehouse` documents each method."""

    @property
    def identity(self) -> str: ...
    def positions(self, topic_id: str, stop: threading.Event) -> dict[int, tuple[int, Mark | None]]: ...
    def which_are_stored(
        self, topic: str, partition: int, messages: Sequence[Reading | DeadLetter]
    ) -> list[bool]: ...
    def store(
        self, topic: str, topic_id: str, batches: list[Batch], stop: threading.Event
    ) -> set[int] | None: ...
    def reopen_if_lost(self, stop: threading.Event) -> bool: ...
    def note_consumer(self, group_id: str, member: str, **counts: float) -> None: ...
    def running_consumers(self) -> list[tuple[str, str]]: ...


class SinkError(Exception):
    """A sink raised `reason`. Whatever its type, it is not an error of the Kafka client."""

    def __init__(self, reason: Exception):
        self.reason = reason


class GuardedSink:
    """Wraps the errors of a sink in SinkError, so that they are not taken for errors of the Kafka client."""

    def __init__(self, sink: Sink):
        self._sink = sink

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._sink, name)

        def call(*arguments: Any, **named: Any) -> Any:
            try:
                return method(*arguments, **named)
            except LabError:
                raise
            except Exception as error:
                raise SinkError(error) from error

        return call
