"""The copies for the teacher: each exercise is solved in them, and they run."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from lab.classroom.exercises.exercise import exercise_numbers, solution_of
from lab.classroom.with_solutions import NOTEBOOKS, PLACE, solve, write_copies
from lab.errors import LabError

KIT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def copies(tmp_path_factory):
    return write_copies(tmp_path_factory.mktemp("for the tëacher") / "solutions")


def code(path):
    return [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


def test_each_exercise_has_its_solution_in_the_cell_above_its_check(copies):
    assert [path.name for path in copies] == sorted(path.name for path in NOTEBOOKS.glob("*.ipynb"))
    found = []
    for path in copies:
        nbformat.validate(nbformat.read(path, as_version=4))
        cells = code(path)
        assert not any(PLACE in cell for cell in cells), path.name
        assert all(ast.parse(cell) for cell in cells if not cell.startswith("%"))
        for number in (n for cell in cells for n in re.findall(r'^check\("([\d.]+)"', cell, re.MULTILINE)):
            assert any(solution_of(number).rstrip() in cell for cell in cells), number
            found.append(number)
    assert found == list(exercise_numbers())


def test_nothing_else_is_changed_and_the_pictures_are_there(copies):
    for path in copies:
        before, after = code(NOTEBOOKS / path.name), code(path)
        assert len(before) == len(after)
        assert all(PLACE in a or a == b for a, b in zip(before, after))
    drawn = {path.name for path in (NOTEBOOKS / "pictures").iterdir()}
    assert {path.name for path in (copies[0].parent / "pictures").iterdir()} == drawn


def test_a_solution_that_is_a_function_replaces_the_one_that_was_begun():
    given = "import x\n\n\ndef f(a):\n    b = 1\n    # Your code here\n    return ..."
    assert solve(given, "def f(a):\n    return 2\n") == "import x\n\n\ndef f(a):\n    return 2"
    assert solve("a = None\n# Your code here\nprint(a)", "a = 1\n") == "a = None\na = 1\nprint(a)"
    assert solve("a = None", "a = 1\n") == "a = None"


def test_what_is_in_the_folder_is_not_replaced(tmp_path):
    (tmp_path / "mine.ipynb").touch()
    with pytest.raises(LabError, match="is not empty, and nothing in it is replaced"):
        write_copies(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.ipynb"]
    with pytest.raises(LabError, match="cannot be written"):
        write_copies(tmp_path / "mine.ipynb" / "below")


@pytest.mark.broker
@pytest.mark.parametrize(
    ("arguments", "said"), [([], "expected the name"), (["--help"], "expected"), (["lab"], "not")]
)
def test_a_wrong_call_is_one_line(arguments, said):
    done = subprocess.run(
        [sys.executable, "-m", "lab.classroom.with_solutions", *arguments],
        cwd=KIT,
        env=os.environ | {"PYTHONUTF8": "1"},  # the kit's path may have an accent
        capture_output=True,
        encoding="utf-8",
        timeout=60,
    )
    assert done.returncode and said in done.stderr and len(done.stderr.splitlines()) == 1


@pytest.mark.broker
def test_a_copy_runs_and_all_of_it_is_done(broker, copies):
    path = next(path for path in copies if path.stem == "02_topics")
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(notebook, timeout=120, resources={"metadata": {"path": path.parent}})
    with client.setup_kernel(env={**os.environ, "LAB_CHECK": "done"}):  # another state raises
        for place, cell in enumerate(notebook.cells):
            client.execute_cell(cell, place)
