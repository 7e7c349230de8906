"""A new version of the program commits first and does not write: nothing waits, and nothing is stored."""

from collections.abc import Sequence

from lab.classroom.exercises.exercise import Step
from lab.classroom.incidents.ledger import sent
from lab.classroom.incidents.scenario import Scenario
from lab.clients.groups import group_offsets
from lab.clients.offsets import lags
from lab.system.signals import wait_until
from lab.topics import topic_offsets


class CommitFirst(Scenario):
    """The new storer.py names a column that the table does not have, and ignores the error."""

    call = "Since the update of the program that stores, no new values come. They say that all is green."
    hints = (
        "Count what is sent, what is read and what is stored. Between which two does it stop?",
        "The group is at the end of each partition, and no row comes. What does storer.py do with a message?",
        "storer.py writes to a column that is not there, ignores the error, and has committed before. "
        "It must write, and read again what it has missed.",
    )
    cause = (
        "The new storer.py committed each message first. Then it wrote to a column that does not exist, and "
        "ignored the error."
    )
    mend = (
        "In storer.py, name the column val, and commit after the row is written. Then let the group read "
        "what it has missed: stop storer, after some seconds python -m lab kafka consumer-groups "
        "--reset-offsets --execute --group storers --topic readings --to-datetime, with the time after the "
        "last row, and restart storer. Or delete all rows, and read --to-earliest."
    )

    def break_it(self) -> None:
        """Bring the new version, and wait until it has read without storing."""
        storer = self.system.program("storer")
        storer.end()
        storer.write("hasty_storer")
        storer.start()
        wait_until(self._is_ahead)

    def _is_ahead(self) -> bool:
        committed = group_offsets(self.system.topic, self.system.group, **self.system.kafka)
        offsets = topic_offsets(self.system.topic, **self.system.kafka)
        return self.unstored(sent(self.system.folder)) > 0 and max(lags(offsets, committed).values()) < 2

    def promises(self) -> Sequence[Step]:
        """What was missed is stored as well, and nothing twice."""
        return [self.flows(), self.complete(), self.once()]
