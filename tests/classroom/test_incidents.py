"""Each incident breaks the system, stays broken after what does not help, and is mended by what does."""

import psutil
import pytest

from lab.classroom.doctor.messages import check_messages
from lab.classroom.doctor.readers import check_group, check_replicas
from lab.classroom.doctor.services import check_broker
from lab.classroom.exercises.exercise import DONE, NOT_YET
from lab.classroom.incidents import scenario as scenario_module
from lab.classroom.incidents.incident import Incident
from lab.classroom.incidents.scenarios import SCENARIOS, scenario_of
from lab.errors import LabError
from lab.settings import Settings
from tests.support.mends import mends_of
from tests.support.waiting import wait_for

DOCTOR = [check_broker, check_messages, check_replicas, check_group]
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
        begun.append(Incident(tmp_path / "incidént 1"))
        return begun[-1].start(number)

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


def is_mended_by(mend, incident):
    mend(incident.system)
    wait_for(lambda: incident.check().state == DONE or print(incident.check()))


def assert_doctor_knows(incident):
    """Those faults that it names are said by the scenario, and no others."""
    settings = Settings.from_environment(incident.environment)
    named = incident.scenario.doctor

    def faults():
        findings = [check(settings) for check in DOCTOR]
        return [f"{finding.found} {finding.fix}" for finding in findings if not finding.ok]

    if named:
        wait_for(lambda: any(named in fault for fault in faults()))
    else:
        assert faults() == []


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
