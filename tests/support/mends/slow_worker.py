"""What learners do about one program that is slow."""

from lab.classroom.incidents.scenarios.slow_worker import SlowWorker
from lab.classroom.incidents.system import System
from tests.support.mends import change, for_a_while, more_partitions, one_more_storer, restart


def the_slow_one(system: System) -> str:
    return max(SlowWorker.storers, key=lambda name: system.program(name).settings["pause"])


def restart_it(system: System) -> None:
    system.restart(the_slow_one(system))


def a_little_quicker(system: System) -> None:
    change(the_slow_one(system), pause=1.5)(system)


def as_quick_as_the_others(system: System) -> None:
    change(the_slow_one(system), pause=0)(system)


def end_it(system: System) -> None:
    system.end(the_slow_one(system))


WRONG = {
    "restart it": restart_it,
    "one more program": one_more_storer,
    "more partitions": more_partitions,
    "restart the sender": restart("sender"),
    "a little quicker": a_little_quicker,
    "send less": for_a_while("sender", pause=5),
}
RIGHT = {"as quick as the others": as_quick_as_the_others, "end it": end_it}
