"""What is looked at in the exercises of lesson 16, queues?"""

from collections.abc import Callable
from typing import Any

from kafka import KafkaAdminClient

from lab.classroom.exercises.answers import is_given, name_of, values_of
from lab.classroom.exercises.exercise import Exercise, Step, exercise
from lab.classroom.exercises.queries import messages_of
from lab.classroom.queues import WARM_UP, read_work
from lab.clients.connection import connect

WORKERS = 3


@exercise("16.1")
def a_share_group(jobs: Any, own: Any, mine: str, **kafka: Any) -> Exercise:
    """Three members of the share group `mine` or more have done every job of the topic."""
    wanted = {record.value.decode() for record in messages_of(name_of(jobs), kafka)} - {WARM_UP}

    def done() -> dict[str, str]:
        """{job: its worker}."""
        work = read_work(name_of(own), **kafka).query("did == 'done'")
        return dict(zip(work["job"], work["worker"]))

    return Exercise(
        lambda: mine in group_types(kafka) or len(done()) > 0,
        f"The broker has no group {mine} yet.",
        (
            Step(
                "there is a share group of that name",
                lambda: group_types(kafka)[mine] == "share",
                (
                    "start_worker(name, jobs, own, mine) joins that group; its protocol is share.",
                    "A group stays what it is. Run your whole cell again: its first line makes a new name.",
                ),
                found=lambda: group_types(kafka).get(mine, "no such group"),
            ),
            Step(
                "every job is done",
                lambda: done().keys() == wanted,
                (
                    "A new share group begins at the end: before the first worker starts, set "
                    "share.auto.offset.reset=earliest, as above, for the name in mine.",
                    "It takes some seconds: wait until read_work(own, **settings.kafka) has all sixty.",
                ),
                found=lambda: f"{len(done())} of {len(wanted)}",
            ),
            _is_shared(done),
        ),
    )


def _is_shared(done: Callable[[], dict[str, str]]) -> Step:
    return Step(
        f"at least {WORKERS} workers did some",
        lambda: len(set(done().values())) >= WORKERS,
        (
            f"Start {WORKERS} workers or more, each with a name of its own.",
            "A new member waits some seconds for its first job: short ones may be done by then.",
        ),
        found=lambda: f"{len(set(done().values()))}",
    )


@exercise("16.2")
def more_than_once(log: Any, repeated: Any, **kafka: Any) -> Exercise:
    """The jobs that were handed out more than once."""

    def truth() -> set[str]:
        work = read_work(name_of(log), **kafka)
        return set(work.loc[work["delivery"] > 1, "job"])

    def given() -> set[str]:
        return set(map(str, values_of(list(repeated) if isinstance(repeated, dict) else repeated)))

    return Exercise(
        lambda: is_given(repeated),
        "repeated has no value yet.",
        (
            Step(
                "each of them was handed out more than once",
                lambda: given() <= truth(),
                (
                    "The column delivery counts how often Kafka had handed out a job: 1 is the first time.",
                    "Names of jobs, such as those in the column job.",
                ),
                found=lambda: ", ".join(sorted(given() - truth())[:3]),
            ),
            Step(
                "none is missing",
                lambda: given() == truth(),
                ("read_work(log, **settings.kafka), and of it the rows whose delivery is above 1.",),
                found=lambda: f"{len(given())} of {len(truth())}",
            ),
        ),
    )


@exercise("16.3")
def which_kind(kinds: Any, groups: list[str], **kafka: Any) -> Exercise:
    """The type of each of the groups, as the broker tells it."""
    return Exercise(
        lambda: is_given(kinds),
        "kinds has no value yet.",
        (
            Step(
                "it names the three groups",
                lambda: set(groups) <= set(dict(kinds)),
                ("A dict, for example {group: its type}, with the names that are in ways.values().",),
                found=lambda: ", ".join(map(str, dict(kinds))) or "nothing",
            ),
            Step(
                "each has the type that the broker tells",
                lambda: all(str(dict(kinds)[name]).lower() == group_types(kafka)[name] for name in groups),
                (
                    'kafka_tool("groups", "--list") shows it in the column TYPE.',
                    "KafkaAdminClient(**settings.kafka).list_groups() gives dicts: group_id, group_type.",
                ),
                found=lambda: ", ".join(str(dict(kinds)[name]) for name in groups),
            ),
        ),
    )


def group_types(kafka: dict[str, Any]) -> dict[str, str]:
    """{group: its type in small letters}, of all groups that the broker knows."""
    with connect(KafkaAdminClient, **kafka) as admin:
        return {each["group_id"]: str(each["group_type"]).lower() for each in admin.list_groups()}
