"""`python -m lab fetch`: what can be fetched, how large it is, and whether to ask before."""

import io
import sys
from dataclasses import replace

import pytest

from lab.cli import main
from lab.cli.fetch import bar
from lab.neighbours.neighbour import FOLDER, NEIGHBOURS
from tests.support.tiny_neighbour import tiny_neighbour


class Terminal(io.StringIO):
    """What is typed, or shown, in a terminal."""

    def isatty(self):
        return True


def test_alone_it_lists_all_with_their_sizes(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv(FOLDER, str(tmp_path))
    assert main(["fetch"]) == 0
    said = capsys.readouterr()
    assert said.err.endswith(f" fetch {next(iter(NEIGHBOURS))}\n")
    lines = said.out.splitlines()[1:]
    assert [line.split()[0] for line in lines] == list(NEIGHBOURS)
    for line, each in zip(lines, NEIGHBOURS.values()):
        assert {each.lesson, f"{each.download_mb} MB", "not here"} <= {
            *line.split("  "),
            *map(str.strip, line.split("  ")),
        }


def test_it_says_the_size_fetches_and_is_content_the_second_time(capsys, monkeypatch, tmp_path):
    tiny = tiny_neighbour(monkeypatch, tmp_path, "jars", "archives")
    monkeypatch.setattr("lab.cli.fetch.NEIGHBOURS", {"tiny": tiny})
    assert main(["fetch", "tiny"]) == 0
    said = capsys.readouterr()
    assert said.err == "Fetching Tiny 1.0, 1 MB, for lesson 99_tiny ...\n"
    assert said.out == "Tiny 1.0 is here. Lesson 99_tiny needs no network now.\n"
    assert main(["fetch", "tiny"]) == 0
    assert capsys.readouterr().out.startswith("Tiny 1.0 is here, for lesson 99_tiny: ")
    assert main(["fetch"]) == 0
    said = capsys.readouterr()
    assert said.out.splitlines()[1].endswith("  here") and said.err == ""  # there is nothing more to type


def test_an_interrupted_fetch_says_how_it_goes_on(capsys, monkeypatch, tmp_path):
    tiny_neighbour(monkeypatch, tmp_path, "archives")

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("lab.cli.fetch.fetch", interrupted)
    assert main(["fetch", "tiny"]) == 130
    assert capsys.readouterr().err.endswith(" fetch tiny\n")


def test_it_says_what_else_the_lesson_needs(capsys, monkeypatch, tmp_path):
    tiny = tiny_neighbour(monkeypatch, tmp_path, "archives")
    large = replace(tiny, name="large", what="Large 2.0", download_mb=150)
    monkeypatch.setattr("lab.cli.fetch.NEIGHBOURS", {"tiny": tiny, "large": large})
    assert main(["fetch", "tiny"]) == 0
    said = capsys.readouterr().out
    assert "Tiny 1.0 is here. All of lesson 99_tiny also needs: " in said
    assert said.endswith("lab fetch large\n")


@pytest.mark.parametrize(("options", "code"), [([], 1), (["--yes"], 0)])
def test_a_large_one_is_asked_for_and_with_yes_it_is_not(options, code, capsys, monkeypatch, tmp_path):
    tiny = tiny_neighbour(monkeypatch, tmp_path, "archives", download_mb=100)
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    assert main(["fetch", "tiny", *options]) == code
    said = capsys.readouterr().err
    asked = "Tiny 1.0: 100 MB. Fetch it? This is no terminal, so say yes in the command:"
    assert (asked in said and said.rstrip().endswith("lab fetch tiny --yes")) == bool(code)
    assert tiny.is_here == (not code)


@pytest.mark.parametrize(("typed", "code"), [("y\n", 0), ("n\n", 1), ("\n", 1), ("", 130)])
def test_in_a_terminal_the_answer_counts(typed, code, capsys, monkeypatch, tmp_path):
    tiny = tiny_neighbour(monkeypatch, tmp_path, "archives", download_mb=160)
    monkeypatch.setattr(sys, "stdin", Terminal(typed))
    assert main(["fetch", "tiny"]) == code
    assert "160 MB. Fetch it? [y/N]" in capsys.readouterr().err
    assert tiny.is_here == (not code)


@pytest.mark.parametrize("size", [10**6, None])
def test_a_terminal_sees_a_bar(size, monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    with bar("Tiny 1.0", size) as advance:
        advance(5 * 10**5)
    shown = sys.stderr.getvalue()
    assert "Tiny 1.0" in shown and "0:00:00" in shown and ("1.0/1.0 MB" in shown) == bool(size)


def test_an_unknown_name_is_one_line(capsys):
    assert main(["fetch", "stream"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: There is no neighbour 'stream'") and said.count("\n") == 1
