"""`start.py` on machines where something is wrong: one clear line, and the next run goes on."""

import ast
import importlib.util
import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.broker

KIT = Path(__file__).parents[2]
BINARIES = "Scripts" if os.name == "nt" else "bin"
BYTE_CODE = shutil.ignore_patterns("__pycache__")  # another test may just write it


@pytest.fixture
def kit(tmp_path):
    """A copy of what start.py needs, under a name with a space and an accent, with no .venv yet."""
    kit = tmp_path / "my kít"
    (kit / "lab" / "embedded").mkdir(parents=True)
    for name in (
        "start.py",
        "pyproject.toml",
        "requirements.txt",
        "requirements-test.txt",
        "requirements-book.txt",
        "lab/embedded/kafka-jars.txt",
    ):
        shutil.copy(KIT / name, kit / name)
    return kit


def run(kit, *arguments, **environment):
    """start.py of the copy, where no uv is found, and pip finds no package anywhere."""
    offline = {"PATH": str(kit / "no such folder"), "PIP_NO_INDEX": "1", "PYTHONUTF8": "1"}
    return subprocess.run(
        [sys.executable, kit / "start.py", *arguments],
        env=os.environ | offline | environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
    )


def make_done(kit, packages="requirements.txt"):
    """A .venv as a finished set-up leaves it: the Python of this run, and the stamps."""
    start = load(kit)
    start.PYTHON.parent.mkdir(parents=True, exist_ok=True)
    if not start.PYTHON.exists():
        start.PYTHON.symlink_to(sys.executable)
    pins = (kit / packages).read_bytes() + (kit / "pyproject.toml").read_bytes()
    start.set_done(packages, pins)
    for step in ("kafka", "kafka-cache"):
        start.set_done(step, (kit / "lab" / "embedded" / "kafka-jars.txt").read_bytes())
    return start


def load(kit):
    spec = importlib.util.spec_from_file_location("start_of_the_copy", kit / "start.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_an_older_python_is_told_what_is_needed(kit, monkeypatch, capsys):
    start = load(kit)
    monkeypatch.setattr(start.sys, "version_info", (3, 10, 12))
    assert start.main() == 1
    assert capsys.readouterr().err.startswith("The kit needs Python 3.11 or newer; this is ")
    assert not (kit / ".venv").exists()


def test_its_text_can_be_read_by_an_older_python(kit):
    """Else it would die of a syntax error before it can say what it needs."""
    ast.parse((kit / "start.py").read_text(encoding="utf-8"), feature_version=(3, 7))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "COMMAND"),
        (["play"], "invalid choice: 'play'"),
        (["setup", "--fast"], "setup takes no arguments"),
    ],
)
def test_a_wrong_call_is_exit_code_2_and_touches_nothing(kit, arguments, said):
    done = run(kit, *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert not (kit / ".venv").exists()


def test_without_a_network_it_says_so_and_the_next_run_tries_again(kit):
    for _ in range(2):
        done = run(kit, "setup")
        assert done.returncode == 1
        assert "Installing requirements.txt into .venv" in done.stdout
        assert done.stderr.splitlines()[-1].startswith("The set-up did not finish; the lines above say why.")
        assert "Traceback" not in done.stderr
        assert not list((kit / ".venv").glob("*.done"))


def test_a_half_made_folder_is_made_anew(kit):
    python = kit / ".venv" / BINARIES / ("python.exe" if os.name == "nt" else "python")
    python.parent.mkdir(parents=True)
    python.write_bytes(b"cut off")
    python.chmod(0o755)
    leftover = kit / ".venv" / "leftover"
    leftover.write_text("", encoding="utf-8")
    assert run(kit, "setup").returncode == 1  # for want of packages
    assert not leftover.exists()
    assert subprocess.run([python, "-c", "import pip"]).returncode == 0


POSIX = pytest.mark.skipif(os.name == "nt", reason="a .venv is imitated by a symbolic link")


@POSIX
def test_what_is_done_is_not_done_again(kit):
    make_done(kit)
    done = run(kit, "setup")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Ready.")


def notebook(text, **cell):
    return json.dumps({"cells": [{"cell_type": "code", "source": text, "outputs": [], **cell}]})


def test_clean_notebooks_are_kept_and_used_ones_never_take_their_place(kit):
    start, mine, kept = load(kit), kit / "notebooks", kit / ".lab" / "notebooks"
    mine.mkdir()
    (mine / "01_one.ipynb").write_text(notebook("clean"), encoding="utf-8")
    (mine / "02_two.ipynb").write_text(notebook("an answer", execution_count=1), encoding="utf-8")
    (mine / "01_one-2026-11-25-2214.ipynb").write_text(notebook("kept"), encoding="utf-8")
    start.keep_notebooks()
    (mine / "01_one.ipynb").write_text(notebook("my try, not run"), encoding="utf-8")
    start.keep_notebooks()
    assert {file.name for file in kept.glob("*.ipynb")} == {"01_one.ipynb"}
    assert "clean" in (kept / "01_one.ipynb").read_text(encoding="utf-8")
    # A new version of the kit brings new notebooks, and leaves those that were used.
    (kit / "lab" / "new.py").write_text("", encoding="utf-8")
    (mine / "01_one.ipynb").write_text(notebook("an answer", execution_count=1), encoding="utf-8")
    (mine / "02_two.ipynb").write_text(notebook("of the new version"), encoding="utf-8")
    start.keep_notebooks()
    assert "clean" in (kept / "01_one.ipynb").read_text(encoding="utf-8")
    assert "of the new version" in (kept / "02_two.ipynb").read_text(encoding="utf-8")


@POSIX
def test_it_says_how_it_is_called_from_here(kit, monkeypatch):
    start = make_done(kit)
    monkeypatch.chdir(kit)
    assert start.as_typed() == "python3 start.py"
    monkeypatch.chdir(kit.parent)
    assert start.as_typed() == 'python3 "my kít/start.py"'
    done = subprocess.run([*shlex.split(start.as_typed()), "setup"], capture_output=True, text=True)
    assert (done.returncode, start.as_typed() in done.stdout) == (0, True)


@POSIX
@pytest.mark.parametrize("name", ["python3", "python", None])
def test_it_names_the_python_that_was_called_and_no_other(kit, monkeypatch, tmp_path, name):
    """`python3` may be an older one."""
    start, folder = load(kit), tmp_path / "bin"
    folder.mkdir()
    for each in ("python3", "python"):
        (folder / each).symlink_to(sys.executable if each == name else shutil.which("true"))
    monkeypatch.setenv("PATH", str(folder))
    assert shlex.split(start.as_typed())[0] == (name or sys.executable)


@POSIX
@pytest.mark.parametrize("change", ["requirements", "pyproject", "moved", "python is gone"])
def test_what_has_changed_is_done_again(kit, change):
    start = make_done(kit)
    if change == "requirements":
        (kit / "requirements.txt").write_text("one-more-package\n", encoding="utf-8")
    elif change == "pyproject":
        (kit / "pyproject.toml").write_text("", encoding="utf-8")
    elif change == "moved":
        kit = kit.rename(kit.with_name("elsewhere"))
    else:
        start.PYTHON.unlink()
        start.PYTHON.symlink_to(kit / "gone")
    done = run(kit, "setup")
    assert done.returncode == 1  # pip finds nothing
    assert "Installing requirements.txt into .venv" in done.stdout


@POSIX
def test_a_cache_that_was_not_made_is_made_by_the_next_set_up_alone(kit):
    """Each try may take minutes. So a demo goes on without it."""
    tries = kit / "tries.txt"
    for name, text in {
        "__main__": "",
        "errors": "LabError = Exception",
        "embedded/jars": "def fetch_jars(progress): pass",
        "embedded/training": f"def prepare_quick_start():\n with open({str(tries)!r}, 'a') as file:\n"
        "  return file.write('a try, ') and file.tell() > 8",
    }.items():
        (kit / "lab" / f"{name}.py").write_text(text, encoding="utf-8")
    start = make_done(kit)
    (start.VENV / "kafka.done").unlink()
    (start.VENV / "kafka-cache.done").unlink()
    found = {}
    for number, command in enumerate(["setup", "demo", "setup", "setup", "demo"]):
        assert run(kit, command).returncode == 0
        found[number, command] = tries.read_text(encoding="utf-8").count("a try")
    assert list(found.values()) == [1, 1, 2, 2, 2]


@POSIX
def test_a_fault_of_the_kit_is_one_line_and_its_exit_code(kit):
    """Here: the jars are not there, and nothing can be fetched."""
    shutil.copytree(KIT / "lab", kit / "lab", ignore=BYTE_CODE, dirs_exist_ok=True)
    start = make_done(kit)
    (kit / ".venv" / "kafka.done").unlink()
    start.PYTHON.unlink()
    start.PYTHON.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', encoding="utf-8")
    start.PYTHON.chmod(0o755)
    proxy = dict.fromkeys(("HTTPS_PROXY", "https_proxy"), "http://127.0.0.1:9")
    done = run(kit, "setup", M2_REPO=str(kit / "maven"), NO_PROXY="", no_proxy="", **proxy)
    assert done.returncode == 1
    assert "of Kafka could not be fetched" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (kit / ".venv" / "kafka.done").exists()
