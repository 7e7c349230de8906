"""What a check says: not attempted, not yet with one hint more each time, or done. And the solution."""

import os
import subprocess
import sys

import pytest

import lab
from lab.classroom.exercises import answers, progress, report
from lab.classroom.exercises.exercise import EXERCISES, SOLUTIONS, Exercise, Step
from lab.errors import LabError

STEPS = (
    Step("one", lambda: True, ("never shown",)),
    Step("two", lambda: 1 / 0 > 0, ("first <hint>", "second hint"), found=lambda: "<nothing>"),
    Step("three", lambda: True, ("never shown",)),
)


@pytest.fixture(autouse=True)
def classroom(monkeypatch, tmp_path):
    """Where a check shows what it found. In the tests of the notebooks it raises instead."""
    monkeypatch.delenv("LAB_CHECK", raising=False)
    monkeypatch.setenv("LAB_HOME", str(tmp_path))
    monkeypatch.setattr(report, "_tries", type(report._tries)())
    monkeypatch.setattr(progress, "_facts", set())


@pytest.fixture
def exercise(monkeypatch):
    """Exercise 02.1 with other steps."""

    def use(*steps, attempted=True, missing="There is no <topic> yet."):
        made = Exercise(lambda: attempted, missing, steps)
        monkeypatch.setitem(EXERCISES, "02.1", lambda: made)

    lab.check  # noqa: B018 - loads it
    report.make_exercise.__globals__["_must_exist"]("02.1")  # registers those of the lesson
    return use


def test_without_a_trace_of_an_answer_it_is_not_attempted(exercise):
    exercise(*STEPS, attempted=False)
    found = lab.check("02.1")
    assert (found.state, found.steps, found.hints) == ("not attempted", (), ())
    assert "There is no <topic> yet." in repr(found)


def test_who_does_not_know_how_to_begin_gets_the_hints_of_the_first_step(exercise):
    """Each time with another name of a topic, as the learner's cell makes one."""
    found = []
    for topic in "abcd":
        steps = Step("one", lambda: False, ("1a", "1b")), Step("two", lambda: False, ("never shown",))
        exercise(*steps, attempted=False, missing=f"There is no {topic} yet.")
        found.append(lab.check("02.1"))
    assert [each.hints for each in found] == [(), ("1a",), ("1a", "1b"), ("1a", "1b")]
    assert ['solution("02.1")' in each.advice for each in found] == [False, False, True, True]
    assert {each.state for each in found} == {"not attempted"}


def test_it_names_the_first_step_that_is_missing_and_what_was_found(exercise):
    exercise(*STEPS)
    found = lab.check("02.1")
    assert found.state == "not yet"
    assert found.steps == (("done", "one"), ("not yet", "two (found: <nothing>)"), ("later", "three"))


def test_each_call_gives_one_hint_more_and_then_speaks_of_the_solution(exercise):
    exercise(*STEPS)
    found = [lab.check("02.1") for _ in range(3)]
    assert [len(each.hints) for each in found] == [1, 2, 2]
    assert "Run this again" in found[0].advice
    assert 'solution("02.1")' in found[1].advice
    assert "never shown" not in repr(found)


def test_a_notebook_shows_code_in_a_hint_as_code(exercise):
    exercise(Step("one `mine`", lambda: False, ("put it into a `with <b>`: its end waits",)))
    shown = lab.check("02.1")._repr_html_()
    assert "one <code>mine</code>" in shown and "a <code>with &lt;b&gt;</code>: its" in shown


def test_the_hints_of_another_step_begin_anew(exercise):
    exercise(Step("a", lambda: False, ("a1", "a2")))
    lab.check("02.1")
    exercise(Step("b", lambda: False, ("b1", "b2")))
    assert lab.check("02.1").hints == ("b1",)


def test_each_condition_is_asked_once(exercise):
    """Some wait for a broker, up to 15 seconds."""
    asked = []
    exercise(*(Step(name, lambda name=name: asked.append(name) or name == "a", ("hint",)) for name in "ab"))
    assert lab.check("02.1").state == "not yet"
    assert asked == ["a", "b"]


def test_an_error_of_the_kit_is_what_was_found(exercise):
    def fail():
        raise LabError("There is no topic.")

    exercise(Step("a", fail, ("hint",), found=lambda: "not asked"))
    assert lab.check("02.1").steps == (("not yet", "a (found: There is no topic.)"),)


def test_done_is_remembered_and_the_solution_too(exercise, tmp_path):
    exercise(STEPS[0])
    assert repr(lab.check("02.1")).startswith("Exercise 02.1: done\n")
    assert lab.solution("02.1").code == (SOLUTIONS / "02.1.py").read_text(encoding="utf-8")
    assert repr(lab.check("02.1")).startswith("Exercise 02.1: done, with the solution\n")
    progress._facts.clear()  # as in a new kernel
    assert lab.check("02.1").solution_seen
    assert {path.name for path in (tmp_path / "progress").iterdir()} == {"02.1.done", "02.1.solution"}


def test_a_home_that_cannot_be_written_is_no_obstacle(exercise, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("LAB_HOME", str(tmp_path / "file"))
    exercise(STEPS[0])
    lab.solution("02.1")
    assert lab.check("02.1").title == "done, with the solution"


def test_a_notebook_shows_it_in_a_frame_in_which_nothing_is_markup(exercise):
    exercise(*STEPS)
    shown = lab.check("02.1")._repr_html_()
    assert "first &lt;hint&gt;" in shown and "&lt;nothing&gt;" in shown
    assert "second hint" not in shown
    exercise(*STEPS, attempted=False)
    assert "no &lt;topic&gt; yet" in lab.check("02.1")._repr_html_()


def test_a_notebook_shows_a_solution_as_code():
    assert "```python\ncreate_topic(mine, num_partitions=4" in lab.solution("02.1")._repr_markdown_()


@pytest.mark.parametrize("color", report.COLORS.values())
def test_a_state_is_legible(color):
    """White on its colour, at a contrast of at least 4.5 (WCAG 2, AA)."""
    red, green, blue = (int(color[n : n + 2], 16) / 255 for n in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (red, green, blue)]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    assert 1.05 / (luminance + 0.05) >= 4.5


@pytest.mark.parametrize("look", [lab.check, lab.solution])
@pytest.mark.parametrize("number", ["02.9", "2.1", "../x", "", 2.1, None])
def test_an_exercise_that_does_not_exist_is_said_with_those_that_do(look, number):
    with pytest.raises(LabError, match=r"There is no exercise .* There are: .*02\.1, 02\.2"):
        look(number)


def test_a_check_with_too_little_says_what_to_type():
    with pytest.raises(LabError, match=r'Type: check\("02\.1", mine, \*\*settings\.kafka\)'):
        lab.check("02.1")


def test_in_the_tests_of_the_notebooks_another_state_raises(exercise, monkeypatch):
    monkeypatch.setenv("LAB_CHECK", "not attempted")
    exercise(*STEPS)
    with pytest.raises(report.UnexpectedState, match=r"\[not yet\] two"):
        lab.check("02.1")
    exercise(STEPS[0])
    with pytest.raises(report.UnexpectedState, match="done"):
        lab.check("02.1")
    exercise(attempted=False)
    assert lab.check("02.1").state == "not attempted"


ANSWERS = """
import numpy, pandas
from lab.classroom.exercises.answers import number_of, times_of
frame = pandas.DataFrame({"a": [7]})
numbers = 7, 7.0, "7", numpy.int64(7), numpy.array([7])
sevens = *numbers, [7], {7}, (7,), {"a": 7}, frame, frame["a"], [[7]]
for one in sevens:
    assert number_of(one) == 7, one
for none in (None, ..., True, "seven", [], [1, 2], b"x", {"a": 1, "b": 2}, object()):
    try:
        print("taken for a number:", none, number_of(none))
    except (TypeError, ValueError):
        pass
time = pandas.Timestamp("2026-01-01T10:00Z")
rows = pandas.DataFrame({"ts": [time]})
texts = ["2026-01-01 10:00"], ["2026-01-01T10:00:00+00:00"], ["2026-01-01T11:00+01:00"]
columns = rows, rows["ts"], rows["ts"].to_numpy(), rows.set_index("ts").index
for some in ([time], *columns, *texts, time, {time}):
    assert times_of(some) == {time}, some
values = pandas.Series([21.5, float("nan")])
for none in (3, 21.5, [3], numpy.array([21.5]), values, frame.index, [True], "soon"):
    try:
        print("taken for times:", none, times_of(none))
    except (TypeError, ValueError):
        pass
"""


@pytest.mark.broker
def test_an_answer_may_be_written_in_any_way():
    run = subprocess.run(
        [sys.executable, "-c", ANSWERS], capture_output=True, encoding="utf-8", env=os.environ, timeout=60
    )
    assert (run.stdout, run.stderr, run.returncode) == ("", "", 0)


def test_an_answer_is_given_when_it_is_something():
    assert [answers.is_given(one) for one in (None, ..., 0, "", [])] == [False, False, True, True, True]


def test_the_name_of_a_topic_is_taken_from_a_topic():
    assert answers.name_of("readings") == "readings"
    assert answers.name_of(lab.topics.Topic("readings", "id", ())) == "readings"
