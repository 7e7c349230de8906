"""What learners do to a system that is broken: a module for each scenario.

`WRONG` and `RIGHT` are {what is done: a function of the system}. Those in `WRONG` are done one after the
other, and it stays broken after each; then the first in `RIGHT` mends it. The others in `RIGHT` mend it, too.
A wrong one that stands in the way of a right one returns a function that takes it back. After those in
`FATAL`, which not every module has, a right one alone does not help any more.
"""

import importlib
import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import ConfigResource
from kafka.protocol.admin.topics import ElectionType
from kafka.structs import OffsetAndMetadata

from lab.classroom.incidents.scenario import DOUBLES
from lab.classroom.incidents.scenarios import scenario_of
from lab.classroom.incidents.system import System
from lab.clients.connection import connect
from lab.clients.groups import group_assignments
from lab.topics import create_topic, describe_topic
from tests.support.marks import DELETES_TOPIC
from tests.support.waiting import wait_for

Mends = dict[str, Callable[[System], Callable[[], Any] | None]]


def mends_of(scenario: str) -> tuple[Mends, Mends]:
    """The wrong ones, and the right ones."""
    module = importlib.import_module(f"{__name__}.{scenario}")
    return module.WRONG, module.RIGHT


def fatal_mends_of(scenario: str) -> Mends:
    """Those after which a right one does not help."""
    return getattr(importlib.import_module(f"{__name__}.{scenario}"), "FATAL", {})


def restart(*names: str) -> Callable[[System], None]:
    """Restart these programs."""

    def act(system: System) -> None:
        for name in names:
            system.restart(name)

    return act


def hiding(mend: Callable[[System], Any]) -> Callable[[System], Any]:
    """As the mend, until the callers see nothing wrong any more. Then only what must be kept is not."""

    def act(system: System) -> Any:
        take_back = mend(system)
        seed = system.facts["seed"]
        wait_for(scenario_of(seed)(system, seed).flows().done)
        return take_back

    return act


def edit(system: System, file: str, old: str, new: str) -> None:
    """Change a text in a file of the system."""
    path = system.folder / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def change(name: str, **settings: Any) -> Callable[[System], None]:
    """Change settings of a program, and restart it. Those for its client are in `kafka`."""

    def act(system: System) -> None:
        kafka = system.program(name).settings["kafka"] | settings.get("kafka", {})
        system.program(name).change(**settings | {"kafka": kafka})
        system.restart(name)

    return act


def for_a_while(name: str, **settings: Any) -> Callable[[System], Callable[[], None]]:
    """As `change`, and taken back afterwards."""

    def act(system: System) -> Callable[[], None]:
        before = system.program(name).settings
        change(name, **settings)(system)
        return lambda: change(name, **before)(system)

    return act


def configure(**configs: Any) -> Callable[[System], None]:
    """Change settings of the topic; `_` in a name stands for a dot."""

    def act(system: System) -> None:
        with connect(KafkaAdminClient, **system.kafka) as admin:
            wanted = {name.replace("_", "."): str(value) for name, value in configs.items()}
            admin.alter_configs([ConfigResource("TOPIC", system.topic, wanted)])

    return act


def more_partitions(system: System, count: int = 6) -> None:
    """Give the topic more partitions."""
    with connect(KafkaAdminClient, **system.kafka) as admin:
        admin.create_partitions({system.topic: count})


def one_more_storer(system: System) -> None:
    """Start one more program that stores, with the settings of the others."""
    there = sorted(name for name in system.names() if name.startswith("storer"))
    name = f"storer-{len(there) + 1}"
    settings = system.program(there[0]).settings
    kafka = settings["kafka"] | {"client_id": name}
    system.add(name, "storer", **settings | {"pause": 0, "kafka": kafka})


def elect_a_leader(system: System) -> None:
    """Any replica, also one that lacks messages; in vain if there is none."""
    with connect(KafkaAdminClient, **system.kafka) as admin:
        places = [TopicPartition(system.topic, number) for number in range(3)]
        admin.elect_leaders(ElectionType.UNCLEAN, places, raise_errors=False)


def start_what_is_down(system: System) -> None:
    """Start the nodes of Kafka that do not run."""
    for name in system.names():
        if not system.is_running(name):
            system.restart(name)


@DELETES_TOPIC
def make_it_anew(system: System) -> None:
    """Delete the topic, and make it again."""
    with connect(KafkaAdminClient, **system.kafka) as admin:
        admin.delete_topics([system.topic])
    create_topic(system.topic, num_partitions=3, **system.kafka)


def rewind(system: System) -> None:
    """Let the group begin at the first message again. Kafka refuses that as long as it has members."""
    wait_for(lambda: not group_assignments(system.group, **system.kafka))
    begin = {place: OffsetAndMetadata(0, "", -1) for place in places_of(system)}
    with connect(KafkaAdminClient, **system.kafka) as admin:
        admin.alter_group_offsets(system.group, begin)


def places_of(system: System) -> list[TopicPartition]:
    """The partitions of its topic."""
    found = describe_topic(system.topic, **system.kafka).partitions
    return [TopicPartition(system.topic, each.partition) for each in found]


def once(mend: Callable[[System], Any]) -> Callable[[System], None]:
    """As the mend; when all is stored, what is there twice is removed."""

    def act(system: System) -> None:
        mend(system)
        seed = system.facts["seed"]
        wait_for(scenario_of(seed)(system, seed).complete().done)
        remove_doubles(system)

    return act


def remove_doubles(system: System) -> None:
    """Remove the rows that are there for the second time."""
    with closing(sqlite3.connect(system.folder / "charts.db", timeout=30)) as db:
        db.execute(DOUBLES)
        db.commit()
