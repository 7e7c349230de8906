"""Each incident breaks the system, stays broken after what does not help, and is mended by what does."""

import psutil
import pytest
from kafka.partitioner.default import murmur2

from lab.classroom.doctor.services import check_broker
from lab.classroom.exercises.exercise import DONE, NOT_YET
from lab.classroom.incidents import scenario as scenario_module
from lab.classroom.incidents.incident import Incident
from lab.classroom.incidents.scenarios import SCENARIOS, scenario_of
from lab.errors import LabError
from lab.settings import Settings
from tests.support.mends import fatal_mends_of, mends_of
from tests.support.waiting import wait_for

DOCTOR = [check_broker]
NUMBERED = {name: number for number, name in enumerate(SCENARIOS, start=1)}


@pytest.fixture
def quickly(monkeypatch, request):
    """What stays broken is looked at for a second, not six: only in a long run as long as for a learner."""
    if request.config.getoption("--rounds") < 50:
        monkeypatch.setattr(scenario_module, "SECONDS", 1.0)


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
        begun.append(Incident.start(number, tmp_path / "incidént 1"))
        return begun[-1]

    yield start
    for incident in begun:
        if incident.exists():
            incident.system.close()


@pytest.mark.broker
@pytest.mark.parametrize("name", SCENARIOS)
def test_an_incident_is_mended_by_what_helps_and_by_nothing_else(name, begin, quickly):
    wrong, right = mends_of(name)
    assert len(wrong) >= 3
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
    wait_for(lambda: incident.scenario.flows().done())
    assert incident.check().state == NOT_YET


def test_each_partition_has_a_sensor():
    found = [[partition_of(name) for name in names] for names in scenario_module.SENSORS]
    assert all(set(numbers) == {number} for number, numbers in enumerate(found))


def partition_of(name):
    return (murmur2(name.encode()) & 0x7FFFFFFF) % scenario_module.PARTITIONS


def is_mended_by(mend, incident):
    mend(incident.system)
    wait_for(lambda: incident.check().state == DONE or print(incident.check()))


def assert_doctor_knows(incident):
    """Those faults that it names are said by the scenario, and no others."""
    settings = Settings.from_environment(incident.environment)
    findings = [check(settings) for check in DOCTOR]
    faults = [f"{finding.found} {finding.fix}" for finding in findings if not finding.ok]
    named = incident.scenario.doctor
    assert any(named in fault for fault in faults) if named else not faults, faults


def is_put_back(incident):
    """Nothing runs, and the folder is gone."""
    folder = incident.folder
    assert incident.scenario.cause in incident.end()
    assert not folder.exists()
    left = [process for process in psutil.process_iter() if is_in(process, folder)]
    assert not left


def is_in(process, folder):
    try:
        return str(folder) in process.cwd()
    except (psutil.Error, OSError):
        return False
