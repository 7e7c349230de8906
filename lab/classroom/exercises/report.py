"""Is the exercise done? A report: not attempted, not yet, or done; with the steps, and a hint.

A check looks at the broker and at the database, not at the code.
"""

import html
import os
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lab.classroom.exercises.exercise import (
    DONE,
    NOT_ATTEMPTED,
    NOT_YET,
    SHOWN,
    Exercise,
    Step,
    make_exercise,
    solution_of,
)
from lab.classroom.exercises.progress import knows, remember
from lab.errors import LabError

COLORS = {NOT_ATTEMPTED: "#5f6368", NOT_YET: "#a34a00", DONE: "#00695c"}  # each is legible with white on it
MARKS = {DONE: "\N{HEAVY CHECK MARK}", NOT_YET: "\N{WHITE CIRCLE}", "later": "\N{MIDDLE DOT}"}
STYLE = "border-left: 5px solid {color}; padding: 0.4em 1em; line-height: 1.6"
BADGE = "background: {color}; color: white; border-radius: 3px; padding: 0.1em 0.6em; margin-left: 0.6em"

# How often each step was found not done: one hint more each time. A new kernel begins with the first hint.
_tries: Counter[tuple[str, str]] = Counter()


@dataclass(frozen=True)
class Report:
    """What a check found. A notebook shows it in a frame."""

    number: str
    state: str
    steps: tuple[tuple[str, str], ...] = ()  # (done, not yet, or later; its text)
    hints: tuple[str, ...] = ()
    advice: str = ""
    solution_seen: bool = False
    sent: str = ""  # what the class is told, if this kit joined one
    kind: str = "Exercise"

    @property
    def title(self) -> str:
        """The state, as a learner reads it."""
        return f"{self.state}, with the solution" if self.solution_seen and self.state == DONE else self.state

    def __repr__(self) -> str:
        lines = [f"{self.kind} {self.number}: {self.title}"]
        lines += [f"  [{state}] {text}" for state, text in self.steps]
        lines += [f"  Hint: {hint}" for hint in self.hints]
        return "\n".join([*lines, *(f"  {line}" for line in (self.advice, self.sent) if line)])

    def _repr_html_(self) -> str:
        color = COLORS[self.state]
        parts = [
            f"<b>{self.kind} {html.escape(self.number)}</b>"
            f"<span style='{BADGE.format(color=color)}'>{html.escape(self.title)}</span>"
        ]
        parts += [f"{MARKS[state]} {_marked_up(text)}" for state, text in self.steps]
        parts += [f"<b>Hint:</b> {_marked_up(hint)}" for hint in self.hints]
        parts += [f"<small>{_marked_up(line)}</small>" for line in (self.advice, self.sent) if line]
        return f"<div style='{STYLE.format(color=color)}'>{'<br>'.join(parts)}</div>"


def _marked_up(text: str) -> str:
    """The text as HTML; what stands in backticks is code."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", html.escape(text))


@dataclass(frozen=True)
class Solution:
    """One way to do an exercise. A notebook shows it as code."""

    number: str
    code: str
    sent: str = ""

    def __repr__(self) -> str:
        return self.code

    def _repr_markdown_(self) -> str:
        text = f"One way to do exercise {self.number}. Type it into your cell, run that, then the check:"
        return f"{text}\n\n```python\n{self.code}```" + (f"\n\n`{self.sent}`" if self.sent else "")


class UnexpectedState(AssertionError):
    """The state of an exercise is not the one that `LAB_CHECK` names."""


def check(number: str, *answer: Any, **options: Any) -> Report:
    """Look whether an exercise is done. `number` is such as "02.1"; the rest is what its lesson passes.

    An exercise of which nothing is done yet is *not attempted*. One that is *not yet* done shows the step
    that is missing, and a hint. With either, each further call shows one hint more.
    With `LAB_CHECK` in the environment, any other state than that raises UnexpectedState.
    """
    report = _look(number, make_exercise(number, *answer, **options))
    if os.environ.get("LAB_CHECK", report.state) != report.state:
        raise UnexpectedState(f"\n{report!r}")
    if report.state == DONE:
        remember(number, DONE)
    seen = knows(number, "solution")
    return replace(report, sent=_tell_class(number, report.state, len(report.hints), seen))


def solution(number: str) -> Solution:
    """Show one way to do an exercise, such as "02.1". It then counts as done with the solution."""
    code = solution_of(number)
    remember(number, "solution")
    return Solution(number, code, _tell_class(number, SHOWN, solution_seen=True))


def _tell_class(number: str, state: str, hints: int = 0, solution_seen: bool = False) -> str:
    from lab.classroom.attendance.membership import membership  # here, because most are in no class

    if membership() is None:
        return ""
    from lab.classroom.attendance.outbox import tell_class

    return tell_class(number, state, hints, solution_seen)


def _look(number: str, exercise: Exercise) -> Report:
    if not _ask(exercise.attempted)[0]:
        return _not_attempted(number, exercise)
    report = look_at(number, exercise.steps)
    if report.state == DONE:
        return replace(report, solution_seen=knows(number, "solution"))
    return _with_hints(report, exercise.steps[[state for state, _ in report.steps].index(NOT_YET)])


def look_at(number: str, steps: Sequence[Step], kind: str = "Exercise") -> Report:
    """Which steps are done, up to the first that is not; those behind it may depend on it."""
    lines = []
    for place, step in enumerate(steps):
        is_done, error = _ask(step.done)
        if not is_done:
            lines.append((NOT_YET, f"{step.text}{_found(step, error)}"))
            lines += [("later", each.text) for each in steps[place + 1 :]]
            return Report(number, NOT_YET, tuple(lines), kind=kind)
        lines.append((DONE, step.text))
    return Report(number, DONE, tuple(lines), kind=kind)


def _not_attempted(number: str, exercise: Exercise) -> Report:
    """The first time without a hint; then those of the first step, for one who does not know how to begin."""
    _tries[number, NOT_ATTEMPTED] += 1
    every = tuple(hint for step in exercise.steps[:1] for hint in step.hints)
    hints = every[: _tries[number, NOT_ATTEMPTED] - 1]
    advice = f"{exercise.missing} Write your code in the cell above, run it, then run this one again."
    if hints == every:
        advice += f' No more hints: solution("{number}") in a new cell shows one way to do it.'
    return Report(number, NOT_ATTEMPTED, hints=hints, advice=advice)


def _with_hints(report: Report, step: Step) -> Report:
    """The hints of the step that is missing: one more each time."""
    _tries[report.number, step.text] += 1
    tries = _tries[report.number, step.text]
    more = "Run this again for one more hint." if tries < len(step.hints) else ""
    advice = more or f'No more hints: solution("{report.number}") in a new cell shows one way to do it.'
    return replace(report, hints=step.hints[:tries], advice=advice)


def _found(step: Step, error: Exception | None) -> str:
    """What is there instead; an error of the kit says it by itself."""
    if isinstance(error, LabError):
        return f" (found: {error})"
    found, failed = _ask(step.found) if step.found else (None, error)
    return f" (found: {found})" if step.found and not failed else ""


def _ask(question: Callable[[], Any]) -> tuple[Any, Exception | None]:
    """The answer, or None and the exception: an answer of a learner can have any shape."""
    try:
        return question(), None
    except Exception as error:
        return None, error
