"""What is known of a request and its answer?"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Exchange:
    """A request and its answer, in words. Times are in seconds."""

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
