"""A program made of a notebook's cells has all that it needs, as it was defined last, and nothing else."""

import subprocess
import sys
from subprocess import PIPE

import pytest

import lab
from lab.classroom.notebook_program import program
from lab.classroom.programs import kill_after_first_line, start_program
from tests.support.waiting import soon

NOTEBOOK = """
import json, sys
from pathlib import Path as P
import os.path
# %%
get_ipython().run_line_magic('matplotlib', 'inline')
LIMIT: int = 3
FIRST, LAST = LIMIT, 9
# %%
def broken(:
# %%
def old():
    return 'old'
# %%
class Base:
    last = LAST
    def name(self):
        return tell(self)
# %%
records = 1 / 0  # the parameter of `run` has the same name
# %%
def tell(one):
    return P(os.path.join(type(one).__name__, str(one.last))).as_posix()
# %%
class Alarm(Base):
    def __init__(self, *names):
        self.names = [json.dumps(name) for name in names]
# %%
def deco(function):
    return function

@deco
def run(records, *, end=LIMIT):
    for each in records:
        print(Alarm(each).name(), old(), end)

run([1])
# %%
LIMIT = 5
# %%
def old():
    return 'new', FIRST
"""
CELLS = NOTEBOOK.split("# %%\n")


def test_it_runs_with_functions_classes_imports_and_constants(tmp_path):
    path = tmp_path / "with a space é.py"
    path.write_text(program(CELLS, "run(sys.argv[1:])"), encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, path, "x", "y"], capture_output=True, timeout=60, encoding="utf-8", check=False
    )
    assert ended.stderr == ""
    assert ended.stdout.splitlines() == ["Alarm/9 ('new', 5) 5"] * 2


def test_it_has_nothing_that_is_not_needed():
    text = program(CELLS, "old()")
    assert text == "LIMIT = 5\n\nFIRST, LAST = (LIMIT, 9)\n\ndef old():\n    return ('new', FIRST)\n\nold()\n"


def test_a_name_of_python_can_be_ones_own_and_functions_may_call_each_other():
    cells = ["def open(n):\n    return shut(n)", "def shut(n):\n    return n and open(n - 1)"]
    text = program(cells, "open(3)")
    exec(text, {})
    assert text.count("def ") == 2


def test_a_star_is_kept():
    assert program(["from math import *"], "print(pi)") == "from math import *\nprint(pi)\n"


def test_outside_a_notebook_it_says_so(tmp_path):
    with pytest.raises(lab.LabError, match="call it in a cell"):
        lab.write_program(tmp_path / "x.py", "1")


# Killed after its first line.


@pytest.mark.parametrize(
    ("code", "timeout", "line"),
    [
        ("import time; print('Grüße', flush=True); time.sleep(600)", 60, "Grüße"),
        ("print('', flush=True); import time; time.sleep(600)", 60, ""),
        ("import sys; sys.stdout.buffer.write(b'21 \\xb0C\\n')", 60, "21 \N{REPLACEMENT CHARACTER}C"),
        ("pass", 60, ""),
        ("import time; time.sleep(600)", 0.5, ""),
    ],
    ids=["a line", "an empty line", "of another encoding", "none, and its end", "none, and no end"],
)
@pytest.mark.broker
def test_a_program_is_killed_after_its_first_line(code, timeout, line, tmp_path, monkeypatch):
    monkeypatch.setenv("LAB_HOME", str(tmp_path))
    monkeypatch.setenv("PYTHONIOENCODING", "utf-8")
    process = start_program([sys.executable, "-c", code], stdout=PIPE)
    assert kill_after_first_line(process, timeout) == line
    assert process.wait(timeout=soon(5)) is not None
