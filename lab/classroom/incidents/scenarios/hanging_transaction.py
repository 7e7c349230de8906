"""A program died within a transaction, and who reads waits for its end."""

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any

from lab.classroom.exercises.exercise import Step
from lab.classroom.incidents.ledger import stored
from lab.classroom.incidents.scenario import Scenario, promise
from lab.system.signals import wait_until

DAY_MS = 24 * 3600 * 1000
COMMITTED = {"isolation_level": "read_committed"}


class HangingTransaction(Scenario):
    """A transaction in one partition is open, and its timeout is long."""

    call = "One chart has stood still since this morning. I am told that the machine runs, and sends."
    hints = (
        "python -m lab kafka consumer-groups --describe --group storers: the readings of that sensor are in "
        "Kafka. Who reads them, and why does the reader stop where it stops?",
        "storer.py reads what is committed only: it waits where a transaction is open. python -m lab kafka "
        "transactions list shows the transactions.",
        "corrector.py died in a transaction. python -m lab kafka transactions describe-producers --topic "
        "readings --partition 0, or 1, or 2 shows where it begins; then abort it.",
    )
    cause = "A program had died in a transaction, which stayed open. What came behind it was not given out."
    mend = (
        "python -m lab kafka transactions abort --topic readings --partition ... --start-offset ..., with "
        "the partition and the offset that describe-producers shows."
    )
    doctor = "has been open in partition"
    properties = MappingProxyType({"transaction.max.timeout.ms": DAY_MS})

    def storer(self, **changes: Any) -> dict[str, Any]:
        """It reads what is committed only."""
        return super().storer(kafka=COMMITTED, **changes)

    def break_it(self) -> None:
        """Let a program begin a transaction, and kill it when Kafka has its first message."""
        kafka = {"transactional_id": "corrections", "transaction_timeout_ms": DAY_MS} | self.system.kafka
        which = {"topic": self.system.topic, "sensor": self.chance.choice(self.sensors)}
        self.system.add("corrector", kafka=kafka, values=[19.5, 20.5], pause=60, **which)
        corrector = self.system.program("corrector")
        wait_until(lambda: "," in corrector.last_line())
        sent_first = corrector.last_line().split(",")
        self.system.end("corrector", at_once=True)
        self.system.remember(uncommitted=sent_first)

    def promises(self) -> Sequence[Step]:
        """What was never committed is not stored."""
        return [promise("only what was sent completely is in the charts", self._half), *super().promises()]

    def _half(self) -> str:
        sensor, ts = self.system.facts["uncommitted"]
        if stored(self.system.folder)[sensor, ts]:
            return f"{sensor} at {ts} is there, and was not"
        settings = self.system.program("storer").settings["kafka"]
        return "" if settings.get("isolation_level") == COMMITTED["isolation_level"] else "more could be"
