"""A guess is compared with what was found, and counts for nothing."""

import numpy as np
import pytest

import lab


@pytest.mark.parametrize("guess", [3, 3.0, "3", np.int64(3), [3]])
def test_a_right_guess(guess):
    assert repr(lab.compare(guess, 3)) == f"You expected {guess}, and found 3."


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
