"""In which partitions are the new readings of each sensor? Only those of one partition are read in order."""

import json
from collections import defaultdict
from contextlib import suppress
from itertools import chain

from lab.classroom.exercises.exercise import Step
from lab.classroom.incidents.ledger import Reading, sent_by
from lab.classroom.incidents.scenario import promise
from lab.classroom.incidents.system import System
from lab.system.signals import wait_until
from lab.topics import read_records

# So many of each program and sensor: if chance chose among the partitions, hardly all would be in one.
ROUNDS = 4
ROUNDS_SECONDS = 10.0


def in_order(system: System, sensors: list[str]) -> Step:
    """What is sent from now on can be read in order."""

    def fault() -> str:
        places = places_of_new(system, sensors)
        scattered = [sensor for sensor in sensors if len(places[sensor]) > 1]
        return f"those of {', '.join(scattered)} cannot" if scattered else ""

    return promise("the new readings of each sensor can be read in the order in which they were sent", fault)


def places_of_new(system: System, sensors: list[str], rounds: int = ROUNDS) -> dict[str, set[int]]:
    """{sensor: the partitions of its next readings}: of each program and sensor, as many as there are rounds.

    Raises TimeoutError if one of the sensors is silent.
    """
    before = set(chain(*sent_by(system.folder).values()))

    def new() -> set[Reading]:
        lists = [
            [reading for reading in readings if reading[0] == sensor and reading not in before]
            for readings in sent_by(system.folder).values()
            for sensor in sensors
        ]
        return set(chain(*lists)) if all(len(each) >= rounds for each in lists) else set()

    readings, places = wait_until(new, ROUNDS_SECONDS), defaultdict(set)
    for message in read_records(system.topic, **system.kafka):
        with suppress(ValueError):  # no reading
            reading = json.loads(message.value)
            if (reading["sensor_id"], reading["ts"]) in readings:
                places[reading["sensor_id"]].add(message.partition)
    return places
