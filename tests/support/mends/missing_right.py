"""What learners do about a right that is missing."""

from lab.classroom.incidents.system import System
from lab.clients.rights import grant, revoke
from lab.embedded.tools import run_tool
from tests.support.mends import for_a_while, hiding, restart
from tests.support.mends.wrong_password import as_the_sender, without_a_password


def everybody_may(system: System) -> None:
    """Where there is no rule; and where there is one, as an administrator."""
    before = system.properties["super.users"]
    system.change_properties(
        {"super.users": f"{before};User:storer", "allow.everyone.if.no.acl.found": "true"}
    )
    restart("kafka", "storer")(system)


def everything(system: System):
    """Every right on every topic and group."""
    grant("storer", "ALL", topic="*", group="*", **system.kafka)
    system.restart("storer")
    return lambda: revoke("storer", "ALL", topic="*", group="*", **system.kafka)


def grant_it(system: System) -> None:
    grant("storer", "READ", topic=system.topic, group=system.group, **system.kafka)
    system.restart("storer")


def grant_it_by_tool(system: System) -> None:
    words = "--add --allow-principal User:storer --consumer --topic readings --group storers"
    assert run_tool("acls", words.split(), system.kafka) == 0
    system.restart("storer")


WRONG = {
    "restart the programs": restart("sender", "storer"),
    "without a password": without_a_password,
    "as another user": as_the_sender,
    "another group": for_a_while("storer", kafka={"group_id": "new"}),
    "everything": hiding(everything),
}
RIGHT = {"grant it": grant_it, "grant it by Kafka's tool": grant_it_by_tool}
FATAL = {"everybody may": everybody_may}
