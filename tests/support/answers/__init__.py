"""What learners answer in the exercises: wrong answers, and right ones that differ from the solution."""

import importlib
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Answers:
    """Each answer is code that is run after the learner's cell.

    `wrong` is {code: words of the step that is not yet done}. `more` are right ones that are tried in a long
    run only.
    """

    wrong: dict[str, str]
    right: list[str] = field(default_factory=list)
    more: list[str] = field(default_factory=list)


def answers_of(lesson: str) -> dict[str, Answers]:
    """{exercise: its answers} of a lesson, such as "02"."""
    return importlib.import_module(f"tests.support.answers.lesson_{lesson}").ANSWERS


def skipped_of(lesson: str) -> dict[str, str]:
    """{how a cell begins: how a later one begins}: of those between, the exercises need only the imports."""
    module = importlib.import_module(f"tests.support.answers.lesson_{lesson}")
    return getattr(module, "SKIPPED", {})


LESSONS = sorted(path.stem.removeprefix("lesson_") for path in Path(__file__).parent.glob("lesson_*.py"))
