"""What can go wrong? Every error that the kit raises on purpose.

Each message says what was found, where, and what to do next. `python -m lab` prints it as one line and exits
with 1.
"""

from lab.text.commandline import as_typed


class LabError(Exception):
    """The base class. Commands in its message are shown as they have to be typed on this machine."""

    def __str__(self) -> str:
        return as_typed(super().__str__())


class SettingsError(LabError):
    """A setting (`LAB_...`) has a value that cannot be used."""


class JarError(LabError):
    """A file of Kafka cannot be downloaded, or is not the file whose checksum was pinned."""


class BrokerError(LabError):
    """No broker answers, or the embedded one does not start."""


class LockError(LabError):
    """Another program holds a lock and did not release it in time."""


class AccessError(LabError):
    """The broker refuses the connection or the operation: a certificate, a password, or a missing right."""


class GroupError(LabError):
    """The consumer group cannot be joined, and waiting does not help."""


class UnreadableError(LabError):
    """The client cannot read a message in the log: it is damaged, or a package is missing.

    `found` says which message, and `fix` the command to type.
    """

    def __init__(self, found: str, fix: str = ""):
        super().__init__(f"{found}. {fix}".rstrip())
        self.found, self.fix = found, fix


class TopicError(LabError):
    """A topic is missing, or is not as requested."""


class InvalidReading(LabError):
    """A message is not a reading. The text names the field and what was found there."""

    __str__ = Exception.__str__  # it quotes the message: commands in it must stay as they are


class WarehouseError(LabError):
    """The warehouse cannot be opened or written, and waiting does not help."""


class NoWarehouseYet(WarehouseError):
    """There is no warehouse to read: nothing has been stored yet."""
