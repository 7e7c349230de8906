"""Where the kit is not started with start.py: the files that other places read. (The places were not run.)"""

import json
import os
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
import tomllib
from contextlib import closing
from pathlib import Path

import nbformat
import pytest

import lab
import lab.embedded.java
from lab.classroom.exercises.exercise import SOLUTIONS
from lab.clients.installed import OLDEST_PYTHON

KIT = Path(__file__).parents[2]
BINDER = KIT / "binder"


def text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def python_of(name: str) -> tuple[int, ...]:
    """The version in a name as `python-3.13`."""
    return tuple(map(int, re.search(r"python.(\d+)\.(\d+)$", name).groups()))


def test_a_development_container_sets_the_kit_up_with_start_py():
    container = json.loads(text(KIT / ".devcontainer" / "devcontainer.json"))
    assert python_of(container["image"]) >= OLDEST_PYTHON
    python, script, command = shlex.split(container["postCreateCommand"])
    done = subprocess.run([sys.executable, KIT / script, "--help"], capture_output=True, text=True)
    assert python == "python3" and f"    {command} " in done.stdout


def test_a_plain_install_has_every_part():
    """What setuptools is told, against what is there: `pip install .` takes nothing else along."""
    told = tomllib.loads(text(KIT / "pyproject.toml"))["tool"]["setuptools"]

    def package(path: Path) -> str:
        return path.parent.relative_to(KIT).as_posix().replace("/", ".")

    data = {
        file
        for name, patterns in told["package-data"].items()
        for pattern in patterns
        for file in KIT.joinpath(*name.split(".")).glob(pattern)
    }
    there = {path for path in (KIT / "lab").rglob("*.*") if path.suffix != ".pyc"}
    assert set(told["packages"]) == {package(path) for path in there - data}
    assert {path for path in there - data if path.suffix != ".py"} == set()
    assert data & set(SOLUTIONS.iterdir()) == {path for path in SOLUTIONS.iterdir() if path.suffix == ".py"}


def test_binder_installs_what_everybody_installs():
    assert python_of(text(BINDER / "runtime.txt").strip()) >= OLDEST_PYTHON
    (line,) = text(BINDER / "requirements.txt").splitlines()
    assert (BINDER / line.removeprefix("-r ")).resolve() == KIT / "requirements.txt"
    assert os.name == "nt" or os.access(BINDER / "postBuild", os.X_OK)


def test_binder_fetches_kafka_while_it_builds(tmp_path, monkeypatch):
    """The line of postBuild, with no shell: what it runs asks for the jars."""
    python, option, program = shlex.split(text(BINDER / "postBuild").splitlines()[-1])
    asked = []
    monkeypatch.setattr(lab.embedded.java, "fetch_jars", lambda: asked.append(1) or [])
    monkeypatch.setattr("lab.embedded.java.cache_file", lambda java, jars: tmp_path / "kafka-test.aot")
    exec(program, {})
    assert (python, option) == ("python", "-c") and asked


@pytest.mark.skipif(not shutil.which("git"), reason="there is no git")
def test_a_checkout_has_the_same_bytes_where_git_writes_crlf(tmp_path):
    """As Git for Windows does when nobody asked for it."""
    names = [
        ".gitattributes",
        ".ci/run",
        "requirements.txt",
        "notebooks/01_broker.ipynb",
        "docs/sensor_logs.png",
    ]
    before = {name: (KIT / name).read_bytes().replace(b"\r\n", b"\n") for name in names if name[-3:] != "png"}
    before["docs/sensor_logs.png"] = (KIT / "docs" / "sensor_logs.png").read_bytes()
    for name, content in before.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    git = ["git", "-c", "core.autocrlf=true", "-c", "core.safecrlf=false", "-C", tmp_path]
    for arguments in ("init -q", "add .", "checkout-index --all --prefix=out/"):
        subprocess.run([*git, *arguments.split()], check=True)
    assert {name: (tmp_path / "out" / name).read_bytes() for name in before} == before


def test_lesson_06_reads_and_runs_its_program_from_any_folder(kafka, tmp_path, monkeypatch, capsys):
    """VS Code, for one, starts a kernel elsewhere than beside the notebook."""
    monkeypatch.chdir(tmp_path)
    cells = nbformat.read(KIT / "notebooks" / "06_delivery.ipynb", as_version=4).cells
    shows, runs = (cell.source for cell in cells if "naive_consumer" in cell.source)
    topic, place = lab.fresh_name("naive"), {}
    lab.produce(topic, lab.simulate_readings(10), interval=0, max_batches=150, **kafka)
    exec(shows, place)
    assert place["code"] == (KIT / "lab" / "classroom" / "naive_consumer.py").read_text(encoding="utf-8")
    place |= {"settings": lab.Settings(**kafka), "topic": topic}
    for _ in range(2):  # it may be run again: the database is new, and it begins with the oldest message
        exec(runs, place)
        assert capsys.readouterr().out.endswith("died\ndied\ncame to the end\n")
        with closing(sqlite3.connect(place["files"]["commit first"])) as db:
            assert db.execute("SELECT count(*) FROM sensor_logs").fetchone() == (1300,)
