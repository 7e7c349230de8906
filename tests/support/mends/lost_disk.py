"""What learners do when one of two disks is gone."""

import shutil

import pytest

from lab.classroom.incidents.system import System
from lab.embedded.folders import node_folder
from lab.embedded.java import KafkaEndedError
from tests.support.mends import elect_a_leader, more_partitions, restart

ALL = restart("kafka", "sender", "storer")


def move_it_back(system: System) -> None:
    folder = node_folder(system.folder / "kafka", 1)
    system.end("kafka")
    if (folder / "disk-2").exists():
        shutil.rmtree(folder / "disk-2")  # made by Kafka, and empty
    (folder / "old-files").rename(folder / "disk-2")
    ALL(system)


def after_a_restart(system: System) -> None:
    """Without the disk, Kafka does not start, and makes an empty folder in its place."""
    with pytest.raises(KafkaEndedError, match="disk-2"):
        system.restart("kafka")
    move_it_back(system)


def where_it_is_now(system: System) -> None:
    system.change_properties({"log.dirs": "data,old-files"})
    ALL(system)


def without_it(system: System) -> None:
    """Kafka begins the partitions of the lost disk anew, with nothing in them."""
    system.change_properties({"log.dirs": "data"})
    ALL(system)


WRONG = {
    "restart the programs": restart("sender", "storer"),
    "more partitions": more_partitions,
    "elect a leader": elect_a_leader,
}
RIGHT = {
    "move it back": move_it_back,
    "move it back after a restart": after_a_restart,
    "say where it is now": where_it_is_now,
}
FATAL = {"without it": without_it}
