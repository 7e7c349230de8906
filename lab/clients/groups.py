"""Who is in a consumer group, and who has which partition? The coordinator knows.

The name of a member ends in a fingerprint of its warehouse. It shows when members of one group store a topic
in different warehouses: then each warehouse would get only a part of the messages.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from kafka import KafkaAdminClient

from lab.clients.connection import ask_again, connect
from lab.clients.members import fingerprint

ONE_GROUP = "One group is enough for a warehouse: end the others, or give each its own LAB_WAREHOUSE."


@ask_again
def group_assignments(group_id: str, **kafka: Any) -> dict[str, dict[str, tuple[int, ...]]]:
    """{member: {topic: its partitions}} of a consumer group now; {} if it has no members.

    The name of a member is its `group_instance_id` if it has one, otherwise the id that Kafka gave it.
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
    """{partition: the member of the group that has it now}; unowned partitions are left out."""
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
    """Members of a described group that store the topic in a different warehouse than `member` does."""
    _, _, warehouse = member.rpartition("-")
    return [name for name in _readers(group, topic) if name.rpartition("-")[2] != warehouse]


def is_joined(group: Mapping[str, Any], topic: str, warehouse: str) -> bool:
    """Whether a described group stores the topic in this warehouse, and in no other."""
    return {name.rpartition("-")[2] for name in _readers(group, topic)} == {fingerprint(warehouse)}


def consumers_of(
    topic: str, consumers: Iterable[tuple[str, str]], admin: KafkaAdminClient
) -> list[tuple[str, str]]:
    """Those of the given consumers, each (group, member), that read the topic now."""
    consumers = list(consumers)
    groups = admin.describe_groups(sorted({group for group, _ in consumers})) if consumers else {}
    return [(group, member) for group, member in consumers if member in _readers(groups[group], topic)]


def two_groups_fault(
    topic: str, consumers: Iterable[tuple[str, str]], admin: KafkaAdminClient
) -> tuple[str, str] | None:
    """(fault, fix) if the consumers of one warehouse, each (group, member), belong to several groups."""
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
