"""How does a message become a row? Of `sensor_logs`, `dead_letters` or `gaps`."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from lab.readings import Batch, DeadLetter, Reading

WHOLE = ".000000+00:00"  # how a time on a whole second ends
# The columns that a batch fills. An INSERT names them: in an older warehouse their order is another.
SENSOR_LOGS = ("sensor_id", "val", "unit", "status", "ts")
DEAD_LETTERS = ("topic", "partition", "offset", "key", "value", "error", "ts", "headers")
MARK = ("last_offset", "last_timestamp", "last_checksum")  # the columns of a Mark, in `offsets`
GAPS = ("topic", "topic_id", "partition", "first_offset", "next_offset", "ts", "reason")


def sensor_logs(readings: Sequence[Reading]) -> list[tuple]:
    """The rows of `sensor_logs`, without their id."""
    # The text of isoformat(timespec="microseconds"), a list at once: in a quarter of the time.
    # One width, so that as text they are in the order of time, and pandas finds them all.
    times = [reading.ts for reading in readings]
    if {time.tzinfo for time in times} - {UTC}:
        times = [time.astimezone(UTC) for time in times]
    return [
        (r.sensor_id, r.val, r.unit, r.status, ts.replace("Z", WHOLE if len(ts) == 20 else "+00:00"))
        for r, ts in zip(readings, msgspec.to_builtins(times))
    ]


def dead_letters(topic: str, batches: Iterable[Batch]) -> list[tuple]:
    """The rows of `dead_letters`, without their id."""
    now = time_of_writing()
    return [
        (topic, batch.partition, x.offset, x.key, x.value, x.error, now, _headers(x))
        for batch in batches
        for x in batch.dead_letters
    ]


def gaps(topic: str, topic_id: str, batches: Iterable[Batch]) -> list[tuple]:
    """The rows of `gaps`, without their id."""
    now = time_of_writing()
    return [
        (topic, topic_id, batch.partition, gap.first_offset, gap.next_offset, now, gap.reason)
        for batch in batches
        if (gap := batch.gap)
    ]


def content(reading: Reading) -> tuple:
    """All that is in a reading, to be compared with what is in a row."""
    return reading.sensor_id, reading.val, reading.unit, reading.status, reading.ts


def time_of_writing(seconds_ago: float = 0) -> str:
    """When a row is written, which nobody needs to a microsecond; one width as well."""
    return (datetime.now(UTC) - timedelta(seconds=seconds_ago)).isoformat(timespec="milliseconds")


def _headers(letter: DeadLetter) -> str | None:
    """As JSON, which has bytes as base64; `lab.dead_letters` reads it."""
    return msgspec.json.encode(letter.headers).decode() if letter.headers else None
