"""What is a check? Steps that are done or not yet, shown as a list with a hint for what is missing."""

import html
import os
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """One thing that an exercise asks for. A `done` that raises counts as not yet."""

    text: str
    done: Callable[[], bool]
    hint: str


@dataclass(frozen=True)
class Report:
    """What is done and what is not yet; a notebook shows it as a list."""

    lines: tuple[tuple[bool, str, str], ...]

    @property
    def passed(self) -> bool:
        """Whether everything is done."""
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
    """Look at every step, and show what was found; raises NotYet with LAB_CHECK=1."""
    report = Report(tuple((_is_done(step), step.text, step.hint) for step in steps))
    if os.environ.get("LAB_CHECK") == "1" and not report.passed:
        raise NotYet(f"\n{report!r}")
    return report


def _is_done(step: Step) -> bool:
    try:
        return bool(step.done())
    except Exception:  # an answer can be of any shape; what it lacks is said by the hint
        return False
