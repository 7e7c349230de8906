"""What workers wrote down is read and drawn as it was."""

import json
from types import SimpleNamespace

import pandas as pd
from matplotlib import colors

from lab.classroom import queues
from lab.classroom.queues import WARM_UP, longest_wait, plot_work, read_work


def entry(job: str, worker: str, sent: float, began: float, partition: int = 0) -> dict:
    times = {"sent": sent, "began": began, "ended": began + 0.5}
    return {"job": job, "worker": worker, "delivery": 1, "did": "done", "partition": partition, **times}


ENTRIES = [
    entry("b", "worker 2", 0, 3, partition=1),
    entry(WARM_UP, "worker 2", 0, 1),
    entry("a", "worker 1", 0, 2),
    entry("c", "worker 1", 9, 10),
    entry("d", "worker 2", 6, 11, partition=1),
]


def work(monkeypatch) -> pd.DataFrame:
    records = [SimpleNamespace(value=json.dumps(each).encode()) for each in ENTRIES]
    monkeypatch.setattr(queues, "read_records", lambda topic, **kafka: iter(records))
    return read_work("done")


def test_jobs_are_in_the_order_in_which_they_began_without_the_warm_up(monkeypatch):
    assert list(work(monkeypatch)["job"]) == ["a", "b", "c", "d"]


def test_an_empty_ledger_has_its_columns(monkeypatch):
    monkeypatch.setattr(queues, "read_records", lambda topic, **kafka: iter(()))
    assert list(read_work("done").columns) == queues.COLUMNS


def test_the_longest_wait_is_one_after_the_time(monkeypatch):
    assert longest_wait(work(monkeypatch), since=5)["job"] == "d"
    assert longest_wait(work(monkeypatch), since=0)["job"] == "d"
    others = work(monkeypatch).query("job != 'd'")
    assert longest_wait(others, since=0)["job"] == "b"
    assert longest_wait(others, since=5)["job"] == "c"  # b waited longer, before that


def test_the_picture_says_in_words_who_worked_and_how_long(monkeypatch):
    found = work(monkeypatch)
    chart = plot_work({"one": found, "other": found[:1]})
    assert "one: 4 jobs by 2 workers in 9.5 s; other: 1 jobs by 1 workers in 0.5 s." in chart.alt
    assert [label.get_text() for label in chart.axes[0].get_yticklabels()] == ["worker 1", "worker 2"]
    bars = chart.axes[0].patches
    assert [round(bar.get_x()) for bar in bars] == [0, 8, 1, 9]
    assert {colors.to_hex(bar.get_edgecolor()) for bar in bars} == {"#ffffff"}  # each job is seen
    assert [panel.get_ylim() for panel in chart.axes] == [(1.5, -0.5)] * 2  # also a worker with no job
    rows = plot_work({"one": found}, "partition", since=5)
    legend = [text.get_text() for text in rows.axes[0].get_legend().get_texts()]
    assert set(legend) == {"worker 1", "worker 2", "longest wait: 5.00 s"}
