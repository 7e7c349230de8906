"""The look of every picture of the kit: one palette, legible in a small window, and said in words."""

import re
from datetime import UTC, datetime, timedelta
from functools import cache
from html.parser import HTMLParser
from itertools import chain, islice
from pathlib import Path

import pandas as pd
import pytest
from IPython.core.formatters import DisplayFormatter
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.text import Text

import lab
from lab.charts import plot_sensor_logs
from lab.classroom.pictures import plot_ledger, plot_offsets, plot_replicas
from lab.drawing import palette
from lab.drawing.figure import DPI, Chart, Picture, dress_times, picture
from lab.simulation import PlantedFault
from lab.topics import Partition, Topic
from lab.watching.dashboard import Snapshot
from tests.support.snapshots import drawn

ROOM = (828, 468)  # pixels of an output in a window of 1280x720, so that the cell above it is in sight
SMALLEST = 12  # pixels of a letter
START = datetime(2026, 1, 2, 6, tzinfo=UTC)
FAULTS = (
    PlantedFault("outlier", "temperature-1", 40, 40, size=14),
    PlantedFault("outlier", "temperature-1", 50, 50, size=10),
    PlantedFault("gap", "humidity-1", 60, 90),
)


def readings(sensors: int = 3, step: float = 30) -> pd.DataFrame:
    batches = lab.simulate_readings(sensors, seed=3, start=START, step=timedelta(seconds=step), plants=FAULTS)
    rows = [(r.sensor_id, r.val, r.unit, r.status, r.ts) for r in chain.from_iterable(islice(batches, 200))]
    frame = pd.DataFrame(rows, columns=["sensor_id", "val", "unit", "status", "ts"])
    return frame.assign(ts=pd.to_datetime(frame["ts"], utc=True))


def dashboard() -> Chart:
    looks = [
        Snapshot(
            at, dict.fromkeys(range(4), (0, 30 * at)), dict.fromkeys(range(4), 20 * at),
            {n: "nobody" if at < 9 else f"m-{n % (at // 9)}" for n in range(4)}, 80 * at, 3,
        )
        for at in (0, 9, 18, 27, 36)
    ]  # fmt: skip
    return drawn(looks, readings(6, step=1)[["sensor_id", "val", "unit", "ts"]])[1]


ENDS, PLACES, OWNERS = {0: (0, 40), 1: (5, 90), 2: (0, 70)}, {0: 20, 1: 90}, {0: "member 1"}
COUNTS = {"produced": 2000, "stored": 2100, "lost": 200, "twice": 300}
COPIES = tuple(Partition(n, n + 1, (1, 2, 3), tuple({1, n + 1})) for n in range(3))
PICTURES = {
    "sensors": lambda: plot_sensor_logs(readings()),
    "many sensors": lambda: plot_sensor_logs(readings(12)),
    "log": lambda: plot_offsets(ENDS),
    "offsets": lambda: plot_offsets(ENDS, PLACES, OWNERS),
    "ledger": lambda: plot_ledger(dict.fromkeys(("at most once", "at least once", "transaction"), COUNTS)),
    "replicas": lambda: plot_replicas(Topic("plant", "id", COPIES)),
    "dashboard": dashboard,
}
each_picture = pytest.mark.parametrize("name", PICTURES)
with_time = pytest.mark.parametrize("name", ["sensors", "many sensors", "dashboard"])


@cache
def drawing(name: str) -> Chart:
    """That picture, drawn: where everything is, is known."""
    chart = PICTURES[name]()
    FigureCanvasAgg(chart).draw()
    return chart


def letters(chart: Chart) -> list[Text]:
    """What can be read in a picture. A tick outside of a panel has a label too, which is not drawn."""
    ticks = [axis for panel in chart.axes for axis in (panel.xaxis, panel.yaxis)]
    seen = {tick.label1 for axis in ticks if axis.axes.axison for tick in axis._update_ticks()}
    top = {tick.label2 for axis in ticks for tick in axis._update_ticks()}
    found = {text for text in chart.findobj(Text) if text.get_visible() and text.get_text().strip()}
    # Only now: the first look at the ticks makes some of them.
    labels = {text for axis in ticks for tick in axis.majorTicks for text in (tick.label1, tick.label2)}
    return sorted(found - (labels - seen - top), key=Text.get_text)


# The colours.

COLORS = {
    "a message in the log": [palette.PRODUCED],
    "it is stored": [palette.STORED],
    "it is not stored yet": [palette.LAG],
    "it is there twice": [palette.TWICE],
    "something is wrong": [palette.FAULT],
    "a replica that has it too": [palette.COPY],
    "a WARNING": [palette.STATUS["WARNING"][0]],
    "a sensor": [*chain.from_iterable(palette.sensor_colors(n) for n in range(1, 11))],
    "a member of a group": [*palette.MEMBERS],
    "nothing, nobody": [palette.NOTHING],
}


def test_a_colour_has_one_meaning():
    meanings = [{*colors} for colors in COLORS.values()]
    assert sum(map(len, meanings)) == len(set.union(*meanings))
    assert palette.STATUS["CRITICAL"][0] == palette.FAULT
    assert len(set(palette.MEMBERS)) == 4 and len(set(palette.sensor_colors(10))) == 10


@pytest.mark.broker
@each_picture
def test_a_picture_has_the_colours_of_the_palette_and_no_others(name):
    chart = drawing(name)
    fills = [patch.get_facecolor() for axes in chart.axes for patch in axes.findobj(Patch)]
    lines = [line.get_color() for axes in chart.axes for line in axes.lines]
    found = {to_hex(color) for color in [*fills, *lines]} - {"#ffffff", "#000000"}
    assert found and found <= set(chain.from_iterable(COLORS.values()))


def test_colours_are_written_in_the_palette_alone():
    kit = Path(lab.__file__).parent
    paths = [*kit.glob("*.py"), *kit.glob("drawing/*.py"), *kit.glob("watching/*.py")]
    paths += [kit / "classroom" / "pictures.py"]
    named = {path.name for path in paths if re.search(r'"#[0-9a-f]{6}"', path.read_text(encoding="utf-8"))}
    assert named == {"palette.py"}


# The room.


@each_picture
def test_a_picture_fits_into_a_small_window_and_every_letter_is_in_it_and_legible(name):
    chart = drawing(name)
    width, height = chart.get_size_inches() * DPI
    assert (width <= ROOM[0] and height <= ROOM[1]) and chart.dpi == DPI
    for text in letters(chart):
        box = text.get_window_extent()
        assert box.x0 >= 0 and box.x1 <= width and box.y0 >= 0 and box.y1 <= height, text.get_text()
        assert text.get_fontsize() * DPI / 72 >= SMALLEST, text.get_text()


@each_picture
def test_no_letter_is_on_another(name):
    chart = drawing(name)
    found = [(text.get_text(), text.get_window_extent()) for text in letters(chart)]
    for n, (one, box) in enumerate(found):
        for other, its in found[n + 1 :]:
            apart = box.x1 <= its.x0 or its.x1 <= box.x0 or box.y1 <= its.y0 + 3 or its.y1 <= box.y0 + 3
            assert apart, f"{one!r} is on {other!r}"


@with_time
def test_the_time_is_in_sight_with_its_day_and_its_zone(name):
    chart = drawing(name)
    assert [text.get_text() for text in letters(chart) if text.get_text().startswith("2 January 2026")]


@pytest.mark.parametrize(
    ("span", "offset"),
    [
        (timedelta(seconds=20), "2 January 2026, 06:00, UTC"),
        (timedelta(hours=5), "2 January 2026, UTC"),
        (timedelta(hours=20), "2026, UTC"),  # "03 Jan" stands among the hours
        (timedelta(days=20), "January 2026, UTC"),
        (timedelta(days=300), "UTC"),
        (timedelta(days=9000), "UTC"),
    ],
)
def test_beside_the_times_stands_what_they_have_in_common(span, offset):
    panel = Figure(figsize=(9, 3)).subplots()
    panel.plot([START, START + span], [1, 2])
    dress_times(panel)
    FigureCanvasAgg(panel.figure).draw()
    assert panel.xaxis.get_offset_text().get_text() == offset


def test_the_line_of_a_sensor_and_its_rate_have_one_colour():
    *panels, rates = plot_sensor_logs(readings()).axes
    lines = [next(line for line in panel.lines if isinstance(line, Line2D)).get_color() for panel in panels]
    assert [to_hex(patch.get_facecolor()) for patch in rates.patches] == lines[::-1]


# The words.

WORDS = {
    "sensors": "Readings over time of 3 sensor(s), from 2 January 2026, 06:00:00 to 2 January 2026, 07:39:30 "
    "UTC. humidity-1: 169 readings, ",
    "log": "Offsets of 3 partition(s). partition 0: from 0 to end 40; partition 1: from 5 to end 90; "
    "partition 2: from 0 to end 70.",
    "offsets": "Offsets of 3 partition(s). partition 0: from 0 to end 40, stored before 20, owner member 1; "
    "partition 1: from 5 to end 90, stored before 90, owner nobody; "
    "partition 2: from 0 to end 70, stored before 0, owner nobody.",
    "ledger": "What became of the messages. at most once: 2000 produced, 2100 stored, 200 lost, 300 twice; ",
    "replicas": "Replicas of the topic plant. partition 0: broker 1 leader, broker 2 not in sync, ",
    "dashboard": "The topic topic and its group sensor-logs: 4320 produced, 2880 stored, 3 dead letters, "
    "1440 lag. partition 0: lag 360, owner member 1; ",
}


@pytest.mark.parametrize("name", WORDS)
def test_a_picture_says_in_words_what_its_data_are(name):
    assert drawing(name).alt.startswith(WORDS[name])


def test_the_words_name_the_least_the_greatest_the_statuses_and_the_gaps():
    logs = readings()
    warm = logs[logs["sensor_id"] == "temperature-1"]["val"]
    words = plot_sensor_logs(logs).alt
    assert (
        f"temperature-1: 200 readings, {warm.min():.6g} to {warm.max():.6g} °C, 1 WARNING, 1 CRITICAL."
        in words
    )
    assert re.search(r"humidity-1: 169 readings, \S+ to \S+ %, 1 gap\(s\)\.", words)


class Images(HTMLParser):
    """The images of an HTML text."""

    def __init__(self, html: str):
        super().__init__()
        self.found: list[dict[str, str | None]] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        assert tag == "img"
        self.found.append(dict(attrs))


def test_a_notebook_gets_the_picture_once_with_its_words():
    """Also where a name would end the attribute, or where the picture is not one of ours."""
    evil = Chart(alt='"><script>alert(1)</script> \x1b\u202e')
    for chart, words in ((evil, '"><script>alert(1)</script> \\x1b\\u202e'), (Picture(b"", "é"), "é")):
        data, metadata = DisplayFormatter().format(chart)
        assert metadata == {"image/png": {"alt": words}}
        (image,) = Images(data["text/html"]).found
        assert image["alt"] == words
        assert image["src"] == f"data:image/png;base64,{data['image/png']}"
    assert picture(Figure(), "Drawn at 12:00:00.").alt == "A figure. Drawn at 12:00:00."
    assert picture(Chart(alt="Three.", left_out=["two of five"])).alt == "Three. Not shown: two of five."
