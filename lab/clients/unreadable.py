"""What if a message cannot be read at all? Report it, and skip it only on request.

If a batch is damaged (its checksum is wrong), or the package for its compression is missing, kafka-python
raises the same error at every poll and never returns the messages after it.
"""

import time
from contextlib import suppress
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError, KafkaTimeoutError, UnsupportedCodecError

from lab.clients.connection import connect
from lab.clients.installed import PACKAGE, TESTED
from lab.clients.readers import DAMAGED, READER, REQUEST_MS
from lab.clients.truncation import READ_SECONDS
from lab.errors import UnreadableError

CODECS = f"{PACKAGE}[lz4,snappy,zstd]{TESTED}"
BESIDE_SECONDS = 2.0  # for the check by a running consumer, which repeats it if it fails again


def explain_unreadable(places: dict[TopicPartition, int | None], **kafka: Any) -> UnreadableError | None:
    """An error that names the first of these places whose message cannot be read; None if there is none.

    `places`: {partition: the offset to read next, or None for the first one in the log}.
    """
    for partition in sorted(places):
        with connect(KafkaConsumer, **READER | kafka) as reader:
            offset = places[partition]
            if offset is None:
                offset = reader.beginning_offsets([partition], timeout_ms=REQUEST_MS)[partition]
            end = reader.end_offsets([partition], timeout_ms=REQUEST_MS)[partition]
            reader.assign([partition])
            error = None
            if offset < end:
                with suppress(KafkaTimeoutError):  # not known yet
                    error = _error_at(reader, partition, offset, BESIDE_SECONDS)
        if isinstance(error, UnsupportedCodecError):
            return UnreadableError(
                f"{partition.topic}, partition {partition.partition}, offset {offset}: {error}",
                f'Install what reads it: python -m pip install "{CODECS}".',
            )
        if error:
            return UnreadableError(
                f"{partition.topic}, partition {partition.partition}: the messages at offset {offset} cannot "
                f"be read ({error}), and nothing was skipped",
                f"To go past them: python -m lab skip --partition {partition.partition} --offset {offset}",
            )
    return None


def next_readable(partition: TopicPartition, offset: int, **kafka: Any) -> int:
    """The first offset from `offset` on at which the log can be read.

    Tries every offset: either all messages of a batch can be read, or none. Raises KafkaTimeoutError if Kafka
    does not answer, so that a part of a batch is never taken for the whole batch.
    """
    with connect(KafkaConsumer, **READER | kafka) as reader:
        end = reader.end_offsets([partition], timeout_ms=REQUEST_MS)[partition]
        reader.assign([partition])
        while offset < end and _error_at(reader, partition, offset, READ_SECONDS):
            offset += 1
    return offset


def _error_at(
    reader: KafkaConsumer, partition: TopicPartition, offset: int, seconds: float
) -> Exception | None:
    """The error of reading from this offset, if the content of the log causes it; None if it can be read.

    The log must have a message there. It can be read if it is returned, or if the reader moves past it, as
    with aborted transactions. Raises KafkaTimeoutError if neither happens within `seconds`.
    """
    reader.seek(partition, offset)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            if reader.poll(500) or (reader.position(partition, timeout_ms=REQUEST_MS) or 0) > offset:
                return None
        except DAMAGED as error:
            return error
        except KafkaError as error:
            if type(error) is KafkaError:  # "no complete records were found"
                return error
            if not error.retriable:
                raise
        except Exception as error:  # a decoder can raise anything at damaged bytes
            return error
    raise KafkaTimeoutError(f"{partition.topic}, partition {partition.partition}: nothing came from {offset}")
