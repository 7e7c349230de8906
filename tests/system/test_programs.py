"""The programs that notebooks start: none is left running unknown, and none is ended by mistake."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

import lab
from lab.classroom.doctor.services import check_leftovers
from lab.settings import Settings
from lab.system.programs import Process, end, end_with_this_process, left_over, read_programs
from tests.support.waiting import wait_for

# A notebook's kernel, as far as its programs are concerned. It ends in order when its input is closed.
KERNEL = """
import os, signal, sys
from lab import start_program
signal.signal(signal.SIGINT, lambda *_: print("interrupted", flush=True))
does, *seconds = sys.argv[1:]
for each in seconds:
    start_program([sys.executable, "-c", f"{does}({each})"])
print(os.getpid(), flush=True)
sys.stdin.read()
"""


class Kernel:
    """A process that starts a program for each number of seconds."""

    def __init__(self, home, *seconds, does="import time; time.sleep"):
        self.process = subprocess.Popen(
            [sys.executable, "-c", KERNEL, does, *map(str, seconds)],
            env=os.environ | {"LAB_HOME": str(home)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # as JupyterLab starts one
        )
        pid = int(self.process.stdout.readline())  # on Windows not that of the process, which starts it
        self.programs = [each for each in read_programs(home) if each.owner.pid == pid]

    def end(self):
        self.process.stdin.close()
        self.process.wait(30)

    def kill(self):
        self.process.kill()
        self.process.wait(10)


@pytest.fixture
def home(tmp_path):
    home = tmp_path / "a hóme"
    yield home
    end(read_programs(home), timeout=0)


@pytest.fixture
def kernel(home):
    """It starts kernels, and kills them at the end."""
    kernels = []

    def start(*seconds, home=home, **options):
        kernels.append(Kernel(home, *seconds, **options))
        return kernels[-1]

    yield start
    for each in kernels:
        each.kill()
        each.process.stdin.close()
        each.process.stdout.close()


def command(home, *words):
    return subprocess.run(
        [sys.executable, "-m", "lab", *words],
        env=os.environ
        | {"LAB_HOME": str(home), "LAB_WAREHOUSE": str(home / "warehouse.db"), "PYTHONUTF8": "1"},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
    )


@pytest.fixture
def leftovers(monkeypatch):
    """What the doctor finds in a home, without brokers: other tests end theirs meanwhile."""
    monkeypatch.setattr("lab.embedded.nodes.kafka_processes", list)
    monkeypatch.setattr("lab.classroom.doctor.services.kafka_processes", list)
    return lambda home: check_leftovers(Settings(home=home))


@pytest.mark.broker
def test_a_program_ends_with_its_kernel_and_its_record_is_removed(kernel, home):
    ending = kernel(600, 601)
    assert [each.name for each in ending.programs] == [
        f"{Path(sys.executable).name} -c import time; time.sleep({seconds})" for seconds in (600, 601)
    ]
    ending.end()
    assert not any(program.process.is_alive() for program in ending.programs)
    assert list((home / "programs").iterdir()) == []


@pytest.mark.broker
def test_a_program_of_a_killed_kernel_is_left_over_until_the_next_start(kernel, home, leftovers):
    killed, open_ = kernel(600), kernel(601)
    assert leftovers(home).ok and "running for an open notebook: python" in leftovers(home).found
    killed.kill()
    assert left_over(home) == killed.programs
    finding = leftovers(home)
    assert f"time.sleep(600) (process {killed.programs[0].process.pid})" in finding.found
    assert "601" not in finding.found and "python -m lab broker stop" in finding.fix
    kernel(602)
    assert not killed.programs[0].process.is_alive()
    assert open_.programs[0].process.is_alive()  # nobody ends what belongs to an open notebook


@pytest.mark.broker
@pytest.mark.parametrize("words", [["broker", "stop"], ["broker", "reset"], ["reset"]], ids=" ".join)
def test_the_commands_that_end_everything_end_programs_and_name_them(kernel, home, words):
    killed, open_ = kernel(600), kernel(601)
    killed.kill()
    done = command(home, *words)
    assert done.returncode == 0, done.stderr
    for program in killed.programs + open_.programs:
        assert f"Ended, of a notebook: {program}\n" in done.stdout
        assert not program.process.is_alive()
    assert "Ended" not in command(home, *words).stdout


def test_a_lesson_in_the_middle_does_not_keep_the_broker_from_being_stopped(own_broker, kernel):
    """Its consumer is connected to the broker. Other programs that are connected protect it."""
    place = ("127.0.0.1", own_broker.port)
    connect = f"import socket, time; s = socket.create_connection({place}); time.sleep"
    (consumer,) = kernel(600, home=own_broker.home, does=connect).programs
    wait_for(lambda: own_broker.clients() != [])
    with socket.create_connection(place):
        assert "goes on: it is used by python" in command(own_broker.home, "broker", "stop").stderr
        assert consumer.process.is_alive()
    done = command(own_broker.home, "broker", "stop")
    assert done.stdout == f"Ended, of a notebook: {consumer}\nStopped.\n", done.stderr
    assert not own_broker.is_running()


@pytest.mark.skipif(os.name == "nt", reason="Windows interrupts a kernel by an event, and no group")
def test_the_stop_button_spares_a_program(kernel):
    interrupted = kernel(600)
    os.killpg(interrupted.process.pid, signal.SIGINT)  # as JupyterLab does
    assert interrupted.process.stdout.readline() == b"interrupted\n"
    # The system sends a signal to a whole group at once.
    assert interrupted.programs[0].process.is_alive()
    assert os.getpgid(interrupted.programs[0].process.pid) != interrupted.process.pid


def test_a_program_that_does_not_end_when_asked_is_killed(home, kernel):
    suspended = kernel(600)
    psutil.Process(suspended.programs[0].process.pid).suspend()
    assert end(suspended.programs, timeout=0.2) == suspended.programs
    assert not suspended.programs[0].process.is_alive()


def test_another_process_with_the_same_id_is_not_ended(home, kernel):
    """The system gives the id of a program that has ended to a new one."""
    old = kernel(600).programs[0]
    record = json.loads(old.file.read_text(encoding="utf-8"))
    record["process"]["pid"] = os.getpid()
    old.file.with_name(f"{os.getpid()}.json").write_text(json.dumps(record), encoding="utf-8")
    assert read_programs(home) == [old]


def test_a_damaged_record_is_no_program(home, kernel, leftovers):
    (known,) = kernel(600).programs
    for number, text in enumerate(["", "{", "[]", '{"name": 1}', '{"name": "x", "process": {}}']):
        known.file.with_name(f"damaged-{number}.json").write_text(text, encoding="utf-8")
    assert read_programs(home) == [known]
    assert leftovers(home).ok


def test_a_program_that_cannot_be_recorded_is_not_started(tmp_path, monkeypatch):
    (tmp_path / "programs").write_text("", encoding="utf-8")
    monkeypatch.setenv("LAB_HOME", str(tmp_path))
    before = psutil.Process().children()
    with pytest.raises(lab.LabError, match=r"cannot be written: .* LAB_HOME"):
        lab.start_program([sys.executable, "-c", "import time; time.sleep(600)"])
    assert set(psutil.Process().children()) <= set(before)


def test_a_program_that_has_already_ended_needs_no_record(tmp_path):
    program = subprocess.Popen([sys.executable, "-c", ""])
    wait_for(lambda: has_ended(program.pid))
    end_with_this_process(tmp_path, program.pid, "a quick one")
    assert program.wait() == 0
    assert read_programs(tmp_path) == []


def test_a_process_that_is_too_new_to_be_read_on_windows_is_asked_again(monkeypatch):
    """Reading its memory failed, and the cell that had started it with that."""
    answers = iter([OSError(87, "Invalid parameter"), [], ["python", "-c", "pass"]])

    def cmdline(process):
        answer = next(answers)
        if isinstance(answer, OSError):
            raise answer
        return answer

    before = Process.of(os.getpid())
    monkeypatch.setattr(psutil.Process, "cmdline", cmdline)
    assert Process.of(os.getpid()) != before
    assert list(answers) == []


def has_ended(pid):
    """Also if its parent has not noticed."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
