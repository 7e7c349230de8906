"""What is looked at in the exercises of lesson 08, consumer groups?"""

from itertools import pairwise
from typing import Any

from lab.classroom.exercises.answers import name_of
from lab.classroom.exercises.exercise import Exercise, Step, exercise
from lab.classroom.exercises.queries import about_topic, num_partitions
from lab.clients.groups import group_offsets
from lab.databases.counts import count_sensor_logs
from lab.topics import topic_offsets


@exercise("08.1")
def an_archive(archive: Any, topic: Any, archive_group: str, **kafka: Any) -> Exercise:
    """That group has read the topic to its end, and the warehouse has a row for every message."""
    name = name_of(topic)

    def left() -> int:
        """A partition without messages has no committed offset."""
        committed = group_offsets(name, archive_group, **kafka)
        return sum(end - committed.get(n, first) for n, (first, end) in topic_offsets(name, **kafka).items())

    def messages() -> int:
        return sum(end - first for first, end in topic_offsets(name, **kafka).values())

    return Exercise(
        lambda: bool(group_offsets(name, archive_group, **kafka)) or count_sensor_logs(archive) > 0,
        f"The group {archive_group} has read nothing yet.",
        (
            Step(
                "it was the group of the exercise",
                lambda: bool(group_offsets(name, archive_group, **kafka)),
                ("Pass the name of the group: consume(..., group_id=archive_group, ...).",),
            ),
            Step(
                "it has read every partition to its end",
                lambda: left() == 0,
                ("It stopped too early: idle_timeout=2 goes on until no message comes, max_messages not.",),
                found=lambda: f"{left()} left",
            ),
            Step(
                "every message is a row in the archive",
                lambda: count_sensor_logs(archive) == messages(),
                (
                    "The other warehouse has all of it already: pass archive.",
                    "Run your whole cell again: its first lines make a new group, which begins at the start.",
                ),
                found=lambda: f"{count_sensor_logs(archive)} rows of {messages()} messages",
            ),
        ),
    )


@exercise("08.2")
def work_for_four(wide: Any, **kafka: Any) -> Exercise:
    """Four members of a group can share the topic `wide`, and each has messages to read."""
    name, members = name_of(wide), 4

    def empty() -> list[int]:
        """The members that have nothing to read, counted from 1."""
        offsets = topic_offsets(name, **kafka)
        shares = _shares(len(offsets), members)
        messages = [sum(offsets[n][1] - offsets[n][0] for n in share) for share in shares]
        return [member for member, number in enumerate(messages, 1) if not number]

    return about_topic(
        wide,
        kafka,
        Step(
            "four members can each have a partition of it",
            lambda: num_partitions(name, kafka) >= members,
            (
                "A partition has one owner, so four members need num_partitions=4 or more.",
                "An existing topic keeps its number. Run your whole cell again: it makes a new name.",
            ),
            found=lambda: f"num_partitions={num_partitions(name, kafka)}",
        ),
        Step(
            "for each of the four there is something to read",
            lambda: empty() == [],
            (
                "topic_offsets shows which partition is empty.",
                "A key goes to one partition. More sensors are more keys, and fill more partitions.",
            ),
            found=lambda: f"nothing for member {', '.join(map(str, empty()))}",
        ),
    )


def _shares(partitions: int, members: int) -> list[range]:
    """The partitions of each member, as `RangePartitionAssignor`, the default, assigns them.

    Each gets consecutive partitions; the first members may get one more than the others.
    """
    least, more = divmod(partitions, members)
    starts = [n * least + min(n, more) for n in range(members + 1)]
    return [range(start, end) for start, end in pairwise(starts)]
