"""What do some scenarios promise, beside what every one does?"""

from lab.classroom.exercises.exercise import Step
from lab.classroom.incidents.ledger import sent, stored
from lab.classroom.incidents.scenario import promise
from lab.classroom.incidents.system import System


def not_again(system: System) -> Step:
    """What was stored before is not stored again. The fact `early`: how many readings were sent by then."""

    def fault() -> str:
        rows = stored(system.folder)
        twice = sum(rows[reading] > 1 for reading in sent(system.folder)[: system.facts["early"]])
        return f"{twice} are there twice" if twice else ""

    return promise("what was stored before it broke is in the table once", fault)
