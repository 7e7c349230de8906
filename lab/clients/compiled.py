"""How are messages taken out of their batches in compiled code, where kafka-python does it in Python?

The package aiokafka has kafka-python's class for a batch of records, compiled: it needs a tenth of the time.
Everything around it stays kafka-python's: the header, the CRC, the codecs, and which transactions were
aborted. If the compiled class finds fault with a batch, kafka-python decodes that batch again, so an error is
always kafka-python's own. See `decode_compiled` in `lab.clients.workarounds`, which alone uses this module.
"""

from collections.abc import Iterator
from typing import Any

from aiokafka.record._crecords import DefaultRecordBatch
from aiokafka.util import NO_EXTENSIONS
from kafka.consumer.fetcher import Fetcher, IsolationLevel
from kafka.errors import CorruptRecordError

if NO_EXTENSIONS:
    raise ImportError("AIOKAFKA_NO_EXTENSIONS is set")


class CompiledRecords(Fetcher.PartitionRecords):
    """The records of one partition in one answer of the broker.

    They are those of the compiled class, with the offset, timestamp, key, value and headers of a
    ConsumerRecord. To make a ConsumerRecord of each would cost more than to decode it.
    """

    def take(self, n: int | None = None) -> list[Any]:
        """The next `n` records. The offset of the next fetch is set once for all of them."""
        records = super().take(n)
        if records and self and not self._next_inline_exception:  # it stopped in the middle of a batch
            self.next_fetch_offset = records[-1].offset + 1
        return records

    def _unpack_records(
        self, tp: Any, records: Any, key_deserializer: None, value_deserializer: None
    ) -> Iterator[Any]:
        last = None
        while (batch := records.next_batch()) is not None:
            last = batch
            self._verify(batch, "Record batch", batch.base_offset)
            if batch.magic == 2:
                self.leader_epoch = batch.leader_epoch
                if self._is_left_out(batch):
                    self.next_fetch_offset = batch.next_offset
                    continue
                if found := _decode(batch):
                    self.records_read += len(found)
                    self.bytes_read += batch.size_in_bytes
                    yield from found
                    self.next_fetch_offset = found[-1].offset + 1
                    continue
            yield from self._one_by_one(batch)
        if last and last.magic == 2:
            self.next_fetch_offset = last.next_offset  # compaction may have removed its last records
        self.drain()

    def _is_left_out(self, batch: Any) -> bool:
        """Whether it is part of an aborted transaction, or says that a transaction ended."""
        if self.isolation_level == IsolationLevel.READ_COMMITTED and batch.has_producer_id():
            self._consume_aborted_transactions_up_to(batch.last_offset)
            if self._contains_abort_marker(batch):
                self.aborted_producer_ids.discard(batch.producer_id)
            elif self._is_batch_aborted(batch):
                return True
        return batch.is_control_batch

    def _one_by_one(self, batch: Any) -> Iterator[Any]:
        """The records as kafka-python decodes them: of an old format, or up to the one that is damaged."""
        for record in batch:
            self._verify(record, "Record", record.offset)
            self.next_fetch_offset = record.offset + 1
            yield record

    def _verify(self, found: Any, what: str, offset: int) -> None:
        if self.check_crcs and not found.validate_crc():
            raise CorruptRecordError(
                f"{what} for partition {self.topic_partition} at offset {offset} failed crc check"
            )


def _decode(batch: Any) -> list[Any]:
    """The records of a batch whose CRC is right; none if kafka-python has to look at it itself."""
    try:
        batch._maybe_uncompress()
        buffer = batch._buffer
        if batch.compression_type:
            header = list(batch._header_data)
            header[5] &= ~batch.CODEC_MASK  # its attributes: what follows is no longer compressed
            buffer = batch.HEADER_STRUCT.pack(*header) + buffer
        return list(DefaultRecordBatch(buffer))
    except Exception:  # kafka-python raises its own error, after the records before it
        return []
