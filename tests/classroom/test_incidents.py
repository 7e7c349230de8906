"""Each incident breaks the system, stays broken after what does not help, and is mended by what does."""

import os
import re
import threading
import time
from itertools import islice
from pathlib import Path

import psutil
import pytest
from kafka import KafkaConsumer
from kafka.partitioner.default import murmur2

from lab.classroom.doctor import readers
from lab.classroom.doctor.messages import check_messages
from lab.classroom.doctor.readers import check_group
from lab.classroom.doctor.replicas import check_replicas
from lab.classroom.doctor.services import check_broker
from lab.classroom.exercises.exercise import DONE, NOT_YET
from lab.classroom.incidents import incident as incident_module
from lab.classroom.incidents import scenario as scenario_module
from lab.classroom.incidents.incident import Incident
from lab.classroom.incidents.scenario import Scenario, promise
from lab.classroom.incidents.scenarios import SCENARIOS, any_seed, scenario_in, scenario_of, slow_worker
from lab.classroom.incidents.system import System
from lab.errors import LabError
from lab.settings import Settings
from tests.support.marks import USUAL_ROUNDS
from tests.support.mends import fatal_mends_of, mends_of, restart
from tests.support.waiting import soon, wait_for

# In this order, because the next ones wait a minute for the end of a partition that has too few replicas.
DOCTOR = [check_broker, check_replicas, check_messages, check_group]
NUMBERED = {name: number for number, name in enumerate(SCENARIOS, start=1)}


@pytest.fixture
def quickly(monkeypatch, request):
    """What stays broken is looked at for a second, not six: only in a long run as long as for a learner."""
    if request.config.getoption("--rounds") < 50:
        monkeypatch.setattr(scenario_module, "SECONDS", 1.0)
        monkeypatch.setattr(readers, "LOOK_SECONDS", 1.0)
        monkeypatch.setattr(readers, "OPEN_SECONDS", 2.0)


@pytest.fixture
def begin(tmp_path):
    """A function that starts an incident, which is ended afterwards."""
    begun = []

    def start(name):
        number = NUMBERED[name]
        try:
            scenario_of(number)
        except LabError as error:
            pytest.skip(str(error))
        begun.append(Incident(start.folder))
        return begun[-1].start(number)

    start.folder = tmp_path / "incidént 1"
    yield start
    for incident in begun:
        if incident.exists:
            incident.system.close()


@pytest.mark.broker
@pytest.mark.parametrize("name", SCENARIOS)
def test_an_incident_is_mended_by_what_helps_and_by_nothing_else(name, begin, quickly, rounds):
    """After three wrong ones; in a long run, after all of them."""
    wrong, right = mends_of(name)
    assert len(wrong) >= 3
    if rounds <= USUAL_ROUNDS:
        wrong = dict(islice(wrong.items(), 3))
    incident = begin(name)
    assert incident.check().state == NOT_YET
    assert_doctor_knows(incident)
    for text, mend in wrong.items():
        take_back = mend(incident.system)
        assert incident.check().state == NOT_YET, f"mended by: {text}"
        if take_back:
            take_back()
    is_mended_by(next(iter(right.values())), incident)
    is_put_back(incident)


OTHERS = [(name, text) for name in SCENARIOS for text in list(mends_of(name)[1])[1:]]


@pytest.mark.broker
@pytest.mark.long_run
@pytest.mark.parametrize(("name", "text"), OTHERS)
def test_every_right_way_counts(name, text, begin):
    is_mended_by(mends_of(name)[1][text], begin(name))


FATAL = [(name, text) for name in SCENARIOS for text in fatal_mends_of(name)]


@pytest.mark.broker
@pytest.mark.long_run
@pytest.mark.parametrize(("name", "text"), FATAL)
def test_after_what_cannot_be_taken_back_nothing_helps(name, text, begin):
    incident = begin(name)
    fatal_mends_of(name)[text](incident.system)
    next(iter(mends_of(name)[1].values()))(incident.system)
    restart("sender", "storer")(incident.system)  # a client may not know at once that its topic is another
    wait_for(lambda: incident.scenario.flows().done())
    assert incident.check().state == NOT_YET


def test_each_partition_has_a_sensor():
    found = [[partition_of(name) for name in names] for names in scenario_module.SENSORS]
    assert all(set(numbers) == {number} for number, numbers in enumerate(found))


def partition_of(name):
    return (murmur2(name.encode()) & 0x7FFFFFFF) % scenario_module.PARTITIONS


def is_mended_by(mend, incident):
    mend(incident.system)
    wait_for(lambda: incident.check().state == DONE, timeout=90)  # a check itself may take ten seconds


def assert_doctor_knows(incident):
    """Those faults that it names are said by the scenario, and no others."""
    settings = Settings.from_environment(incident.environment)
    named = incident.scenario.doctor

    def faults():
        """One after the other, so that who has found one need not wait for the others."""
        findings = (check(settings) for check in DOCTOR)
        return (f"{finding.found} {finding.fix}" for finding in findings if not finding.ok)

    if named:
        wait_for(lambda: any(named in fault for fault in faults()))
    else:  # for some seconds, a program that has ended is in its group still, and reads nothing
        wait_for(lambda: not any(faults()))


def is_put_back(incident):
    """Nothing runs, and the folder is gone."""
    folder = incident.folder
    began = time.monotonic()
    assert incident.scenario.cause in incident.end()
    assert time.monotonic() - began < soon(10)
    assert not folder.exists()
    left = [process for process in psutil.process_iter() if is_in(process, folder)]
    assert not left


def is_in(process, folder):
    try:
        return str(folder) in process.cwd()
    except (psutil.Error, OSError):
        return False


# The clock, the hints and the page, with a scenario that is mended at once.


class Mended(Scenario):
    call, cause, mend = "Nothing works <here>.", "a cable & a cat", "Put it in."
    hints = ("Look down.", "Look at the wall.", "The cable.")

    def promises(self):
        return [
            promise("the lamp is on", lambda: "" if (self.system.folder / "lamp.json").exists() else "off")
        ]


@pytest.fixture
def incident(tmp_path, monkeypatch):
    """An incident without a system: it is mended by a file lamp.json."""
    monkeypatch.setattr(incident_module, "scenario_of", lambda seed: Mended)
    found = Incident(tmp_path / "incident")
    found.folder.mkdir()
    found.system.remember(seed=7, began=time.time() - 61, hints=0, events=[], files={})
    return found


def lamp(incident):
    (incident.folder / "lamp.json").write_text("{}", encoding="utf-8")


def test_who_needs_no_hint_gets_a_page_with_the_way_that_was_taken(incident):
    assert incident.check().state == NOT_YET
    lamp(incident)
    report = incident.check()
    assert (report.state, incident.points) == (DONE, 10)
    assert "Mended after 1 min: 10 of 10 points." in report.advice
    page = incident.folder.with_name("incident-7.html").read_text(encoding="utf-8")
    for said in (
        "Nothing works &lt;here&gt;.",
        "a cable &amp; a cat",
        "in 1:01 min",
        "<td>1:01</td><td>looked: not mended yet</td>",
        "mended, with another lamp.json",
        "<li>the lamp is on</li>",
        "start --seed 7",
    ):
        assert said in page


def test_it_is_mended_once_however_often_it_is_looked_at(incident):
    lamp(incident)
    assert incident.check().advice == incident.check().advice
    assert [event for _, event in incident.system.facts["events"]] == ["mended, with another lamp.json"]


def test_of_two_who_start_one_at_the_same_moment_the_second_is_told(tmp_path, monkeypatch, caplog):
    begun, said = [], []

    class Slow(Mended):
        def start_kafka(self, *_):
            begun.append(self)
            wait_for(lambda: len(begun) == 2 or "Waiting for" in caplog.text)

        def begin(self):
            pass

        def break_it(self):
            pass

        def flows(self):
            return promise("it works", lambda: "")

    def start():
        try:
            Incident(tmp_path / "incident").start(7)
        except LabError as error:
            said.append(str(error))

    monkeypatch.setattr(incident_module, "scenario_of", lambda seed: Slow)
    monkeypatch.setenv("LAB_HOME", str(tmp_path / "home"))
    threads = [threading.Thread(target=start) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(begun) == 1
    assert len(said) == 1
    assert "Incident 7 is still there" in said[0]


def test_a_hint_costs_points_and_the_page(incident):
    assert [incident.hint() for _ in range(3)] == list(Mended.hints)
    assert incident.hint() == "There are no more hints. The last one: The cable."
    assert incident.points == 1
    lamp(incident)
    assert incident.check().advice == "Mended after 1 min: 1 of 10 points."
    assert not list(incident.folder.parent.glob("*.html"))


def test_commands_in_hints_and_in_the_end_are_shown_as_they_are_typed_here(incident, monkeypatch):
    monkeypatch.setattr("lab.text.commandline.kit", lambda: "kafka-lab")
    monkeypatch.setattr(Mended, "hints", ("python -m lab doctor", "", ""))
    monkeypatch.setattr(Mended, "mend", "python -m lab incident restart lamp.")
    assert incident.hint() == "kafka-lab doctor"
    assert incident.end().endswith("kafka-lab incident restart lamp.")


def test_the_seed_chooses_the_scenario_and_its_details():
    number = len(SCENARIOS)
    assert len({scenario_in(name) for name in SCENARIOS}) == number
    assert scenario_of(1) is scenario_of(number + 1)
    systems = {
        seed: scenario_of(seed)(System(Path("nowhere")), seed) for seed in range(1, 3 * number, number)
    }
    assert len({tuple(each.sensors) for each in systems.values()}) > 1
    assert scenario_of(1)(System(Path("nowhere")), 1).sensors == systems[1].sensors


def test_the_lesson_says_how_many_the_doctor_names():
    lesson = (Path(__file__).parents[2] / "notebooks" / "18_incidents.ipynb").read_text(encoding="utf-8")
    (said,) = re.findall(r"Of the (\d+) incidents, the doctor names (\d+)", lesson)
    named = [name for name in SCENARIOS if scenario_in(name).doctor]
    assert (int(said[0]), int(said[1])) == (len(SCENARIOS), len(named))


def test_where_kafka_cannot_remove_files_no_scenario_needs_it(monkeypatch):
    needy = [number for name, number in NUMBERED.items() if scenario_in(name).deletes]
    monkeypatch.setattr(os, "name", "nt")
    for number in needy:
        with pytest.raises(LabError, match="Windows does not allow"):
            scenario_of(number)
    assert not any(scenario_of(any_seed()).deletes for _ in range(100))


def test_what_a_scenario_says_does_not_give_it_away():
    """The caller knows nothing of Kafka, and the first hint does not name the cause."""
    words = re.compile(r"partition|offset|topic|group|leader|replica|transaction|retention|idempoten", re.I)
    for name in SCENARIOS:
        scenario = scenario_in(name)
        assert len(scenario.hints) == 3
        assert not words.search(scenario.call), scenario.call
        assert scenario.cause not in scenario.hints[0]


def test_a_slow_program_does_not_lose_its_partition(tmp_path):
    """If one poll gave it so many readings that it is away for minutes, the incident would mend itself."""
    system = System(tmp_path)
    system.remember(topic="readings", group="storers", bootstrap_servers="127.0.0.1:9")
    kafka = KafkaConsumer.DEFAULT_CONFIG | slow_worker.SlowWorker(system, 1).storer()["kafka"]
    away = kafka["max_poll_records"] * slow_worker.SLOW_SECONDS
    assert away < kafka["max_poll_interval_ms"] / 1000 / 10


@pytest.mark.broker
def test_a_start_that_was_killed_is_no_incident(begin):
    """Its Kafka may run still: the next start ends it."""
    system = Incident(begin.folder).system
    begin.folder.mkdir()
    system.remember(seed=1, topic="readings", group="storers")
    system.start_kafka()
    left = psutil.Process(system.broker.nodes()[0].pid)
    assert begin("poison").check().state == NOT_YET
    assert not left.is_running()


def test_without_an_incident_each_question_says_how_one_is_started(tmp_path):
    incident = Incident(tmp_path)
    questions = (incident.check, incident.hint, incident.programs, incident.end, lambda: incident.call)
    for question in (*questions, lambda: incident.restart("kafka"), lambda: incident.stop("kafka")):
        with pytest.raises(LabError, match="There is no incident"):
            question()
