"""What can go wrong, in words: every error the kit raises on purpose.

The message of each says what was found, where, and the one thing to do next.
`python -m lab` prints it as one line and exits with 1.
"""

from lab.text.commandline import as_typed


class LabError(Exception):
    """The base of all of them. The commands in its message are shown as they work where it is read."""

    def __str__(self) -> str:
        return as_typed(super().__str__())


class SettingsError(LabError):
    """A setting (`LAB_...`) has a value that cannot be used."""


class JarError(LabError):
    """A file of Kafka cannot be had, or is not the file that was pinned."""


class BrokerError(LabError):
    """No broker answers, or the embedded one does not start."""


class LockError(LabError):
    """Another program does what only one at a time may do, and does not come to an end."""


class AccessError(LabError):
    """The broker does not let us in, or does not let us do that: a certificate, a password, a right."""


class GroupError(LabError):
    """The consumer group cannot be joined, and waiting will not mend it."""


class UnreadableError(LabError):
    """A message in the log cannot be read by the client: it is damaged, or a package is missing.

    `found` says which, and `fix` what to type.
    """

    def __init__(self, found: str, fix: str = ""):
        super().__init__(f"{found}. {fix}".rstrip())
        self.found, self.fix = found, fix


class TopicError(LabError):
    """A topic is missing, or is not as asked for."""


class InvalidReading(LabError):
    """A message is not a reading. The text names the field and what was found there."""

    __str__ = Exception.__str__  # it quotes the message, word for word


class WarehouseError(LabError):
    """The warehouse cannot be opened or written, and waiting will not mend it."""


class NoWarehouseYet(WarehouseError):
    """There is no warehouse to be read: nothing was stored so far."""
