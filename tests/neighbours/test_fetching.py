"""What stands beside Kafka is fetched as a whole or not at all, and each fault is one line that helps."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from lab.embedded import jars
from lab.embedded.jars import jar_path, maven_folder
from lab.errors import LabError
from lab.neighbours import fetching, neighbour
from lab.neighbours.fetching import fetch
from lab.neighbours.neighbour import FOLDER, NEIGHBOURS, PINS, fault_of, require
from tests.support.tiny_neighbour import JAR, tiny_neighbour

KIT = Path(__file__).parents[2]
NOWHERE = "http://127.0.0.1:9"
FETCHERS = [
    pytest.param("uv", marks=pytest.mark.skipif(not shutil.which("uv"), reason="uv is not installed")),
    pytest.param("pip", marks=pytest.mark.broker),  # making a venv with pip takes seconds
]


@pytest.fixture
def no_uv(monkeypatch):
    monkeypatch.setattr(fetching.shutil, "which", lambda name: None)


def without_network(monkeypatch):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, NOWHERE)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "")


@pytest.mark.parametrize("name", NEIGHBOURS)
def test_each_package_of_a_neighbour_is_pinned_to_one_version(name):
    lists = list(PINS.glob(f"{name}-*.txt"))
    assert lists, "lab/neighbours/pins: a list of what is fetched"
    for path in lists:
        lines = path.read_text(encoding="utf-8").splitlines()
        form = r"[\w.-]+(\[\w+\])?==[\w.]+( ; .+)?" if "packages" in path.name else r"[\w.:-]+ [0-9a-f]{64}"
        assert lines and [line for line in lines if not re.fullmatch(form, line)] == []


def test_every_list_belongs_to_a_neighbour():
    assert {path.name.rpartition("-")[0] for path in PINS.glob("*.txt")} == NEIGHBOURS.keys()


@pytest.mark.parametrize("each", NEIGHBOURS.values(), ids=list(NEIGHBOURS))
def test_its_lesson_says_at_the_top_how_it_is_fetched(each):
    """A workshop needs it before the first cell of code fails."""
    first = nbformat.read(KIT / "notebooks" / f"{each.lesson}.ipynb", as_version=4).cells[0].source
    assert f"`python -m lab fetch {each.name}` ({each.download_mb} MB)" in first


@pytest.mark.parametrize("by", FETCHERS)
def test_a_package_gets_an_environment_of_its_own(by, tmp_path, monkeypatch, request):
    if by == "pip":
        request.getfixturevalue("no_uv")
    tiny = tiny_neighbour(monkeypatch, tmp_path, "packages")
    with pytest.raises(LabError, match=r"^Tiny 1.0 is not here: .* lab fetch tiny \(1 MB, once\)"):
        require("tiny")
    fetch(tiny)
    said = subprocess.run(
        [require("tiny").python, "-c", "import tiny; print(tiny.SAID)"], capture_output=True
    )
    assert said.stdout.strip() == b"tiny"
    with pytest.raises(ImportError):
        __import__("tiny")
    # After an update of Python, compiled packages could not be imported, and nobody would know why.
    assert tiny.is_here
    monkeypatch.setattr(neighbour, "PYTHON", b"Python 3.99")
    assert not tiny.is_here


def test_a_jar_stays_with_those_of_maven_and_an_archive_is_unpacked(tmp_path, monkeypatch):
    tiny = tiny_neighbour(monkeypatch, tmp_path, "jars", "archives")
    fetch(tiny)
    assert [path.read_bytes() for path in require("tiny").jars] == [b"a jar"]
    assert tiny.jars == [jar_path(maven_folder(), JAR)]
    assert (tiny.folder / "tiny-plugin" / "tiny-plugin" / "inside.jar").read_bytes() == b"inside"
    assert {path.name for path in tiny.folder.iterdir()} == {"tiny-plugin", "whole.txt"}


def test_the_bytes_of_a_download_are_counted_as_they_come(tmp_path, monkeypatch):
    """jgo tells of them by what it is given."""
    told = []
    with jars._told(told.append)("tiny.jar", 5) as advance:
        advance(3)
    assert told == [3]


@pytest.mark.parametrize("end", [KeyboardInterrupt, OSError("no room")])
def test_an_interrupted_fetch_is_no_whole_and_is_begun_again(end, tmp_path, monkeypatch):
    tiny = tiny_neighbour(monkeypatch, tmp_path, "archives")

    def interrupted(archive, folder, **options):
        Path(folder).mkdir()
        (Path(folder) / "half.jar").touch()
        raise end

    with monkeypatch.context() as patch:
        patch.setattr(fetching.shutil, "unpack_archive", interrupted)
        with pytest.raises((KeyboardInterrupt, LabError)):
            fetch(tiny)
    assert (tiny.folder / "tiny-plugin" / "half.jar").exists()
    assert not tiny.is_here
    fetch(tiny)
    assert tiny.is_here
    assert not (tiny.folder / "tiny-plugin" / "half.jar").exists()


def test_what_is_here_is_not_fetched_again(tmp_path, monkeypatch):
    tiny = tiny_neighbour(monkeypatch, tmp_path, "jars", "archives")
    fetch(tiny)
    before = tiny.stamp.stat().st_mtime_ns
    fetch(tiny)
    assert tiny.stamp.stat().st_mtime_ns == before


def change_the_list(tiny):
    (neighbour.PINS / "tiny-archives.txt").write_text("", encoding="utf-8")


def damage_a_jar(tiny):
    tiny.jars[0].write_bytes(b"another jar")


def move(tiny):
    new = tiny.folder.parent.with_name("elsewhere")
    tiny.folder.parent.rename(new)
    os.environ[FOLDER] = str(new)  # monkeypatch puts it back: it has set it before


@pytest.mark.parametrize("change", [change_the_list, damage_a_jar, move])
def test_what_has_changed_is_not_here_any_more_until_it_is_fetched(change, tmp_path, monkeypatch):
    tiny = tiny_neighbour(monkeypatch, tmp_path, "jars", "archives")
    fetch(tiny)
    change(tiny)
    assert not tiny.is_here
    fetch(tiny)
    assert tiny.is_here


def test_an_environment_whose_python_is_gone_is_not_here(tmp_path, monkeypatch):
    tiny = tiny_neighbour(monkeypatch, tmp_path, "packages")
    tiny.folder.mkdir(parents=True)
    tiny.stamp.write_text(tiny.fingerprint(), encoding="utf-8")
    assert not tiny.is_here
    shutil.copytree(Path(sys.prefix) / "etc", tiny.python.parent, dirs_exist_ok=True)
    tiny.python.write_bytes(b"no program")
    assert not tiny.is_here


def test_files_for_another_python_are_here_still(tmp_path, monkeypatch):
    tiny = tiny_neighbour(monkeypatch, tmp_path, "archives")
    fetch(tiny)
    assert tiny.is_here
    monkeypatch.setattr(neighbour, "PYTHON", b"Python 3.99")
    assert tiny.is_here


@pytest.mark.broker
def test_a_package_that_cannot_be_had_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_RETRIES", "0")
    tiny = tiny_neighbour(monkeypatch, tmp_path, "packages")
    tiny.packages.write_text("no-such-package-as-this==1.0\n", encoding="utf-8")
    without_network(monkeypatch)
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    said = (
        r"^Tiny 1.0 could not be fetched \((uv|python).* ended with \d; .*packages.log says why\)\. Connect"
    )
    with pytest.raises(LabError, match=said) as fault:
        fetch(tiny)
    assert "\n" not in str(fault.value) and str(fault.value).endswith("fetch tiny.")
    assert (tiny.folder / "packages.log").stat().st_size
    assert not tiny.is_here


def test_a_file_of_maven_that_cannot_be_had_is_one_line(tmp_path, monkeypatch):
    tiny = tiny_neighbour(monkeypatch, tmp_path, "jars")
    monkeypatch.undo()
    monkeypatch.setattr("lab.neighbours.neighbour.PINS", tmp_path / "pins")
    monkeypatch.setenv("M2_REPO", str(tmp_path / "maven"))
    monkeypatch.setenv(FOLDER, str(tmp_path / "home"))
    without_network(monkeypatch)
    with pytest.raises(
        LabError, match=r"^tiny-1.0.jar of Tiny 1.0 could not be fetched .* lab fetch tiny\.$"
    ):
        fetch(tiny)
    assert not tiny.is_here


def test_a_lesson_without_its_neighbour_says_what_to_type(tmp_path, monkeypatch):
    monkeypatch.setenv(FOLDER, str(tmp_path))
    assert fault_of("13_streams") == fault_of("13") != ""
    assert "lab fetch streams" in fault_of("13") and "25 MB" in fault_of("13")
    assert fault_of("03_producer") == ""


@pytest.mark.broker
@pytest.mark.parametrize(
    "what", [["--nbmake", "notebooks/13_streams.ipynb"], ["tests/classroom/test_exercises.py", "-k", "13"]]
)
def test_a_lesson_without_its_neighbour_is_skipped_with_the_reason(what, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", *what],
        cwd=KIT,
        env=os.environ | {FOLDER: str(tmp_path)},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=100,
    )
    assert done.returncode == 0, done.stdout
    assert "1 skipped" in done.stdout and "Quix Streams 3.28.1 is not here" in done.stdout


def test_an_unknown_name_is_one_line_with_the_known_ones():
    with pytest.raises(LabError, match=r"There is no neighbour 'stream': it is one of streams, "):
        require("stream")
