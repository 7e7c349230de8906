"""A text of somebody else is shown letter by letter, and does nothing to the terminal."""

import logging
import unicodedata
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.cli.logs import TerminalHandler
from lab.cli.output import print_readings, table
from lab.readings import Reading
from lab.text.printable import JOINERS, printable
from tests.support.marks import few


@pytest.mark.parametrize("text", ["", "temperature-1", "°C", "Wohnküche", "室温", "חדר", "1\u00a0000"])
def test_an_ordinary_text_is_shown_as_it_is(text):
    assert printable(text) == text


@pytest.mark.parametrize("text", ["👨\u200d👩\u200d👧", "می\u200cخواهم", "क्\u200dष"])
def test_letters_stay_joined(text):
    assert printable(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[2J", r"a\x1b[2J"),
        ("a\x9b2J", r"a\x9b2J"),
        ("a\r\nStored: b", r"a\r\nStored: b"),
        ("\u202etxt.exe", r"\u202etxt.exe"),
        ("a\u2028b", r"a\u2028b"),
        ("a\0\x7f\t", r"a\x00\x7f\t"),
        ("\ud800", r"\ud800"),
        ("\U000e0041", r"\U000e0041"),
    ],
)
def test_what_acts_on_a_terminal_is_shown_as_its_code(text, shown):
    assert printable(text) == shown


@few
@given(st.text(st.characters()))
def test_whatever_comes_is_one_line_of_letters(text):
    kinds = {unicodedata.category(letter) for letter in printable(text) if letter not in JOINERS}
    assert not kinds & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert len(printable(text).splitlines()) <= 1


def test_a_name_comes_to_the_terminal_as_letters_wherever_it_is_printed(capsys):
    name = "a\x1b[2J\nb"
    print_readings("Stored", [Reading(name, 1, "", "OK", datetime(2026, 1, 1, tzinfo=UTC))])
    table(["sensor", "rows"], [(name, 3)])
    TerminalHandler().emit(logging.makeLogRecord({"msg": f"{name} is away"}))
    assert capsys.readouterr() == (
        "Stored: a\\x1b[2J\\nb at 2026-01-01T00:00:00+00:00\nsensor       rows\na\\x1b[2J\\nb  3\n",
        "a\\x1b[2J\\nb is away\n",
    )
