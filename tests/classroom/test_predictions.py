"""A guess is compared with what was found, and counts for nothing."""

import ast
import re
from pathlib import Path

import nbformat
import numpy as np
import pytest

import lab


@pytest.mark.parametrize("guess", [3, 3.0, "3", np.int64(3), [3]])
def test_a_right_guess(guess):
    assert repr(lab.compare(guess, 3)) == f"You expected {guess}, and found 3."


@pytest.mark.parametrize(
    ("guess", "found"),
    [
        ("three", 3), (" Three ", 3), (" 3 ", 3), ("twelve", np.int64(12)), ("zero", 0), ("none", 0),
        ("4,200", 4200), ("4 200", 4200), ("4\N{NARROW NO-BREAK SPACE}200", 4200), ("4'200", 4200),
        ("1,234,567.5", 1234567.5), ("-4,200", -4200),
        ("50, 100, 150", [50, 100, 150]), ("[50,100,150]", [50, 100, 150]), (["one", "4,200"], [1, 4200]),
        ("None", "none"), ("one", "one"),
    ],
)  # fmt: skip
def test_a_number_written_as_a_text(guess, found):
    assert lab.compare(guess, found).is_right


@pytest.mark.parametrize(
    ("guess", "found"),
    [
        ("4,20", 420),
        ("4,2000", 42000),
        ("three", 4),
        ("thirteen", 13.5),
        (",200", 200),
        ("50, 100", [50, 101]),
    ],
)
def test_another_number_written_as_a_text(guess, found):
    assert not lab.compare(guess, found).is_right


@pytest.mark.parametrize("guess", ["", "  ", "\n"])
def test_an_empty_text_is_called_so(guess):
    assert repr(lab.compare(guess, 3)) == "Your guess is an empty text. Found: 3."


def test_a_very_long_text_is_cut_and_stays_one_line():
    assert repr(lab.compare("ab\n" * 1000, 3)) == f"You expected {'ab ' * 20}..., but found 3. Why?"


def test_a_number_too_long_for_a_text_is_no_error():
    said = "You expected something of the type int, but found 3. Why?"
    assert repr(lab.compare(10**5000, 3)) == said


@pytest.mark.parametrize("guess", ["Lost", " lost "])
def test_a_right_word(guess):
    assert lab.compare(guess, "lost").is_right


@pytest.mark.parametrize("guess", [2, "two", [3, 3], {}, object(), True])
def test_another_guess_asks_why(guess):
    assert repr(lab.compare(guess, 3)) == f"You expected {guess}, but found 3. Why?"


@pytest.mark.parametrize("guess", [None, ...])
def test_no_guess_is_no_fault(guess):
    assert repr(lab.compare(guess, 3)) == "Found: 3."


def test_a_notebook_shows_it_without_markup():
    assert "&lt;b&gt;" in lab.compare("<b>", 3)._repr_html_()


def strings_compared(source: str) -> list[str]:
    """The texts that a cell's `compare` can find, as far as they are written in that cell."""
    tree = ast.parse(source)
    call = next(n for n in ast.walk(tree) if isinstance(n, ast.Call) and ast.unparse(n.func) == "compare")
    found, places = call.args[1], [call.args[1]]
    if isinstance(found, ast.IfExp):
        places = [found.body, found.orelse]
    if isinstance(found, ast.Name):
        assigned = [n for n in ast.walk(tree) if isinstance(n, ast.Assign)]
        places = [n.value for n in assigned if ast.unparse(n.targets[0]) == found.id]
    return [n.value for n in places if isinstance(n, ast.Constant) and isinstance(n.value, str)]


@pytest.mark.parametrize("lesson", ["00_overview", "02_topics"])
def test_words_to_choose_from_are_all_named_and_quoted(lesson):
    """A word without quotes, typed as it stands, is a NameError; one that is not named cannot be guessed."""
    path = Path(__file__).parents[2] / "notebooks" / f"{lesson}.ipynb"
    cells = [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    guesses = [n for n, source in enumerate(cells) if "guess = ..." in source]
    assert guesses
    for n in guesses:
        rest = re.sub(r'"[^"]*"', "", cells[n])
        assert not re.search(r"\w-\d", rest), f"{cells[n]!r}: put the names in quotes"
        after = next(source for source in cells[n + 1 :] if "compare(guess" in source)
        for text in strings_compared(after):
            assert f'"{text}"' in cells[n], f"{cells[n]!r} does not offer {text!r}"
