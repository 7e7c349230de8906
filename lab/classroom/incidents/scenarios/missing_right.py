"""A program may not do what it needs to do."""

from lab.classroom.incidents.secured import SecuredScenario
from lab.clients.rights import revoke


class MissingRight(SecuredScenario):
    """A right of the storer was revoked: to read the topic, or to use its group."""

    call = "The charts stand still. Auditors wanted to see who may do what, but that was only a list, right?"
    hints = (
        "The readings are sent. Who reads them, and what does storer.log say?",
        "The user storer may come in, and then Kafka refuses what it asks for. Who may do what is shown by "
        "python -m lab kafka acls --list.",
        "The user storer needs the right READ twice: on the topic readings, and on the group storers. One of "
        "the two is gone.",
    )
    cause = "A right of the user storer was revoked: READ on the topic, or READ on the group."
    mend = (
        "python -m lab kafka acls --add --allow-principal User:storer --consumer --topic readings --group "
        "storers; then python -m lab incident restart storer."
    )

    def break_it(self) -> None:
        """Revoke one of the two rights, and restart the program."""
        right = self.chance.choice([right for right in self.rights() if right.user == "storer"])
        revoke(right.user, right.operation, **{right.kind: right.name}, **self.system.kafka)
        self.system.restart("storer")
