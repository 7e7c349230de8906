"""What the kit tells to type works where it is told: each command is taken from the text, and run."""

import ast
import html
import os
import re
import shlex
import shutil
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from lab.classroom.doctor.finding import Finding, Findings
from lab.cli import main
from lab.errors import InvalidReading, LabError
from lab.text import commandline
from lab.text.commandline import as_typed

KIT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
TEXT = "Start one: python -m lab broker start. Or 'python -m lab doctor'."

START = pytest.mark.skipif(
    Path(sys.prefix).resolve() != (KIT / ".venv").resolve(), reason="start.py runs the Python of .venv"
)


@pytest.fixture
def terminal(monkeypatch, tmp_path):
    """A terminal in a folder with a space and an accent, in which no .venv was activated."""
    folder = tmp_path / "my fólder"
    folder.mkdir()
    monkeypatch.chdir(folder)
    others = [each for each in os.environ["PATH"].split(os.pathsep) if Path(each) != BIN]
    monkeypatch.setenv("PATH", os.pathsep.join(others))
    return folder


def run(command: str, **options) -> subprocess.CompletedProcess:
    """What is typed, run from the current folder; `shlex` takes the quotes off, as a shell does."""
    program, *arguments = [word.strip('"') for word in shlex.split(command, posix=os.name != "nt")]
    found = shutil.which(program)
    assert found, command
    return subprocess.run([found, *arguments], capture_output=True, timeout=60, **options)


def advised(words: str = "chart") -> str:
    """The command that the kit, run from the current folder, gives in an error."""
    done = subprocess.run(
        [sys.executable, "-m", "lab", words],
        env=os.environ | {"LAB_WAREHOUSE": "none.db", "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    return re.search(r"yet: (.+) consume makes it", done.stderr)[1]


@pytest.mark.broker
def test_in_an_activated_venv_the_word_is_python():
    assert as_typed(TEXT) == TEXT
    assert run(f"{advised()} --help").returncode == 0


@pytest.mark.broker
@pytest.mark.parametrize("place", ["elsewhere", "below the kit", "in the kit"])
def test_where_nothing_was_activated_the_path_is_told(terminal, monkeypatch, place):
    if place != "elsewhere":
        monkeypatch.chdir(KIT / "notebooks" if place == "below the kit" else KIT)
    told = advised()
    assert told != "python -m lab" and told.endswith("python -m lab".removeprefix("python"))
    assert run(f"{told} --help").returncode == 0


def test_from_the_kit_s_folder_the_path_is_short(terminal, monkeypatch):
    monkeypatch.setattr(sys, "executable", str(terminal / ".venv" / "bin" / "python"))
    short = str(Path(".venv", "bin", "python"))
    assert as_typed("python -m lab produce") == f"{short} -m lab produce"
    monkeypatch.chdir(terminal.parent)
    assert as_typed("python -m lab produce").startswith(f'"my fólder{os.sep}.venv')


def test_a_text_that_passes_twice_stays_as_it_is(terminal):
    text = f"{TEXT} Then start.py lab, and python -m pip install x."
    once = as_typed(text)
    assert once != text
    assert as_typed(once) == once
    assert str(LabError(str(LabError(text)))) == once


def test_errors_and_findings_are_shown_as_typed(terminal):
    told, finding = as_typed(TEXT), Finding("Broker", "none", TEXT)
    assert told != TEXT
    assert str(LabError(TEXT)) == told
    assert told in str(finding)
    assert html.escape(told) in Findings([finding])._repr_html_()
    assert str(InvalidReading(TEXT)) == TEXT  # it quotes the message


def test_what_is_printed_past_errors_and_findings_asks_for_the_word_too():
    """`print(f"... {kit()} ...")`, for nobody puts it right there."""
    for path in (KIT / "lab").rglob("*.py"):
        calls = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if is_print(node)]
        wrong = [each.lineno for each in calls if re.search(r"python -m |start\.py \w", ast.unparse(each))]
        assert wrong == [], path


def is_print(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) in (
        "print",
        "say",
        "log.warning",
        "log.info",
    )


def test_start_py_is_called_by_a_python_that_is_there(terminal, monkeypatch):
    for folder in (terminal, KIT / "notebooks", KIT):
        monkeypatch.chdir(folder)
        command = as_typed("Run start.py setup").removeprefix("Run ")
        assert run(command.replace("setup", "--help")).returncode == 0


def test_start_py_is_called_by_the_python_that_made_the_venv_and_no_other(terminal, monkeypatch, tmp_path):
    (tmp_path / "python3").write_text("an older one", encoding="utf-8")
    (tmp_path / "python3").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert as_typed("start.py demo").startswith(commandline.python())
    (tmp_path / "python").symlink_to(sys.executable)
    assert as_typed("start.py demo").startswith("python ") or os.name == "nt"


def test_a_command_that_start_py_runs_tells_what_to_type_where_start_py_was_called(terminal, monkeypatch):
    monkeypatch.chdir(KIT)
    monkeypatch.setenv(commandline.TYPED_IN, str(KIT.parent))
    typed = as_typed("start.py lab").replace('"', "").replace("'", "")  # a name may have a space
    assert typed.endswith(f"{Path(KIT.name, 'start.py')} lab")


@pytest.mark.broker
@START
def test_the_line_at_the_end_of_start_py_works_where_it_is_printed(terminal):
    command = [sys.executable, KIT / "start.py", "demo", "--wrong"]
    done = subprocess.run(command, capture_output=True, text=True)  # decoded as it was written
    told = re.search(r"See: (.+) demo --help", done.stderr)
    assert told, done.stderr
    assert run(f"{told[1]} demo --help").returncode == 0


def test_installed_without_start_py_it_has_a_name_of_its_own(terminal, monkeypatch):
    monkeypatch.setattr(commandline, "START", terminal / "start.py")
    assert as_typed(TEXT) != TEXT.replace("python -m lab", "kafka-lab")  # it is not on the PATH
    monkeypatch.setenv("PATH", str(BIN))
    assert as_typed(TEXT) == TEXT.replace("python -m lab", "kafka-lab")


def test_the_program_of_the_installed_kit_is_its_main(terminal):
    (entry,) = entry_points(group="console_scripts", name="kafka-lab")
    assert entry.load() is main
    done = subprocess.run([shutil.which("kafka-lab", path=BIN), "--help"], capture_output=True, timeout=60)
    assert (done.returncode, b"produce" in done.stdout) == (0, True)
