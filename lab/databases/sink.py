"""What does a consumer need from a warehouse? Any object with these methods can be passed to `consume`."""

import threading
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from lab.errors import LabError
from lab.readings import Batch, DeadLetter, Mark, Reading


class Sink(Protocol):
    """What `consume` calls. A LabError ends the consumer with one line; other errors reach the caller.

    A sink that has to wait returns soon after `stop` is set.
    """

    @property
    def identity(self) -> str:
        """Distinguishes this warehouse from all others; the names of the group members contain it."""

    def positions(self, topic_id: str, stop: threading.Event) -> dict[int, tuple[int, Mark | None]]:
        """{partition: (the offset to read next, the last stored message)}."""

    def lost_until(self, topic_id: str, stop: threading.Event) -> dict[int, int]:
        """{partition: the time in ms of the last stored message that a log which was cut short has lost}."""

    def which_are_stored(
        self, topic: str, partition: int, messages: Sequence[Reading | DeadLetter]
    ) -> list[bool]:
        """For each message, whether it is stored. It is called after a log was cut short."""

    def store(
        self, topic: str, topic_id: str, batches: list[Batch], stop: threading.Event
    ) -> set[int] | None:
        """Store the batches, and return the partitions whose offset another consumer has moved.

        None means that `stop` was set before anything was stored. The next start reads the messages again.
        """

    def reopen_if_lost(self, stop: threading.Event) -> bool:
        """Whether the offsets may have changed without this consumer, so that it must ask `positions`."""

    def note_consumer(self, group_id: str, member: str, **counts: float) -> None:
        """Record the numbers of this consumer, about once a second."""

    def running_consumers(self) -> list[tuple[str, str]]:
        """(group, member) of each consumer that stores here now."""


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
