"""A program comes with a password that is not its own any more."""

from lab.classroom.incidents.secured import SecuredScenario
from lab.clients.rights import set_password


class WrongPassword(SecuredScenario):
    """The password of the storer was changed in Kafka, and not in its settings."""

    call = "The charts stand still since the security people were here. They say that they only looked."
    hints = (
        "The readings are sent. Who reads them, and what does storer.log say?",
        "Kafka refuses the login of storer.py. Its name and password are in storer.json; Kafka has its own: "
        "python -m lab kafka configs --describe --entity-type users.",
        "The password of the user storer was changed in Kafka. Give it one that you know, in both places.",
    )
    cause = "The password of the user storer was changed in Kafka, and not in storer.json."
    mend = (
        "python -m lab kafka configs --alter --entity-type users --entity-name storer --add-config "
        "SCRAM-SHA-512=[password=...], with the password of storer.json, or with another one there and here; "
        "then python -m lab incident restart storer."
    )

    def break_it(self) -> None:
        """Change the password, and restart the program, which had logged in before."""
        set_password("storer", f"rotated-{self.chance.randrange(10**9)}", **self.system.kafka)
        self.system.restart("storer")
