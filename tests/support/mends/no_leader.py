"""What learners do about a partition without a leader."""

import os

from tests.support.mends import (
    Mends,
    elect_a_leader,
    for_a_while,
    make_it_anew,
    more_partitions,
    restart,
    start_what_is_down,
)

WRONG: Mends = {
    "restart the programs": restart("sender", "storer"),
    "elect a leader": elect_a_leader,
    "to any partition": for_a_while("sender", key="ts"),
    "more partitions": more_partitions,
}
RIGHT: Mends = {"start the broker": start_what_is_down}
FATAL: Mends = {} if os.name == "nt" else {"make the topic anew": make_it_anew}
