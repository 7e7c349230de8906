"""A second program stores the same readings, in a group of its own: each reading is stored twice."""

import time
from collections.abc import Sequence

from lab.classroom.exercises.exercise import Step
from lab.classroom.incidents.ledger import sent, stored
from lab.classroom.incidents.scenario import DOUBLES, SESSION_MS, Scenario, promise
from lab.system.signals import wait_until

BACK_SECONDS = SESSION_MS / 1000 + 2  # within which a program that was restarted stores again


class TwoGroups(Scenario):
    """Somebody started a second storer to be quicker, with another group."""

    call = "Each value is in my table twice. Yesterday the sums were right. Now everything is doubled."
    hints = (
        "Are the readings twice in Kafka, or twice in the table only? Who writes to the table?",
        "python -m lab kafka consumer-groups --describe --all-groups shows who reads the topic.",
        "storer and storer-2 are in two groups, so each of them gets every reading. One group shares them.",
    )
    cause = "Two programs stored the topic, each in a group of its own: so each of them got every reading."
    mend = (
        "Stop one of them: python -m lab incident stop storer-2. Or give both the same group_id in their "
        "files .json, and restart them: then they share the partitions. Then remove from charts.db what is "
        f"there twice: {DOUBLES}."
    )

    def promises(self) -> Sequence[Step]:
        """Nothing new comes twice, also after the time in which a program is back in its group."""
        return [
            promise("for some seconds, nothing is stored twice", self._new_ones_twice),
            self.flows(),
            self.complete(),
            self.once(),
        ]

    def _new_ones_twice(self) -> str:
        before, until = set(sent(self.system.folder)), time.monotonic() + BACK_SECONDS
        while time.monotonic() < until:
            rows = stored(self.system.folder)
            if twice := sum(number > 1 for reading, number in rows.items() if reading not in before):
                return f"{twice} are"
            time.sleep(0.1)
        return ""

    def break_it(self) -> None:
        """Start the second one, and wait until it stores."""
        self.system.add("storer-2", "storer", **self.storer(kafka={"group_id": "quicker-storers"}))
        wait_until(lambda: max(stored(self.system.folder).values(), default=0) > 1)
