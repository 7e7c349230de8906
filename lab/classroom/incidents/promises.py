"""What do some scenarios promise, beside what every one does?"""

from collections.abc import Sequence
from datetime import datetime

from lab.classroom.exercises.exercise import Step
from lab.classroom.incidents.ledger import sent, stored
from lab.classroom.incidents.scenario import in_time, promise
from lab.classroom.incidents.system import System


def not_again(system: System) -> Step:
    """What was stored before is not stored again. The fact `early`: how many readings were sent by then."""

    def fault() -> str:
        rows = stored(system.folder)
        twice = sum(rows[reading] > 1 for reading in sent(system.folder)[: system.facts["early"]])
        return f"{twice} are there twice" if twice else ""

    return promise("what was stored before it broke is in the table once", fault)


def as_often(system: System, sensors: Sequence[str], seconds: float) -> Step:
    """The last two readings of each sensor are no more than these seconds apart."""

    def fault() -> str:
        times: dict[str, list[datetime]] = {sensor: [] for sensor in sensors}
        for sensor, ts in sent(system.folder):
            times[sensor].append(datetime.fromisoformat(ts))
        rare = [
            sensor for sensor, found in times.items() if (found[-1] - found[-2]).total_seconds() > seconds
        ]
        return f"not {', '.join(rare)}" if rare else ""

    return promise("each sensor is measured as often as before", lambda: in_time(fault))
