"""What does a request or an answer say, in a few words? Only the fields that matter, and never a password."""

import struct
from collections.abc import Callable, Iterable
from typing import Any

from kafka.errors import for_code

Names = dict[Any, str]  # {id of a topic: its name}, from what went by before
LATEST, EARLIEST = -1, -2  # the times in ListOffsets that mean an end of the log
ALL = -1  # acks
RECORDS_AT, HEADER = 57, 61  # bytes of a batch: where its number of records is, and where they begin


def error_of(message: Any) -> str | None:
    """The name of the first error in an answer, such as `NotLeaderForPartitionError`; None if it has none."""
    code = next((code for code in _codes(message.to_dict()) if code), 0)
    return for_code(code).__name__ if code else None


def _codes(found: Any) -> Iterable[int]:
    if isinstance(found, dict):
        for name, value in found.items():
            if name == "error_code":
                yield value
            else:
                yield from _codes(value)
    elif isinstance(found, list):
        for each in found:
            yield from _codes(each)


def words_of(request: Any, names: Names) -> str:
    """What a request asks."""
    say = REQUESTS.get(type(request).__name__)
    return say(request, names) if say else ""


def answer_words(answer: Any, names: Names) -> str:
    """What an answer says, without its error."""
    say = ANSWERS.get(type(answer).__name__)
    return say(answer, names) if say else ""


def learn_names(message: Any, names: Names) -> None:
    """Remember the topics whose ids are in an answer: later messages have only the ids."""
    for topic in getattr(message, "topics", None) or ():
        if getattr(topic, "topic_id", None) and getattr(topic, "name", None):
            names[topic.topic_id] = topic.name


# Topics, partitions and batches.


def _topic(topic: Any, names: Names) -> str:
    name = getattr(topic, "name", None) or getattr(topic, "topic", None)
    if name:
        return name
    topic_id = getattr(topic, "topic_id", None)
    return names.get(topic_id, f"topic {str(topic_id)[:8]}")


def _partitions(topics: Iterable, field: str, number: str, names: Names, say: Callable[[Any], str]) -> str:
    """`sensor-data-0 ...; sensor-data-1 ...`: each partition, and what `say` makes of it."""
    return "; ".join(
        f"{_topic(topic, names)}-{getattr(partition, number)} {say(partition)}".rstrip()
        for topic in topics or ()
        if not _topic(topic, names).startswith("__")  # Kafka's own
        for partition in getattr(topic, field) or ()
    )


def _counts(records: bytes | None) -> tuple[int, int, int]:
    """(batches, records, offset of the first) in the bytes of a partition; the last batch may be cut off."""
    batches = number = at = 0
    first = struct.unpack_from(">q", records)[0] if records else 0
    while records and at + HEADER <= len(records):
        batches, number = batches + 1, number + struct.unpack_from(">i", records, at + RECORDS_AT)[0]
        at += 12 + struct.unpack_from(">i", records, at + 8)[0]
    return batches, number, first


def _messages(number: int) -> str:
    return f"{number:,} message{'' if number == 1 else 's'}"


def _acks(acks: int) -> str:
    return "all" if acks == ALL else str(acks)


def _short(member_id: str) -> str:
    """A member's id is its client's name and 36 letters, of which the last few do."""
    return f"…{member_id[-6:]}" if len(member_id) > 12 else member_id


# Requests.


def _produce(request: Any, names: Names) -> str:
    def say(partition: Any) -> str:
        _, number, _ = _counts(partition.records)
        return _messages(number) + _sequence(partition.records)

    sent = _partitions(request.topic_data, "partition_data", "index", names, say)
    return f"{sent}, acks={_acks(request.acks)}"


def _sequence(records: bytes | None) -> str:
    """By these numbers a broker knows a batch that was sent before."""
    if not records or len(records) < HEADER:
        return ""
    producer_id, _, sequence = struct.unpack_from(">qhi", records, 43)
    return f" (no. {sequence} of producer {producer_id})" if producer_id >= 0 else ""


def _fetch(request: Any, names: Names) -> str:
    wanted = _partitions(
        request.topics, "partitions", "partition", names, lambda p: f"from offset {p.fetch_offset}"
    )
    state = getattr(request, "replica_state", None)
    replica = state.replica_id if state else getattr(request, "replica_id", -1)
    follower = f"broker {replica} copies " if replica is not None and replica >= 0 else ""
    return f"{follower}{wanted or 'as before'}, waits up to {request.max_wait_ms} ms"


def _metadata(request: Any, names: Names) -> str:
    if request.topics is None:
        return "all topics"
    return ", ".join(_topic(topic, names) for topic in request.topics) or "which brokers are there?"


def _list_offsets(request: Any, names: Names) -> str:
    def say(partition: Any) -> str:
        return {LATEST: "next", EARLIEST: "first"}.get(partition.timestamp, f"at {partition.timestamp}")

    return _partitions(request.topics, "partitions", "partition_index", names, say)


def _offset_commit(request: Any, names: Names) -> str:
    wanted = _partitions(
        request.topics, "partitions", "partition_index", names, lambda p: f"next {p.committed_offset}"
    )
    return f"{request.group_id}: {wanted}"


def _offset_fetch(request: Any, names: Names) -> str:
    if groups := getattr(request, "groups", None):
        return ", ".join(group.group_id for group in groups)
    return request.group_id


def _join(request: Any, names: Names) -> str:
    who = request.group_instance_id or _short(request.member_id) or "as a new member"
    return f"{request.group_id}, {who}"


def _sync(request: Any, names: Names) -> str:
    plan = f", a plan for {len(request.assignments)}" if request.assignments else ""
    return f"{request.group_id}, generation {request.generation_id}{plan}"


def _create_topics(request: Any, names: Names) -> str:
    return ", ".join(
        f"{topic.name}: {topic.num_partitions} partition(s), {topic.replication_factor} replica(s)"
        for topic in request.topics
    )


def _find_coordinator(request: Any, names: Names) -> str:
    keys = getattr(request, "coordinator_keys", None) or [request.key]
    what = {0: "group", 1: "transactions of"}.get(request.key_type, "key")
    return f"{what} {', '.join(keys)}"


REQUESTS: dict[str, Callable[[Any, Names], str]] = {
    "ApiVersionsRequest": lambda r, _: f"{r.client_software_name} {r.client_software_version}".strip(),
    "MetadataRequest": _metadata,
    "FindCoordinatorRequest": _find_coordinator,
    "ProduceRequest": _produce,
    "FetchRequest": _fetch,
    "ListOffsetsRequest": _list_offsets,
    "OffsetCommitRequest": _offset_commit,
    "OffsetFetchRequest": _offset_fetch,
    "JoinGroupRequest": _join,
    "SyncGroupRequest": _sync,
    "HeartbeatRequest": lambda r, _: f"{r.group_id}, generation {r.generation_id}",
    "LeaveGroupRequest": lambda r, _: r.group_id,
    "InitProducerIdRequest": lambda r, _: r.transactional_id or "",
    "AddPartitionsToTxnRequest": lambda r, _: getattr(r, "v3_and_below_transactional_id", "") or "",
    "EndTxnRequest": lambda r, _: f"{r.transactional_id}: {'commit' if r.committed else 'abort'}",
    "CreateTopicsRequest": _create_topics,
    "SaslHandshakeRequest": lambda r, _: r.mechanism,
}


# Answers.


def _metadata_answer(answer: Any, names: Names) -> str:
    brokers = ", ".join(f"broker {each.node_id} at {each.host}:{each.port}" for each in answer.brokers)
    leaders = _partitions(
        answer.topics, "partitions", "partition_index", names, lambda p: f"leader {p.leader_id}"
    )
    return "; ".join(part for part in (brokers, leaders) if part)


def _coordinator_answer(answer: Any, names: Names) -> str:
    found = [each for each in getattr(answer, "coordinators", None) or [answer] if each.host]
    return ", ".join(f"broker {each.node_id} at {each.host}:{each.port}" for each in found)


def _produce_answer(answer: Any, names: Names) -> str:
    def say(partition: Any) -> str:
        return "" if partition.error_code else f"offset {partition.base_offset}"

    return _partitions(answer.responses, "partition_responses", "index", names, say)


def _fetch_answer(answer: Any, names: Names) -> str:
    def say(partition: Any) -> str:
        _, number, first = _counts(partition.records)
        brought = f"{_messages(number)} from offset {first}, " if number else ""
        return f"{brought}end {partition.high_watermark}"

    return _partitions(answer.responses, "partitions", "partition_index", names, say) or "nothing new"


def _offsets_answer(answer: Any, names: Names) -> str:
    return _partitions(answer.topics, "partitions", "partition_index", names, lambda p: f"offset {p.offset}")


def _committed_answer(answer: Any, names: Names) -> str:
    def say(partition: Any) -> str:
        return "none" if partition.committed_offset < 0 else f"next {partition.committed_offset}"

    groups = getattr(answer, "groups", None) or [answer]
    return "; ".join(_partitions(g.topics, "partitions", "partition_index", names, say) for g in groups)


def _join_answer(answer: Any, names: Names) -> str:
    if answer.generation_id < 0:
        return f"you are {_short(answer.member_id)}" if answer.member_id else ""
    leads = f", leads {len(answer.members)}" if answer.leader == answer.member_id else ""
    return f"generation {answer.generation_id}, {_short(answer.member_id)}{leads}"


def _sync_answer(answer: Any, names: Names) -> str:
    """The partitions of the member: ConsumerProtocolAssignment."""
    at, found, owned = 6, answer.assignment, []
    for _ in range(struct.unpack_from(">i", found, 2)[0] if len(found) >= at else 0):
        (length,) = struct.unpack_from(">h", found, at)
        topic, at = found[at + 2 : at + 2 + length].decode(), at + 2 + length
        (count,) = struct.unpack_from(">i", found, at)
        owned += [f"{topic}-{n}" for n in struct.unpack_from(f">{count}i", found, at + 4)]
        at += 4 + 4 * count
    return ", ".join(owned) or "no partition"


ANSWERS: dict[str, Callable[[Any, Names], str]] = {
    "ApiVersionsResponse": lambda a, _: f"{len(a.api_keys)} kinds of request",
    "MetadataResponse": _metadata_answer,
    "FindCoordinatorResponse": _coordinator_answer,
    "ProduceResponse": _produce_answer,
    "FetchResponse": _fetch_answer,
    "ListOffsetsResponse": _offsets_answer,
    "OffsetFetchResponse": _committed_answer,
    "JoinGroupResponse": _join_answer,
    "SyncGroupResponse": _sync_answer,
    "InitProducerIdResponse": lambda a, _: f"you are producer {a.producer_id}" if a.producer_id >= 0 else "",
    "CreateTopicsResponse": lambda a, _: ", ".join(topic.name for topic in a.topics),
}
