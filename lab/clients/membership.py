"""How does a consumer take part in its group, and notice what goes wrong there?"""

import logging
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from kafka import ConsumerRebalanceListener, KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.admin import MemberToRemove

from lab.clients.connection import admin_config, connect
from lab.clients.groups import assigned_partitions, consumers_of, strangers
from lab.clients.members import another_name
from lab.clients.readers import BROKEN, REQUEST_MS
from lab.errors import GroupError

log = logging.getLogger("lab")
FENCES = 3  # after so many fences, a consumer checks whether another group causes them


class Group:
    """A consumer group as one of its members sees it."""

    def __init__(self, topic: str, group_id: str, member: str, kafka: dict[str, Any]):
        self.topic, self.group_id, self.member, self.kafka = topic, group_id, member, kafka
        self.is_accepted = False  # the group was seen without members of other warehouses
        self.strangers: list[str] = []  # members of other warehouses for which it has warned
        self.fences, self.is_explained = 0, False

    def admin(self) -> KafkaAdminClient:
        """An admin client, made from the settings of a consumer."""
        known = admin_config(self.kafka)
        return connect(KafkaAdminClient, timeout=1, **{"request_timeout_ms": 2 * REQUEST_MS} | known)

    def rename(self) -> None:
        """Take a new name, because another consumer has the same one.

        This happens on two machines that are copies of each other. The two would fence each other for ever.
        """
        name, self.member = self.member, another_name(self.member)
        log.warning("Another consumer is called %s as well: this one goes on as %s.", name, self.member)

    def leave(self) -> None:
        """Give up the partitions now. A static member that only closes keeps them until its session ends."""
        with self.admin() as admin:
            admin.remove_group_members(self.group_id, [MemberToRemove(group_instance_id=self.member)])

    def check_members(self) -> None:
        """Refuse to share the topic with a member that stores it in another warehouse.

        Each consumer checks after it has joined, so if two join at the same time, at least one sees the
        other. A consumer that was there before only logs a warning. Raises GroupError.
        """
        try:
            with self.admin() as admin:
                group = admin.describe_groups([self.group_id])[self.group_id]
        except BROKEN:
            return  # the next poll raises it as well
        if group["group_state"] != "Stable":
            return  # it rebalances: the check is repeated at the next assignment
        others = strangers(group, self.topic, self.member)
        if others and not self.is_accepted:
            raise GroupError(
                f"Group {self.group_id} has a member that stores {self.topic} in another warehouse: "
                f"{others[0]}. Each would get only a part of the messages. End it (one that was killed is "
                "gone after six seconds), or take a group of your own: LAB_GROUP."
            )
        self.is_accepted = True
        if others and others != self.strangers:
            self.strangers = others
            log.warning(
                "Group %s has a member that stores %s in another warehouse: %s. This one gets only a part of "
                "the messages. Give one of them another group: LAB_GROUP.",
                self.group_id, self.topic, others[0],
            )  # fmt: skip

    def leaves_partitions_unread(self, client: KafkaConsumer | None) -> bool:
        """Whether the group is stable, but this member is not in it, or a partition has no owner.

        Three faults of kafka-python 3.0.12 lead to this. It may assign partitions at the moment at which it
        learns of the topic or loses it. It keeps the old partitions of a topic that was recreated with more.
        And when members join on a busy machine, its heartbeats may end without an error.
        """
        with self.admin() as admin:
            topic = admin.describe_topics([self.topic])[0]
            group = admin.describe_groups([self.group_id])[self.group_id]
        members = group["members"]
        if topic["error_code"] or group["group_state"] != "Stable" or not members:
            return False
        if self.member not in [member.get("group_instance_id") for member in members]:
            return True
        # A partition that the coordinator lists as ours but our client does not know counts as unowned.
        owned = {partition.partition for partition in (client.assignment() if client else ())}
        for member in members:
            if member.get("group_instance_id") != self.member:
                owned |= assigned_partitions(member, self.topic)
        return bool({each["partition_index"] for each in topic["partitions"]} - owned)

    def count_fence(self, running: Callable[[], list[tuple[str, str]]]) -> None:
        """After FENCES fences, check whether another group causes them, and warn once.

        Members of one group fence each other only while they rebalance; members of two groups never stop.
        `running` returns the consumers of the warehouse that run now, each (group, member).
        """
        self.fences += 1
        if self.fences % FENCES or self.is_explained:
            return
        others = [each for each in running() if each[0] != self.group_id]
        with suppress(*BROKEN), self.admin() as admin:
            for group, member in consumers_of(self.topic, others, admin):
                log.warning(
                    "Fenced %d times: %s of group %s stores %s in the same warehouse. Nothing is stored "
                    "twice, but one group is enough for a warehouse: end the consumers of %s or of %s.",
                    self.fences, member, group, self.topic, group, self.group_id,
                )  # fmt: skip
                self.is_explained = True
                return


class Rebalances(ConsumerRebalanceListener):
    """Records the partitions that are assigned and revoked; `report` logs them later.

    The callbacks run on the client's I/O thread and must not block. So they only record.
    """

    def __init__(self, topic: str, needs_seek: deque[TopicPartition]):
        self.topic, self.needs_seek = topic, needs_seek
        self.assignments: deque[tuple[list[int], float]] = deque()  # (partitions, seconds without any)
        self.partitions: list[int] | None = None  # of the last assignment that was reported
        self.revoked_at: float | None = None

    def on_partitions_assigned(self, assigned):
        """Record the partitions: the client must seek to their stored offsets."""
        seconds = time.monotonic() - self.revoked_at if self.revoked_at else 0
        self.needs_seek.extend(assigned)
        self.assignments.append((sorted(partition.partition for partition in assigned), seconds))

    def on_partitions_revoked(self, revoked):
        """Record since when there are no partitions: another member may get them."""
        self.revoked_at = time.monotonic()
        self.needs_seek.extend(revoked)

    def report(self) -> tuple[int, float]:
        """Log each change since the last call; return their number and the seconds without partitions."""
        changes, pause = 0, 0.0
        while self.assignments:
            partitions, seconds = self.assignments.popleft()
            if self.partitions is None and not partitions:
                continue  # it is still waiting for its first partition
            if self.partitions is not None and partitions != self.partitions:
                changes, pause = changes + 1, pause + seconds
                now = ", ".join(map(str, partitions)) or "none"
                log.warning("The group rebalanced %s: this consumer has partitions %s now,"
                            " after a pause of %.2f s.", self.topic, now, seconds)  # fmt: skip
            self.partitions = partitions
        return changes, pause
