"""The ledger of windows counts right, and so does the truth that exercise 13.1 is compared with."""

import random
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

import lab
from lab.classroom import streams
from lab.classroom.exercises.lesson_13 import largest_of_each
from lab.classroom.streams import window_ledger
from lab.neighbours.neighbour import NEIGHBOURS, fault
from lab.readings import Reading

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
NOT_HERE = fault(NEIGHBOURS["streams"])


def windows(*rows) -> pd.DataFrame:
    found = [(name, NOON + minute * MINUTE, mean, count) for name, minute, mean, count in rows]
    return pd.DataFrame(found, columns=["sensor_id", "start", "mean", "count"])


TRUTH = windows(("a", 0, 1.5, 2), ("a", 1, 2.0, 1), ("b", 0, 3.0, 4))
RIGHT = [("a", 0, 1.5, 2), ("a", 1, 2.0, 1), ("b", 0, 3.0, 4)]


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (RIGHT, {}),
        (RIGHT[1:], {"lost": 1}),
        ([], {"lost": 3}),
        ([*RIGHT, RIGHT[0], RIGHT[0]], {"twice": 2}),
        ([*RIGHT[1:], ("a", 0, 1.5, 3)], {"wrong": 1}),
        ([*RIGHT[1:], ("a", 0, 1.6, 2)], {"wrong": 1}),
        ([*RIGHT, ("a", 0, 1.6, 2)], {"twice": 1, "wrong": 1}),
        ([*RIGHT, ("c", 0, 1.0, 1)], {"wrong": 1}),  # no such window
    ],
)
def test_a_ledger_of_windows(rows, told):
    expected = {"produced": 3, "stored": len(rows), "lost": 0, "twice": 0, "wrong": 0} | told
    assert window_ledger(TRUTH, windows(*rows)) == expected


def reading(seconds: float, val: float = 1.0, name: str = "a") -> Reading:
    return Reading(name, val, "°C", "OK", NOON + timedelta(seconds=seconds))


def start(minutes: int) -> int:
    return round((NOON + minutes * MINUTE).timestamp() * 1000)


def test_a_window_counts_what_comes_before_it_is_closed():
    early, late, too_late = reading(1, 5), reading(2, 7), reading(3, 9)
    assert largest_of_each([early, reading(359.9)]) == {}  # the window, five minutes, and one of grace
    assert largest_of_each([early, reading(359.9), late, reading(360)]) == {("a", start(0)): 7}
    assert largest_of_each([early, reading(360), too_late]) == {("a", start(0)): 5}
    assert largest_of_each([early, reading(700, name="b")]) == {}  # each sensor has a time of its own


@pytest.mark.skipif(bool(NOT_HERE), reason=NOT_HERE)
@pytest.mark.broker
def test_a_program_ends_when_it_has_read_all_also_if_a_partition_is_empty(kafka, tmp_path, monkeypatch):
    """As with one sensor: it waited for a message of the other partition, and the cell for the program."""
    monkeypatch.setenv("LAB_HOME", str(tmp_path / "home"))
    topic, results = (
        lab.create_topic(lab.fresh_name(name), num_partitions=2, **kafka).name for name in ("one", "results")
    )
    lab.produce(topic, [[reading(n) for n in range(3)]], interval=0, **kafka)
    steps = tmp_path / "steps.py"
    steps.write_text("results = lambda readings: readings", encoding="utf-8")
    program = streams.start_stream(steps, topic, results)
    try:
        assert program.wait(timeout=60) == 0
    finally:
        program.kill()
        program.wait()
    assert len([*lab.read_records(results, isolation_level="read_committed", **kafka)]) == 3


def test_in_order_nothing_is_too_late():
    chance = random.Random(1)
    readings = [reading(n, chance.random()) for n in range(2000)]
    table = pd.DataFrame([(r.ts, r.val) for r in readings], columns=["ts", "val"])
    largest = table.groupby(table["ts"].dt.floor("5min"))["val"].max().iloc[:6]  # the last is still open
    assert list(largest_of_each(readings).values()) == list(largest)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("1 / 0", "The program ended: ZeroDivisionError: "),
        ("import os; os._exit(3)", "The program ended: code 3"),
        ("", ""),
    ],
)
def test_who_waits_for_a_checkpoint_is_told_that_the_program_ended_by_an_error(
    code, said, tmp_path, capsys, monkeypatch
):
    """Exercise 13.2 runs it in the background: its error was in a file that nobody knows of."""
    monkeypatch.setattr(streams, "group_offsets", lambda *_, **__: {})
    file = tmp_path / "said.txt"
    with (
        file.open("wb") as said_to,
        subprocess.Popen([sys.executable, "-c", code], stderr=said_to) as program,
    ):
        streams.SAID[program] = file
        streams.wait_for_checkpoint(program, "readings", "results", 100)
    told = capsys.readouterr().err
    assert told.startswith(said) and bool(told) == bool(said)
