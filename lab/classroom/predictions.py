"""Was the guess right? What the learner expected beside what the broker did."""

import html
import re
from dataclasses import dataclass
from typing import Any

from lab.classroom.exercises.answers import values_of

STYLE = "border-left: 5px solid #0072b2; padding: 0.2em 1em; line-height: 1.6"
WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
WORDS += ["eleven", "twelve"]
NUMBERS = {word: float(number) for number, word in enumerate(WORDS)} | {"none": 0.0}
THOUSANDS = re.compile(r"[+-]?\d{1,3}([,_'\s]\d{3})+(\.\d*)?")  # 4,200 and 4 200
MOST = 60  # characters of a guess that are shown


@dataclass(frozen=True)
class Comparison:
    """A guess, and what was found. A notebook shows it in a frame."""

    guess: Any
    found: Any

    @property
    def is_right(self) -> bool:
        """Whether the guess says what was found."""
        try:
            found = _plain(values_of(self.found))
            return _plain(values_of(self.guess)) == found or _plain(_listed(self.guess)) == found
        except Exception:  # a guess can have any shape
            return False

    def __repr__(self) -> str:
        if self.guess is None or self.guess is ...:
            return f"Found: {self.found}."
        guess = _line(self.guess)
        if not guess:
            return f"Your guess is an empty text. Found: {self.found}."
        if self.is_right:
            return f"You expected {guess}, and found {self.found}."
        return f"You expected {guess}, but found {self.found}. Why?"

    def _repr_html_(self) -> str:
        return f"<div style='{STYLE}'>{html.escape(repr(self))}</div>"


def compare(guess: Any, found: Any) -> Comparison:
    """Show a guess beside what was found. It counts for nothing; `...` is no guess."""
    return Comparison(guess, found)


def _line(guess: Any) -> str:
    """The guess as one line, cut where it is very long."""
    try:
        line = " ".join(str(guess).split())
    except Exception:  # a number of very many digits has no text
        line = f"something of the type {type(guess).__name__}"
    return line if len(line) <= MOST else f"{line[:MOST]}..."


def _plain(values: list[Any]) -> list[Any]:
    """The values as numbers where they are numbers, else as texts without capitals."""
    return [_number_or_text(value) for value in values]


def _listed(guess: Any) -> list[str]:
    """The values of a list that was written as text, such as "50, 100, 150"."""
    return re.split(r"[,;\s]+", guess.strip(" []()")) if isinstance(guess, str) else []


def _number_or_text(value: Any) -> float | str:
    text = str(value).strip().lower()
    if THOUSANDS.fullmatch(text):
        value = re.sub(r"[,_'\s]", "", text)
    try:
        if not isinstance(value, bool):
            return float(value)
    except (TypeError, ValueError):
        pass
    return NUMBERS.get(text, text)
