"""What runs while an incident lasts? The call, the clock, the check, the hints; kept in a folder."""

import random
import time
from pathlib import Path

from lab.classroom.exercises.exercise import DONE
from lab.classroom.exercises.report import Report, look_at
from lab.classroom.incidents.scenario import Scenario
from lab.classroom.incidents.scenarios import scenario_of
from lab.classroom.incidents.system import System
from lab.errors import LabError
from lab.system.paths import absolute
from lab.system.signals import wait_until

FOLDER = Path("incident")  # in the kit's folder, or in the current one
POINTS, HINT_POINTS = 10, 3
WORKS_SECONDS = 60.0  # within which a new system works
MANY = 1000  # seeds to draw from


class Incident:
    """The incident in a folder: a system that was broken, and what was tried so far."""

    def __init__(self, folder: Path | None = None):
        self.folder = folder or absolute(FOLDER)
        self.system = System(self.folder)

    @classmethod
    def start(cls, seed: int | None = None, folder: Path | None = None) -> "Incident":
        """Start a system, wait until it works, and break it. The seed decides how.

        Raises LabError if there is another incident.
        """
        incident = cls(folder)
        if incident.exists():
            raise LabError(
                f"Incident {incident.seed} is still there, in {incident.folder}. "
                "End it first: python -m lab incident end."
            )
        seed = random.randrange(1, MANY) if seed is None else seed
        scenario_of(seed)  # raises for one that cannot be had here
        incident.folder.mkdir(parents=True, exist_ok=True)
        incident.system.remember(seed=seed, topic="readings", group="storers")
        try:
            incident._break()
        except BaseException:
            incident.system.close()
            raise
        return incident

    def _break(self) -> None:
        scenario = self.scenario
        scenario.start_kafka()
        scenario.begin()
        works = scenario.flows().done
        wait_until(works, WORKS_SECONDS)
        scenario.break_it()
        self.system.remember(began=time.time(), hints=0, events=[])

    def exists(self) -> bool:
        """Whether there is one."""
        return "seed" in self.system.facts

    @property
    def seed(self) -> int:
        """The number that decides what is broken."""
        return self._fact("seed")

    @property
    def scenario(self) -> Scenario:
        """What is broken."""
        return scenario_of(self.seed)(self.system, self.seed)

    @property
    def call(self) -> str:
        """The symptom, in the words of the one who calls."""
        return self.scenario.call

    @property
    def environment(self) -> dict[str, str]:
        """The variables with which the kit's commands look at this system."""
        names = {"LAB_BOOTSTRAP_SERVERS": "bootstrap_servers", "LAB_TOPIC": "topic", "LAB_GROUP": "group"}
        return {variable: self._fact(fact) for variable, fact in names.items()}

    @property
    def points(self) -> int:
        """What it is worth: fewer with each hint."""
        return POINTS - HINT_POINTS * self._fact("hints")

    def check(self) -> Report:
        """Look whether it is mended: at what is sent and stored, at the cluster, and at what must be kept."""
        report = look_at(f"{self.seed}", self.scenario.promises(), kind="Incident")
        if report.state == DONE:
            self._note("mended")
        else:
            self._note("checked: not yet")
        return report

    def hint(self) -> str:
        """One hint more, and what it costs."""
        hints, given = self.scenario.hints, self._fact("hints")
        if given == len(hints):
            return f"There are no more hints. The last was: {hints[-1]}"
        self.system.remember(hints=given + 1)
        self._note(f"hint {given + 1}")
        return hints[given]

    def restart(self, name: str) -> None:
        """Restart a program of the system, or a node of Kafka."""
        self.system.restart(name)
        self._note(f"restarted {name}")

    def end(self) -> str:
        """End the system, remove its folder, and say what was wrong."""
        scenario = self.scenario
        self.system.close()
        return f"What was wrong: {scenario.cause}\nOne way to mend it: {scenario.mend}"

    def _fact(self, name: str):
        try:
            return self.system.facts[name]
        except KeyError:
            raise LabError("There is no incident. Start one: python -m lab incident start.") from None

    def _note(self, event: str) -> None:
        seconds = round(time.time() - self._fact("began"))
        self.system.remember(events=[*self._fact("events"), [seconds, event]])
