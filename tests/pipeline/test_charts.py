"""`sensor_logs` as a DataFrame and as pictures; looked at through what matplotlib drew."""

import re
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import to_hex
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.text import Text

import lab
from lab.charts import plot_sensor_logs, thin_sensor_logs
from lab.classroom.pictures import plot_ledger, plot_offsets, plot_replicas
from lab.cli import main
from lab.databases import queries
from lab.databases.queries import Selection
from lab.drawing.figure import caption, render_png
from lab.drawing.palette import NOTHING, STATUS, STORED, sensor_colors
from lab.drawing.thinning import MAX_PANELS, find_gaps
from lab.readings import Batch, Reading
from lab.simulation import PlantedFault
from lab.topics import Partition, Topic
from lab.warehouse import Warehouse
from tests.support.snapshots import at, drawn

START = datetime(2026, 1, 31, 12, tzinfo=UTC)
PNG = b"\x89PNG\r\n\x1a\n"


def minutes(*numbers: int) -> list[datetime]:
    return [START + timedelta(minutes=number) for number in numbers]


def logs_of(readings: list[Reading], path) -> pd.DataFrame:
    with Warehouse(str(path)) as warehouse:
        if readings:
            warehouse.store("t", "id", [Batch(0, None, len(readings), readings)])
    return lab.read_sensor_logs(str(path))


@pytest.fixture
def logs(tmp_path):
    """Two sensors, the second with a gap, a warning and a critical reading."""
    warm = [Reading("t-1", 20 + n, "°C", "OK", ts) for n, ts in enumerate(minutes(*range(60)))]
    damp = [Reading("h-1", 50, "%", "OK", ts) for ts in minutes(*range(15), *range(40, 58))]
    marked = [
        Reading("h-1", 85, "%", "WARNING", START + timedelta(minutes=58)),
        Reading("h-1", 99, "%", "CRITICAL", START + timedelta(minutes=59)),
    ]
    return logs_of(warm + damp + marked, tmp_path / "warehouse.db")


# The table.


def test_the_table_has_real_times_in_order(tmp_path):
    late, early = START.replace(microsecond=5), START
    logs = logs_of([Reading("a", 1, "", "OK", late), Reading("b", 2.5, "", "OK", early)], tmp_path / "w.db")
    assert list(logs.columns) == ["id", "sensor_id", "val", "unit", "status", "ts"]
    assert list(logs["ts"]) == [early, late]
    assert str(logs["ts"].dtype).endswith("UTC]")
    assert list(logs["val"]) == [2.5, 1.0]
    assert list(logs["id"]) == [2, 1]


def test_one_sensor_can_be_asked_for(logs, tmp_path):
    one = lab.read_sensor_logs(str(tmp_path / "warehouse.db"), "t-1")
    assert len(one) == 60
    assert set(one["sensor_id"]) == {"t-1"}
    assert lab.read_sensor_logs(str(tmp_path / "warehouse.db"), "' OR 1=1 --").empty


def test_an_empty_table_is_an_empty_frame_of_the_same_columns(tmp_path):
    logs = logs_of([], tmp_path / "warehouse.db")
    assert logs.empty
    assert str(logs["ts"].dtype).endswith("UTC]")


def test_no_warehouse_is_said_and_none_is_made(tmp_path):
    with pytest.raises(lab.LabError, match="There is no warehouse at"):
        lab.read_sensor_logs(str(tmp_path / "none.db"))
    assert not list(tmp_path.iterdir())


# Gaps.


def test_a_silence_much_longer_than_usual_is_a_gap():
    times = pd.Series(minutes(0, 1, 2, 3, 23, 24))
    gaps = find_gaps(times)
    assert gaps.to_dict("list") == {"start": [times[3]], "end": [times[4]]}


@pytest.mark.parametrize("numbers", [(), (0,), (0, 1), (0, 1, 2, 11, 12), (0, 0, 0)])
def test_no_gap_where_there_is_none(numbers):
    assert find_gaps(pd.Series(minutes(*numbers), dtype="datetime64[ns, UTC]")).empty


# The picture of the values.


def test_each_sensor_has_a_panel_with_its_name_and_unit_and_the_rate_comes_last(logs):
    panels = plot_sensor_logs(logs).axes
    assert [panel.get_title(loc="left") for panel in panels[:2]] == ["h-1", "t-1"]
    assert [panel.get_ylabel() for panel in panels[:2]] == ["%", "°C"]
    assert "per minute" in panels[2].get_title(loc="left")


def test_the_line_has_every_value_and_is_broken_where_the_sensor_was_silent(logs):
    humidity, temperature, _ = plot_sensor_logs(logs).axes
    assert list(temperature.lines[0].get_ydata()) == [20 + n for n in range(60)]
    drawn = pd.Series(humidity.lines[0].get_ydata())
    assert drawn.isna().sum() == 1
    assert drawn.isna()[15]
    assert len(drawn) == 35 + 1


def test_matplotlib_gets_the_times_as_numbers(logs):
    """It converts times with a time zone one by one: a million took longer than all else."""
    humidity, temperature, _ = plot_sensor_logs(logs).axes
    for line in (*humidity.lines, *temperature.lines):
        assert line.get_xdata(orig=True).dtype.kind == "M"
    warning = START + timedelta(minutes=58)
    assert humidity.lines[1].get_xdata(orig=True)[0] == np.datetime64(warning.replace(tzinfo=None))


def test_the_time_axis_is_worked_out_once_for_each_view(logs, monkeypatch):
    asked = []
    for there, name in ((AutoDateLocator, "get_locator"), (ConciseDateFormatter, "format_ticks")):
        before = getattr(there, name)
        call = lambda *what, name=name, do=before: asked.append(name) or do(*what)  # noqa: E731
        monkeypatch.setattr(there, name, call)

    def labels_of(chart: Figure) -> list[str]:
        render_png(chart)
        return [label.get_text() for label in chart.axes[-1].get_xticklabels()]

    chart, other = plot_sensor_logs(logs), plot_sensor_logs(logs)
    shown = labels_of(chart)
    assert asked.count("get_locator") < 5
    assert asked.count("format_ticks") < 5
    for each in (chart, other):
        each.axes[0].set_xlim(START + timedelta(minutes=5), START + timedelta(minutes=65))
    assert labels_of(chart) == labels_of(other) != shown


def shades(panel) -> list[tuple[float, float]]:
    """Where the grey begins and ends, and that it is as high as the panel."""
    corners = [path.vertices for group in panel.collections for path in group.get_paths()]
    assert all((shape[:, 1].min(), shape[:, 1].max()) == (0, 1) for shape in corners)
    assert all(group.get_transform() == panel.get_xaxis_transform() for group in panel.collections)
    return [(shape[:, 0].min(), shape[:, 0].max()) for shape in corners]


def test_a_gap_is_shaded_from_the_last_reading_before_it_to_the_first_after(logs):
    humidity, temperature, _ = plot_sensor_logs(logs).axes
    ((start, end),) = shades(humidity)
    x = humidity.convert_xunits
    assert start == pytest.approx(x(START + timedelta(minutes=14)))
    assert end == pytest.approx(x(START + timedelta(minutes=40)))
    assert to_hex(humidity.collections[0].get_facecolor()) == NOTHING
    assert not shades(temperature)


def test_statuses_are_marked_each_in_its_own_way_and_counted_in_the_legend(logs):
    humidity, temperature, _ = plot_sensor_logs(logs).axes
    marks = {line.get_label(): line for line in humidity.lines[1:]}
    assert set(marks) == {"WARNING (1)", "CRITICAL (1)"}
    for label, value in (("WARNING (1)", 85), ("CRITICAL (1)", 99)):
        assert list(marks[label].get_ydata()) == [value]
        found = marks[label].get_color(), marks[label].get_marker()
        assert found == STATUS[label.split()[0]]
    assert len(temperature.lines) == 1
    legend = [text.get_text() for text in humidity.get_legend().get_texts()]
    assert legend == ["value", "WARNING (1)", "CRITICAL (1)", "no readings"]


def rates_of(panel) -> list[list[tuple[float, float]]]:
    """For each sensor, from below: where each slice begins, and the readings in it."""
    data = [patch.get_data() for patch in panel.patches]
    return [list(zip(steps.edges, steps.values - steps.baseline)) for steps in data]


def test_the_rate_counts_every_reading(logs):
    rates = rates_of(plot_sensor_logs(logs).axes[-1])
    assert sum(height for rate in rates for _, height in rate) == len(logs)


def test_rates_are_stacked_and_a_slice_without_readings_is_empty(tmp_path):
    readings = [Reading(name, 1, "", "OK", ts) for name in "ab" for ts in minutes(0, 0, 1, 90)]
    panel = plot_sensor_logs(logs_of(readings, tmp_path / "w.db")).axes[-1]
    below, above = (patch.get_data() for patch in panel.patches)
    assert list(above.baseline) == list(below.values)
    first, *others = rates_of(panel)
    assert others == [first]
    assert len(first) == 91
    assert {round((x - first[0][0]) * 1440): height for x, height in first if height} == {0: 2, 1: 1, 90: 1}


@pytest.mark.parametrize("number", [0, 1])
def test_few_readings_are_no_fault(number, tmp_path):
    logs = logs_of([Reading("t-1", 1, "°C", "OK", START)] * number, tmp_path / "w.db")
    chart = plot_sensor_logs(logs)
    assert render_png(chart).startswith(PNG)
    assert bool(chart.texts) == (number == 0)


def test_a_week_and_a_second_are_both_readable(tmp_path):
    for n, step in enumerate((timedelta(minutes=10), timedelta(milliseconds=1))):
        batches = islice(lab.simulate_readings(seed=1), 1000)
        readings = [
            Reading(r.sensor_id, r.val, r.unit, r.status, START + step * number)
            for number, batch in enumerate(batches)
            for r in batch
        ]
        rate = plot_sensor_logs(logs_of(readings, tmp_path / f"{n}.db")).axes[-1]
        assert 1 <= len(rates_of(rate)[0]) <= 101


# The same picture of more readings than anybody can draw.


THREE_DAYS = 8640  # batches, one each 30 s
PLANTED_FAULTS = (
    PlantedFault("outlier", "temperature-1", 3000, 3000, size=14),
    PlantedFault("outlier", "temperature-1", 5001, 5001, size=-18),
    PlantedFault("gap", "humidity-1", 4000, 4500),
    PlantedFault("drift", "pressure-1", 5000, THREE_DAYS, size=12),
)


def store_three_days(url: str) -> None:
    batches = lab.simulate_readings(seed=3, start=START, step=timedelta(seconds=30), plants=PLANTED_FAULTS)
    readings = [reading for batch in islice(batches, THREE_DAYS) for reading in batch]
    with Warehouse(url) as warehouse:
        warehouse.store("t", "id", [Batch(0, None, len(readings), readings)])


@pytest.fixture
def both(new_database):
    """The picture of every row of three days, and the one that the database thinned out."""
    store_three_days(new_database)
    logs, gaps, left_out = thin_sensor_logs(new_database, max_rows=1000)
    assert left_out == []
    assert len(logs) < 4 * 3 * 1200
    return plot_sensor_logs(lab.read_sensor_logs(new_database)), plot_sensor_logs(logs, gaps)


def columns_of(chart, panel) -> dict[int, tuple[float, float]]:
    """{column of pixels: the least and the greatest value that its line has there}"""
    chart.canvas.draw()
    line = chart.axes[panel].lines[0]
    pixels = chart.axes[panel].transData.transform(line.get_xydata())
    drawn = pd.DataFrame({"column": pixels[:, 0], "value": line.get_ydata()}).dropna()
    by_column = drawn.groupby(drawn["column"].astype(int))["value"]
    return {column: (values.min(), values.max()) for column, values in by_column}


@pytest.mark.broker
def test_a_thinned_picture_has_the_extremes_of_every_stretch(both):
    for panel in range(3):
        every, thin = (columns_of(chart, panel) for chart in both)
        for column, (least, greatest) in every.items():
            near = [thin[n] for n in range(column - 2, column + 3) if n in thin]
            assert min(values[0] for values in near) <= least, (panel, column)
            assert max(values[1] for values in near) >= greatest, (panel, column)
        assert min(v[0] for v in thin.values()) == min(v[0] for v in every.values())
        assert max(v[1] for v in thin.values()) == max(v[1] for v in every.values())


def chart_legend(panel) -> list[Text]:
    """The panel of the rates has none: its colours are those of the lines."""
    return panel.get_legend().get_texts() if panel.get_legend() else []


@pytest.mark.broker
def test_a_thinned_picture_has_the_same_legends_titles_units_and_limits(both):
    every, thin = (
        [
            (
                [text.get_text() for text in chart_legend(panel)],
                panel.get_title(loc="left"),
                panel.get_ylabel(),
                panel.get_ylim(),
            )
            for panel in chart.axes
        ]
        for chart in both
    )
    assert every == thin
    assert any("WARNING (" in label for label in every[1][0])


@pytest.mark.broker
def test_a_thinned_picture_shades_the_same_gaps_and_counts_the_same_rates(both):
    for panel in range(3):
        shaded = [shades(chart.axes[panel]) for chart in both]
        assert shaded[0] == shaded[1]
        assert len(shaded[0]) == (panel == 0)
        breaks = [int(pd.isna(chart.axes[panel].lines[0].get_ydata()).sum()) for chart in both]
        assert breaks == [panel == 0] * 2
    every, thin = (rates_of(chart.axes[-1]) for chart in both)
    assert every == thin


@pytest.mark.broker
def test_a_slice_that_is_in_several_pages_of_the_table_is_one(new_database, monkeypatch):
    batches = list(islice(lab.simulate_readings(3, seed=3, start=START), 40))
    readings = [reading for batch in batches[20:] + batches[:20] for reading in batch]  # not in their order
    first = Reading("t-1", 99, "°C", "WARNING", START)
    last = Reading("t-1", -99, "K", "WARNING", START + timedelta(seconds=1))
    logs_of([first, *readings, last], new_database)
    asked = []
    with Warehouse(new_database, create=False) as warehouse:
        ask = warehouse.query
        monkeypatch.setattr(warehouse, "query", lambda *what: asked.append(what) or ask(*what))

        def slices_of(page: int, width: float) -> tuple[list, int]:
            monkeypatch.setattr(queries, "PAGE", page)
            asked.clear()
            found = queries.slices(warehouse, START, width, Selection())
            return sorted(found), sum("GROUP BY" in sql for sql, *_ in asked)

        for width in (1.0, 7.0, 3600.0):
            whole, pages = slices_of(10_000, width)
            assert pages == 1
            for page in (1, 7, 40, len(readings) + 1, len(readings) + 2):
                assert slices_of(page, width)[0] == whole
        assert ("t-1", "WARNING", 0, "K", 2, -99, 99) in [row[:7] for row in whole]
        assert slices_of(40, 3600.0)[1] == 4
        assert slices_of(40, 1.0)[1] == 2  # a page has most slices: the rest is one page


def test_few_readings_are_not_thinned_out(logs, tmp_path):
    found, gaps, left_out = thin_sensor_logs(str(tmp_path / "warehouse.db"))
    assert (gaps, left_out) == (None, [])
    assert found.drop(columns="readings").equals(logs)


def test_many_readings_of_one_time_are_one_slice(tmp_path):
    readings = [Reading("t-1", n, "°C", "OK", START) for n in range(20)]
    logs_of(readings, tmp_path / "w.db")
    logs, gaps, _ = thin_sensor_logs(str(tmp_path / "w.db"), max_rows=10)
    assert list(logs["val"]) == [0, 19]
    assert logs["readings"].sum() == 20
    assert gaps.empty
    assert render_png(plot_sensor_logs(logs, gaps)).startswith(PNG)


# More sensors than anybody can look at.


@pytest.fixture(scope="module")
def crowd(tmp_path_factory) -> str:
    """The warehouse of 300 sensors, of which the last two had something to warn of."""
    ends = {"s-298": "WARNING", "s-299": "CRITICAL"}
    readings = [
        Reading(f"s-{n:03}", minute, "°C", ends.get(f"s-{n:03}", "OK") if minute == 3 else "OK", ts)
        for minute, ts in enumerate(minutes(*range(4)))
        for n in range(300)
    ]
    url = str(tmp_path_factory.mktemp("crowd") / "w.db")
    logs_of(readings, url)
    return url


SHOWN = [*(f"s-00{n}" for n in range(8)), "s-298", "s-299"]
OTHERS = (
    "290 of 300 sensors. Those with CRITICAL or WARNING readings come first. "
    "Others: python -m lab chart --sensor ID"
)


@pytest.mark.broker
@pytest.mark.parametrize("how", ["every row", "few rows", "thinned"])
def test_of_many_sensors_a_picture_shows_some_and_says_so(crowd, how):
    rows = lab.read_sensor_logs(crowd)
    thin = {"every row": (rows,), "few rows": thin_sensor_logs(crowd)}.get(how) or thin_sensor_logs(crowd, 1)
    assert how == "every row" or set(thin[0]["sensor_id"]) == set(SHOWN)  # the database gives no others
    chart = plot_sensor_logs(*thin)
    assert [panel.get_title(loc="left") for panel in chart.axes[:-1]] == SHOWN
    assert chart.left_out == [OTHERS]
    assert [text.get_text() for text in chart.texts] == [f"Not shown: {OTHERS}"]
    bars = [to_hex(patch.get_facecolor()) for patch in chart.axes[-1].patches]
    assert bars[::-1] == [panel.lines[0].get_color() for panel in chart.axes[:-1]]
    assert bars[::-1] == sensor_colors(MAX_PANELS)
    assert len(set(bars)) == MAX_PANELS


@pytest.mark.broker
def test_the_command_says_what_it_leaves_out_and_draws_the_sensors_that_are_named(
    crowd, tmp_path, own_logging, monkeypatch, capsys
):
    monkeypatch.setenv("LAB_WAREHOUSE", crowd)
    output = tmp_path / "chart.svg"
    draw = ["chart", "--output", str(output)]
    assert main(draw) == 0
    said = capsys.readouterr()
    assert said.err == f"Not shown: {OTHERS}\n"
    assert said.out == f"40 readings: {output}\n"
    assert main([*draw, "--sensor", "s-150", "--sensor", "s-007"]) == 0
    assert capsys.readouterr() == (f"8 readings: {output}\n", "")
    drawn = output.read_text(encoding="utf-8")
    assert [f"<!-- {name} -->" in drawn for name in ("s-150", "s-007", "s-000")] == [True, True, False]
    assert main([*draw, "--sensor", "s-300"]) == 1
    assert re.search(r"no readings of the sensor s-300 .*: python -m lab status", capsys.readouterr().err)


def test_thousands_of_gaps_are_one_shape(tmp_path):
    times = [START + timedelta(seconds=1000 * (n // 4) + n % 4) for n in range(8000)]
    logs = pd.DataFrame({"sensor_id": "s", "val": 1.0, "unit": "", "status": "OK", "ts": times})
    panel = plot_sensor_logs(logs).axes[0]
    assert len(shades(panel)) == 1999
    assert len(panel.get_children()) < 50


def test_a_reading_that_stands_alone_is_seen(tmp_path):
    alone = [Reading("b", 5, "", "OK", START + timedelta(minutes=2))]
    line = [Reading("a", n, "", "OK", ts) for n, ts in enumerate(minutes(0, 1, 2, 3, 90, 200, 201))]
    first, second, _ = plot_sensor_logs(logs_of(line + alone, tmp_path / "w.db")).axes
    for panel, value in ((first, 4), (second, 5)):
        (point,) = panel.lines[1:]
        assert (list(point.get_ydata()), point.get_marker()) == ([value], ".")
        assert [text.get_text() for text in panel.get_legend().get_texts()][:1] == ["value"]


# Whatever was stored.


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("temperature-1", "temperature-1"),
        ("$x_$", "$x_$"),
        (r"$\frac{$", r"$\frac{$"),
        (r"a\$b$", r"a\$b$"),
        ("_hidden", " _hidden"),
        ("室温", r"\u5ba4\u6e29"),
        ("חדר", "חדר"),
        ("a\nb\x1b", r"a\nb\x1b"),
        ("x" * 200, "x" * 51 + "…" + "x" * 8),
    ],
)
def test_a_name_is_drawn_letter_by_letter(text, shown):
    drawn, is_formula = Text(0, 0, "")._preprocess_math(caption(text))
    assert (drawn, is_formula) == (shown, False)


BEYOND = "2 reading(s) with a time before 1900 or from 2200 on, or with a value beyond 1e+300"


@pytest.mark.parametrize("max_rows", [0, 1000])
def test_what_no_picture_can_show_is_left_out_and_counted(new_database, max_rows):
    good = [Reading("a", n, "", "OK", ts) for n, ts in enumerate(minutes(0, 1, 2))]
    bad = [
        Reading("a", 1, "", "OK", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
        Reading("only", -1.7e308, "", "OK", START),
    ]
    logs_of(good + bad, new_database)
    chart = plot_sensor_logs(*thin_sensor_logs(new_database, max_rows))
    assert chart.left_out == [BEYOND]
    assert [text.get_text() for text in chart.texts] == [f"Not shown: {BEYOND}"]
    assert [panel.get_title(loc="left") for panel in chart.axes] == ["a", "readings measured per 5 seconds"]
    assert render_png(chart).startswith(PNG)


@st.composite
def moments(draw):
    """Anywhere in time, or close to each other."""
    near = st.datetimes(datetime(2026, 1, 1), datetime(2026, 1, 1, 0, 0, 0, 3))
    edges = st.sampled_from([datetime(1, 1, 1), datetime(1900, 1, 1), datetime(2199, 12, 31, 23, 59, 59)])
    return draw(st.datetimes() | near | edges).replace(tzinfo=UTC)


names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=200)
odd_names = st.sampled_from(["$x_$", "_", "%s", "W" * 200, "\u202e" * 200, "😀" * 9, "﷽" * 200, "ส็็็็็" * 33])
odd_values = st.sampled_from([0.0, -0.0, 5e-324, 1e300, -1e300, 1.7e308, 1e-300, float("inf")])
stored = st.builds(
    Reading,
    (names | odd_names).filter(bool),
    st.floats(allow_nan=False) | odd_values,
    (names | odd_names).map(lambda text: text[:50]),
    st.sampled_from(["OK", "WARNING", "CRITICAL"]),
    moments(),
)


def survives(readings: list[Reading]) -> None:
    """Every picture of these rows is drawn, without a warning."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        url = str(Path(folder) / "w.db")
        logs = logs_of(readings, url)
        assert len(logs) == len(readings)
        plot_sensor_logs(*thin_sensor_logs(url, max_rows=0))
        assert render_png(plot_sensor_logs(*thin_sensor_logs(url))).startswith(PNG)
        _, chart = drawn([at(0), at(1, produced=9)], logs[["sensor_id", "val", "unit", "ts"]])
        assert render_png(chart).startswith(PNG)


ODD_ROWS = {
    "formulas": [Reading("$x_$", 1, r"$\frac{$", "OK", START)],
    "all years": [Reading("a", 1, "", "OK", ts.replace(tzinfo=UTC)) for ts in (datetime.min, datetime.max)],
    "300 years": [Reading("a", y, "", "OK", datetime(y, 1, 1, tzinfo=UTC)) for y in (1900, 1970, 2199)],
    "all values": [Reading("a", v, "", "OK", START) for v in (1.7e308, -1.7e308, 5e-324, 1e300, -1e300)],
    "long names": [Reading(x * 200, 1, x * 50, "WARNING", START) for x in "W_﷽😀\u202e室$\x1b"],
    "one instant": [Reading("a", 1, "", "CRITICAL", START.replace(year=2199, microsecond=7))] * 3,
}


@pytest.mark.broker
@pytest.mark.parametrize("kind", ODD_ROWS)
def test_odd_rows_can_be_drawn(kind):
    survives(ODD_ROWS[kind])


@pytest.mark.broker
@settings(max_examples=5, deadline=None)
@given(st.lists(stored, min_size=1, max_size=4))
def test_whatever_can_be_stored_can_be_drawn(readings):
    survives(readings)


# Offsets and ledgers.


def bars_of(panel, label):
    """[(left, width)] of the bars with that label."""
    (group,) = (group for group in panel.containers if group.get_label() == label)
    return [(bar.get_x(), bar.get_width()) for bar in group]


def test_offsets_are_bars_split_where_the_warehouse_has_come_to():
    (panel,) = plot_offsets({0: (0, 10), 1: (5, 8)}, {0: 4}).axes
    assert [text.get_text() for text in panel.get_yticklabels()] == ["partition 0", "partition 1"]
    assert bars_of(panel, "stored") == [(0, 4), (5, 0)]
    assert bars_of(panel, "lag: not stored yet") == [(4, 6), (5, 3)]
    assert [text.get_text().strip() for text in panel.texts] == ["end 10, lag 6", "end 8, lag 3"]


def test_without_a_warehouse_offsets_are_what_is_in_the_log():
    (panel,) = plot_offsets({0: (3, 10)}).axes
    assert bars_of(panel, "in the log") == [(3, 7)]
    assert [text.get_text().strip() for text in panel.texts] == ["end 10"]


def test_the_owner_of_a_partition_stands_beside_its_bar():
    (panel,) = plot_offsets({0: (0, 10), 1: (0, 8)}, {0: 4}, {0: "member 1"}).axes
    names = [text.get_text() for text in panel.get_yticklabels()]
    assert names == ["partition 0\nowner: member 1", "partition 1\nowner: nobody"]


def test_behind_the_longest_bar_there_is_room_for_its_numbers_also_without_any_lag():
    (panel,) = plot_offsets({0: (5, 15)}, {0: 15}).axes
    assert panel.get_xlim() == pytest.approx((5, 19))


def test_a_ledger_shows_every_count_of_every_way():
    counts = {
        "one way": {"produced": 10, "stored": 8, "lost": 2},
        "another": {"produced": 10, "stored": 10, "lost": 0},
    }
    (panel,) = plot_ledger(counts).axes
    assert [text.get_text() for text in panel.get_yticklabels()] == ["one way", "another"]
    for name, values in (("produced", [10, 10]), ("stored", [8, 10]), ("lost", [2, 0])):
        assert [width for _, width in bars_of(panel, name)] == values
    assert to_hex(panel.containers[1][0].get_facecolor()) == STORED
    assert sorted(text.get_text() for text in panel.texts) == ["0", "10", "10", "10", "2", "8"]


@pytest.mark.broker
def test_a_chart_is_drawn_once_and_looks_as_if_matplotlib_had_saved_it(logs, tmp_path):
    chart, drawn = plot_sensor_logs(logs), []
    chart.canvas.mpl_connect("draw_event", drawn.append)
    chart.savefig(tmp_path / "once.png")
    assert len(drawn) == 1
    Figure.savefig(chart, tmp_path / "twice.png")
    assert len(drawn) == 3
    assert (tmp_path / "once.png").read_bytes() == (tmp_path / "twice.png").read_bytes()


@pytest.mark.broker
def test_a_chart_shows_itself_and_can_be_saved(logs, tmp_path):
    chart = plot_sensor_logs(logs)
    assert render_png(chart).startswith(PNG)
    chart.savefig(tmp_path / "chart.svg")
    assert "<svg" in (tmp_path / "chart.svg").read_text(encoding="utf-8")


# The copies.


def test_replicas_are_told_apart_by_word_by_colour_and_by_hatching():
    partitions = Partition(0, 1, (1, 2, 3), (1, 3)), Partition(1, -1, (2, 3), ())
    chart = plot_replicas(Topic("topic", "id", partitions))
    (panel,) = chart.axes
    words = {text.get_position(): text.get_text() for text in panel.texts}
    assert words == {
        (0, 0): "leader", (1, 0): "not in sync", (2, 0): "in sync",
        (1, 1): "not in sync", (2, 1): "not in sync",
    }  # fmt: skip
    looks = {(to_hex(box.get_facecolor()), box.get_hatch()) for box in panel.patches[:3]}
    assert len(looks) == 3
    assert [label.get_text() for label in panel.get_xticklabels()] == ["broker 1", "broker 2", "broker 3"]
    assert [label.get_text() for label in panel.get_yticklabels()] == ["partition 0", "partition 1"]
    assert render_png(chart).startswith(PNG)
