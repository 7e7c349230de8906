"""The network loses answers, and a producer that is not idempotent sends again what Kafka has already."""

import time
from collections.abc import Sequence
from typing import Any

from lab.classroom.exercises.exercise import Step
from lab.classroom.incidents.ledger import sent, stored
from lab.classroom.incidents.scenario import Scenario, promise
from lab.clients.connection import is_port_open
from lab.embedded.ports import HOST, free_ports
from lab.system.signals import wait_until

MOST = 5  # of so many answers, one is lost
ENOUGH, SECONDS = 2 * MOST + 2, 10.0  # readings to look at, and when to give up


class Twice(Scenario):
    """Somebody switched idempotence off in the sender, whose line loses some answers."""

    call = "Some of my values are in the table twice, not all of them. I measure each value once, I am sure."
    hints = (
        "Are these readings twice in Kafka, or twice in the table only? Which settings does the one have who "
        "writes them?",
        "line.log: some answers of Kafka do not come back. Then sender.py does not know whether Kafka has "
        "the reading, and sends it again. How could Kafka know that it is the same one?",
        "enable_idempotence is false in sender.json, so Kafka cannot tell a retry from a new reading.",
    )
    cause = "Answers were lost on the way, and the sender sent again, without idempotence: Kafka kept both."
    mend = "In sender.json, set enable_idempotence to true; then python -m lab incident restart sender."

    def begin(self) -> None:
        """The sender goes through a line. As long as it is idempotent, nothing is twice."""
        port = free_ports(1)[0]
        self.system.remember(line=port)
        self.system.add(
            "line", port=port, loses_one_answer_of=self.chance.randint(3, MOST), kafka=self.system.kafka
        )
        wait_until(lambda: is_port_open(HOST, port))
        super().begin()

    def sender(self, **changes: Any) -> dict[str, Any]:
        """It goes through the line."""
        kafka = {"bootstrap_servers": f"{HOST}:{self.system.facts['line']}", "enable_idempotence": True}
        return super().sender(kafka=kafka, **changes)

    def break_it(self) -> None:
        """Switch idempotence off, and wait until a reading is stored twice."""
        sender = self.system.program("sender")
        sender.change(kafka=sender.settings["kafka"] | {"enable_idempotence": False})
        self.system.restart("sender")
        wait_until(lambda: max(stored(self.system.folder).values(), default=0) > 1)

    def promises(self) -> Sequence[Step]:
        """The sender is still told of each reading that Kafka has it."""
        return [
            promise("a reading counts as sent when Kafka has confirmed it", self._unconfirmed),
            promise("of the next readings, each is acknowledged, and stored once", self._wrong_ones),
            self.flows(),
            self.complete(),
        ]

    def _unconfirmed(self) -> str:
        acks = self.system.program("sender").settings["kafka"].get("acks", "all")
        return "without asking Kafka, it counts now" if str(acks) == "0" else ""

    def _wrong_ones(self) -> str:
        """Look at so many readings that answers were lost among them. They are sent one after the other."""
        before, until = len(sent(self.system.folder)), time.monotonic() + SECONDS
        while time.monotonic() < until:
            rows, new = stored(self.system.folder), sent(self.system.folder)[before:]
            among = [reading for reading in rows if new and new[0][1] < reading[1] < new[-1][1]]
            if twice := sum(rows[reading] > 1 for reading in among):
                return f"{twice} are stored twice"
            if unknown := len(set(among) - set(new)):
                return f"{unknown} are stored and not acknowledged"
            if len(among) >= ENOUGH:
                return ""
            time.sleep(0.1)
        return f"fewer than {ENOUGH} came in {SECONDS:.0f} s"
