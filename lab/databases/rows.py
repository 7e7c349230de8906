"""How does a message become a row of `sensor_logs`, `dead_letters` or `gaps`?"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from lab.readings import Batch, DeadLetter, Reading

WHOLE = ".000000+00:00"  # the end of a time without a fraction of a second
# The columns that a batch fills. An INSERT names them, because their order differs in an older warehouse.
SENSOR_LOGS = ("sensor_id", "val", "unit", "status", "ts")
DEAD_LETTERS = ("topic", "partition", "offset", "key", "value", "error", "ts", "headers")
MARK = ("last_offset", "last_timestamp", "last_checksum")  # the columns of a Mark, in `offsets`
GAPS = ("topic", "topic_id", "partition", "first_offset", "next_offset", "ts", "reason", "last_timestamp")


def sensor_logs(readings: Sequence[Reading]) -> list[tuple]:
    """The rows of `sensor_logs`, without their id."""
    # The same text as isoformat(timespec="microseconds"), for a list, in a quarter of the time. All have the
    # same width, so that sorting the texts sorts the times, and pandas parses them all.
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
        (
            topic,
            topic_id,
            batch.partition,
            gap.first_offset,
            gap.next_offset,
            now,
            gap.reason,
            gap.last_timestamp,
        )
        for batch in batches
        if (gap := batch.gap)
    ]


def content(reading: Reading) -> tuple:
    """The content of a reading, to compare it with that of a row."""
    return reading.sensor_id, reading.val, reading.unit, reading.status, reading.ts


def time_of_writing(seconds_ago: float = 0) -> str:
    """The current time, or an earlier one, to a millisecond, which is enough here; it has a fixed width."""
    return (datetime.now(UTC) - timedelta(seconds=seconds_ago)).isoformat(timespec="milliseconds")


def _headers(letter: DeadLetter) -> str | None:
    """The headers as JSON, with bytes as base64; `lab.dead_letters` reads it."""
    return msgspec.json.encode(letter.headers).decode() if letter.headers else None
