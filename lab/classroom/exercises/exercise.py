"""What is an exercise? A way to see whether it was attempted, and steps, each with hints.

Each exercise has a number, such as "02.1": lesson 02, exercise 1. Its solution is `solutions/02.1.py`.
"""

import importlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from lab.errors import LabError

SOLUTIONS = Path(__file__).parent / "solutions"
NOT_ATTEMPTED, NOT_YET, DONE = "not attempted", "not yet", "done"  # the states of an exercise
SHOWN = "solution shown"


@dataclass(frozen=True)
class Step:
    """One requirement of an exercise. If `done` raises an exception, the step counts as not yet done.

    `found` says what is there instead. `hints` are shown one by one.
    """

    text: str
    done: Callable[[], bool]
    hints: tuple[str, ...]
    found: Callable[[], object] | None = None


@dataclass(frozen=True)
class Exercise:
    """What is looked at. `attempted` is False as long as there is no trace of an answer.

    `missing` names that trace, as a sentence: "There is no topic my-topic."
    """

    attempted: Callable[[], bool]
    missing: str
    steps: tuple[Step, ...]


EXERCISES: dict[str, Callable[..., Exercise]] = {}


def exercise(number: str) -> Callable:
    """Register the function that makes the exercise of this number from what `check` is given."""

    def register(function: Callable[..., Exercise]) -> Callable[..., Exercise]:
        EXERCISES[number] = function
        return function

    return register


def make_exercise(number: str, *answer: Any, **options: Any) -> Exercise:
    """The exercise of this number, about this answer."""
    _must_exist(number)
    function = EXERCISES[number]
    signature = inspect.signature(function)
    try:
        signature.bind(*answer, **options)
    except TypeError as error:
        names = ["**settings.kafka" if name == "kafka" else name for name in signature.parameters]
        typed = ", ".join([f'"{number}"', *names])
        raise LabError(f"This check got something else ({error}). Type: check({typed})") from None
    return function(*answer, **options)


def solution_of(number: str) -> str:
    """One way to do it, as Python code."""
    _must_exist(number)
    return (SOLUTIONS / f"{number}.py").read_text(encoding="utf-8")


@cache
def exercise_numbers() -> tuple[str, ...]:
    """The numbers of all exercises, in their order."""
    return tuple(sorted(path.stem for path in SOLUTIONS.glob("*.py")))


def _must_exist(number: str) -> None:
    """Loads the exercises of its lesson."""
    there = exercise_numbers()
    if str(number) not in there:
        raise LabError(f"There is no exercise {number!r}. There are: {', '.join(there)}.")
    importlib.import_module(f"lab.classroom.exercises.lesson_{number[:2]}")
