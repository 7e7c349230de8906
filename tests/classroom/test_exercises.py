"""Each lesson with wrong and right answers, in a real kernel: each exercise tells them apart.

`pytest --nbmake notebooks` runs the lessons as they are, with nothing done. This runs them with the answers
of `tests/support/answers`, and with the solutions. Of a long part that no exercise needs, the answers tell.
"""

import os
import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell

from lab.classroom.exercises.exercise import solution_of
from tests.support.answers import LESSONS, answers_of, skipped_of
from tests.support.marks import USUAL_ROUNDS

IMPORT = re.compile(r"^(?:from|import) .+", re.MULTILINE)
KIT = Path(__file__).parents[2]
CHECK = re.compile(r'^check\("(\d\d\.\d)"', re.MULTILINE)


class Learner:
    """Goes through a lesson cell by cell."""

    def __init__(self, client, notebook, is_long):
        self.client, self.notebook, self.is_long = client, notebook, is_long
        self.given = None  # the cell of the exercise, with `# Your code here`
        self.done = []  # (exercise, its cell, its check)

    def run(self, code: str) -> str:
        """Run it as a cell of its own; what it shows, as text."""
        cell = new_code_cell(code)
        self.notebook.cells.append(cell)  # the client looks a cell up by its place
        self.client.execute_cell(cell, len(self.notebook.cells) - 1)  # kept in `In`: lesson 11 reads that
        return "".join(output.get("data", {}).get("text/plain", "") for output in cell.outputs)

    def go_on(self, code: str) -> None:
        if "# Your code here" in code:
            self.given = code
        if exercise := CHECK.search(code):
            self.answer(exercise[1], code)
        else:
            self.run(code)

    def answer(self, number: str, check: str) -> None:
        """Nothing first, then each wrong answer, then each right one, at last the solution."""
        self.done.append((number, self.given, check))
        assert self.run(check).startswith(f"Exercise {number}: not attempted"), self.run(check)
        answers = answers_of(number[:2])[number]
        for code, step in answers.wrong.items():
            self.run(self.given)
            self.run(code)
            report = self.run(check)
            assert report.startswith(f"Exercise {number}: not yet"), f"{code}\n{report}"
            assert step in report.partition("[not yet]")[2].splitlines()[0], f"{code}\n{report}"
            assert "Hint: " in report
        for code in [*answers.right, *(answers.more if self.is_long else []), solution_of(number)]:
            self.must_be_done(number, self.given, check, code)

    def must_be_done(self, number: str, given: str, check: str, code: str) -> None:
        self.run(given)
        self.run(code)
        report = self.run(check)
        assert report.startswith(f"Exercise {number}: done"), f"{code}\n{report}"


def sources_of(notebook, skipped: dict[str, str]) -> list[str]:
    """The code of the cells; from a cell that begins as a key up to that of its value, only the imports."""
    sources, end, found = [], "", {}
    for cell in notebook.cells:
        if end and cell.source.startswith(end):
            end = ""
        if first := next(filter(cell.source.startswith, skipped), ""):
            end = found[first] = skipped[first]
        if cell.cell_type == "code":
            sources.append("\n".join(IMPORT.findall(cell.source)) if end else cell.source)
    assert found == skipped and not end, f"no cell begins with one of {skipped}"
    return sources


@pytest.mark.broker
@pytest.mark.parametrize("lesson", LESSONS)
def test_every_exercise_tells_wrong_from_right(lesson, rounds):
    path = next((KIT / "notebooks").glob(f"{lesson}_*.ipynb"))
    notebook = nbformat.read(path, as_version=4)
    sources = sources_of(notebook, skipped_of(lesson))
    client = NotebookClient(notebook, timeout=120, resources={"metadata": {"path": path.parent}})
    environment = {name: value for name, value in os.environ.items() if name != "LAB_CHECK"}
    with client.setup_kernel(env=environment):
        learner = Learner(client, notebook, is_long=rounds > USUAL_ROUNDS)
        for source in sources:
            learner.go_on(source)
        for number, given, check in learner.done:  # each can be done again after the last cell
            learner.must_be_done(number, given, check, solution_of(number))
