"""What hides kafka-python is named where it bites: at `import lab`, and in a terminal."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from lab.clients.installed import PACKAGE, TESTED, find_fault, find_untested, verify_client
from tests.support.packages import install

NEEDED = f'"{PACKAGE}{TESTED}"'
# `kafka` 1.3.5 cannot even be read by Python today: `async` is a word of the language.
OLD_KAFKA = "from kafka.client_async import x\n"
HIDES = r"'import kafka' finds {0}, which hides kafka-python\. Give {0} another name\."
OLD_CLIENT = "class Future:\n    async = True\n"


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONUTF8": "1"},  # else Windows writes in a code page
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
    )


def hide_by_a_file(folder):
    (folder / "kafka.py").write_text("x = 1\n", encoding="utf-8")
    return HIDES.format(re.escape(str(folder / "kafka.py")))


def hide_by_a_folder(folder):
    (folder / "kafka").mkdir()
    (folder / "kafka" / "__init__.py").write_text("", encoding="utf-8")
    return HIDES.format(re.escape(str(folder / "kafka")))


def hide_by_the_old_package(folder):
    (folder / "kafka").mkdir()
    (folder / "kafka" / "__init__.py").write_text(OLD_KAFKA, encoding="utf-8")
    (folder / "kafka" / "client_async.py").write_text(OLD_CLIENT, encoding="utf-8")
    install(folder, "kafka", "1.3.5")
    return (
        "The package kafka is installed; it hides kafka-python. Run .+ -m pip uninstall -y kafka, "
        f"then .+ -m pip install --force-reinstall {re.escape(NEEDED)}"
    )


def hide_by_the_fork(folder):
    (folder / "kafka").mkdir()
    (folder / "kafka" / "__init__.py").write_text("", encoding="utf-8")
    install(folder, "kafka-python-ng", "2.2.3")
    return (
        "The package kafka-python-ng is installed; it hides kafka-python. Run .+ uninstall -y kafka-python-ng"
    )


WAYS = [hide_by_a_file, hide_by_a_folder, hide_by_the_old_package, hide_by_the_fork]


@pytest.mark.parametrize("hide", WAYS)
def test_a_notebook_is_told_in_the_last_line(tmp_path, hide):
    said = hide(tmp_path)
    done = run(tmp_path, "-c", "import lab")
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert matches(f"ImportError: {said}", last)


@pytest.mark.parametrize("hide", WAYS)
def test_a_terminal_is_told_in_one_line(tmp_path, hide):
    said = hide(tmp_path)
    done = run(tmp_path, "-m", "lab", "doctor")
    assert done.returncode == 1
    assert matches(f"error: {said}", done.stderr.strip())


def matches(pattern: str, line: str) -> bool:
    return re.fullmatch(f"{pattern}.*", line) is not None


def another_version(monkeypatch, found):
    monkeypatch.setattr(
        "lab.clients.installed.version", lambda package: found if package == PACKAGE else None
    )


def test_an_old_version_is_named(monkeypatch):
    another_version(monkeypatch, "2.3.1")
    found, fix = find_fault()
    assert found == f"kafka-python 2.3.1 is installed, and the kit needs {TESTED}"
    assert fix.endswith(f"-m pip install --force-reinstall {NEEDED}")
    with pytest.raises(ImportError, match=re.escape(found)):
        verify_client()


@pytest.mark.parametrize("untested", ["3.0.11", "3.1.0", "3.1.0.dev0", "4.0"])
def test_an_untested_version_is_a_warning_and_no_error(monkeypatch, caplog, untested):
    another_version(monkeypatch, untested)
    verify_client()
    assert find_fault() is None
    found, fix = find_untested()
    assert found == f"kafka-python {untested} is installed, and the kit is tested with {TESTED}"
    assert fix.endswith(f"-m pip install --force-reinstall {NEEDED}")
    [said] = caplog.messages
    assert said.startswith(found) and said.endswith(NEEDED)


@pytest.mark.parametrize("tested", ["3.0.12", "3.0.13"])
def test_of_a_tested_version_nothing_is_said(monkeypatch, caplog, tested):
    another_version(monkeypatch, tested)
    verify_client()
    assert find_untested() is None
    assert caplog.messages == []


def test_the_kit_asks_for_the_versions_that_it_is_tested_with():
    """In what pip reads, in what the README says, and in what the tests run with."""
    kit = Path(__file__).parents[2]
    project = tomllib.loads((kit / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert [each for each in project["dependencies"] if each.startswith(PACKAGE)] == [
        f"{PACKAGE}[crc32c,lz4,snappy,zstd]{TESTED}"
    ]
    readme = (kit / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"--force-reinstall (.+?)`", readme) == [NEEDED]
    pinned = re.search(rf"^{PACKAGE}==(.+)$", (kit / "requirements.txt").read_text(encoding="utf-8"), re.M)
    assert f">={pinned[1]}," in TESTED


@pytest.mark.broker
def test_with_a_newer_version_the_kit_is_imported_and_one_line_says_so(tmp_path):
    program = (
        "from importlib import metadata; real = metadata.version; "
        "metadata.version = lambda name: '3.1.0' if name == 'kafka-python' else real(name); "
        "import lab; print(lab.consume.__name__)"
    )
    done = run(tmp_path, "-c", program)
    assert (done.returncode, done.stdout) == (0, "consume\n")
    assert matches("kafka-python 3.1.0 is installed, and the kit is tested with", done.stderr.strip())


def test_a_python_without_it_is_named(monkeypatch):
    """The kernel is another Python than that of .venv, most of the time."""
    monkeypatch.setattr("lab.clients.installed.version", lambda package: None)
    found, _ = find_fault()
    assert found == f"kafka-python is not installed for {sys.executable}"


def test_who_took_another_python_is_shown_that_of_the_kit(tmp_path, monkeypatch):
    """And not told to install into the system's, which would mend nothing."""
    monkeypatch.setattr("lab.clients.installed.version", lambda package: None)
    monkeypatch.setattr("lab.clients.installed.VENV", tmp_path)
    assert find_fault()[1].endswith(f"-m pip install --force-reinstall {NEEDED}")
    for python in (tmp_path / "bin" / "python", tmp_path / "Scripts" / "python.exe"):
        python.parent.mkdir()
        python.touch()
    assert find_fault()[1].startswith(f"The kit has a Python of its own: {tmp_path}")
    monkeypatch.setattr(sys, "prefix", str(tmp_path))  # it is the right one, and has lost its packages
    assert find_fault()[1].endswith(f"-m pip install --force-reinstall {NEEDED}")


def test_here_nothing_is_wrong():
    assert find_fault() is None


def test_a_python_that_is_too_old_is_named_before_anything_else(monkeypatch):
    monkeypatch.setattr("lab.clients.installed.OLDEST_PYTHON", (99, 0))
    with pytest.raises(
        ImportError, match=r"needs Python 3\.11 or newer; this is .* Start it with .*start\.py lab"
    ):
        verify_client()
