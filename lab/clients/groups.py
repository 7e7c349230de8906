"""Who is in a consumer group, and who has which partition? As the coordinator describes it.

The name of a member ends in a mark of the warehouse that it writes. Members that share a topic and write
into different warehouses are told apart by it: each would have only a part of the messages.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from kafka import KafkaAdminClient

from lab.clients.connection import ask_again, connect
from lab.clients.members import fingerprint

ONE_GROUP = "One group is enough for a warehouse: end the others, or give each its own LAB_WAREHOUSE."


@ask_again
def group_assignments(group_id: str, **kafka: Any) -> dict[str, dict[str, tuple[int, ...]]]:
    """{member: {topic: its partitions}} of a consumer group, as it stands now; {} if it has no members.

    The name of a member is its `group_instance_id` where it has one, else the id that Kafka gave it.
    """
    with connect(KafkaAdminClient, **kafka) as admin:
        members = admin.describe_groups([group_id])[group_id]["members"]
    return {
        member.get("group_instance_id") or member["member_id"]: {
            each["topic"]: tuple(sorted(each["partitions"]))
            for each in (member["member_assignment"] or {}).get("assigned_partitions", ())
        }
        for member in members
    }


def partition_owners(topic: str, group_id: str, **kafka: Any) -> dict[int, str]:
    """{partition: the member of the group that has it now}; what nobody has is not in it."""
    group = group_assignments(group_id, **kafka)
    return {number: member for member, topics in group.items() for number in topics.get(topic, ())}


@ask_again
def group_offsets(topic: str, group_id: str, **kafka: Any) -> dict[int, int]:
    """{partition: the offset that the group committed to Kafka}; {} if it committed none."""
    with connect(KafkaAdminClient, **kafka) as admin:
        committed = admin.list_group_offsets(group_id)[group_id]
    return {place.partition: found.offset for place, found in committed.items() if place.topic == topic}


def assigned_partitions(member: Mapping[str, Any], topic: str) -> set[int]:
    """The partitions of a topic that a member has; none while the group rebalances."""
    assigned = (member["member_assignment"] or {}).get("assigned_partitions", ())
    return {number for each in assigned if each["topic"] == topic for number in each["partitions"]}


def strangers(group: Mapping[str, Any], topic: str, member: str) -> list[str]:
    """Members of a described group that store the topic in another warehouse than `member` does."""
    _, _, warehouse = member.rpartition("-")
    return [name for name in _readers(group, topic) if name.rpartition("-")[2] != warehouse]


def is_joined(group: Mapping[str, Any], topic: str, warehouse: str) -> bool:
    """Whether a described group stores the topic in this warehouse, and in no other."""
    return {name.rpartition("-")[2] for name in _readers(group, topic)} == {fingerprint(warehouse)}


def consumers_of(
    topic: str, consumers: Iterable[tuple[str, str]], admin: KafkaAdminClient
) -> list[tuple[str, str]]:
    """Those of some consumers, each (group, member), that read the topic now."""
    consumers = list(consumers)
    groups = admin.describe_groups(sorted({group for group, _ in consumers})) if consumers else {}
    return [(group, member) for group, member in consumers if member in _readers(groups[group], topic)]


def two_groups_fault(
    topic: str, consumers: Iterable[tuple[str, str]], admin: KafkaAdminClient
) -> tuple[str, str] | None:
    """(what is wrong, what to do) if consumers of one warehouse, each (group, member), are of two groups."""
    groups = sorted({group for group, _ in consumers_of(topic, consumers, admin)})
    if len(groups) < 2:
        return None
    return f"the groups {' and '.join(groups)} both store {topic} in it, and fence each other", ONE_GROUP


def _readers(group: Mapping[str, Any], topic: str) -> list[str]:
    return [
        each.get("group_instance_id") or f"{each['client_id']} at {each['client_host'].strip('/')}"
        for each in group["members"]
        if topic in (each["member_metadata"] or {}).get("topics", ())
    ]
