"""What runs while an incident lasts? The call, the clock, the check, the hints; kept in a folder."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from lab.classroom.exercises.exercise import DONE, Step
from lab.classroom.exercises.report import Report, look_at
from lab.classroom.incidents.page import write_page
from lab.classroom.incidents.scenario import Scenario, promise
from lab.classroom.incidents.scenarios import any_seed, scenario_of
from lab.classroom.incidents.state import (
    changed_after_start,
    changed_files,
    state_of_files,
    state_of_programs,
    state_of_readings,
)
from lab.classroom.incidents.system import System
from lab.errors import LabError
from lab.settings import Settings
from lab.system.locks import one_at_a_time
from lab.text.commandline import as_typed

FOLDER = "incident"  # beside the kit's home, which JupyterLab does not show
POINTS, HINT_POINTS = 10, 3
CURRENT = "each program runs with what its files say now"
LOCK_SECONDS = 180.0  # a start takes some seconds; on a busy machine, a minute


class Incident:
    """The incident in a folder: a system that was broken, and what was tried so far."""

    def __init__(self, folder: Path | None = None, known_in: Path | None = None):
        """`known_in`: the kit's home, if what it starts is to end with this Python."""
        home = Settings.from_environment().home
        self.folder = folder or home.parent / FOLDER
        self.system = System(self.folder, known_in)
        self._lock = home / f"{self.folder.name}.lock"

    def __repr__(self) -> str:
        return f"Incident {self.seed}: {self.call}"

    def _repr_markdown_(self) -> str:
        return f"**Incident {self.seed}**\n\n> {self.call}"

    def start(self, seed: int | None = None) -> "Incident":
        """Start a system, wait until it works, and break it. The seed decides how.

        Raises LabError if there is another incident, or if this one cannot be had here.
        """
        seed = any_seed() if seed is None else seed
        scenario_of(seed)
        self._lock.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with one_at_a_time(self._lock, LOCK_SECONDS):
            if self.exists:
                raise LabError(
                    f"Incident {self.seed} is still there, in {self.folder}. "
                    "End it first: python -m lab incident end."
                )
            if self.system.facts:  # of a start that was killed
                self.system.close()
            self._break(seed)
        return self

    def _break(self, seed: int) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.system.remember(seed=seed, topic="readings", group="storers")
        try:
            self.scenario.happen()
            self.system.remember(began=time.time(), hints=0, events=[], files=state_of_files(self.folder))
        except BaseException:
            self.system.close()
            raise

    @property
    def exists(self) -> bool:
        """Whether there is one."""
        return "began" in self.system.facts

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
    def kafka(self) -> dict[str, Any]:
        """How to reach its Kafka, as keyword arguments for the clients and the functions of the kit."""
        return {"bootstrap_servers": self._fact("bootstrap_servers")}

    @property
    def environment(self) -> dict[str, str]:
        """The variables with which the kit's commands look at this system."""
        names = {"LAB_BOOTSTRAP_SERVERS": "bootstrap_servers", "LAB_TOPIC": "topic", "LAB_GROUP": "group"}
        return {variable: self._fact(fact) for variable, fact in names.items()}

    @property
    def points(self) -> int:
        """What it is worth: fewer with each hint."""
        return POINTS - HINT_POINTS * self._fact("hints")

    def programs(self) -> list[dict[str, object]]:
        """Each program, and each node of Kafka: whether it runs, and what it printed last."""
        self._fact("seed")
        return state_of_programs(self.system)

    def readings(self) -> list[dict[str, object]]:
        """For each sensor: how many readings were sent and stored, and the times of the last ones, in UTC."""
        self._fact("seed")
        return state_of_readings(self.folder)

    def promises(self) -> list[Step]:
        """What must hold when it is mended, in the order in which it is looked at."""
        return [promise(CURRENT, lambda: changed_after_start(self.system)), *self.scenario.promises()]

    def check(self) -> Report:
        """Look whether it is mended: at what is sent and stored, at the cluster, and at what must be kept."""
        report = look_at(f"{self.seed}", self.promises(), kind="Incident")
        if report.state != DONE:
            self._note("looked: not mended yet")
            return replace(report, advice="Something is not as it should be yet.")
        if "mended" not in self.system.facts:
            changed = ", ".join(self.changed())
            self._note(f"mended, with another {changed}" if changed else "mended")
            self.system.remember(mended=time.time())
        return replace(report, advice=_praise(self))

    def hint(self) -> str:
        """One hint more."""
        hints, given = self.scenario.hints, self._fact("hints")
        if given == len(hints):
            return f"There are no more hints. The last one: {hints[-1]}"
        self.system.remember(hints=given + 1)
        self._note(f"hint {given + 1}")
        return as_typed(hints[given])

    def restart(self, *names: str) -> None:
        """Restart programs of the system, or nodes of Kafka."""
        self._fact("seed")
        for name in names:
            self.system.restart(name)
            self._note(f"restarted {name}")

    def stop(self, *names: str) -> None:
        """Stop programs of the system, or nodes of Kafka."""
        self._fact("seed")
        for name in names:
            self.system.end(name)
            self._note(f"stopped {name}")

    def changed(self) -> list[str]:
        """The programs and files of settings that are others than when it was broken."""
        return changed_files(self._fact("files"), self.folder)

    def end(self) -> str:
        """End the system, remove its folder, and say what was wrong."""
        scenario = self.scenario
        self.system.close()
        return as_typed(f"What was wrong: {scenario.cause}\nOne way to mend it: {scenario.mend}")

    def _fact(self, name: str) -> Any:
        try:
            return self.system.facts[name]
        except KeyError:
            raise LabError("There is no incident. Start one: python -m lab incident start.") from None

    def _note(self, event: str) -> None:
        """Keep what was done, and when: it is on the page."""
        seconds = round(time.time() - self._fact("began"))
        self.system.remember(events=[*self._fact("events"), [seconds, event]])


def _praise(incident: Incident) -> str:
    """What it was worth; without a hint, with the page."""
    facts = incident.system.facts
    minutes = (facts["mended"] - facts["began"]) / 60
    text = f"Mended after {minutes:.0f} min: {incident.points} of {POINTS} points."
    if facts["hints"]:
        return text
    page = write_page(incident, incident.folder.with_name(f"incident-{incident.seed}.html"))
    return f"{text} Without a hint: your page to print is {page.name}, in {page.parent}."


def start_incident(seed: int | None = None, folder: Path | None = None) -> Incident:
    """Start a small system, and break it: the seed decides how. One that was in the folder is ended first.

    It ends with the notebook's kernel. Its files are in `folder`: by default `incident`, where the commands
    `python -m lab incident ...` look.
    """
    home = Settings.from_environment().home
    incident = Incident(folder, known_in=home)
    if incident.exists:
        incident.end()
    return incident.start(seed)
