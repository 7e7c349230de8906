"""Compiled or not: the same records, offsets and errors, whatever is in the log."""

import os
import struct
import subprocess
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest
from crc32c import crc32c
from hypothesis import given, settings
from hypothesis import strategies as st
from kafka import KafkaConsumer, TopicPartition
from kafka.consumer.fetcher import Fetcher, IsolationLevel
from kafka.record import MemoryRecords
from kafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder
from kafka.record.legacy_records import LegacyRecordBatchBuilder

from lab.clients import workarounds
from lab.clients.compiled import CompiledRecords
from lab.clients.membership import Rebalances
from lab.clients.readers import join_group

HEADER = DefaultRecordBatch.HEADER_STRUCT
CONTROL, APPEND_TIME, ATTRIBUTES, LAST_DELTA = 0x20, 0x08, 5, 6
PRODUCERS = st.integers(-1, 3)
CONTENT = st.none() | st.binary(max_size=40) | st.integers(0, 70_000).map(bytes)
HEADERS = st.lists(st.tuples(st.text(max_size=9), st.none() | st.binary(max_size=9)), max_size=3)
RECORD = st.tuples(st.integers(0, 2**41), CONTENT, CONTENT, HEADERS)


def with_header(batch: bytes, **values: int) -> bytes:
    """The batch with other values in its header, and a right CRC."""
    header = list(HEADER.unpack_from(batch))
    header[ATTRIBUTES] |= values.get("attributes", 0)
    header[LAST_DELTA] += values.get("hole", 0)
    return with_crc(HEADER.pack(*header) + batch[HEADER.size :])


def with_crc(batch: bytes) -> bytes:
    return batch[:17] + struct.pack(">I", crc32c(batch[21:])) + batch[21:]


@st.composite
def batches(draw, first: int) -> tuple[int, bytes]:
    """(the offset after it, a batch of format 2)."""
    base = first + draw(st.integers(0, 3))  # a hole before it
    producer, codec = draw(PRODUCERS), draw(st.integers(0, 4))
    state = (producer, 0, 0) if producer >= 0 else (-1, -1, -1)
    is_control = producer >= 0 and draw(st.integers(0, 3)) == 0
    is_transactional = producer >= 0 and (is_control or draw(st.booleans()))
    builder = DefaultRecordBatchBuilder(2, 0 if is_control else codec, is_transactional, *state, 10**9)
    if is_control:
        kind = draw(st.integers(0, 1))
        records = [(0, struct.pack(">hh", 0, kind), b"", [])]
    else:
        records = draw(st.lists(RECORD, min_size=1, max_size=8))
    delta = -1
    for record in records:
        delta += 1 + draw(st.integers(0, 2))  # holes inside
        builder.append(delta, *record)
    hole = draw(st.integers(0, 2))  # and one at its end
    attributes = (CONTROL if is_control else 0) | draw(st.sampled_from([0, APPEND_TIME]))
    built = struct.pack(">q", base) + builder.build()[8:]
    return base + delta + hole + 1, with_header(built, attributes=attributes, hole=hole)


@st.composite
def logs(draw) -> list[bytes]:
    found, offset = [], draw(st.sampled_from([0, 5, 2**40]))
    for _ in range(draw(st.integers(1, 5))):
        offset, batch = draw(batches(offset))
        found.append(batch)
    return found


def read(
    kind: type, log: bytes, start: int, sizes: list[int], level=IsolationLevel.READ_COMMITTED, aborted=()
):
    """What a poll after the other gives: the records, the error, the next offset, the epoch."""
    seen, drained = [], []
    aborted = [SimpleNamespace(producer_id=producer, first_offset=first) for producer, first in aborted]
    try:
        records = MemoryRecords(log)
        part = kind(
            start, TopicPartition("t", 0), records, isolation_level=level, aborted_transactions=aborted,
            on_drain=drained.append,
        )  # fmt: skip
    except Exception as error:
        return repr(error)
    for size in [*sizes, None, None]:
        if not part:
            break
        try:
            taken = part.take(size)
            found = [(r.offset, r.timestamp, r.timestamp_type, r.key, r.value, r.headers) for r in taken]
        except Exception as error:
            seen.append(repr(error))
            break
        seen.append((found, part.next_fetch_offset, part.leader_epoch))
    return seen, len(drained)


def assert_alike(log: bytes, *arguments) -> None:
    assert read(CompiledRecords, log, *arguments) == read(Fetcher.PartitionRecords, log, *arguments)


SIZES = st.lists(st.integers(1, 12), max_size=4)
ABORTED = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9)), max_size=6)
LEVELS = st.sampled_from([IsolationLevel.READ_COMMITTED, IsolationLevel.READ_UNCOMMITTED])


@pytest.mark.broker
@given(logs(), st.integers(0, 12), SIZES, LEVELS, ABORTED)
@settings(max_examples=100, deadline=None)
def test_a_log_is_read_alike(log, start, sizes, level, aborted):
    assert_alike(b"".join(log), start, sizes, level, aborted)


def transaction(base: int, kind: int | None, producer: int = 1) -> bytes:
    """Two records of a transaction, or the marker that ends it: 0 aborts, 1 commits."""
    builder = DefaultRecordBatchBuilder(2, 0, True, producer, 0, 0, 10**6)
    if kind is None:
        for delta in range(2):
            builder.append(delta, 0, b"key", b"value", [])
    else:
        builder.append(0, 0, struct.pack(">hh", 0, kind), b"", [])
    built = struct.pack(">q", base) + builder.build()[8:]
    return with_header(built, attributes=0 if kind is None else CONTROL)


def test_what_was_aborted_is_left_out_and_what_the_same_producer_commits_later_is_not():
    other = transaction(2, None, producer=2)
    log = [transaction(0, None), other, transaction(4, 0), transaction(5, None), transaction(7, 1)]
    asked = (b"".join(log), 0, [1], IsolationLevel.READ_COMMITTED, [(1, 0)])
    assert_alike(*asked)
    polls, _ = read(CompiledRecords, *asked)
    assert [record[0] for found, *_ in polls for record in found] == [2, 3, 5, 6]
    assert polls[-1][1] == 8


@pytest.mark.broker
@given(logs(), st.data(), st.booleans())
@settings(max_examples=250, deadline=None)
def test_a_damaged_log_fails_alike(log, data, is_forged):
    """With the CRC wrong, or right, as if a program had written the damaged bytes."""
    n = data.draw(st.integers(0, len(log) - 1))
    batch = bytearray(log[n])
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(12, min(len(batch) - 1, 400)))
        batch[place] = data.draw(st.integers(0, 255))
    log[n] = with_crc(bytes(batch)) if is_forged else bytes(batch)
    assert_alike(b"".join(log), 0, data.draw(SIZES))


@pytest.mark.broker
@given(logs(), st.data())
@settings(max_examples=100, deadline=None)
def test_a_truncated_log_fails_alike(log, data):
    """At its end, as in an answer of limited size; or inside of a batch whose length and CRC are right."""
    whole = b"".join(log)
    assert_alike(whole[: data.draw(st.integers(0, len(whole)))], 0, [])
    cut = log[0][: data.draw(st.integers(HEADER.size, len(log[0])))]
    cut = with_crc(cut[:8] + struct.pack(">i", len(cut) - 12) + cut[12:])
    assert_alike(b"".join([cut, *log[1:]]), 0, data.draw(SIZES))


def sample(codec: int = 0, magic: int = 2) -> bytes:
    if magic < 2:
        builder = LegacyRecordBatchBuilder(magic, codec, 10**6)
    else:
        builder = DefaultRecordBatchBuilder(2, codec, False, -1, -1, -1, 10**6)
    for n in range(40):
        builder.append(n, 1700000000000 + n, b"sensor", b"x" * 50, [("trace", b"1")] if magic == 2 else [])
    return bytes(builder.build())


@pytest.mark.parametrize("codec", range(5), ids=["none", "gzip", "snappy", "lz4", "zstd"])
def test_it_is_the_compiled_class_that_decodes(codec):
    """Or the tests above would compare kafka-python with itself."""
    records = CompiledRecords(0, TopicPartition("t", 0), MemoryRecords(sample(codec))).take()
    assert {type(record).__module__.split(".")[0] for record in records} == {"aiokafka"}
    assert len(records) == 40


@pytest.mark.parametrize("magic", [0, 1])
@pytest.mark.parametrize("damage", [0, 40])
def test_an_old_format_is_read_alike(magic, damage):
    log = bytearray(sample(magic=magic))
    log[-5] ^= damage
    assert_alike(bytes(log), 0, [3])


# Off by itself.


def fake_consumer(**config):
    config = {"key_deserializer": None, "value_deserializer": None} | config
    return SimpleNamespace(config=config, _fetcher=SimpleNamespace(PartitionRecords=Fetcher.PartitionRecords))


def test_a_consumer_of_the_kit_decodes_so_and_no_other(kafka, topic):
    with (
        KafkaConsumer(**kafka) as other,
        join_group(topic, topic, "member", Rebalances(topic, []), **kafka) as ours,
    ):
        assert ours._fetcher.PartitionRecords is CompiledRecords
        assert other._fetcher.PartitionRecords is Fetcher.PartitionRecords


@pytest.mark.parametrize("package", workarounds.COMPILED)
def test_with_another_version_it_is_off_and_says_nothing(package, monkeypatch, caplog):
    monkeypatch.setitem(workarounds.COMPILED, package, "0.0.1")
    consumer = fake_consumer()
    assert not workarounds.decode_compiled(consumer)
    assert consumer._fetcher.PartitionRecords is Fetcher.PartitionRecords
    assert caplog.messages == []


@pytest.mark.parametrize("missing", ["aiokafka.record._crecords", "kafka.consumer.fetcher"])
def test_without_what_it_needs_it_is_off_and_says_nothing(missing, monkeypatch, caplog):
    monkeypatch.delitem(sys.modules, "lab.clients.compiled")
    monkeypatch.setitem(sys.modules, missing, None)
    assert not workarounds.decode_compiled(fake_consumer())
    assert caplog.messages == []


def test_the_extra_brings_the_version_that_is_tested():
    kit = Path(__file__).parents[2]
    project = tomllib.loads((kit / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    line = f"aiokafka=={workarounds.COMPILED['aiokafka']}"
    assert project["optional-dependencies"]["fast"] == [line]
    assert line in (kit / "requirements-test.txt").read_text(encoding="utf-8").splitlines()


def test_it_is_switched_off_by_the_variable_of_aiokafka():
    code = "import lab.clients.compiled"
    environment = os.environ | {"AIOKAFKA_NO_EXTENSIONS": "1"}
    found = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert "ImportError: AIOKAFKA_NO_EXTENSIONS is set" in found.stderr


def test_a_strange_client_and_one_with_deserializers_keep_their_own():
    assert not workarounds.decode_compiled(object())
    assert not workarounds.decode_compiled(fake_consumer(value_deserializer=len))
    assert workarounds.decode_compiled(fake_consumer())
