"""What learners do about an address at which nobody answers."""

from lab.classroom.incidents.system import System
from tests.support.mends import change, restart


def remove_it(system: System) -> None:
    system.change_properties({"advertised.listeners": None})
    restart("kafka", "sender", "storer")(system)


def the_right_one(system: System) -> None:
    address = system.kafka["bootstrap_servers"]
    system.change_properties({"advertised.listeners": f"PLAINTEXT://{address}"})
    restart("kafka", "sender", "storer")(system)


def more_patience(system: System) -> None:
    change("sender", kafka={"max_block_ms": 10000})(system)


def another_wrong_one(system: System) -> None:
    system.change_properties({"advertised.listeners": "PLAINTEXT://127.0.0.1:9"})
    restart("kafka", "sender", "storer")(system)


WRONG = {
    "restart the programs": restart("sender", "storer"),
    "restart Kafka": restart("kafka"),
    "more patience": more_patience,
    "another wrong address": another_wrong_one,
}
RIGHT = {"remove it": remove_it, "the right one": the_right_one}
