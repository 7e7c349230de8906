"""What if a message cannot be read at all? Name it, and go past it when somebody says so.

A damaged batch (its checksum is wrong), or one that is compressed in a way for which the package is
missing: kafka-python raises the same error at every poll, and brings nothing that comes after it.
"""

import time
from contextlib import suppress
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import CorruptRecordError, KafkaError, KafkaTimeoutError, UnsupportedCodecError

from lab.clients.connection import connect
from lab.clients.installed import PACKAGE, TESTED
from lab.clients.readers import READER, REQUEST_MS
from lab.clients.truncation import READ_SECONDS
from lab.errors import UnreadableError

CODECS = f"{PACKAGE}[lz4,snappy,zstd]{TESTED}"
BESIDE_SECONDS = 2.0  # for a look beside the polls of a consumer, which looks again if it fails again


def explain_unreadable(places: dict[TopicPartition, int | None], **kafka: Any) -> UnreadableError | None:
    """At which of these places reading fails by itself, and what to do about it; None: at none.

    `places`: {partition: the offset to read next, or None for the first that there is}.
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
                with suppress(KafkaTimeoutError):  # nobody knows yet
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
    """The first offset after `offset` from which on the log can be read; `offset` itself if it can.

    Tries each: the messages of one batch can only be read, or not, together. Raises KafkaTimeoutError if
    Kafka does not answer: half of a batch must not be taken for the whole of it.
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
    """What reading from this offset raises, if that lies in what is written there; None if it can be read.

    There must be something. It can be read if it comes, or if the reader goes past it, as past the messages
    of an aborted transaction. That nothing comes yet says nothing: KafkaTimeoutError after `seconds`.
    """
    reader.seek(partition, offset)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            if reader.poll(500) or (reader.position(partition, timeout_ms=REQUEST_MS) or 0) > offset:
                return None
        except (CorruptRecordError, UnsupportedCodecError) as error:
            return error
        except KafkaError as error:
            if type(error) is KafkaError:  # "no complete records were found"
                return error
            if not error.retriable:
                raise
        except Exception as error:  # whatever a decoder makes of damaged bytes
            return error
    raise KafkaTimeoutError(f"{partition.topic}, partition {partition.partition}: nothing came from {offset}")
