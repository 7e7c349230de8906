"""What does a lesson look like when it is done? A command writes copies of all lessons.

`python -m lab.classroom.with_solutions FOLDER`: in the copies the solution of each exercise is in the cell of
the learner. For the teacher: the kit's notebooks stay as they are.
"""

import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any

from lab.classroom.exercises.exercise import solution_of
from lab.classroom.notebooks import NOTEBOOKS
from lab.errors import LabError
from lab.system.paths import absolute

PLACE = "# Your code here"
CHECK = re.compile(r'^check\("([\d.]+)"', re.MULTILINE)
CALL = "python -m lab.classroom.with_solutions solutions"


def write_copies(folder: Path, notebooks: Path = NOTEBOOKS) -> list[Path]:
    """Write all lessons with their solutions, and their pictures, into a new folder."""
    if not notebooks.is_dir():
        raise LabError("There are no notebooks beside this package: run it in the kit's folder.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise LabError(f"{folder} is not empty, and nothing in it is replaced. Name a new folder: {CALL}")
        shutil.copytree(notebooks / "pictures", folder / "pictures")
        return [_write(path, folder / path.name) for path in sorted(notebooks.glob("*.ipynb"))]
    except OSError as error:
        reason = error.strerror or error
        raise LabError(f"{folder} cannot be written: {reason}. Name another folder: {CALL}") from error


def _write(path: Path, copy: Path) -> Path:
    notebook = json.loads(path.read_text(encoding="utf-8"))
    learners: dict[str, Any] = {}  # the cell that the next check is about
    for cell in notebook["cells"]:
        if PLACE in _source(cell):
            learners = cell
        elif check := CHECK.search(_source(cell)):
            learners["source"] = solve(_source(learners), solution_of(check[1]))
    copy.write_text(json.dumps(notebook, ensure_ascii=False, indent=1) + "\n", encoding="utf-8", newline="\n")
    return copy


def solve(given: str, solution: str) -> str:
    """The cell of an exercise with a solution in the place of the learner's code.

    If that place is in a function, the solution is the whole function, and replaces it.
    """
    kept, place, rest = given.partition(PLACE)
    if not place:
        return given
    if kept and not kept.endswith("\n"):  # the place is indented
        kept, rest = kept[: f"\n{kept}".rindex("\ndef ")], ""
    return f"{kept}{solution.rstrip()}{rest}".rstrip()


def _source(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


def main(arguments: list[str]) -> int:
    """Run it as a command; returns the exit code."""
    if len(arguments) != 1 or arguments[0].startswith("-"):
        print(f"error: expected the name of a new folder. Type: {CALL}", file=sys.stderr)
        return 2
    try:
        copies = write_copies(absolute(Path(arguments[0])))
    except LabError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{len(copies)} lessons with their solutions: {copies[0].parent}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
