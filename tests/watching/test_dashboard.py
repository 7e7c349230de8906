"""The dashboard sees what is there, remembers a minute of it, and changes nothing."""

import threading
import time
from datetime import timedelta

import pandas as pd
import pytest
from kafka import KafkaProducer
from matplotlib.colors import to_hex

import lab
from lab.clients.groups import group_assignments
from lab.drawing.figure import render_png
from lab.drawing.palette import LAG, MEMBERS, NOTHING
from lab.embedded.ports import free_ports
from lab.simulation import SAMPLE_DAY
from lab.watching.dashboard import LINES, MAX_SENSORS, NOBODY, SPAN, Dashboard, Snapshot
from tests.support.snapshots import at, drawn
from tests.support.waiting import soon, wait_for


@pytest.fixture
def topic(kafka):
    """Two partitions, ninety messages in them."""
    name = lab.fresh_name("dashboard")
    lab.create_topic(name, num_partitions=2, **kafka)
    lab.produce(name, lab.simulate_readings(6, seed=1, start=SAMPLE_DAY), interval=0, max_batches=15, **kafka)
    return name


@pytest.fixture
def dashboard(topic, kafka, path):
    return Dashboard(topic, str(path), group_id=topic, **kafka)


def texts(chart) -> list[str]:
    return [text.get_text().strip() for panel in chart.axes for text in panel.texts]


def panel_named(chart, title):
    return next(panel for panel in chart.axes if title in panel.get_title(loc="left"))


# What it sees.


def test_before_anybody_consumes_everything_is_lag_and_nothing_is_made(dashboard, path):
    chart = dashboard.draw()
    (now,) = dashboard.snapshots
    assert (now.produced, now.processed, now.stored, now.dead_letters) == (90, 0, 0, 0)
    assert sum(now.lag.values()) == 90
    assert set(now.owners.values()) == {NOBODY}
    assert texts(chart)[:8] == ["90", "produced", "0", "stored", "0", "dead letters", "90", "lag"]
    assert [text.get_text() for text in chart.texts] == ["no readings yet"]
    assert not path.exists()


def test_it_sees_rows_offsets_and_who_has_which_partition(dashboard, topic, kafka, path):
    stop = threading.Event()

    def consume():
        with lab.Warehouse(str(path)) as warehouse:
            lab.consume(topic, warehouse, group_id=topic, stop=stop, **kafka)

    consumer = threading.Thread(target=consume)
    consumer.start()
    try:
        wait_for(lambda: path.exists() and dashboard.look()[0].stored == 90)
        now, values = dashboard.look()
    finally:
        stop.set()
        consumer.join(30)
    assert now.produced == now.processed == now.stored == len(values) == 90
    assert set(now.lag.values()) == {0}
    (member,) = set(now.owners.values())
    assert member != NOBODY
    assert now.owners.keys() == {0, 1}
    assert list(values.columns) == ["sensor_id", "val", "unit", "ts"]
    assert group_assignments(topic, **kafka) == {}


def test_dead_letters_of_the_topic_are_counted(dashboard, topic, kafka, warehouse):
    lab.consume(topic, warehouse, group_id=topic, max_messages=90, **kafka)
    with KafkaProducer(**kafka) as producer:
        producer.send(topic, b"garbage").get(timeout=10)
    lab.consume(topic, warehouse, group_id=topic, max_messages=1, **kafka)
    now, _ = dashboard.look()
    assert (now.produced, now.stored, now.dead_letters) == (91, 90, 1)


@pytest.mark.parametrize("where", ["another topic", "another port"])
def test_what_is_not_there_is_said_at_once(where, topic, kafka, path):
    if where == "another port":
        kafka = {"bootstrap_servers": f"127.0.0.1:{free_ports(1)[0]}"}
    began = time.monotonic()
    with pytest.raises(lab.LabError, match="There is no topic" if "topic" in where else "No Kafka broker"):
        Dashboard(topic + "x", str(path), **kafka).draw()
    assert time.monotonic() - began < soon(5)  # or the notebook would wait for it at every stop


# What it remembers, and how it is drawn.


@pytest.mark.broker
def test_a_rate_is_what_was_added_in_the_last_seconds():
    snapshots = [at(second, produced=10 * second, processed=20 * max(0, second - 5)) for second in range(11)]
    lines = panel_named(drawn(snapshots)[1], "messages a second").lines
    produced, processed = ([round(y) for y in line.get_ydata()] for line in lines)
    assert produced == [10] * 10
    assert processed == [0, 0, 0, 0, 0, 7, 13, 20, 20, 20]
    assert list(lines[0].get_xdata()) == list(range(-9, 1))


def test_a_rate_is_known_also_when_it_looks_seldom():
    lines = panel_named(drawn([at(0), at(20, produced=100)])[1], "messages a second").lines
    assert list(lines[0].get_ydata()) == [5]


@pytest.mark.broker
def test_a_minute_is_remembered():
    dashboard, _ = drawn([at(second) for second in range(0, 100, 10)])
    assert [snapshot.at for snapshot in dashboard.snapshots] == list(range(90 - int(SPAN), 100, 10))


def test_a_change_of_owners_is_a_new_colour_and_a_line():
    owners = [NOBODY, "m-1", "m-1", "m-2", "m-2"]
    panel = panel_named(drawn([at(n, owner=owner) for n, owner in enumerate(owners)])[1], "rebalance")
    bars = [(bar.get_x(), bar.get_width(), to_hex(bar.get_facecolor())) for bar in panel.patches]
    assert bars == [(-4, 1, NOTHING), (-3, 2, MEMBERS[0]), (-1, 1, MEMBERS[1])]
    assert [line.get_xdata()[0] for line in panel.lines] == [-3, -1]
    legend = [text.get_text() for text in panel.get_legend().get_texts()]
    assert legend == [NOBODY, "member 1", "member 2"]


def test_an_outage_is_a_gap_and_no_straight_line():
    away = lab.LabError("No broker")
    looks = [at(0), at(1, 10, 10), away, away, at(20, 200, 10, owner="m-2"), at(21, 210, 20, owner="m-2")]
    chart = drawn(looks)[1]
    lines = panel_named(chart, "messages a second").lines
    points = [(line.get_label(), list(line.get_xdata()), list(line.get_ydata())) for line in lines]
    assert [(xs, ys) for _, xs, ys in points] == [([-20], [10]), ([0], [10])] * 2
    assert [label for label, _, _ in points if label[0] != "_"] == ["produced", "processed"]
    owners = panel_named(chart, "rebalance")
    bars = [(bar.get_x(), bar.get_width()) for bar in owners.patches]
    assert bars == [(-21, 1), (-1, 1)]
    assert list(owners.lines) == []  # nobody saw when the owners changed


def test_readings_that_are_missing_are_a_gap_and_no_straight_line():
    times = [*range(10), *range(100, 110)]
    rows = [(name, float(n), "°C", SAMPLE_DAY + timedelta(seconds=n)) for n in times for name in ("a", "b")]
    values = pd.DataFrame(rows, columns=["sensor_id", "val", "unit", "ts"])
    panel = panel_named(drawn([at(0)], values)[1], "values in °C")
    assert [list(line.get_ydata()) for line in panel.lines] == [times[:10], times[10:]] * 2
    assert [text.get_text() for text in panel.get_legend().get_texts()] == ["a", "b"]


def test_each_sensor_of_a_unit_has_its_own_line():
    assert len(LINES) == len(set(LINES)) == MAX_SENSORS


def test_a_partition_is_a_bar_in_the_colour_of_its_owner_and_its_lag_in_orange():
    snapshot = Snapshot(0, {0: (0, 10), 1: (5, 8)}, {0: 4}, {0: "m-1", 1: NOBODY})
    panel = panel_named(drawn([snapshot])[1], "each partition")
    bars = [(bar.get_x(), bar.get_width(), to_hex(bar.get_facecolor())) for bar in panel.patches]
    assert bars == [(0, 4, MEMBERS[0]), (4, 6, LAG), (5, 0, NOTHING), (5, 3, LAG)]
    assert [text.get_text().strip() for text in panel.texts] == ["10, lag 6", "8, lag 3"]


def test_the_sensors_of_one_unit_share_a_panel():
    rows = [("a", 1.0, "°C"), ("b", 2.0, "°C"), ("a", 3.0, "°C"), ("c", 50.0, "%")]
    values = pd.DataFrame(rows, columns=["sensor_id", "val", "unit"]).assign(ts=pd.Timestamp(SAMPLE_DAY))
    chart = drawn([at(0)], values)[1]
    found = {
        line.get_label(): list(line.get_ydata())
        for title in ("values in %", "values in °C")
        for line in panel_named(chart, title).lines
    }
    assert found == {"a": [1, 3], "b": [2], "c": [50]}
    assert render_png(chart).startswith(b"\x89PNG")


@pytest.mark.broker
def test_of_many_sensors_and_units_it_shows_some_and_says_so():
    rows = [(f"{unit}-{n}", 1.0, unit, SAMPLE_DAY) for unit in "abcde" for n in range(9)]
    rows.append(("broken", 1.7e308, "a", SAMPLE_DAY))
    values = pd.DataFrame(rows, columns=["sensor_id", "val", "unit", "ts"])
    chart = drawn([at(0)], values)[1]
    panels = [panel for panel in chart.axes if "values in" in panel.get_title(loc="left")]
    assert [panel.get_title(loc="left") for panel in panels] == [f"values in {unit}" for unit in "abcd"]
    for panel in panels:
        assert len(panel.get_legend().get_texts()) == MAX_SENSORS
    beyond = "1 reading(s) with a time before 1900 or from 2200 on, or with a value beyond 1e+300"
    assert chart.left_out == [beyond, "1 more unit(s)", "12 more sensor(s)"]
    assert [text.get_text() for text in chart.texts] == [f"Not shown: {'; '.join(chart.left_out)}"]


def test_where_nothing_can_be_drawn_it_says_so():
    values = pd.DataFrame(
        {"sensor_id": ["a"], "val": [1.7e308], "unit": ["x"], "ts": [pd.Timestamp(SAMPLE_DAY)]}
    )
    chart = drawn([at(0)], values)[1]
    assert "no readings that can be drawn" in [text.get_text() for text in chart.texts]
