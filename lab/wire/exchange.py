"""What is known of a request and its answer?"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Exchange:
    """A request and its answer, in words. Times are in seconds."""

    connection: int  # its number, from 1 on, in the order of their first requests
    client: str
    broker: str
    kind: str  # such as Fetch
    version: int
    correlation_id: int
    asked_at: float  # since the X-ray began
    request: str
    took: float | None = None  # None: there was no answer
    answer: str = ""
    error: str | None = None  # the name of Kafka's error
    is_lost: bool = False  # the X-ray was told to lose the answer
