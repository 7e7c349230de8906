"""Is the exercise done? Lesson 08, consumer groups."""

from itertools import pairwise
from typing import Any

from lab.classroom.checks.queries import topic_is_there
from lab.classroom.checks.steps import Report, Step, check
from lab.clients.groups import group_offsets
from lab.databases.queries import count_sensor_logs
from lab.topics import describe_topic, topic_offsets


def check_second_group(warehouse: Any, topic: str, group_id: str, **kafka: Any) -> Report:
    """That group has read the topic to its end, and the warehouse has a row for every message."""

    def has_come_to_the_end() -> bool:
        committed, offsets = group_offsets(topic, group_id, **kafka), topic_offsets(topic, **kafka)
        # A partition without messages has no committed offset.
        return all(committed.get(number, first) == end for number, (first, end) in offsets.items())

    def messages() -> int:
        return sum(end - first for first, end in topic_offsets(topic, **kafka).values())

    return check(
        Step(
            f"the group {group_id} has committed offsets",
            lambda: bool(group_offsets(topic, group_id, **kafka)),
            "consume(topic, warehouse, group_id=...) commits; pass the name of the group from the exercise.",
        ),
        Step(
            "it has read every partition to its end",
            has_come_to_the_end,
            "It stopped too early: idle_timeout=2 goes on until no message comes, max_messages does not.",
        ),
        Step(
            "every message is a row in its own warehouse",
            lambda: count_sensor_logs(warehouse) == messages(),
            "The other warehouse has stored all of it already. Pass the new one, and no other topic.",
        ),
    )


def check_work_for(topic: str, members: int, **kafka: Any) -> Report:
    """That many members of a group can share the topic, and each has messages to read."""

    def messages(share: range) -> int:
        offsets = topic_offsets(topic, **kafka)
        return sum(offsets[number][1] - offsets[number][0] for number in share)

    return check(
        topic_is_there(topic, kafka),
        Step(
            f"{members} members can each have a partition of it",
            lambda: len(describe_topic(topic, **kafka).partitions) >= members,
            "A partition has one owner, so it needs num_partitions=... If it is there already with too few, "
            "run the cell with its name again: that makes a new name.",
        ),
        Step(
            f"for each of the {members} there is something to read",
            lambda: all(map(messages, _shares(len(describe_topic(topic, **kafka).partitions), members))),
            "topic_offsets shows which partition is empty. More sensors are more keys, and fill more.",
        ),
    )


def _shares(partitions: int, members: int) -> list[range]:
    """The partitions of each member, as `RangePartitionAssignor`, the default, assigns them.

    Each gets consecutive partitions; the first members may get one more than the others.
    """
    least, more = divmod(partitions, members)
    starts = [n * least + min(n, more) for n in range(members + 1)]
    return [range(start, end) for start, end in pairwise(starts)]
