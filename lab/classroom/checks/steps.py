"""What is a check? A list of steps, each done or not yet, with a hint for each that is not."""

import html
import os
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """One requirement of an exercise. If `done` raises an exception, the step counts as not yet done."""

    text: str
    done: Callable[[], bool]
    hint: str


@dataclass(frozen=True)
class Report:
    """The steps that are done and those that are not; a notebook shows them as a list."""

    lines: tuple[tuple[bool, str, str], ...]

    @property
    def passed(self) -> bool:
        """Whether all steps are done."""
        return all(done for done, _, _ in self.lines)

    def __repr__(self) -> str:
        return "\n".join(
            f"[done] {text}" if done else f"[not yet] {text}\n          Hint: {hint}"
            for done, text, hint in self.lines
        )

    def _repr_html_(self) -> str:
        items = "".join(
            f"<li style='color:#007050'>&#10004; {html.escape(text)}</li>"
            if done
            else f"<li style='color:#b04000'>&#9675; not yet: {html.escape(text)}"
            f"<br><small>Hint: {html.escape(hint)}</small></li>"
            for done, text, hint in self.lines
        )
        return f"<ul style='list-style:none; font-size:110%; line-height:1.6'>{items}</ul>"


class NotYet(AssertionError):
    """An exercise is not done (raised only with LAB_CHECK=1)."""


def check(*steps: Step) -> Report:
    """Evaluate every step and show the result. Raises NotYet with LAB_CHECK=1 if a step is not done."""
    report = Report(tuple((_is_done(step), step.text, step.hint) for step in steps))
    if os.environ.get("LAB_CHECK") == "1" and not report.passed:
        raise NotYet(f"\n{report!r}")
    return report


def _is_done(step: Step) -> bool:
    try:
        return bool(step.done())
    except Exception:  # an answer can have any shape; the hint says what it lacks
        return False
