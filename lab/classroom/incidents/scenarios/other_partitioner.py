"""Two programs send the same keys, and each has its own way to choose the partition of a key."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from zlib import crc32

from lab.classroom.exercises.exercise import Step
from lab.classroom.incidents.ledger import sent_by, stored
from lab.classroom.incidents.placement import in_order
from lab.classroom.incidents.scenario import METADATA_MS, PARTITIONS, SENSORS, Scenario, promise
from lab.classroom.incidents.system import System
from lab.system.signals import wait_until

PAUSE, FETCH_MS = 0.25, 800
START_SECONDS = 4.0


class OtherPartitioner(Scenario):
    """A second sender came, whose partitioner is crc32. The storer fetches many messages at once."""

    call = (
        "Since each machine has a second gateway, I get twice as many values, as I wanted: I need both. "
        "But the last value jumps back and forth: an older one comes after a newer one."
    )
    hints = (
        "Take one sensor: where in Kafka are its readings? python -m lab kafka console-consumer --topic "
        "readings --from-beginning --max-messages 99 --formatter-property print.partition=true shows it.",
        "Kafka keeps the order within a partition. The program that sends computes the partition from the "
        "key: compare sender.json with sender-2.json.",
        "The partitioner of sender-2 is crc32, that of sender is murmur2: a sensor has two partitions.",
    )
    cause = "Two programs chose the partition of a key, each in its own way: a sensor was in two partitions."
    mend = (
        "In sender-2.json, set partitioner to murmur2, as in sender.json; then "
        "python -m lab incident restart sender-2."
    )

    def __init__(self, system: System, seed: int):
        super().__init__(system, seed)
        self.sensors = [self.chance.choice(_moved(number)) for number in range(PARTITIONS)]

    def sender(self, **changes: Any) -> dict[str, Any]:
        """It learns of new partitions as soon as the others."""
        return super().sender(pause=PAUSE, kafka={"metadata_max_age_ms": METADATA_MS}, **changes)

    def storer(self, **changes: Any) -> dict[str, Any]:
        """It saves requests: it waits almost a second for more, and reads partition by partition."""
        return super().storer(kafka={"fetch_min_bytes": 100_000, "fetch_max_wait_ms": FETCH_MS}, **changes)

    def break_it(self) -> None:
        """Start the second one, and wait until an older reading is stored after a newer one."""
        self.system.add("sender-2", "sender", **self.sender(partitioner="crc32"))
        wait_until(self._jumps)

    def promises(self) -> Sequence[Step]:
        """Both send, and each sensor has its order."""
        return [
            promise("both gateways send", self._silent),
            in_order(self.system, self.sensors),
            *super().promises(),
        ]

    def _silent(self) -> str:
        """The programs that send nothing, also after the time that a start takes."""
        before = sent_by(self.system.folder)

        def silent() -> list[str]:
            now = sent_by(self.system.folder)
            return [name for name in before if len(now[name]) == len(before[name])]

        with suppress(TimeoutError):
            wait_until(lambda: not silent(), START_SECONDS)
        return " and ".join(f"not {name}" for name in silent())

    def _jumps(self) -> bool:
        newest: dict[str, str] = {}
        for sensor, ts in stored(self.system.folder):  # in the order in which they were stored
            if ts < newest.get(sensor, ""):
                return True
            newest[sensor] = ts
        return False


def _moved(number: int) -> list[str]:
    """The sensors of a partition that are in another one with crc32."""
    return [name for name in SENSORS[number] if crc32(name.encode()) % PARTITIONS != number]
