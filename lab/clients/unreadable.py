"""What if a message cannot be read at all? Name it, and go past it when somebody says so.

A damaged batch (its checksum is wrong), or one that is compressed in a way for which the package is
missing: kafka-python raises the same error at every poll, and brings nothing that comes after it.
"""

from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import CorruptRecordError, KafkaError, UnsupportedCodecError

from lab.clients.connection import connect
from lab.clients.readers import READER, REQUEST_MS
from lab.errors import UnreadableError

CODECS = "kafka-python[lz4,snappy,zstd]"
POLLS = 3  # until a partition that brings nothing, and no error, counts as readable


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
            error = _error_at(reader, partition, offset) if offset < end else None
        if isinstance(error, UnsupportedCodecError):
            return UnreadableError(
                f"{partition.topic}, partition {partition.partition}, offset {offset}: {error}",
                f"Install what reads it: python -m pip install '{CODECS}'.",
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

    Tries each: the messages of one batch can only be read, or not, together.
    """
    with connect(KafkaConsumer, **READER | kafka) as reader:
        end = reader.end_offsets([partition], timeout_ms=REQUEST_MS)[partition]
        reader.assign([partition])
        while offset < end and _error_at(reader, partition, offset):
            offset += 1
    return offset


def _error_at(reader: KafkaConsumer, partition: TopicPartition, offset: int) -> Exception | None:
    """What reading from this offset raises, if that lies in what is written there."""
    reader.seek(partition, offset)
    try:
        for _ in range(POLLS):
            if reader.poll(500):
                return None
    except (CorruptRecordError, UnsupportedCodecError) as error:
        return error
    except KafkaError as error:
        return error if type(error) is KafkaError else None  # "no complete records were found"
    except Exception as error:  # whatever a decoder makes of damaged bytes
        return error
    return None
