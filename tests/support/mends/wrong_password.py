"""What learners do about a password that Kafka refuses."""

from lab.classroom.incidents.secured import PASSWORDS
from lab.classroom.incidents.system import System
from lab.clients.rights import grant, revoke, set_password
from lab.embedded.tools import run_tool
from tests.support.mends import change, for_a_while, hiding, restart

NEW = "something-that-i-know"


def without_a_password(system: System):
    """By the listener of the administrator."""
    kafka = {"security_protocol": "PLAINTEXT", **system.kafka}
    return for_a_while("storer", kafka=kafka)(system)


def as_the_sender(system: System):
    """With a name that may come in, and that may then read."""
    kafka = {"sasl_plain_username": "sender", "sasl_plain_password": PASSWORDS["sender"]}
    return for_a_while("storer", kafka=kafka)(system)


def the_old_one(system: System) -> None:
    set_password("storer", PASSWORDS["storer"], **system.kafka)
    system.restart("storer")


def the_old_one_by_kafkas_tool(system: System) -> None:
    words = "--alter --entity-type users --entity-name storer --add-config"
    password = f"SCRAM-SHA-512=[password={PASSWORDS['storer']}]"
    assert run_tool("configs", [*words.split(), password], system.kafka) == 0


def a_new_one(system: System) -> None:
    set_password("storer", NEW, **system.kafka)
    change("storer", kafka={"sasl_plain_password": NEW})(system)


def by_the_other_mechanism(system: System) -> None:
    set_password("storer", NEW, mechanism="SCRAM-SHA-256", **system.kafka)
    change("storer", kafka={"sasl_plain_password": NEW, "sasl_mechanism": "SCRAM-SHA-256"})(system)


def more_rights(system: System):
    grant("storer", "READ", topic="*", **system.kafka)
    return lambda: revoke("storer", "READ", topic="*", **system.kafka)


WRONG = {
    "restart the programs": restart("sender", "storer"),
    "without a password": hiding(without_a_password),
    "as another user": as_the_sender,
    "more rights": more_rights,
    "another mechanism": for_a_while("storer", kafka={"sasl_mechanism": "SCRAM-SHA-256"}),
}
RIGHT = {
    "the old one": the_old_one,
    "the old one by Kafka's tool": the_old_one_by_kafkas_tool,
    "a new one, in both places": a_new_one,
    "a new one, by the other mechanism": by_the_other_mechanism,
}
