"""What does a result look like in a notebook? A small table, escaped, in the colours of the page."""

import re
from pathlib import Path

import nbformat
import pytest

from lab.classroom.tables import consume_table, produce_table, topic_table
from lab.clients.summaries import ConsumeSummary
from lab.producer import ProduceSummary
from lab.topics import Partition, Topic

LONE = Topic("mine", "id", (Partition(0, 1, (1,), (1,)), Partition(1, 1, (1,), (1,))))
COPIED = Topic("mine", "id", (Partition(0, 1, (1, 2, 3), (3, 1)), Partition(1, -1, (2, 3, 1), (2, 3, 1))))
ODD = "<script>alert('&')</script>"
TABLES = {
    "produced": produce_table(ProduceSummary(30, 4, 0.0123, [ODD])),
    "consumed": consume_table(ConsumeSummary(stored=1)),
    "topic": topic_table(COPIED),
}


def cells(html):
    """The text of its cells, line by line."""
    lines = re.findall(r"<tr>(.*?)</tr>", html)
    return [tuple(re.findall(r"<t[hd][ >].*?>?([^<>]*)</t[hd]>", line)) for line in lines]


def test_a_summary_shows_what_is_not_zero():
    assert cells(produce_table(ProduceSummary(1234, 0, 12.3456))) == [
        ("readings acknowledged", "1,234"),
        ("seconds", "12.3"),
    ]
    assert cells(consume_table(ConsumeSummary(stored=60, lag={0: 0, 1: 0}))) == [("readings stored", "60")]


def test_that_nothing_happened_is_said():
    assert cells(produce_table(ProduceSummary())) == [("readings acknowledged", "0")]
    assert cells(consume_table(ConsumeSummary())) == [("readings stored", "0")]


def test_a_summary_hides_nothing_that_happened():
    every = ConsumeSummary(1, 2, 3, 4, 5, 6, 7, 0.8, 9000, {2: 1000, 0: 0, 1: 11})
    assert cells(consume_table(every)) == [
        ("readings stored", "1"),
        ("messages that are no readings", "2"),
        ("messages that another consumer had stored first", "3"),
        ("messages that Kafka removed before they were read", "4"),
        ("messages that Kafka lost after they were stored", "5"),
        ("connections made again", "6"),
        ("times that it was given other partitions", "7"),
        ("seconds without a partition", "0.8"),
        ("seconds", "9,000.0"),
        ("messages not read yet", "11 in partition 1, 1,000 in partition 2"),
    ]


def test_what_was_not_acknowledged_is_shown_with_its_reason():
    assert cells(produce_table(ProduceSummary(30, 4, 0.0123, ["It is too large."])))[1:] == [
        ("not acknowledged", "4"),
        ("reason", "It is too large."),
        ("seconds", "0.012"),
    ]


def test_a_topic_on_one_broker_is_shown_without_the_words_for_copies():
    assert cells(topic_table(LONE)) == [("partition", "on broker"), ("0", "1"), ("1", "1")]
    assert "topic mine</caption>" in topic_table(LONE)


def test_a_topic_with_replicas_shows_which_is_not_in_sync_and_where_no_leader_is():
    assert cells(topic_table(COPIED)) == [
        ("partition", "leader", "replicas", "in sync", "not in sync"),
        ("0", "1", "1, 2, 3", "1, 3", "2"),
        ("1", "none", "2, 3, 1", "1, 2, 3", ""),
    ]
    in_sync = Topic("mine", "id", COPIED.partitions[1:])
    assert cells(topic_table(in_sync))[0] == ("partition", "leader", "replicas", "in sync")


def test_the_overview_names_only_rows_that_a_table_has():
    """Its text once spoke of `stored` and `lag`, and the table says it in other words."""
    lesson = nbformat.read(Path(__file__).parents[2] / "notebooks" / "00_overview.ipynb", as_version=4).cells
    shown = next(n for n, cell in enumerate(lesson) if cell.source.endswith("\nsummary"))
    named = re.findall(r"`([^`]+)`", lesson[shown + 1].source)
    rows = [name for name, *_ in cells(consume_table(ConsumeSummary(1, lag={0: 1})))]
    assert named and set(named) <= set(rows)


@pytest.mark.parametrize("html", [*TABLES.values(), topic_table(Topic(ODD, "id", LONE.partitions))])
def test_a_table_is_escaped_and_has_no_colours_of_its_own(html):
    assert "<script" not in html and "'&'" not in html
    assert set(re.findall(r"(?:color|background)\S*:\s*([^;\"]+)", html)) <= {"inherit"}
