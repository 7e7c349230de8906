"""Which scenarios are there? Each is a class in its own module; the number of an incident chooses one."""

import importlib
import os
from typing import TYPE_CHECKING

from lab.errors import LabError

if TYPE_CHECKING:
    from lab.classroom.incidents.scenario import Scenario

# In the order of their numbers, from what is seen at once to what is not: {module: class}.
SCENARIOS = {
    "poison": "Poison",
    "two_groups": "TwoGroups",
    "commit_first": "CommitFirst",
    "wrong_clock": "WrongClock",
    "advertised_address": "AdvertisedAddress",
    "too_few_in_sync": "TooFewInSync",
    "no_leader": "NoLeader",
    "hanging_transaction": "HangingTransaction",
    "twice": "Twice",
    "static_member": "StaticMember",
    "other_partitioner": "OtherPartitioner",
}


def scenario_of(seed: int) -> "type[Scenario]":
    """The scenario of a seed: 1 is the first, and after the last one it begins again, with other details.

    Raises LabError if it cannot be had on this system.
    """
    module, name = list(SCENARIOS.items())[(seed - 1) % len(SCENARIOS)]
    found = getattr(importlib.import_module(f"{__name__}.{module}"), name)
    if found.deletes and os.name == "nt":
        raise LabError(
            f"In incident {seed}, Kafka removes files, which ends it on Windows. Take another seed."
        )
    return found
