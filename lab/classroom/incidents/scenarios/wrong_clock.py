"""A machine that sends has a wrong clock: its readings are from the future."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from lab.classroom.exercises.exercise import Step
from lab.classroom.incidents.ledger import sent
from lab.classroom.incidents.scenario import Scenario, promise

TOLERANCE = timedelta(minutes=1)


class WrongClock(Scenario):
    """The clock of the sender's machine is ahead. Kafka refuses what is more than an hour from now."""

    call = "The newest values on my chart are from later today. How can that be? Which values can I trust?"
    hints = (
        "Compare the time in a message with the time at which Kafka got it.",
        "The doctor compares the newest message of the topic with the clock of this machine.",
        "The clock of the machine that sends is ahead. Here it is a setting in sender.json.",
    )
    cause = "The clock of the sender's machine was ahead."
    mend = "In sender.json, set clock_is_ahead to 0; then python -m lab incident restart sender."
    doctor = "minutes ahead of this machine's clock"

    def break_it(self) -> None:
        """Set the clock, and restart the sender, as after a maintenance."""
        self.system.program("sender").change(clock_is_ahead=60 * self.chance.randint(20, 50))
        self.system.restart("sender")

    def promises(self) -> Sequence[Step]:
        """New readings have the time of now."""
        return [self.flows(), self._is_now(), self.complete()]

    def _is_now(self) -> Step:
        def fault() -> str:
            newest, now = datetime.fromisoformat(sent(self.system.folder)[-1][1]), datetime.now(UTC)
            return "" if abs(now - newest) < TOLERANCE else f"at {newest:%H:%M} UTC, and it is {now:%H:%M}"

        return promise("the newest reading was measured within the last minute", fault)
