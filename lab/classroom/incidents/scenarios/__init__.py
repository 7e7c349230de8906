"""Which scenarios are there? Each is a class in its own module; the number of an incident chooses one."""

import importlib
import os
import random
from contextlib import suppress
from typing import TYPE_CHECKING

from lab.errors import LabError

if TYPE_CHECKING:
    from lab.classroom.incidents.scenario import Scenario

MANY = 1000  # seeds to draw from
# In the order of their numbers, from what is seen at once to what is not: {module: class}.
SCENARIOS = {
    "poison": "Poison",
    "wrong_clock": "WrongClock",
    "two_groups": "TwoGroups",
    "no_leader": "NoLeader",
    "wrong_password": "WrongPassword",
    "too_large": "TooLarge",
    "slow_worker": "SlowWorker",
    "advertised_address": "AdvertisedAddress",
    "too_few_in_sync": "TooFewInSync",
    "recreated_topic": "RecreatedTopic",
    "missing_right": "MissingRight",
    "hot_key": "HotKey",
    "commit_first": "CommitFirst",
    "retention": "Retention",
    "lost_disk": "LostDisk",
    "static_member": "StaticMember",
    "twice": "Twice",
    "other_partitioner": "OtherPartitioner",
    "hanging_transaction": "HangingTransaction",
}


def any_seed() -> int:
    """A seed of a scenario that can be had here."""
    while True:
        seed = random.randint(1, MANY)
        with suppress(LabError):
            scenario_of(seed)
            return seed


def scenario_of(seed: int) -> "type[Scenario]":
    """The scenario of a seed: 1 is the first, and after the last one it begins again, with other details.

    Raises LabError if it cannot be had on this system.
    """
    found = scenario_in(list(SCENARIOS)[(seed - 1) % len(SCENARIOS)])
    if found.deletes and os.name == "nt":
        raise LabError(
            f"In incident {seed}, files that are open are removed or moved, which Windows does not allow. "
            "Take another seed."
        )
    return found


def scenario_in(module: str) -> "type[Scenario]":
    """The scenario of that module, whether it can be had here or not."""
    return getattr(importlib.import_module(f"{__name__}.{module}"), SCENARIOS[module])
