"""A picture that is drawn again on a thread: it moves, it ends, and it says why when it cannot be drawn."""

import re
import subprocess
import sys
import threading
import time
from itertools import pairwise
from types import SimpleNamespace

import pytest
from matplotlib.figure import Figure

import lab
from lab.drawing.figure import Picture, picture
from lab.watching.live import SHORTEST, Live
from tests.support.waiting import soon, wait_for


class Place:
    """Where a notebook would show it: keeps what was shown, and when."""

    def __init__(self):
        self.shown, self.times = [], []

    def show(self, thing):
        self.shown.append(thing)
        self.times.append(time.monotonic())


@pytest.fixture
def place():
    return Place()


def test_it_is_drawn_again_and_a_last_time_when_it_stops(place):
    live = Live(Figure, place.show, interval=0)
    wait_for(lambda: live.drawn >= 3)
    assert live.is_moving
    assert "moving" in repr(live)
    state = []
    live._draw = lambda: state.append(threading.current_thread()) or Figure()
    live.stop()
    assert state[-1] is threading.current_thread()  # what is true now, not half a second ago
    assert not live.is_moving
    assert repr(live) == f"<Live: drawn {len(place.shown)} times, standing still>"
    assert all(isinstance(each, Picture) and each.data.startswith(b"\x89PNG") for each in place.shown)


def test_stopping_twice_draws_once(place):
    live = Live(Figure, place.show)
    live.stop()
    drawn = live.drawn
    live.stop()
    assert live.drawn == drawn


@pytest.mark.broker
def test_not_oftener_than_four_times_a_second(place):
    with Live(lambda: "text", place.show, interval=0) as live:
        wait_for(lambda: live.drawn >= 4)
    gaps = [after - before for before, after in pairwise(place.times[:4])]
    assert min(gaps) >= SHORTEST * 0.95
    assert max(gaps) < 10 * SHORTEST


def test_it_rests_as_long_as_a_drawing_works(place):
    work, began = 2 * SHORTEST, []

    def draw():
        began.append(time.monotonic())
        until = time.thread_time() + work
        while time.thread_time() < until:
            pass
        return "text"

    with Live(draw, place.show, interval=0) as live:
        wait_for(lambda: live.drawn >= 2)
    assert began[1] - place.times[0] >= work * 0.95


def test_what_takes_long_holds_nobody_up(place):
    gate = threading.Event()
    began = time.monotonic()
    live = Live(lambda: gate.wait(20), place.show)
    assert time.monotonic() - began < soon(5)
    assert live.drawn == 0
    gate.set()
    live.stop()


def test_what_raises_is_shown_in_one_line_and_tried_again(place):
    answers = iter([ValueError("the broker\nis away"), Figure()])

    def draw():
        answer = next(answers, None) or Figure()
        if isinstance(answer, Exception):
            raise answer
        return answer

    with Live(draw, place.show, interval=0) as live:
        wait_for(lambda: live.drawn >= 2)
    assert place.shown[0].data == "No picture just now: ValueError: the broker"
    assert isinstance(place.shown[1], Picture)


def test_anything_that_a_notebook_shows_can_be_live(place):
    with Live(lambda: {"lag": 3}, place.show):
        wait_for(lambda: place.shown)
    assert place.shown[-1] == {"lag": 3}


@pytest.fixture
def rendered(monkeypatch):
    """The texts of each figure at the moment at which it becomes a PNG."""
    texts = []

    def render(figure, *words):
        texts.append([text.get_text() for text in figure.texts])
        return picture(figure, *words)

    monkeypatch.setattr("lab.watching.live.picture", render)
    return texts


def test_it_says_when_it_was_drawn_and_leaves_the_figure_as_it_was(place, rendered):
    figure = Figure(layout="constrained")
    figure.text(0, 0, "mine")
    with Live(lambda: figure, place.show, interval=0) as live:
        wait_for(lambda: live.drawn >= 3)
    assert all(re.fullmatch(r"drawn at \d\d:\d\d:\d\d", stamp) for _, stamp in rendered)
    assert {mine for mine, _ in rendered} == {"mine"}
    assert [text.get_text() for text in figure.texts] == ["mine"]


def test_in_an_outage_the_last_picture_stays_and_says_why(place, rendered):
    away = threading.Event()

    def draw():
        if away.is_set():
            raise lab.LabError("No broker $at$ \u4e2d " + 20 * "and so on ")
        return Figure(figsize=(3, 2))

    with Live(draw, place.show, interval=0) as live:
        wait_for(lambda: live.drawn)
        away.set()
        drawn = live.drawn
        wait_for(lambda: live.drawn >= drawn + 2)
        stamp, why = rendered[-1]
        assert stamp in [
            text for texts in rendered for text in texts if len(texts) == 1
        ]  # of the last good one
        assert why.startswith("No picture just now: LabError: No broker \\$at\\$ \\u4e2d and so on")
        assert len(why.splitlines()) == 3
        away.clear()
        wait_for(lambda: len(rendered[-1]) == 1)
    assert any("No picture just now: LabError: No broker" in each.alt for each in place.shown)
    assert len({each.data[16:24] for each in place.shown}) == 1  # width and height of a PNG: the page stays


def test_a_cell_that_is_run_again_has_one_picture(monkeypatch):
    cell = {"metadata": {"cellId": "one"}}
    notebook = SimpleNamespace(kernel=SimpleNamespace(get_parent=lambda: cell), user_ns={"In": ["", "code"]})
    monkeypatch.setattr("lab.watching.live.get_ipython", lambda: notebook)
    monkeypatch.setattr(
        "lab.watching.live.display", lambda *_, **__: SimpleNamespace(update=lambda picture: None)
    )
    first, second = lab.show_live(Figure), lab.show_live(Figure)
    cell["metadata"].clear()
    third, fourth = lab.show_live(Figure), lab.show_live(Figure)
    assert [live.is_moving for live in (first, second, third, fourth)] == [False, True, False, True]
    second.stop()
    fourth.stop()


@pytest.mark.broker
def test_a_program_that_ends_does_not_wait_for_it():
    code = "from lab.watching.live import Live; Live(lambda: 1, print); print('end')"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60, check=True)
    assert b"end" in ended.stdout


def test_outside_a_notebook_nothing_is_shown(capsys):
    live = lab.show_live(Figure)
    wait_for(lambda: not live.is_moving)
    live.stop()
    assert capsys.readouterr().out == "A live picture needs a notebook; nothing is shown here.\n"
