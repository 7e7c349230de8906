"""Was the guess right? What the learner expected beside what the broker did."""

import html
from dataclasses import dataclass
from typing import Any

from lab.classroom.exercises.answers import values_of

STYLE = "border-left: 5px solid #0072b2; padding: 0.2em 1em; line-height: 1.6"


@dataclass(frozen=True)
class Comparison:
    """A guess, and what was found. A notebook shows it in a frame."""

    guess: Any
    found: Any

    @property
    def is_right(self) -> bool:
        """Whether the guess says what was found."""
        try:
            return _plain(values_of(self.guess)) == _plain(values_of(self.found))
        except Exception:  # a guess can have any shape
            return False

    def __repr__(self) -> str:
        if self.guess is None or self.guess is ...:
            return f"Found: {self.found}."
        if self.is_right:
            return f"You expected {self.guess}, and found {self.found}."
        return f"You expected {self.guess}, but found {self.found}. Why?"

    def _repr_html_(self) -> str:
        return f"<div style='{STYLE}'>{html.escape(repr(self))}</div>"


def compare(guess: Any, found: Any) -> Comparison:
    """Show a guess beside what was found. It counts for nothing; `...` is no guess."""
    return Comparison(guess, found)


def _plain(values: list[Any]) -> list[Any]:
    """The values as numbers where they are numbers, else as texts without capitals."""
    return [_number_or_text(value) for value in values]


def _number_or_text(value: Any) -> float | str:
    try:
        if not isinstance(value, bool):
            return float(value)
    except (TypeError, ValueError):
        pass
    return str(value).strip().lower()
