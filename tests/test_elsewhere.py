"""Where the kit is not started with start.py: the files that other places read. (The places were not run.)"""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import lab.jars
from lab.client import OLDEST_PYTHON

KIT = Path(__file__).parent.parent
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


def test_binder_installs_what_everybody_installs():
    assert python_of(text(BINDER / "runtime.txt").strip()) >= OLDEST_PYTHON
    (line,) = text(BINDER / "requirements.txt").splitlines()
    assert (BINDER / line.removeprefix("-r ")).resolve() == KIT / "requirements.txt"
    assert os.name == "nt" or os.access(BINDER / "postBuild", os.X_OK)


def test_binder_fetches_kafka_while_it_builds(monkeypatch):
    """The line of postBuild, with no shell: what it runs asks for the jars."""
    python, option, program = shlex.split(text(BINDER / "postBuild").splitlines()[-1])
    asked = []
    monkeypatch.setattr(lab.jars, "fetch_jars", lambda: asked.append(1) or [])
    exec(program, {})
    assert (python, option) == ("python", "-c") and asked
