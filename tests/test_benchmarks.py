"""The benchmarks run, each on a small scale; how quick anything is, is no matter of a test."""

import json

import pytest

from benchmarks.__main__ import main
from benchmarks.comparison import Comparison, missing, take_turns
from benchmarks.parts import BENCHMARKS
from benchmarks.show import draw, table

pytestmark = pytest.mark.broker

QUICK = ("consumer", "producer", "charts", "start")
SLOW = ("scale", "compression", "broker", "imports")
NEEDS = {"confluent-kafka": "confluent_kafka", "Quix Streams": "quixstreams"}


@pytest.fixture(scope="module")
def output(tmp_path_factory):
    folder = tmp_path_factory.mktemp("benchmarks") / "made" / "by itself"
    main([*QUICK, "--messages", "200", "--runs", "1", "--output", str(folder)])
    return folder


def test_each_leaves_its_figures(output):
    assert_figures(output, QUICK)


@pytest.mark.long_run  # each does the same in more processes
def test_those_of_many_processes_leave_theirs(tmp_path):
    main([*SLOW, "--messages", "200", "--runs", "1", "--output", str(tmp_path)])
    assert_figures(tmp_path, SLOW)


def assert_figures(folder, names):
    results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    assert set(results) == set(names)
    for result in results.values():
        for each in result["comparisons"]:
            ratios = Comparison(**each).ratios
            assert ratios and all(ratio > 0 for ratio in ratios)


def test_a_reference_that_is_not_installed_is_left_out(output):
    text = (output / "README.md").read_text(encoding="utf-8")
    assert "raw poll" in text
    for name, module in NEEDS.items():
        assert (name in text) == (not missing([module])), name


def test_one_alone_can_be_run_again_and_the_others_stay(output):
    before = json.loads((output / "results.json").read_text(encoding="utf-8"))
    main(["start", "--runs", "1", "--output", str(output)])
    after = json.loads((output / "results.json").read_text(encoding="utf-8"))
    assert after["producer"] == before["producer"]
    assert after["start"] != before["start"]
    text = (output / "README.md").read_text(encoding="utf-8")
    assert text.count("| producer |") == text.count("| start.py setup") == 1
    assert (output / "figures.png").stat().st_size > 10_000


def test_ratios_are_of_runs_side_by_side_and_their_median_decides():
    comparison = Comparison("a", "b", "s", ">= 2.0", ours=[2, 9, 4], theirs=[2, 3, 2])
    assert comparison.ratios == [1, 2, 3]
    assert comparison.is_reached
    assert not Comparison("a", "b", "s", "<= 1.9", [2, 9, 4], [2, 3, 2]).is_reached
    assert Comparison("a", "b", "s", "", [1], [1]).is_reached is None
    assert "| 2 (1 to 3) | >= 2.0, reached |" in table([comparison])


def test_the_ways_take_turns_and_none_is_always_first():
    order = []
    ways = {name: lambda name=name: order.append(name) or 1.0 for name in "abc"}
    assert take_turns(2, ways) == {"a": [1, 1], "b": [1, 1], "c": [1, 1]}
    assert order == [*"abc", *"cba"]


def test_the_picture_has_a_row_for_each_with_its_goal():
    rows = [Comparison("x", "y", "s", ">= 0.5", [1, 2], [1, 1]), Comparison("z", "y", "s", "", [1], [2])]
    (panel,) = draw(rows).axes
    assert [label.get_text() for label in panel.get_yticklabels()] == ["x\nagainst y", "z\nagainst y"]
    assert [text.get_text() for text in panel.texts] == ["1.5   goal >= 0.5", "0.5"]


def test_every_benchmark_says_what_it_measures():
    assert all(run.__doc__ for run in BENCHMARKS.values())
